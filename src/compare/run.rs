//! Follows a fit: its start and end, the time of each iteration, and the end that it would reach if every step had
//! rounding errors.

use std::ops::ControlFlow;
use std::time::Instant;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::data::Scaling;
use crate::engine::Engine;
use crate::engine::rounding::{RoundingError, rounding_errors};
use crate::error::{Error, Result};
use crate::fit::em::steps::{Outcome, Plain, steps};
use crate::fit::em::{self, Fit, Observer, Step};
use crate::fit::options::FitOptions;
use crate::fit::update::{Rescued, Update};
use crate::mixture::Parameters;
use crate::mixture::linalg;
use crate::mixture::moments::{MStep, Moments};
use crate::mixture::shape::CovarianceType;

/// Typical size of a rounding error, as a share of its estimated bound.
const TYPICAL: f64 = 0.25;
/// Rounding errors of f64 relative to f32.
const DOUBLE: f64 = 1.0 / 536_870_912.0;

/// A fit with what was seen on its way.
#[derive(Debug, Clone)]
pub struct Followed {
    /// The model and its report.
    pub fit: Fit,
    /// Where it ended.
    pub outcome: Outcome,
    /// The parameters of the first E-step.
    pub start: Parameters,
    /// Mean log-likelihood before each M-step, nats per sample.
    pub trace: Vec<f64>,
    /// Seconds of every iteration after the first.
    pub seconds: Vec<f64>,
}

/// Fits one start, followed step by step and shown to `observer`.
///
/// # Errors
/// As [`em::fit`]; [`Error::Option`] for more than one restart.
pub fn follow(
    engine: &mut dyn Engine,
    options: &FitOptions,
    observer: &mut dyn Observer,
) -> Result<Followed> {
    if options.n_init != 1 {
        return Err(Error::option("n_init", options.n_init, "1: a run is followed from one start"));
    }
    let mut start = None;
    let mut least_counts: Vec<f64> = Vec::new();
    let mut seconds = Vec::new();
    let mut last: Option<Instant> = None;
    let mut watch = |step: &mut Step<'_>| -> ControlFlow<()> {
        let now = Instant::now();
        if let Some(last) = last {
            seconds.push((now - last).as_secs_f64());
        }
        if start.is_none() {
            start = Some(step.parameters.clone());
        }
        // Components may have been dropped.
        if least_counts.len() != step.effective_counts.len() {
            least_counts = vec![f64::INFINITY; step.effective_counts.len()];
        }
        least_counts.iter_mut().zip(step.effective_counts).for_each(|(l, n)| *l = l.min(*n));
        let flow = observer.on_step(step);
        // The observer's time does not belong to the iteration.
        last = Some(Instant::now());
        flow
    };
    let fit = em::fit(engine, options, &mut watch)?;
    let (parameters, report) = (fit.model.parameters.clone(), &fit.report);
    let (trace, mean_log_likelihood) =
        (report.log_likelihood_trace.clone(), report.final_mean_log_likelihood);
    least_counts.resize(parameters.n_components(), f64::INFINITY);
    let counts = parameters.weights().iter().map(|weight| weight * report.total_weight);
    least_counts.iter_mut().zip(counts).for_each(|(l, n)| *l = l.min(n));
    let start = start.unwrap_or_else(|| parameters.clone());
    let outcome = Outcome { parameters, mean_log_likelihood, least_counts };
    Ok(Followed { fit, outcome, start, trace, seconds })
}

/// The end of `n_iter` iterations from `start` if random errors follow every M-step. They are as large as rounding
/// errors are there ([`rounding_errors`]): of f32, or of f64 with `is_double`.
///
/// # Errors
/// As [`steps`].
pub fn disturbed(
    engine: &mut dyn Engine,
    start: &Parameters,
    rule: MStep,
    n_iter: usize,
    is_double: bool,
) -> Result<Outcome> {
    let scaling = Scaling::of(engine.data())?.clone();
    let size = TYPICAL * if is_double { DOUBLE } else { 1.0 };
    let rng = ChaCha8Rng::seed_from_u64(0);
    let mut update = Disturbed { inner: Plain::from(rule), scaling, size, rng };
    let mut outcome = steps(engine, &mut update, start, n_iter, |_, _| {})?;
    // The errors move the parameters; the densities under them have errors of their own.
    let of = |(w, e): (&f64, &RoundingError)| w * size * e.density;
    let errors = rounding_errors(&outcome.parameters, &update.scaling)?;
    outcome.mean_log_likelihood += outcome.parameters.weights().iter().zip(&errors).map(of).sum::<f64>();
    Ok(outcome)
}

/// An M-step with random errors.
struct Disturbed {
    inner: Plain,
    scaling: Scaling,
    /// Of an estimated rounding error, how much.
    size: f64,
    rng: ChaCha8Rng,
}

impl Update for Disturbed {
    fn start(&mut self, engine: &mut dyn Engine, start: Parameters) -> Result<Parameters> {
        self.inner.start(engine, start)
    }

    fn m_step(
        &mut self,
        engine: &mut dyn Engine,
        moments: &Moments,
        old: &Parameters,
        iteration: usize,
    ) -> Result<Parameters> {
        let new = self.inner.m_step(engine, moments, old, iteration)?;
        let errors = rounding_errors(&new, &self.scaling)?;
        let errors: Vec<f64> = errors.iter().map(|e| self.size * e.largest()).collect();
        shaken(new, &errors, &mut self.rng)
    }

    fn rescued(&self) -> &Rescued {
        self.inner.rescued()
    }
}

/// `parameters` with random errors: component k's mean moves by about `errors[k]` standard deviations, its
/// covariance and weight change by that share.
fn shaken(parameters: Parameters, errors: &[f64], rng: &mut ChaCha8Rng) -> Result<Parameters> {
    let (t, k, d) = (parameters.covariance_type(), parameters.n_components(), parameters.n_features());
    let root = (d as f64).sqrt();
    let mut normal = || -> f64 { StandardNormal.sample(rng) };
    let mut factors = Vec::with_capacity(k);
    for component in 0..k {
        let factor = linalg::cholesky(&parameters.covariance_matrix(component), d);
        factors.push(factor.map_err(|pivot| pivot.of(component))?);
    }
    let (mut weights, mut means, mut covariances) = parameters.into_parts();
    for (component, (factor, error)) in factors.iter().zip(errors).enumerate() {
        let shift: Vec<f64> = (0..d).map(|_| error / root * normal()).collect();
        for i in 0..d {
            means[component * d + i] += (0..=i).map(|j| factor[i * d + j] * shift[j]).sum::<f64>();
        }
        weights[component] *= 1.0 + error * normal();
        match t {
            CovarianceType::Full => {
                let matrix = &mut covariances[component * d * d..(component + 1) * d * d];
                shake_matrix(matrix, factor, error / root, &mut normal);
            }
            CovarianceType::Tied if component == 0 => {
                let largest = errors.iter().copied().fold(0.0, f64::max);
                shake_matrix(&mut covariances, factor, largest / root, &mut normal);
            }
            CovarianceType::Tied => {}
            CovarianceType::Diag => {
                let variances = &mut covariances[component * d..(component + 1) * d];
                variances.iter_mut().for_each(|v| *v *= 1.0 + error * normal());
            }
            CovarianceType::Spherical => covariances[component] *= 1.0 + error * normal(),
        }
    }
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= total);
    Ok(Parameters::from_parts(t, d, weights, means, covariances))
}

/// L (I + size·E) Lᵀ for a symmetric E of normal entries.
fn shake_matrix(matrix: &mut [f64], factor: &[f64], size: f64, normal: &mut impl FnMut() -> f64) {
    let d = factor.len().isqrt();
    let mut errors = vec![0.0; d * d];
    for i in 0..d {
        for j in 0..=i {
            let error = size * normal();
            errors[i * d + j] = error;
            errors[j * d + i] = error;
        }
    }
    let changes = linalg::congruence(factor, &errors, d);
    matrix.iter_mut().zip(changes).for_each(|(m, c)| *m += c);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::distances;

    /// The errors are of the size asked for, in every type.
    #[test]
    fn shaken_as_asked() -> Result<()> {
        for t in CovarianceType::ALL {
            let p = crate::mixture::sample::random_mixture(3, 6, t, 2)?;
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            let moved = shaken(p.clone(), &[1e-4; 3], &mut rng)?;
            let found = distances(&moved, &p, (0.0, 0.0), |_| true)?;
            for size in [found.means, found.covariances] {
                assert!((3e-5..4e-4).contains(&size), "{t}: {found:?}");
            }
            assert!((1e-6..2e-4).contains(&found.weights), "{t}: {found:?}");
            assert_eq!(shaken(p.clone(), &[0.0; 3], &mut rng)?.means(), p.means());
        }
        Ok(())
    }
}
