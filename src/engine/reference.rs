//! The oracle: f64, sequential, textbook. It shares no arithmetic with the production engines, and
//! each shader is tested against the file of the same name here.

pub mod log_density;
pub mod moments;

use std::ops::Range;

use crate::data::Samples;
use crate::engine::Engine;
use crate::error::Result;
use crate::mixture::Parameters;
use crate::mixture::moments::Moments;
use crate::report::EngineInfo;

/// Samples summed before their sum joins the total: one run over 262 144 samples would lose the mean
/// log-likelihood's eleventh decimal.
const BLOCK: usize = 512;

/// Sums over samples one after the other in f64.
#[derive(Debug)]
pub struct ReferenceEngine<'a> {
    samples: &'a Samples<'a>,
}

impl<'a> ReferenceEngine<'a> {
    /// An engine over `samples`.
    pub fn new(samples: &'a Samples<'a>) -> Self {
        ReferenceEngine { samples }
    }
}

impl Engine for ReferenceEngine<'_> {
    fn n_samples(&self) -> usize {
        self.samples.n_samples()
    }
    fn n_features(&self) -> usize {
        self.samples.n_features()
    }
    fn total_weight(&self) -> f64 {
        self.samples.total_weight()
    }

    fn e_step(&mut self, parameters: &Parameters) -> Result<Moments> {
        let (k, d) = (parameters.n_components(), parameters.n_features());
        let components = log_density::components(parameters)?;
        let origins = parameters.means().to_vec();
        let mut moments = Moments::zero(parameters.covariance_type(), d, origins);
        let mut scratch = Vec::new();
        let mut densities = vec![0.0; k];
        let mut block = moments.clone();
        for n in 0..self.samples.n_samples() {
            let x = self.samples.rows_f64(n..n + 1, &mut scratch);
            log_density::weighted_log_density(&components, x, &mut densities);
            let log_density = log_density::normalise(&mut densities);
            let weight = self.samples.weight(n);
            // A row of weight 0 is absent, whatever its density.
            if weight > 0.0 {
                block.log_likelihood += weight * log_density;
                moments::accumulate(&mut block, x, weight, &densities);
            }
            if (n + 1) % BLOCK == 0 {
                moments.add(&block)?;
                block = Moments::zero(block.covariance_type, d, block.origins);
            }
        }
        moments.add(&block)?;
        Ok(moments)
    }

    fn weighted_log_densities(&mut self, parameters: &Parameters, rows: Range<usize>) -> Result<Vec<f64>> {
        let k = parameters.n_components();
        let components = log_density::components(parameters)?;
        let mut densities = vec![0.0; rows.len() * k];
        let mut scratch = Vec::new();
        for (row, out) in rows.zip(densities.chunks_exact_mut(k)) {
            let x = self.samples.rows_f64(row..row + 1, &mut scratch);
            log_density::weighted_log_density(&components, x, out);
        }
        Ok(densities)
    }

    fn info(&self) -> EngineInfo {
        EngineInfo {
            kind: "reference".into(),
            device: "one core".into(),
            driver: None,
            backend: None,
            precision: "f64".into(),
            kernels: None,
            failed: None,
            began_on: None,
        }
    }
}
