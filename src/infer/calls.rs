//! What is asked of a model most often, in one call each.

use super::{predict, responsibilities, sample_log_likelihoods};
use crate::data::Data;
use crate::engine::cpu::CpuEngine;
use crate::error::Result;
use crate::mixture::sample::Sampler;
use crate::model::GaussianMixture;

/// These read all rows of the data once, on all cores and in f64: one pass is over before a graphics card is open.
/// Somebody who asks often, or for more than fits into memory, keeps an [`Engine`](crate::Engine).
impl GaussianMixture {
    /// The most probable component of every sample, `[N]`; the lowest index on ties.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] if D differs.
    pub fn predict<'a>(&self, data: impl Into<Data<'a>>) -> Result<Vec<u32>> {
        predict(&mut CpuEngine::new(data, None)?, &self.parameters)
    }

    /// Posterior probabilities of the components, row-major `[N, K]`; rows sum to 1.
    ///
    /// # Errors
    /// As [`GaussianMixture::predict`]; [`crate::Error::NonFiniteResult`] for a sample so far out that no component
    /// reaches it.
    pub fn predict_proba<'a>(&self, data: impl Into<Data<'a>>) -> Result<Vec<f64>> {
        let data = data.into();
        let rows = data.rows();
        responsibilities(&mut CpuEngine::new(data, None)?, &self.parameters, rows)
    }

    /// ln p(x_n) of every sample, `[N]`, nats.
    ///
    /// # Errors
    /// As [`GaussianMixture::predict`].
    pub fn score_samples<'a>(&self, data: impl Into<Data<'a>>) -> Result<Vec<f64>> {
        sample_log_likelihoods(&mut CpuEngine::new(data, None)?, &self.parameters)
    }

    /// Draws `n` samples, row-major `[n, D]`, and the component of each, `[n]`. The same seed gives the same samples on
    /// every machine.
    ///
    /// # Errors
    /// [`crate::Error::NotPositiveDefinite`].
    pub fn sample(&self, n: usize, seed: u64) -> Result<(Vec<f64>, Vec<u32>)> {
        let d = self.parameters.n_features();
        let mut sampler = Sampler::new(&self.parameters, seed)?;
        let mut values = vec![0.0; n * d];
        let labels = values.chunks_exact_mut(d).map(|row| sampler.draw(row)).collect();
        Ok((values, labels))
    }
}
