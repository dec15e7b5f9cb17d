//! What a mixture says about samples: responsibilities, labels and log-likelihoods, computed by any
//! engine in chunks so that no N×K array is ever held.

#[doc(hidden)]
pub mod agreement;
mod calls;

use std::ops::Range;

use crate::data::{Dataset, Scratch};
use crate::engine::{Engine, check_features};
use crate::error::{Error, Result};
use crate::mixture::Parameters;

#[doc(hidden)]
pub use crate::mixture::linalg::log_sum_exp;

/// Samples per chunk: K·CHUNK densities are held at once.
#[doc(hidden)]
pub const CHUNK: usize = 16_384;

/// Consecutive ranges of at most [`CHUNK`] rows that cover `rows`.
#[doc(hidden)]
pub fn chunks(rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    rows.clone().step_by(CHUNK).map(move |start| start..(start + CHUNK).min(rows.end))
}

/// Posterior probabilities r of the samples `rows`, row-major `[rows, K]`; rows sum to 1.
///
/// # Errors
/// As [`Engine::weighted_log_densities`]; [`Error::NonFiniteResult`] for a sample so far out that the
/// density of every component is 0 there even as a logarithm.
pub fn responsibilities(
    engine: &mut dyn Engine,
    parameters: &Parameters,
    rows: Range<usize>,
) -> Result<Vec<f64>> {
    let mut values = engine.weighted_log_densities(parameters, rows.clone())?;
    for (n, row) in rows.zip(values.chunks_exact_mut(parameters.n_components())) {
        let log_density = log_sum_exp(row);
        if !log_density.is_finite() {
            return Err(unreachable_sample(n, log_density));
        }
        // Not exp(v − ln p): beyond 1e16 nats ln Σ is lost in ln p, and the row would not sum to 1.
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.iter_mut().for_each(|v| *v = (*v - largest).exp());
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|v| *v /= sum);
    }
    Ok(values)
}

/// Index of the largest value; the lowest such index on ties.
pub(crate) fn argmax(values: &[f64]) -> u32 {
    let mut best = 0;
    for (k, v) in values.iter().enumerate() {
        if *v > values[best] {
            best = k;
        }
    }
    best as u32
}

/// One sample as a mixture sees it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assignment {
    /// The sample, from 0.
    pub row: usize,
    /// Its weight.
    pub weight: f64,
    /// ln p(x), nats; −∞ for a sample so far out that no component reaches it.
    pub log_likelihood: f64,
    /// The most probable component; the lowest index on ties.
    pub label: u32,
    /// ln max_k r_k, the logarithm of that component's posterior probability, at most 0; NaN if the
    /// log-likelihood is −∞.
    pub log_probability: f64,
}

/// Shows every sample to `visit`, in order, in one pass of the engine; nothing is kept.
///
/// # Errors
/// As [`Engine::weighted_log_densities`]; [`Error::Shape`] if D differs.
#[doc(hidden)]
pub fn for_each_sample(
    engine: &mut dyn Engine,
    parameters: &Parameters,
    mut visit: impl FnMut(Assignment),
) -> Result<()> {
    check_features(engine.data(), parameters)?;
    let mut scratch = Scratch::default();
    for rows in chunks(engine.data().rows()) {
        let densities = engine.weighted_log_densities(parameters, rows.clone())?;
        let weights = weights(engine.data(), rows.clone(), &mut scratch)?;
        for ((row, values), weight) in
            rows.zip(densities.chunks_exact(parameters.n_components())).zip(weights)
        {
            let label = argmax(values);
            let (largest, log_likelihood) = (values[label as usize], log_sum_exp(values));
            // Not largest − ln p: far out, that would swallow the sum below. NaN if no component reaches the sample.
            let log_probability = -values.iter().map(|v| (v - largest).exp()).sum::<f64>().ln();
            visit(Assignment { row, weight, log_likelihood, label, log_probability });
        }
    }
    Ok(())
}

/// The weights of `rows`; only they are read, and only if the samples have some.
pub(crate) fn weights(data: &dyn Dataset, rows: Range<usize>, scratch: &mut Scratch) -> Result<Vec<f64>> {
    if !data.facts().is_weighted {
        return Ok(vec![1.0; rows.len()]);
    }
    Ok(data.read(rows, scratch)?.iter().map(|(_, weight)| weight).collect())
}

/// The most probable component of every sample, `[N]`; the lowest index on ties.
///
/// # Errors
/// As [`for_each_sample`].
pub fn predict(engine: &mut dyn Engine, parameters: &Parameters) -> Result<Vec<u32>> {
    let mut labels = Vec::with_capacity(engine.data().facts().n_samples);
    for_each_sample(engine, parameters, |sample| labels.push(sample.label))?;
    Ok(labels)
}

/// ln p(x_n) of every sample, `[N]`, nats (scikit-learn's `score_samples`).
///
/// # Errors
/// As [`for_each_sample`].
pub fn sample_log_likelihoods(engine: &mut dyn Engine, parameters: &Parameters) -> Result<Vec<f64>> {
    let mut scores = Vec::with_capacity(engine.data().facts().n_samples);
    for_each_sample(engine, parameters, |sample| scores.push(sample.log_likelihood))?;
    Ok(scores)
}

/// Log-likelihood of all samples, Σ w_n ln p(x_n), nats; divide by Σ w_n for scikit-learn's `score`.
///
/// # Errors
/// As [`predict`]; [`Error::NonFiniteResult`] if a sample is so far out that no component reaches it.
#[doc(hidden)]
pub fn log_likelihood(engine: &mut dyn Engine, parameters: &Parameters) -> Result<f64> {
    check_features(engine.data(), parameters)?;
    let log_likelihood = engine.e_step(parameters)?.log_likelihood;
    if log_likelihood.is_finite() {
        return Ok(log_likelihood);
    }
    let what = format!("the log-likelihood is {log_likelihood}");
    Err(Error::NonFiniteResult { stage: "scoring", iteration: None, what })
}

/// Σ_n w_n ln max_k r_nk, at most 0, nats: how surely the samples belong to one component each. It is what
/// the ICL adds to the BIC ([`crate::GaussianMixture::icl`]).
///
/// # Errors
/// As [`for_each_sample`] and [`responsibilities`].
#[doc(hidden)]
pub fn assignment_log_probability(engine: &mut dyn Engine, parameters: &Parameters) -> Result<f64> {
    let mut sum = AssignmentSum::default();
    for_each_sample(engine, parameters, |sample| sum.add(&sample))?;
    sum.finish()
}

/// [`assignment_log_probability`] sample by sample, for a pass that also computes other things.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct AssignmentSum {
    total: f64,
    /// Of the current chunk: a sum of sums keeps its digits over many samples.
    partial: f64,
    unreachable: Option<(usize, f64)>,
}

impl AssignmentSum {
    /// Adds the next sample of [`for_each_sample`].
    pub fn add(&mut self, sample: &Assignment) {
        // A row of weight 0 is absent, whatever its density.
        if sample.weight > 0.0 {
            if !sample.log_likelihood.is_finite() {
                self.unreachable.get_or_insert((sample.row, sample.log_likelihood));
            }
            self.partial += sample.weight * sample.log_probability;
        }
        if (sample.row + 1).is_multiple_of(CHUNK) {
            self.total += std::mem::take(&mut self.partial);
        }
    }

    /// The sum.
    ///
    /// # Errors
    /// [`Error::NonFiniteResult`] for a sample so far out that no component reaches it.
    pub fn finish(self) -> Result<f64> {
        match self.unreachable {
            Some((row, log_density)) => Err(unreachable_sample(row, log_density)),
            None => Ok(self.total + self.partial),
        }
    }
}

/// The `share` (0 to 1) of samples with the smallest `log_likelihoods`, as indices, least likely first:
/// ⌈share · N⌉ of them, the first of equals before later ones.
#[doc(hidden)]
pub fn least_likely(log_likelihoods: &[f64], share: f64) -> Vec<usize> {
    // Rounding must not turn 0.07 · 100 into 8.
    let count = (share * log_likelihoods.len() as f64 - 1e-9).ceil().max(0.0) as usize;
    let mut order: Vec<usize> = (0..log_likelihoods.len()).collect();
    order.sort_by(|&a, &b| log_likelihoods[a].total_cmp(&log_likelihoods[b]));
    order.truncate(count);
    order
}

fn unreachable_sample(n: usize, log_density: f64) -> Error {
    let what = format!("the log-density of sample {n} (from 0) is {log_density}; is it an outlier?");
    Error::NonFiniteResult { stage: "the posterior", iteration: None, what }
}
