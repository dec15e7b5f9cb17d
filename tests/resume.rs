//! A fit that stopped goes on with the same bits, from any of its steps.

mod states;

use std::ops::ControlFlow;

use wgmm::internals::fit::em::{self, FitState, NoObserver, Step};
use wgmm::internals::report::StopReason;
use wgmm::{CovarianceType, Error, FitOptions, GaussianMixture, Init, OnCollapse, Result, Samples};

use crate::support::engines::{Kind, on_every_engine};
use crate::support::problem::{Problem, steps_from};

on_every_engine!(every_covariance_type_goes_on, every_policy_goes_on, an_interrupted_fit_goes_on);

/// Fits, and keeps the state of every step.
fn states(
    kind: Kind,
    samples: &Samples<'_>,
    options: &FitOptions,
) -> (Result<GaussianMixture>, Vec<FitState>) {
    let mut states = Vec::new();
    let mut keep = |step: &mut Step<'_>| {
        states.push(step.state());
        ControlFlow::Continue(())
    };
    let model = kind.fit_observed(samples, options, &mut keep);
    (model, states)
}

/// Goes on from `state` on a fresh engine.
fn resume(
    kind: Kind,
    samples: &Samples<'_>,
    options: &FitOptions,
    state: FitState,
) -> Result<GaussianMixture> {
    let mut engine = kind.open(samples)?;
    em::resume(engine.as_mut(), options, &mut NoObserver, state).map(em::Fit::into_model)
}

/// The model file, or the error.
fn outcome(result: Result<GaussianMixture>) -> String {
    match result {
        Ok(model) => {
            let mut text = Vec::new();
            model.write_json(&mut text).unwrap();
            String::from_utf8(text).unwrap()
        }
        Err(error) => error.to_string(),
    }
}

/// Resumes from every step; `least` steps must be there.
#[track_caller]
fn goes_on_from_every_step(kind: Kind, samples: &Samples<'_>, options: &FitOptions, least: usize) {
    let (whole, states) = states(kind, samples, options);
    let whole = outcome(whole);
    assert!(states.len() >= least, "only {} steps: {whole}", states.len());
    for (step, state) in states.into_iter().enumerate() {
        let text = serde_json::to_string(&state).unwrap();
        let read: FitState = serde_json::from_str(&text).unwrap();
        assert_eq!(read, state, "step {step}");
        assert_eq!(outcome(resume(kind, samples, options, read)), whole, "step {step} of {options:?}");
    }
}

fn every_covariance_type_goes_on(kind: Kind) {
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::medium(covariance_type);
        let n_init = if kind.is_f64() { 3 } else { 2 };
        let options = FitOptions {
            covariance_type,
            n_init,
            tol: 1e-2,
            max_iter: 4,
            init: Init::Random,
            ..FitOptions::new(4)
        };
        goes_on_from_every_step(kind, &problem.samples(), &options, 3);
    }
}

/// Few samples with many equal ones: restarts that fail, collapse, and are mended.
fn every_policy_goes_on(kind: Kind) {
    let samples = Samples::new(vec![0.0, 0.0, 0.0, 0.0, 0.0, 7.0, 9.0], 1).unwrap();
    for on_collapse in OnCollapse::ALL {
        let options = FitOptions {
            init: Init::RandomFromData,
            n_init: 6,
            max_iter: 6,
            reg_covar: 0.0,
            on_collapse,
            ..FitOptions::new(3)
        };
        let least = if on_collapse == OnCollapse::Error { 0 } else { 6 };
        goes_on_from_every_step(kind, &samples, &options, least);
        let options = FitOptions { reg_covar: 1e-6, ..options };
        // Restarts fail before and after the one that does not.
        goes_on_from_every_step(kind, &samples, &options, 2);
    }
}

fn an_interrupted_fit_goes_on(kind: Kind) {
    let problem = Problem::medium(CovarianceType::Full);
    let options = FitOptions { n_init: 2, ..problem.steps(5) };
    let mut kept = None;
    let mut stop = |step: &mut Step<'_>| {
        kept = Some(step.state());
        if step.restart == 1 && step.iteration == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let cut = kind.fit_observed(&problem.samples(), &options, &mut stop).unwrap();
    // Whichever restart is kept.
    assert_eq!(cut.report.unwrap().stop_reason, StopReason::Interrupted);
    let whole = outcome(kind.fit(&problem.samples(), &options));
    assert_eq!(outcome(resume(kind, &problem.samples(), &options, kept.unwrap())), whole);
}

/// A stop that comes in the step that converges ends the fit: the restart has converged, the fit was cut short.
#[test]
fn a_stop_in_the_last_step_begins_no_restart() {
    let problem = Problem::medium(CovarianceType::Full);
    let options = FitOptions { n_init: 3, tol: 1e9, ..steps_from(&problem.start, 50) };
    let mut stop = |step: &mut Step<'_>| {
        if step.iteration == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let model = Kind::Reference.fit_observed(&problem.samples(), &options, &mut stop).unwrap();
    let report = model.report.unwrap();
    assert_eq!((report.restarts.len(), report.n_iter, report.converged), (1, 2, true));
    assert_eq!(report.stop_reason, StopReason::Interrupted);
    let options = FitOptions { n_init: 1, ..options };
    let model = Kind::Reference.fit_observed(&problem.samples(), &options, &mut stop).unwrap();
    assert_eq!(model.report.unwrap().stop_reason, StopReason::Converged);
}
