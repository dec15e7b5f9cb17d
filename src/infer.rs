//! What a mixture says about samples: responsibilities, labels and log-likelihoods, computed by any
//! engine in chunks so that no N×K array is ever held.

use std::ops::Range;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::model::Parameters;

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
            let what = format!("the log-density of sample {n} (from 0) is {log_density}; is it an outlier?");
            return Err(Error::NonFiniteResult { stage: "the posterior", iteration: 0, what });
        }
        // Not exp(v − ln p): beyond 1e16 nats ln Σ is lost in ln p, and the row would not sum to 1.
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.iter_mut().for_each(|v| *v = (*v - largest).exp());
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|v| *v /= sum);
    }
    Ok(values)
}

/// ln Σ exp(values), exact against overflow and underflow; −∞ only if every value is.
pub fn log_sum_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + values.iter().map(|v| (v - largest).exp()).sum::<f64>().ln()
}

/// Index of the largest value; the lowest such index on ties.
fn argmax(values: &[f64]) -> u32 {
    let mut best = 0;
    for (k, v) in values.iter().enumerate() {
        if *v > values[best] {
            best = k;
        }
    }
    best as u32
}

/// The most probable component of every sample, `[N]`; the lowest index on ties.
///
/// # Errors
/// As [`Engine::weighted_log_densities`]; [`Error::Shape`] if D differs.
pub fn predict(engine: &mut dyn Engine, parameters: &Parameters) -> Result<Vec<u32>> {
    check_features(engine, parameters)?;
    let mut labels = Vec::with_capacity(engine.n_samples());
    for rows in chunks(engine.n_samples()) {
        let densities = engine.weighted_log_densities(parameters, rows)?;
        labels.extend(densities.chunks_exact(parameters.n_components()).map(argmax));
    }
    Ok(labels)
}

/// ln p(x_n) of every sample, `[N]`, nats (scikit-learn's `score_samples`).
///
/// # Errors
/// As [`predict`].
pub fn sample_log_likelihoods(engine: &mut dyn Engine, parameters: &Parameters) -> Result<Vec<f64>> {
    check_features(engine, parameters)?;
    let mut scores = Vec::with_capacity(engine.n_samples());
    for rows in chunks(engine.n_samples()) {
        let densities = engine.weighted_log_densities(parameters, rows)?;
        scores.extend(densities.chunks_exact(parameters.n_components()).map(log_sum_exp));
    }
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
