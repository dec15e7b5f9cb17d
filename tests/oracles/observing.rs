//! The observer: it sees every step as it happened, can ask for responsibilities, and can stop.

use std::ops::ControlFlow;

use wgmm::internals::fit::em::Step;
use wgmm::internals::report::StopReason;
use wgmm::{CovarianceType, FitOptions};

use crate::support::compare::{Bound, assert_close};
use crate::support::engines::{Kind, on_every_engine};
use crate::support::problem::{Problem, steps_from};

on_every_engine!(
    the_observer_sees_every_step,
    the_observer_can_stop,
    watching_changes_no_bit,
    no_step_returns_the_start,
    a_fit_that_did_not_converge_keeps_its_model,
    a_fit_that_converged_says_so,
);

#[derive(Debug, Clone)]
struct Seen {
    iteration: usize,
    restart: usize,
    old_mean: Vec<f64>,
    new_mean: Vec<f64>,
    mean_log_likelihood: f64,
    change: Option<f64>,
}

fn the_observer_sees_every_step(kind: Kind) {
    let problem = Problem::medium(CovarianceType::Full);
    let samples = problem.samples();
    let mut seen: Vec<Seen> = Vec::new();
    let mut observer = |step: &mut Step<'_>| {
        seen.push(Seen {
            iteration: step.iteration,
            restart: step.restart,
            old_mean: step.parameters.means().to_vec(),
            new_mean: step.new_parameters.means().to_vec(),
            mean_log_likelihood: step.mean_log_likelihood,
            change: step.change,
        });
        // Σ r over the rows is the effective count of the same E-step.
        let r = step.responsibilities(0..700).unwrap();
        let counts: Vec<f64> = (0..4).map(|k| r.iter().skip(k).step_by(4).sum()).collect();
        let allowed = Bound::Absolute(700.0 * if kind.is_f64() { 1e-13 } else { 1e-5 });
        assert_close("counts", &counts, step.effective_counts, allowed);
        ControlFlow::Continue(())
    };
    let model = kind.fit_observed(&samples, &problem.steps(6), &mut observer).unwrap();
    let report = model.report.unwrap();
    assert_eq!(seen.iter().map(|s| s.iteration).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert!(seen.iter().all(|s| s.restart == 0));
    let trace: Vec<f64> = seen.iter().map(|s| s.mean_log_likelihood).collect();
    assert_eq!(trace, report.log_likelihood_trace);
    assert_eq!(seen[0].change, None);
    assert_eq!(seen[0].old_mean, problem.start.means());
    for pair in seen.windows(2) {
        assert_eq!(pair[1].change, Some(pair[1].mean_log_likelihood - pair[0].mean_log_likelihood));
        assert_eq!(pair[1].old_mean, pair[0].new_mean);
    }
    assert_eq!(seen[5].new_mean, model.parameters.means());
}

fn the_observer_can_stop(kind: Kind) {
    let problem = Problem::medium(CovarianceType::Full);
    let mut observer = |step: &mut Step<'_>| {
        if step.iteration == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let options = FitOptions { n_init: 1, ..problem.steps(50) };
    let stopped = kind.fit_observed(&problem.samples(), &options, &mut observer).unwrap();
    let three = kind.fit(&problem.samples(), &problem.steps(3)).unwrap();
    assert_eq!(stopped.parameters, three.parameters);
    let (stopped, three) = (stopped.report.unwrap(), three.report.unwrap());
    assert_eq!((stopped.stop_reason, stopped.n_iter, stopped.converged), (StopReason::Interrupted, 3, false));
    assert_eq!(stopped.final_mean_log_likelihood, three.final_mean_log_likelihood);
    // No further restart begins.
    let options = FitOptions { n_init: 3, ..options };
    let report = kind.fit_observed(&problem.samples(), &options, &mut observer).unwrap().report.unwrap();
    assert_eq!(report.restarts.len(), 1);
}

fn watching_changes_no_bit(kind: Kind) {
    let problem = Problem::medium(CovarianceType::Full);
    let mut observer = |step: &mut Step<'_>| {
        step.responsibilities(10..20).unwrap();
        ControlFlow::Continue(())
    };
    let watched = kind.fit_observed(&problem.samples(), &problem.steps(5), &mut observer).unwrap();
    assert_eq!(watched, kind.fit(&problem.samples(), &problem.steps(5)).unwrap());
}

fn no_step_returns_the_start(kind: Kind) {
    let problem = Problem::medium(CovarianceType::Full);
    let model = kind.fit(&problem.samples(), &problem.steps(0)).unwrap();
    assert_eq!(model.parameters, problem.start);
    let report = model.report.unwrap();
    assert_eq!((report.n_iter, report.log_likelihood_trace.len()), (0, 0));
    let first = kind.fit(&problem.samples(), &problem.steps(1)).unwrap().report.unwrap();
    assert_eq!(report.final_mean_log_likelihood, first.log_likelihood_trace[0]);
}

fn a_fit_that_did_not_converge_keeps_its_model(kind: Kind) {
    let problem = Problem::medium(CovarianceType::Full);
    let options = FitOptions { tol: 1e-12, ..problem.steps(2) };
    let model = kind.fit(&problem.samples(), &options).unwrap();
    assert_eq!(model.parameters, kind.fit(&problem.samples(), &problem.steps(2)).unwrap().parameters);
    let report = model.report.unwrap();
    assert_eq!((report.converged, report.stop_reason, report.n_iter), (false, StopReason::MaxIter, 2));
}

/// Converged at the first n ≥ 2 with |trace[n−1] − trace[n−2]| < tol, and not before.
fn a_fit_that_converged_says_so(kind: Kind) {
    const TOL: f64 = 1e-3;
    let problem = Problem::medium(CovarianceType::Full);
    let options = FitOptions { tol: TOL, max_iter: 500, ..steps_from(&problem.start, 0) };
    let report = kind.fit(&problem.samples(), &options).unwrap().report.unwrap();
    assert_eq!((report.converged, report.stop_reason), (true, StopReason::Converged));
    let trace = &report.log_likelihood_trace;
    assert_eq!(report.n_iter, trace.len());
    let small: Vec<bool> = trace.windows(2).map(|p| (p[1] - p[0]).abs() < TOL).collect();
    assert_eq!(small.iter().position(|s| *s), Some(small.len() - 1), "{trace:?}");
}
