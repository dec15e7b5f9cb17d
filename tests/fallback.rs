//! All cores take over where a device fails, whatever fails, and `em::finish` ends a fit that nothing takes over.

use wgmm::internals::fit::em::{self, Step};
use wgmm::internals::report::StopReason;
use wgmm::{CovarianceType, FitOptions};

use crate::support::engines::Kind;
use crate::support::problem::Problem;

/// The model of a fit that stopped after any step is that of so many steps.
#[test]
fn a_fit_that_is_finished_early() {
    let problem = Problem::medium(CovarianceType::Full);
    let samples = problem.samples();
    let options = problem.steps(4);
    let mut engine = Kind::Cpu.open(&samples).unwrap();
    let mut states = Vec::new();
    let mut watch = |step: &mut Step<'_>| {
        states.push(step.state());
        std::ops::ControlFlow::Continue(())
    };
    em::fit(engine.as_mut(), &options, &mut watch).unwrap();
    assert_eq!(states.len(), 4);
    for (state, n) in states.into_iter().zip(1..) {
        let reason = StopReason::DeviceFailed;
        let mut finished = em::finish(engine.as_mut(), &options, state, reason).unwrap();
        let mut whole = Kind::Cpu.fit(&samples, &problem.steps(n)).unwrap();
        let report = &mut finished.report;
        assert_eq!((report.stop_reason, report.n_iter), (reason, n));
        // These two say what was asked for, and how it ended.
        let expected = whole.report.as_mut().unwrap();
        report.options.clone_from(&expected.options);
        report.stop_reason = expected.stop_reason;
        assert_eq!(finished.into_model(), whole, "after {n} steps");
    }
}

/// A restart that ended before is kept where it is the better one.
#[test]
fn the_best_restart_is_finished() {
    let problem = Problem::medium(CovarianceType::Full);
    let samples = problem.samples();
    let options =
        FitOptions { n_init: 3, init: wgmm::Init::Random, max_iter: 5, tol: 0.0, ..FitOptions::new(4) };

    let mut engine = Kind::Cpu.open(&samples).unwrap();
    let mut states = Vec::new();
    let mut watch = |step: &mut Step<'_>| {
        states.push((step.restart, step.iteration, step.state()));
        std::ops::ControlFlow::Continue(())
    };
    em::fit(engine.as_mut(), &options, &mut watch).unwrap();
    let (.., state) =
        states.into_iter().find(|(restart, iteration, _)| (*restart, *iteration) == (2, 1)).unwrap();
    let report = em::finish(engine.as_mut(), &options, state, StopReason::DeviceFailed).unwrap().report;
    assert_eq!(report.restarts.iter().map(|r| r.n_iter).collect::<Vec<_>>(), [5, 5, 1]);
    assert_eq!((report.n_iter, report.stop_reason), (5, StopReason::DeviceFailed));
}

#[cfg(feature = "gpu")]
mod device {
    use wgmm::internals::engine::choose::{EngineKind, EngineRequest, Fallback, open_engine};
    use wgmm::internals::engine::gpu::{Fault, Faults};
    use wgmm::internals::fit::em::{self, NoObserver};
    use wgmm::{CovarianceType, Error, GaussianMixture, Result};

    use crate::support::distance::{Distances, assert_mixtures_agree};
    use crate::support::engines::Kind;
    use crate::support::problem::Problem;

    const STEPS: usize = 3;
    type Plant = fn(u32) -> Fault;

    /// So few samples that nothing can be cut: a buffer without room is a failure.
    fn problem() -> Problem {
        Problem::new(CovarianceType::Full, 300, 3, 4, 5)
    }

    fn fit(problem: &Problem, fallback: Option<Fallback>, faults: &Faults) -> Result<GaussianMixture> {
        let samples = problem.samples();
        let options = problem.steps(STEPS);
        let faults = faults.clone();
        let request = EngineRequest { kind: EngineKind::Gpu, fallback, faults, ..Default::default() };
        let (mut engine, _) = open_engine(&samples, 4, &request)?;
        em::fit(engine.as_mut(), &options, &mut NoObserver).map(em::Fit::into_model)
    }

    fn agree(what: &str, model: &GaussianMixture, expected: &GaussianMixture) {
        let of = |m: &GaussianMixture| m.report.as_ref().unwrap().final_mean_log_likelihood;
        let (found, wanted) = ((&model.parameters, of(model)), (&expected.parameters, of(expected)));
        assert_mixtures_agree(what, found, wanted, &Distances::FLOAT32);
    }

    #[test]
    fn every_fault_everywhere() {
        let problem = problem();
        let expected = Kind::Cpu.fit(&problem.samples(), &problem.steps(STEPS)).unwrap();
        let faults: [(&str, Plant); 6] = [
            ("no memory", Fault::Buffer),
            ("destroyed", Fault::Destroyed),
            ("panic", Fault::Panic),
            ("lost submission", Fault::Submission),
            ("lost dispatch", Fault::Dispatch),
            ("not a number", |n| Fault::NotANumber(n, 2)),
        ];
        for (name, fault) in faults {
            let mut struck = 0;
            for n in 1.. {
                let what = format!("{name} {n}");
                let planted = Faults::plant(fault(n));
                let model =
                    fit(&problem, Some(Fallback::Cpu), &planted).unwrap_or_else(|e| panic!("{what}: {e}"));
                agree(&what, &model, &expected);
                let report = model.report.unwrap();
                assert_eq!(report.n_iter, STEPS, "{what}");
                if planted.fired() == 0 {
                    assert_eq!((report.engine.kind, report.engine.failed), (EngineKind::Gpu, None));
                    break;
                }
                assert_eq!(report.engine.kind, EngineKind::Cpu, "{what}");
                // Without a fallback the same fault is the error.
                let planted = Faults::plant(fault(n));
                let error = fit(&problem, None, &planted).expect_err(&what);
                assert!(error.is_device_failure(), "{what}: {error}");
                if let Some(failed) = report.engine.failed {
                    assert_eq!(failed.kind, EngineKind::Gpu);
                    // An engine does not know the iteration, a fit does.
                    let mut said = error.facts();
                    if let Error::NonFiniteResult { iteration: Some(iteration), .. } = error {
                        said = said.replace(&format!(" in iteration {iteration}"), "");
                    }
                    assert_eq!(failed.error, said, "{what}");
                }
                struck += 1;
            }
            assert!(struck >= STEPS, "{name} struck only {struck} times");
        }
    }
}
