//! What a result is checked against. If all samples can be afforded and all components stayed solid, it is the
//! whole run again, in f64. Else it is one iteration after the end of the run, on as many samples as can be
//! afforded. A whole run on fewer samples than it was made for would starve components, and thin components drift:
//! a rounding error in one iteration moves them, and with them the others, in the next.

use super::check;
use super::problem::{Problem, Settings};
use super::timing::{Clock, run};
use crate::compare::judge::{Check, Tier, judge};
use crate::data::Samples;
use crate::engine::Engine;
use crate::engine::choose::EngineKind;
use crate::engine::cpu::CpuEngine;
use crate::engine::reference::ReferenceEngine;
use crate::error::Result;
use crate::fit::em::steps::Outcome;
use crate::mixture::Parameters;
use crate::mixture::moments::{COUNT_TOLERANCE, MStep, Moments};
use crate::mixture::shape::CovarianceType;

/// The engine `kind`, not a graphics card, over `samples`.
///
/// # Errors
/// As [`CpuEngine::new`].
pub(super) fn host_engine<'a>(
    kind: EngineKind,
    samples: &'a Samples<'a>,
    threads: Option<usize>,
) -> Result<Box<dyn Engine + 'a>> {
    Ok(match kind {
        EngineKind::Reference => Box::new(ReferenceEngine::new(samples)),
        _ => Box::new(CpuEngine::new(samples, threads)?),
    })
}

/// Compares `outcome` with `oracle`; `e_step` is the E-step of the engine under test, over other samples.
///
/// # Errors
/// As the engines'; [`crate::Error::NotPositiveDefinite`] if the oracle did not end in a valid mixture.
pub(super) fn check(
    settings: &Settings,
    problem: &Problem<'_>,
    outcome: &Outcome,
    (oracle, tier): (EngineKind, &Tier),
    e_step: impl FnOnce(&Samples<'_>, &Parameters) -> Result<Moments>,
) -> Result<Check> {
    let n = problem.samples.n_samples();
    let threads = settings.engine.threads.unwrap_or_else(rayon::current_num_threads);
    let budget = check::budget((oracle == EngineKind::Cpu).then_some(threads));
    let tier = tier.times(settings.bounds_factor);
    let is_affordable = check::affordable(&problem.start, settings.n_iter() + 1, budget) >= n;
    let is_solid = |count: &f64| tier.is_solid(*count, problem.samples.n_features());
    if is_affordable && outcome.least_counts.iter().all(is_solid) {
        let mut engine = host_engine(oracle, &problem.samples, settings.engine.threads)?;
        let n_iter = settings.n_iter();
        let expected =
            run(engine.as_mut(), &problem.start, n_iter, n_iter, settings.reg_covar, &mut Clock::default())?;
        return judge(outcome, &expected, &tier, (oracle.name(), n, n_iter));
    }
    let samples = problem.samples.first(check::rows(&problem.start, n, budget))?;
    let parameters = &outcome.parameters;
    let expected = host_engine(oracle, &samples, settings.engine.threads)?.e_step(parameters)?;
    let found = e_step(&samples, parameters)?;
    let total_weight = samples.total_weight();
    found.check(total_weight, COUNT_TOLERANCE)?;
    let counts = &expected.effective_counts;
    let after = |moments: &Moments| Outcome {
        parameters: step(moments, parameters, settings.reg_covar, |k| {
            tier.is_solid(counts[k], samples.n_features())
        }),
        mean_log_likelihood: moments.log_likelihood / total_weight,
        least_counts: counts.clone(),
    };
    let facts = (oracle.name(), samples.n_samples(), 1);
    let check = judge(&after(&found), &after(&expected), &tier, facts)?;
    Ok(Check { whole_run: false, ..check })
}

/// The M-step for components that are `solid`; the others, which some of the samples may hardly touch,
/// stay as they are in `old`.
fn step(moments: &Moments, old: &Parameters, reg_covar: f64, solid: impl Fn(usize) -> bool) -> Parameters {
    let new = MStep { reg_covar, ..MStep::default() }.maximise(moments, old.means());
    let merge = |new: &[f64], old: &[f64], len: usize| -> Vec<f64> {
        let of = |i: usize| if solid(i / len) { new[i] } else { old[i] };
        (0..new.len()).map(of).collect()
    };
    let (k, d) = (new.n_components(), new.n_features());
    let means = merge(new.means(), old.means(), d);
    let covariances = match new.covariance_type() {
        // All samples make it, few for one component or not.
        CovarianceType::Tied => new.covariances().to_vec(),
        _ => merge(new.covariances(), old.covariances(), new.covariances().len() / k),
    };
    Parameters::from_parts(new.covariance_type(), d, new.weights().to_vec(), means, covariances)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::case::Case;

    /// More components than a few samples could fill, so that the check is of one iteration.
    fn large(covariance_type: CovarianceType) -> Result<(Problem<'static>, Outcome)> {
        let problem = Problem::generate(Case::parse("30000,6,150", covariance_type)?, 3)?;
        let parameters = problem.start.clone();
        let outcome = Outcome { parameters, mean_log_likelihood: 0.0, least_counts: vec![0.0; 150] };
        Ok((problem, outcome))
    }

    /// Sums as a faulty engine makes them: the second moment of one component off by `factor`.
    fn faulty(samples: &Samples<'_>, parameters: &Parameters, factor: f64) -> Result<Moments> {
        let mut moments = CpuEngine::new(samples, None)?.e_step(parameters)?;
        let largest = moments.effective_counts.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let component = largest.map_or(0, |(k, _)| k);
        let len = moments.second_moments.len() / 150;
        if len > 0 {
            let of_component = &mut moments.second_moments[component * len..(component + 1) * len];
            of_component.iter_mut().for_each(|s| *s *= factor);
        }
        Ok(moments)
    }

    #[test]
    fn one_iteration_from_the_end_finds_a_fault() -> Result<()> {
        for t in [CovarianceType::Full, CovarianceType::Diag, CovarianceType::Spherical] {
            let (problem, outcome) = large(t)?;
            for (factor, passes) in [(1.0, true), (1.0 + 1e-3, false)] {
                let settings = Settings { iters: 10_000, ..Settings::default() };
                let oracle = (EngineKind::Reference, &Tier::FLOAT32);
                let check = check(&settings, &problem, &outcome, oracle, |s, p| faulty(s, p, factor))?;
                assert_eq!(check.within, passes, "{t}, {factor}: {check:?}");
                assert!(!check.whole_run && check.solid_components > 0, "{t}: {check:?}");
            }
        }
        Ok(())
    }

    /// Three samples a feature and component: what one iteration rounds, the next ones amplify.
    #[test]
    fn thin_components_are_checked_over_one_iteration() -> Result<()> {
        let problem = Problem::generate(Case::parse("2000,16,40", CovarianceType::Full)?, 3)?;
        let settings = Settings { warmup: 0, iters: 3, ..Settings::default() };
        let outcome = |count| Outcome {
            parameters: problem.start.clone(),
            mean_log_likelihood: 0.0,
            least_counts: vec![count; 40],
        };
        let oracle = (EngineKind::Cpu, &Tier::FLOAT32);
        for (count, whole_run) in [(64.0, true), (63.9, false)] {
            let exact = |s: &Samples<'_>, p: &Parameters| CpuEngine::new(s, None)?.e_step(p);
            let check = check(&settings, &problem, &outcome(count), oracle, exact)?;
            // The start is not where the run ended, which only the whole run can tell.
            assert_eq!((check.whole_run, check.within), (whole_run, !whole_run), "{check:?}");
        }
        Ok(())
    }

    #[test]
    fn lost_samples_are_found() -> Result<()> {
        let (problem, outcome) = large(CovarianceType::Full)?;
        let settings = Settings { iters: 10_000, ..Settings::default() };
        let half = |s: &Samples<'_>, p: &Parameters| {
            let half = s.first(s.n_samples() / 2)?;
            CpuEngine::new(&half, None)?.e_step(p)
        };
        let oracle = (EngineKind::Reference, &Tier::FLOAT32);
        let failed = check(&settings, &problem, &outcome, oracle, half);
        assert!(matches!(failed, Err(crate::Error::NonFiniteResult { .. })), "{failed:?}");
        Ok(())
    }
}
