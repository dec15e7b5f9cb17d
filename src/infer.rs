//! What a mixture says about samples: responsibilities, labels and log-likelihoods, computed by any
//! engine in chunks so that no N×K array is ever held.

pub mod agreement;

use std::ops::Range;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::mixture::Parameters;

pub use crate::mixture::linalg::log_sum_exp;

/// Samples per chunk: K·CHUNK densities are held at once.
pub const CHUNK: usize = 16_384;

/// Consecutive ranges of at most [`CHUNK`] rows that cover `n` rows.
pub fn chunks(n: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n).step_by(CHUNK).map(move |start| start..(start + CHUNK).min(n))
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assignment {
    /// The sample, from 0.
    pub row: usize,
    /// ln p(x), nats; −∞ for a sample so far out that no component reaches it.
    pub log_likelihood: f64,
    /// The most probable component; the lowest index on ties.
    pub label: u32,
    /// ln max_k r_k, the logarithm of that component's posterior probability, at most 0; NaN where the
    /// log-likelihood is −∞.
    pub log_probability: f64,
}

/// Shows every sample to `visit`, in order, in one pass of the engine; nothing is kept.
///
/// # Errors
/// As [`Engine::weighted_log_densities`]; [`Error::Shape`] if D differs.
pub fn for_each_sample(
    engine: &mut dyn Engine,
    parameters: &Parameters,
    mut visit: impl FnMut(Assignment),
) -> Result<()> {
    check_features(engine, parameters)?;
    for rows in chunks(engine.n_samples()) {
        let densities = engine.weighted_log_densities(parameters, rows.clone())?;
        for (row, values) in rows.zip(densities.chunks_exact(parameters.n_components())) {
            let label = argmax(values);
            let (largest, log_likelihood) = (values[label as usize], log_sum_exp(values));
            // Not largest − ln p: far out the sum below is lost beside it. NaN where no component reaches.
            let log_probability = -values.iter().map(|v| (v - largest).exp()).sum::<f64>().ln();
            visit(Assignment { row, log_likelihood, label, log_probability });
        }
    }
    Ok(())
}

/// The most probable component of every sample, `[N]`; the lowest index on ties.
///
/// # Errors
/// As [`for_each_sample`].
pub fn predict(engine: &mut dyn Engine, parameters: &Parameters) -> Result<Vec<u32>> {
    let mut labels = Vec::with_capacity(engine.n_samples());
    for_each_sample(engine, parameters, |sample| labels.push(sample.label))?;
    Ok(labels)
}

/// ln p(x_n) of every sample, `[N]`, nats (scikit-learn's `score_samples`).
///
/// # Errors
/// As [`for_each_sample`].
pub fn sample_log_likelihoods(engine: &mut dyn Engine, parameters: &Parameters) -> Result<Vec<f64>> {
    let mut scores = Vec::with_capacity(engine.n_samples());
    for_each_sample(engine, parameters, |sample| scores.push(sample.log_likelihood))?;
    Ok(scores)
}

/// Log-likelihood of all samples, Σ w_n ln p(x_n), nats; divide by Σ w_n for scikit-learn's `score`.
///
/// # Errors
/// As [`predict`]; [`Error::NonFiniteResult`] where a sample is so far out that no component reaches it.
pub fn log_likelihood(engine: &mut dyn Engine, parameters: &Parameters) -> Result<f64> {
    check_features(engine, parameters)?;
    let log_likelihood = engine.e_step(parameters)?.log_likelihood;
    if log_likelihood.is_finite() {
        return Ok(log_likelihood);
    }
    let what = format!("the log-likelihood is {log_likelihood}");
    Err(Error::NonFiniteResult { stage: "scoring", iteration: 0, what })
}

/// Σ_n w_n ln max_k r_nk, at most 0, nats: how surely the samples belong to one component each. It is what
/// the ICL adds to the BIC ([`crate::GaussianMixture::icl`]). `weights` are the samples', `[N]`; 1 if none.
///
/// # Errors
/// As [`for_each_sample`] and [`responsibilities`]; [`Error::Shape`] unless there are N weights.
pub fn assignment_log_probability(
    engine: &mut dyn Engine,
    parameters: &Parameters,
    weights: Option<&[f64]>,
) -> Result<f64> {
    let n_samples = engine.n_samples();
    if let Some(found) = weights.map(<[f64]>::len).filter(|n| *n != n_samples) {
        return Err(Error::shape("sample weights", n_samples, found));
    }
    let mut sum = AssignmentSum::new(weights);
    for_each_sample(engine, parameters, |sample| sum.add(&sample))?;
    sum.finish()
}

/// [`assignment_log_probability`] sample by sample, for a pass that wants other things, too.
#[derive(Debug)]
pub struct AssignmentSum<'a> {
    weights: Option<&'a [f64]>,
    total: f64,
    /// Of the current chunk: a sum of sums keeps its digits over many samples.
    partial: f64,
    unreachable: Option<(usize, f64)>,
}

impl<'a> AssignmentSum<'a> {
    /// A sum of no samples yet; `weights` are the samples', `[N]`.
    pub fn new(weights: Option<&'a [f64]>) -> Self {
        AssignmentSum { weights, total: 0.0, partial: 0.0, unreachable: None }
    }

    /// Adds the next sample of [`for_each_sample`].
    pub fn add(&mut self, sample: &Assignment) {
        let weight = self.weights.and_then(|w| w.get(sample.row)).copied().unwrap_or(1.0);
        // A row of weight 0 is absent, whatever its density.
        if weight > 0.0 {
            if !sample.log_likelihood.is_finite() {
                self.unreachable.get_or_insert((sample.row, sample.log_likelihood));
            }
            self.partial += weight * sample.log_probability;
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
    Error::NonFiniteResult { stage: "the posterior", iteration: 0, what }
}

/// Refuses a mixture whose number of features is not the samples'.
///
/// # Errors
/// [`Error::Shape`].
pub fn check_features(engine: &dyn Engine, parameters: &Parameters) -> Result<()> {
    if engine.n_features() == parameters.n_features() {
        return Ok(());
    }
    Err(Error::shape(
        "features of the data against the model's",
        parameters.n_features(),
        engine.n_features(),
    ))
}
