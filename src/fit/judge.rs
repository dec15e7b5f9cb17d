//! What is to be known about a fit at its end, from its report alone.

use crate::engine::rounding::{POOR, few_digits};
use crate::fit::options::FitOptions;
use crate::mixture::shape::CovarianceType;
use crate::report::{CollapseAction, FitReport, StopReason, Warning, WorstRounding};

/// The warnings that `report`, of a fit of `options` to samples of `n_features` features, gives reason to. Some were
/// told when they came up ([`Warning::is_told_at_once`]).
pub fn judge(report: &FitReport, options: &FitOptions, n_features: usize) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let n_rows = report.dropped_rows.len();
    warnings.extend((n_rows > 0).then_some(Warning::DroppedRows { n_rows }));
    if let Some(failed) = &report.engine.failed {
        let (error, device) = (failed.error.clone(), report.engine.device.clone());
        warnings.push(Warning::EngineFailed { error, device });
    }
    for (restart, ended) in report.restarts.iter().enumerate() {
        warnings.extend(ended.error.clone().map(|error| Warning::RestartFailed { restart, error }));
    }
    warnings.extend(dropped(report, options));
    warnings.extend(digits(report, options));
    warnings.extend(unverified(report));
    let n_iter = report.n_iter;
    match report.stop_reason {
        StopReason::Interrupted => warnings.push(Warning::Interrupted { n_iter }),
        // Without a tolerance, or without iterations, nobody asked for convergence.
        StopReason::MaxIter if options.tol > 0.0 && options.max_iter > 0 => {
            warnings.push(Warning::NotConverged { n_iter });
        }
        StopReason::MaxIter | StopReason::Converged | StopReason::DeviceFailed => {}
    }
    if !report.degenerate.is_empty() {
        warnings.push(Warning::Degenerate {
            components: report.degenerate.clone(),
            n_features,
            full_covariances: options.covariance_type == CovarianceType::Full,
        });
    }
    warnings
}

/// The components that were removed, by iteration.
fn dropped(report: &FitReport, options: &FitOptions) -> Vec<Warning> {
    let drops = report.collapses.iter().filter(|collapse| collapse.action == CollapseAction::Drop);
    let iterations: Vec<usize> = drops.map(|collapse| collapse.iteration).collect();
    let mut n_left = options.n_components;
    let warning = |together: &[usize]| {
        n_left = n_left.saturating_sub(together.len());
        Warning::ComponentsDropped { iteration: together[0], n_dropped: together.len(), n_left }
    };
    iterations.chunk_by(|a, b| a == b).map(warning).collect()
}

/// What f32 left of the returned mixture, else of one on the way.
fn digits(report: &FitReport, options: &FitOptions) -> Option<Warning> {
    if let Some(warning) = few_digits(&report.rounding_errors) {
        return Some(warning);
    }
    let WorstRounding { iteration, component, error, digits, switched } = report.worst_rounding?;
    if switched {
        let before =
            |c: &&crate::report::Collapse| c.action == CollapseAction::Drop && c.iteration < iteration;
        let n_components =
            options.n_components.saturating_sub(report.collapses.iter().filter(before).count());
        let engine = report.engine.kind;
        return Some(Warning::SwitchedToF64 { iteration, component, n_components, digits, error, engine });
    }
    (error > POOR).then_some(Warning::FewDigitsPassed { iteration, component, digits, error })
}

/// A check that found the result outside its bound.
fn unverified(report: &FitReport) -> Option<Warning> {
    let v = report.verification.filter(|v| !v.within)?;
    Some(Warning::NotVerified { n_samples: v.n_samples, difference: v.difference, bound: v.bound })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{
        Collapse, Degenerate, EngineInfo, EngineKind, FailedEngine, Precision, Restart, Verification,
    };

    fn report() -> FitReport {
        let engine = EngineInfo::new(EngineKind::Cpu, "processor", Precision::F64);
        FitReport {
            log_likelihood_trace: vec![-2.0, -1.0],
            final_mean_log_likelihood: -1.0,
            n_iter: 2,
            converged: true,
            stop_reason: StopReason::Converged,
            n_samples: 10,
            total_weight: 10.0,
            dropped_rows: Vec::new(),
            bic: 0.0,
            aic: 0.0,
            rounding_errors: Vec::new(),
            worst_rounding: None,
            verification: None,
            collapses: Vec::new(),
            degenerate: Vec::new(),
            restarts: vec![restart(None)],
            options: serde_json::Map::new(),
            engine,
            warnings: Vec::new(),
        }
    }

    fn restart(error: Option<&str>) -> Restart {
        Restart {
            n_iter: 2,
            converged: true,
            lower_bound: None,
            error: error.map(Into::into),
            collapses: Vec::new(),
        }
    }

    #[track_caller]
    fn judged(change: impl FnOnce(&mut FitReport), expected: &[Warning]) {
        let mut report = report();
        change(&mut report);
        assert_eq!(judge(&report, &FitOptions::new(5), 3), expected);
    }

    #[test]
    fn a_good_fit_has_none() {
        judged(|_| {}, &[]);
        judged(|r| r.rounding_errors = vec![POOR, 1e-5], &[]);
    }

    #[test]
    fn how_it_ended() {
        let ended = |reason| move |r: &mut FitReport| r.stop_reason = reason;
        judged(ended(StopReason::MaxIter), &[Warning::NotConverged { n_iter: 2 }]);
        judged(ended(StopReason::Interrupted), &[Warning::Interrupted { n_iter: 2 }]);
        judged(ended(StopReason::DeviceFailed), &[]);
        let mut report = report();
        report.stop_reason = StopReason::MaxIter;
        for options in
            [FitOptions { tol: 0.0, ..FitOptions::new(5) }, FitOptions { max_iter: 0, ..FitOptions::new(5) }]
        {
            assert_eq!(judge(&report, &options, 3), []);
        }
    }

    #[test]
    fn what_was_lost() {
        judged(|r| r.dropped_rows = vec![3, 5], &[Warning::DroppedRows { n_rows: 2 }]);
        let failed = |r: &mut FitReport| r.restarts = vec![restart(None), restart(Some("why"))];
        judged(failed, &[Warning::RestartFailed { restart: 1, error: "why".into() }]);
        let failed = |r: &mut FitReport| {
            let (kind, device) = (EngineKind::Gpu, "card".into());
            r.engine.failed = Some(FailedEngine { kind, device, error: "gone".into() });
        };
        judged(failed, &[Warning::EngineFailed { error: "gone".into(), device: "processor".into() }]);
        let collapse = |iteration, action| Collapse { iteration, component: Some(0), action };
        let dropped = |r: &mut FitReport| {
            let actions = [(1, CollapseAction::Drop), (1, CollapseAction::Drop), (2, CollapseAction::Floor)];
            r.collapses = actions.map(|(iteration, action)| collapse(iteration, action)).to_vec();
            r.collapses.push(collapse(4, CollapseAction::Drop));
        };
        let expected = [(1, 2, 3), (4, 1, 2)].map(|(iteration, n_dropped, n_left)| {
            Warning::ComponentsDropped { iteration, n_dropped, n_left }
        });
        judged(dropped, &expected);
    }

    #[test]
    fn what_the_numbers_are_worth() {
        let digits = Warning::FewDigits { component: 1, n_components: 2, error: 0.5 };
        judged(|r| r.rounding_errors = vec![0.01, 0.5, 1e-5], &[digits]);
        let worst =
            |error, switched| WorstRounding { iteration: 2, component: 1, error, digits: 1.0, switched };
        let passed = Warning::FewDigitsPassed { iteration: 2, component: 1, digits: 1.0, error: 0.1 };
        judged(|r| r.worst_rounding = Some(worst(0.1, false)), &[passed]);
        judged(|r| r.worst_rounding = Some(worst(POOR, false)), &[]);
        let drop = Collapse { iteration: 1, component: Some(0), action: CollapseAction::Drop };
        let left = Warning::ComponentsDropped { iteration: 1, n_dropped: 1, n_left: 4 };
        let switched = Warning::SwitchedToF64 {
            iteration: 2,
            component: 1,
            n_components: 4,
            digits: 1.0,
            error: 0.1,
            engine: EngineKind::Cpu,
        };
        let change = |r: &mut FitReport| {
            (r.worst_rounding, r.collapses) = (Some(worst(0.1, true)), vec![drop]);
        };
        judged(change, &[left, switched]);
        let verification = |within| Verification {
            n_samples: 7,
            mean_log_likelihood: None,
            expected_mean_log_likelihood: -1.0,
            difference: None,
            bound: 1e-5,
            within,
        };
        let warning = Warning::NotVerified { n_samples: 7, difference: None, bound: 1e-5 };
        judged(|r| r.verification = Some(verification(false)), &[warning]);
        judged(|r| r.verification = Some(verification(true)), &[]);
        let few = Degenerate { component: 0, effective_count: 1.0 };
        let components = vec![few];
        let warning = Warning::Degenerate { components, n_features: 3, full_covariances: true };
        judged(|r| r.degenerate = vec![few], &[warning]);
    }
}
