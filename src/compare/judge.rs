//! Judges whether two runs from one start ended in the same place: within the contract, or within the distance that
//! rounding alone moves a run that is as badly conditioned.

use serde::{Deserialize, Serialize};

use super::{Distances, distances};
use crate::error::{Error, Result};
use crate::fit::em::steps::Outcome;
use crate::mixture::Parameters;
use crate::report::Precision;

/// Another run may be off by this many times the distance that a run moves under rounding alone.
const MARGIN: f64 = 10.0;
/// Bounds end at this many times the contract: a comparison that needs more confirms nothing.
const MOST: f64 = 100.0;

/// How close two runs must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tier {
    /// Bounds for solid components, and for the mean log-likelihood if all are solid.
    pub bounds: Distances,
    /// A component is solid if its effective count is at least this many times D in every iteration. The covariance of
    /// fewer samples is nearly singular and follows every rounding.
    pub solid: f64,
    /// Bound on the mean log-likelihood if some components are thin.
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

    /// Whether a component of `effective_count` samples of D features is held to the bounds.
    pub fn is_solid(&self, effective_count: f64, n_features: usize) -> bool {
        effective_count >= self.solid * n_features as f64
    }

    /// Distances of the solid components of `expected`, and of the mean log-likelihoods.
    fn distances(&self, found: &Outcome, expected: &Outcome) -> Result<Distances> {
        let log_likelihoods = (found.mean_log_likelihood, expected.mean_log_likelihood);
        let d = expected.parameters.n_features();
        let is_solid = |k: usize| self.is_solid(expected.least_counts[k], d);
        distances(&found.parameters, &expected.parameters, log_likelihoods, is_solid)
    }

    /// The contract between two f64 engines, as against exact arithmetic.
    pub const EXACT: Tier = Tier { bounds: Distances::FLOAT64, solid: 4.0, thin_log_likelihood: 1e-8 };

    /// Every bound times `factor`.
    pub fn times(self, factor: f64) -> Tier {
        Tier {
            bounds: self.bounds.times(factor),
            thin_log_likelihood: self.thin_log_likelihood * factor,
            ..self
        }
    }

    /// The tier of an engine with sums of this precision.
    pub fn of_precision(precision: Precision) -> Tier {
        match precision {
            Precision::F32 => Tier::FLOAT32,
            Precision::F64 => Tier::FLOAT64,
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Kind of the engine that the run was held against.
    pub oracle: String,
    /// Whether the whole timed run was checked; else one iteration after its end.
    pub whole_run: bool,
    /// Samples that both ran over: all, or only the first ones.
    pub n_samples: usize,
    /// Iterations of both.
    pub n_iter: usize,
    /// Components held to the tier; the others were too thin.
    pub solid_components: usize,
    /// How far apart both ended.
    pub distances: Distances,
    /// What was allowed.
    #[serde(alias = "bounds")]
    pub bound: Distances,
    /// The source of `bound`.
    #[serde(default, alias = "source")]
    pub bound_source: BoundSource,
    /// Whether nothing was outside.
    #[serde(default)]
    pub within: bool,
    /// The quantities that were outside, and by how much; empty for a run within its bound.
    pub failures: Vec<String>,
}

/// The source of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BoundSource {
    /// What arithmetic of this precision reaches on well-conditioned data.
    #[default]
    Contract,
    /// Ten times the distance that the expected run moves under rounding errors of this precision, if that is more (at
    /// most 100 times the contract).
    Conditioning,
}

named!(BoundSource: "bound_source" { Contract = "contract", Conditioning = "conditioning" });

/// Holds `found` against `expected`.
///
/// # Errors
/// [`Error::NotPositiveDefinite`] if the expected run did not end in a valid mixture; [`Error::Shape`].
pub fn judge(
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
    let distances = tier.distances(found, expected)?;
    let mut failures = distances.outside(&bounds);
    failures.extend(not_finite(&found.parameters));
    Ok(Check {
        oracle: oracle.to_owned(),
        whole_run: true,
        n_samples,
        n_iter,
        solid_components,
        distances,
        bound: bounds,
        bound_source: BoundSource::Contract,
        within: failures.is_empty(),
        failures,
    })
}

/// As [`judge`]. If `found` is outside the contract, `disturbed` tells the end of the expected run when each of its
/// steps is rounded as the tier's arithmetic rounds, and the bounds follow from that.
///
/// # Errors
/// As [`judge`].
pub fn judge_conditioned(
    found: &Outcome,
    expected: &Outcome,
    tier: &Tier,
    facts: (&str, usize, usize),
    disturbed: impl FnOnce() -> Result<Outcome>,
) -> Result<Check> {
    let check = judge(found, expected, tier, facts)?;
    if check.within {
        return Ok(check);
    }
    let moved = match disturbed().and_then(|run| tier.distances(&run, expected)) {
        Ok(moved) => moved,
        // Rounding alone ends the run, or changes the number of its components: nothing is known.
        Err(Error::NotPositiveDefinite { .. } | Error::ComponentCollapsed { .. } | Error::Shape { .. }) => {
            return Ok(check);
        }
        Err(error) => return Err(error),
    };
    let contract = check.bound;
    let bounds = moved.times(MARGIN).zip(contract.times(MOST), f64::min).zip(contract, f64::max);
    if bounds == contract {
        return Ok(check);
    }
    let mut failures = check.distances.outside(&bounds);
    failures.extend(not_finite(&found.parameters));
    let (bound_source, within) = (BoundSource::Conditioning, failures.is_empty());
    Ok(Check { bound: bounds, bound_source, within, failures, ..check })
}

/// The first number of each field that is not finite: the only bound that thin components are held to.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mixture::shape::CovarianceType;

    fn outcome(counts: &[f64]) -> Result<Outcome> {
        let parameters = crate::mixture::sample::random_mixture(counts.len(), 2, CovarianceType::Full, 1)?;
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

    fn held(found: &Outcome, expected: &Outcome, tier: &Tier) -> Result<Check> {
        judge(found, expected, tier, ("cpu", 100, 7))
    }

    #[test]
    fn the_same_run_passes_and_a_shifted_mean_does_not() -> Result<()> {
        let expected = outcome(&[50.0, 60.0, 70.0])?;
        assert!(held(&expected, &expected, &Tier::FLOAT64)?.within);
        let check = held(&shifted(&expected, 1, 1e-2)?, &expected, &Tier::FLOAT32)?;
        assert!(!check.within && check.failures[0].contains("means are off by"), "{check:?}");
        Ok(())
    }

    #[test]
    fn thin_components_are_held_to_the_log_likelihood_alone() -> Result<()> {
        let expected = outcome(&[50.0, 7.9, 70.0])?;
        let mut found = shifted(&expected, 1, 1.0)?;
        let check = held(&found, &expected, &Tier::FLOAT32)?;
        assert!(check.within && check.solid_components == 2, "{check:?}");
        found.mean_log_likelihood += 9e-4;
        assert!(held(&found, &expected, &Tier::FLOAT32)?.within);
        found.mean_log_likelihood += 2e-4;
        assert!(!held(&found, &expected, &Tier::FLOAT32)?.within);
        Ok(())
    }

    #[test]
    fn bounds_follow_what_rounding_does_to_the_run() -> Result<()> {
        let expected = outcome(&[50.0, 60.0, 70.0])?;
        let found = shifted(&expected, 1, 1e-3)?;
        let verdict = |moved: f64| {
            let facts = ("cpu", 100, 7);
            judge_conditioned(&found, &expected, &Tier::FLOAT32, facts, || shifted(&expected, 0, moved))
        };
        let (little, much) = (verdict(1e-6)?, verdict(1e-3)?);
        assert!(!little.within && little.bound_source == BoundSource::Contract, "{little:?}");
        assert!(much.within && much.bound_source == BoundSource::Conditioning, "{much:?}");
        assert!(much.bound.means > 1e-3 && much.bound.weights == 1e-5, "{much:?}");
        // However badly conditioned: the bounds end somewhere.
        let found = shifted(&expected, 1, 0.5)?;
        let check = judge_conditioned(&found, &expected, &Tier::FLOAT32, ("cpu", 100, 7), || {
            shifted(&expected, 0, 0.5)
        })?;
        assert!(!check.within && check.bound.means <= 1e-2, "{check:?}");
        let failing = || Err(Error::ComponentCollapsed { component: 0, iteration: 1, effective_count: 0.0 });
        assert!(!judge_conditioned(&found, &expected, &Tier::FLOAT32, ("cpu", 100, 7), failing)?.within);
        Ok(())
    }

    #[test]
    fn nan_never_passes() -> Result<()> {
        let expected = outcome(&[50.0, 1.0, 70.0])?;
        let mut found = expected.clone();
        found.mean_log_likelihood = f64::NAN;
        assert!(!held(&found, &expected, &Tier::FLOAT32)?.within);
        let p = &expected.parameters;
        let mut means = p.means().to_vec();
        means[2] = f64::NAN;
        let (t, w, c) = (p.covariance_type(), p.weights().to_vec(), p.covariances().to_vec());
        // The thin component's.
        let found = Outcome { parameters: Parameters::from_parts(t, 2, w, means, c), ..expected.clone() };
        assert!(!held(&found, &expected, &Tier::FLOAT32)?.within);
        Ok(())
    }
}
