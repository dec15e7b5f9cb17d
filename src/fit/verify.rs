//! Checks a result in f64: the mean log-likelihood of some samples under the fitted parameters, by the
//! engine that fitted and by the CPU engine.

use crate::data::{Copied, Data, Dataset, Samples, Scratch};
use crate::engine::cpu::CpuEngine;
use crate::engine::rounding::RoundingError;
use crate::engine::{Engine, all_rows};
use crate::error::{Error, Result};
use crate::infer::{self, chunks, log_sum_exp};
use crate::mixture::Parameters;
use crate::report::{FitReport, Precision, Verification};

/// Most samples of a check by default.
pub const SAMPLE: usize = 65_536;
/// Consecutive samples of the default check lie together in this many runs, evenly spaced from the first sample to the
/// last: sorted data are seen everywhere.
const RUNS: usize = 64;
/// Values copied for a check, at most.
const MOST_VALUES: usize = 1 << 25;

/// The contract of f32 sums, nats per sample.
const FLOAT32: f64 = 1e-5;
/// The same for f64 sums of another order.
const FLOAT64: f64 = 1e-8;
/// Times the contract: what conditioning may excuse.
const MOST: f64 = 100.0;

/// Which samples are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    /// At most [`SAMPLE`] of them after a fit in f32, none after one in f64.
    #[default]
    Sample,
    /// All of them, after any fit.
    All,
    /// None.
    None,
}

named!(Verify: "verify" { Sample = "sample", All = "all", None = "none" });

/// How to check.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VerifyOptions {
    /// Which samples.
    pub which: Verify,
    /// Threads of the CPU engine; none takes all cores.
    pub threads: Option<usize>,
    /// What the bound is multiplied by; a hook for tests of the check.
    #[doc(hidden)]
    pub bounds_factor: f64,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        VerifyOptions { which: Verify::default(), threads: None, bounds_factor: 1.0 }
    }
}

impl From<Verify> for VerifyOptions {
    fn from(which: Verify) -> Self {
        VerifyOptions { which, ..VerifyOptions::default() }
    }
}

/// Checks `parameters`, which `engine` fitted as `report` tells, and puts the outcome into the report; a result outside
/// the bound gives reason for a warning ([`super::judge`]).
///
/// # Errors
/// As [`verification`].
pub fn verify(
    engine: &mut dyn Engine,
    parameters: &Parameters,
    report: &mut FitReport,
    options: &VerifyOptions,
) -> Result<()> {
    // The engine may have gone on since, with fits in other arithmetic.
    engine.use_f64(report.engine.precision == Precision::F64)?;
    report.verification = verification(engine, parameters, options)?;
    Ok(())
}

/// The mean log-likelihood of the samples that `options` name under `parameters`, by `engine` and in f64; none
/// where nothing is to be checked. Costs one pass over them on both.
///
/// # Errors
/// A failure of the device, or a thread pool that cannot be started.
pub fn verification(
    engine: &mut dyn Engine,
    parameters: &Parameters,
    options: &VerifyOptions,
) -> Result<Option<Verification>> {
    all_rows(engine)?;
    let facts = engine.data().facts();
    let (n, d) = (facts.n_samples, facts.n_features);
    let is_double = engine.info().precision == Precision::F64;
    let rows = match options.which {
        Verify::None => return Ok(None),
        Verify::Sample if is_double => return Ok(None),
        Verify::Sample => spaced(n, SAMPLE.min(MOST_VALUES / d).max(1)),
        Verify::All => std::iter::once(0..n).collect(),
    };
    let (mut sum, mut total) = (0.0, 0.0);
    let mut scratch = Scratch::default();
    for rows in rows.iter().cloned().flat_map(chunks) {
        let densities = engine.weighted_log_densities(parameters, rows.clone())?;
        let weights = infer::weights(engine.data(), rows, &mut scratch)?;
        // A row of weight 0 is absent, whatever its density.
        let values = densities.chunks_exact(parameters.n_components()).zip(weights);
        for (values, weight) in values.filter(|(_, weight)| *weight > 0.0) {
            sum += weight * log_sum_exp(values);
            total += weight;
        }
    }
    if total == 0.0 {
        return Ok(None);
    }
    if !is_double && engine.info().precision == Precision::F64 {
        let message = "its sums cannot be checked any more".into();
        return Err(Error::DeviceLost { stage: "the check of the result".into(), message });
    }
    let bound =
        if is_double { FLOAT64 } else { float32_bound(parameters, &engine.rounding_errors(parameters)?) };
    let log_likelihood = |data: &dyn Dataset| {
        Ok::<_, Error>(
            CpuEngine::new(Data::Borrowed(data), options.threads)?.e_step(parameters)?.log_likelihood,
        )
    };
    let expected = if matches!(&rows[..], [all] if *all == (0..n)) {
        log_likelihood(engine.data())? / total
    } else {
        log_likelihood(&picked(engine.data(), &rows)?)? / total
    };
    let bound = bound * options.bounds_factor;
    let found = sum / total;
    let difference = Some((found - expected).abs()).filter(|d| d.is_finite());
    Ok(Some(Verification {
        n_samples: rows.iter().map(ExactSizeIterator::len).sum(),
        mean_log_likelihood: Some(found).filter(|v| v.is_finite()),
        expected_mean_log_likelihood: expected,
        difference,
        bound,
        within: difference.is_some_and(|difference| difference <= bound),
    }))
}

/// The contract, or what the components' conditioning makes of it if that is more.
fn float32_bound(parameters: &Parameters, errors: &[RoundingError]) -> f64 {
    let of = |(w, e): (&f64, &RoundingError)| w * e.density;
    let mean: f64 = parameters.weights().iter().zip(errors).map(of).sum();
    mean.clamp(FLOAT32, MOST * FLOAT32)
}

/// About `most` of `n` samples (all where there are no more) in evenly spaced runs.
fn spaced(n: usize, most: usize) -> Vec<std::ops::Range<usize>> {
    if n <= most {
        return std::iter::once(0..n).collect();
    }
    let runs = RUNS.min(most);
    let length = most / runs;
    // The last run ends with the last sample.
    (0..runs).map(|i| (n - length) * i / (runs - 1).max(1)).map(|start| start..start + length).collect()
}

/// The samples of `rows`, copied.
fn picked(data: &dyn Dataset, rows: &[std::ops::Range<usize>]) -> Result<Samples<'static>> {
    let mut copied = Copied::default();
    let mut scratch = Scratch::default();
    for run in rows {
        copied.push(data.read(run.clone(), &mut scratch)?);
    }
    let samples = Samples::new(copied.values, data.facts().n_features)?;
    if data.facts().is_weighted { samples.with_sample_weights(copied.weights) } else { Ok(samples) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_spaced_from_the_first_sample_to_the_last() {
        assert_eq!(spaced(100, 1000), vec![0..100; 1]);
        for n in [65_537, 100_000, 131_071, 10_000_000_000] {
            let runs = spaced(n, SAMPLE);
            assert_eq!(runs.iter().map(ExactSizeIterator::len).sum::<usize>(), SAMPLE);
            assert!(runs.windows(2).all(|pair| pair[0].end <= pair[1].start), "{n}: {runs:?}");
            assert_eq!((runs[0].start, runs[RUNS - 1].end), (0, n));
        }
        assert_eq!(spaced(10, 1), vec![0..1; 1]);
    }
}
