//! A bench is a test: where the timed run ended is held against f64 arithmetic that shares no code
//! with the engine.

use serde::{Deserialize, Serialize};

use super::case::useful_flops;
use super::timing::Outcome;
use crate::compare::{Distances, distances};
use crate::error::Result;
use crate::model::Parameters;

/// Operations that the CPU engine may spend on a check, per thread: about a second.
const CPU_BUDGET: f64 = 3e10;
/// Operations that the sequential reference may spend.
const REFERENCE_BUDGET: f64 = 2e9;
/// How far beyond its budget a check goes.
const STRETCH: usize = 10;
/// What an exponential and the bookkeeping of one sample and component cost, in operations.
const OVERHEAD: f64 = 60.0;

/// How close two runs must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tier {
    /// Bounds for solid components, and for the mean log-likelihood where all are solid.
    pub bounds: Distances,
    /// Components of an effective count of at least this many times D, in every iteration, are solid:
    /// the covariance of fewer samples is nearly singular and follows every rounding.
    pub solid: f64,
    /// Bound on the mean log-likelihood where some components are thin.
    pub thin_log_likelihood: f64,
}

impl Tier {
    /// For f32 sums.
    pub const FLOAT32: Tier = Tier { bounds: Distances::FLOAT32, solid: 4.0, thin_log_likelihood: 1e-3 };
    /// For f64 sums of another order: rounding, as some iterations amplify it.
    pub const FLOAT64: Tier = Tier {
        bounds: Distances { weights: 1e-8, means: 1e-7, covariances: 1e-7, mean_log_likelihood: 1e-8 },
        solid: 0.0,
        thin_log_likelihood: 1e-8,
    };

    /// These bounds, each times `factor`.
    pub(super) fn times(&self, factor: f64) -> Tier {
        let Distances { weights, means, covariances, mean_log_likelihood } = self.bounds;
        Tier {
            bounds: Distances {
                weights: weights * factor,
                means: means * factor,
                covariances: covariances * factor,
                mean_log_likelihood: mean_log_likelihood * factor,
            },
            thin_log_likelihood: self.thin_log_likelihood * factor,
            ..*self
        }
    }

    /// Whether a component of `effective_count` samples of D features is held to the bounds.
    pub(super) fn is_solid(&self, effective_count: f64, n_features: usize) -> bool {
        effective_count >= self.solid * n_features as f64
    }

    /// The tier of an engine whose sums are `f32` or `f64`.
    pub fn of_precision(precision: &str) -> Tier {
        if precision == "f64" { Tier::FLOAT64 } else { Tier::FLOAT32 }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Kind of the engine that the run was held against.
    pub oracle: String,
    /// Whether the whole timed run was checked; else one iteration from where it ended.
    pub whole_run: bool,
    /// Samples both ran over: all, or the first of them.
    pub n_samples: usize,
    /// Iterations of both.
    pub n_iter: usize,
    /// Components held to the tier; the others were too thin.
    pub solid_components: usize,
    /// How far apart both ended.
    pub distances: Distances,
    /// What was allowed.
    pub bounds: Distances,
    /// What was outside, and by how much; empty for a run that passed.
    pub failures: Vec<String>,
}

impl Check {
    /// Whether nothing was outside.
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

/// Holds `found` against `expected`.
///
/// # Errors
/// [`crate::Error::NotPositiveDefinite`] where the expected run ended in no valid mixture.
pub fn compare(
    found: &Outcome,
    expected: &Outcome,
    tier: &Tier,
    (oracle, n_samples, n_iter): (&str, usize, usize),
) -> Result<Check> {
    let is_solid = |k: usize| tier.is_solid(expected.least_counts[k], expected.parameters.n_features());
    let solid_components = (0..expected.least_counts.len()).filter(|&k| is_solid(k)).count();
    let all_solid = solid_components == expected.least_counts.len();
    let bounds = if all_solid {
        tier.bounds
    } else {
        Distances { mean_log_likelihood: tier.thin_log_likelihood, ..tier.bounds }
    };
    let log_likelihoods = (found.mean_log_likelihood, expected.mean_log_likelihood);
    let distances = distances(&found.parameters, &expected.parameters, log_likelihoods, is_solid)?;
    let mut failures = distances.outside(&bounds);
    failures.extend(not_finite(&found.parameters));
    let oracle = oracle.to_owned();
    Ok(Check { oracle, whole_run: true, n_samples, n_iter, solid_components, distances, bounds, failures })
}

/// The first number of each field that is not finite: thin components are held to no bound but this.
fn not_finite(parameters: &Parameters) -> Vec<String> {
    let fields = [
        ("weights", parameters.weights()),
        ("means", parameters.means()),
        ("covariances", parameters.covariances()),
    ];
    let bad = |(name, values): (&str, &[f64])| {
        let at = values.iter().position(|v| !v.is_finite())?;
        Some(format!("{name} hold {} at position {at}", values[at]))
    };
    fields.into_iter().filter_map(bad).collect()
}

/// Operations for a check by the CPU engine on `threads`, or by the reference.
pub(super) fn budget(threads: Option<usize>) -> f64 {
    threads.map_or(REFERENCE_BUDGET, |threads| CPU_BUDGET * threads as f64)
}

/// Samples whose `e_steps` E-steps a `budget` pays for.
pub(super) fn affordable(mixture: &Parameters, e_steps: usize, budget: f64) -> usize {
    let (k, d) = (mixture.n_components(), mixture.n_features());
    let cost = useful_flops(mixture.covariance_type(), k, d) + OVERHEAD * k as f64;
    (budget / (cost * e_steps as f64)) as usize
}

/// Samples of a check of one iteration, of `n_samples`: as many as `budget` allows, and up to
/// [`STRETCH`] times as many for 8·D samples a component, so that components are solid. It depends on
/// nothing that is measured.
pub(super) fn rows(mixture: &Parameters, n_samples: usize, budget: f64) -> usize {
    let (k, d) = (mixture.n_components(), mixture.n_features());
    let affordable = affordable(mixture, 1, budget);
    affordable.max((8 * d * k).min(STRETCH * affordable)).max(k).min(n_samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::CovarianceType;

    fn outcome(counts: &[f64]) -> Result<Outcome> {
        let parameters = crate::sample::random_mixture(counts.len(), 2, CovarianceType::Full, 1)?;
        Ok(Outcome { parameters, mean_log_likelihood: -3.0, least_counts: counts.to_vec() })
    }

    /// `outcome` with the mean of component `k` moved by `shift` in every feature.
    fn shifted(outcome: &Outcome, k: usize, shift: f64) -> Result<Outcome> {
        let p = &outcome.parameters;
        let mut means = p.means().to_vec();
        means[2 * k..2 * k + 2].iter_mut().for_each(|m| *m += shift);
        let parameters =
            Parameters::new(p.covariance_type(), p.weights().to_vec(), means, p.covariances().to_vec())?;
        Ok(Outcome { parameters, ..outcome.clone() })
    }

    const FACTS: (&str, usize, usize) = ("cpu", 100, 7);

    #[test]
    fn the_same_run_passes_and_a_shifted_mean_does_not() -> Result<()> {
        let expected = outcome(&[50.0, 60.0, 70.0])?;
        assert!(compare(&expected, &expected, &Tier::FLOAT64, FACTS)?.passed());
        let check = compare(&shifted(&expected, 1, 1e-2)?, &expected, &Tier::FLOAT32, FACTS)?;
        assert!(!check.passed() && check.failures[0].contains("means are off by"), "{check:?}");
        Ok(())
    }

    #[test]
    fn thin_components_are_held_to_the_log_likelihood_alone() -> Result<()> {
        let expected = outcome(&[50.0, 7.9, 70.0])?;
        let mut found = shifted(&expected, 1, 1.0)?;
        let check = compare(&found, &expected, &Tier::FLOAT32, FACTS)?;
        assert!(check.passed() && check.solid_components == 2, "{check:?}");
        found.mean_log_likelihood += 9e-4;
        assert!(compare(&found, &expected, &Tier::FLOAT32, FACTS)?.passed());
        found.mean_log_likelihood += 2e-4;
        assert!(!compare(&found, &expected, &Tier::FLOAT32, FACTS)?.passed());
        Ok(())
    }

    #[test]
    fn nan_never_passes() -> Result<()> {
        let expected = outcome(&[50.0, 1.0, 70.0])?;
        let mut found = expected.clone();
        found.mean_log_likelihood = f64::NAN;
        assert!(!compare(&found, &expected, &Tier::FLOAT32, FACTS)?.passed());
        let p = &expected.parameters;
        let mut means = p.means().to_vec();
        means[2] = f64::NAN;
        let (t, w, c) = (p.covariance_type(), p.weights().to_vec(), p.covariances().to_vec());
        // The thin component's.
        let found = Outcome { parameters: Parameters::from_parts(t, 2, w, means, c), ..expected.clone() };
        assert!(!compare(&found, &expected, &Tier::FLOAT32, FACTS)?.passed());
        Ok(())
    }

    #[test]
    fn a_check_takes_what_it_can_afford() -> Result<()> {
        let start = outcome(&[0.0; 3])?.parameters;
        assert!(affordable(&start, 8, budget(None)) > 1000);
        assert_eq!(rows(&start, 1000, budget(Some(1))), 1000);
        let some = rows(&start, usize::MAX, budget(None));
        assert!(some < 100_000_000 && rows(&start, usize::MAX, budget(Some(2))) > some);
        // 8·D·K samples, beyond the budget if need be.
        assert_eq!(rows(&start, usize::MAX, 3000.0), 8 * 2 * 3);
        Ok(())
    }
}
