//! Devices that fail: an engine that tells lies must end in a typed error or an honest report, never
//! in a wrong model that calls itself converged.

use wgmm::internals::fit::em::{self, NoObserver};
use wgmm::internals::mixture::moments::{MStep, Moments};
use wgmm::internals::report::StopReason;
use wgmm::{CovarianceType, Engine, Error, FitOptions, GaussianMixture, Init, Parameters, Result, Samples};

use crate::support::engines::{Kind, left_to_inner};
use crate::support::problem::Problem;

/// The reference engine with its moments spoiled from E-step `from` on (counted from 1).
struct Faulty<'a, F> {
    inner: Box<dyn Engine + 'a>,
    calls: usize,
    from: usize,
    spoil: F,
}

impl<F: FnMut(usize, &mut Moments) -> Result<()> + Send> Engine for Faulty<'_, F> {
    left_to_inner!(weighted_log_densities, info);

    fn e_step(&mut self, parameters: &Parameters) -> Result<Moments> {
        self.calls += 1;
        let mut moments = self.inner.e_step(parameters)?;
        if self.calls >= self.from {
            (self.spoil)(self.calls, &mut moments)?;
        }
        Ok(moments)
    }
}

/// Fits on an engine that is spoiled from E-step `from` on.
fn fit_spoiled(
    options: &FitOptions,
    from: usize,
    spoil: impl FnMut(usize, &mut Moments) -> Result<()> + Send,
) -> Result<GaussianMixture> {
    let problem = Problem::medium(options.covariance_type);
    let samples = problem.samples();
    let mut engine = Faulty { inner: Kind::Reference.open(&samples)?, calls: 0, from, spoil };
    em::fit(&mut engine, options, &mut NoObserver).map(em::Fit::into_model)
}

/// Ten steps with a tolerance so wide that any finite change converges at once.
fn eager(covariance_type: CovarianceType) -> FitOptions {
    FitOptions { tol: 1e9, ..Problem::medium(covariance_type).steps(10) }
}

#[test]
fn an_honest_engine_passes() {
    for covariance_type in CovarianceType::ALL {
        let model = fit_spoiled(&eager(covariance_type), 1, |_, _| Ok(())).unwrap();
        assert_eq!(model.report.unwrap().n_iter, 2);
    }
}

type Spoil = fn(&mut Moments);

/// Sums that cannot be right, whatever the data.
const IMPOSSIBLE: &[(&str, Spoil)] = &[
    ("the log-likelihood is NaN", |m| m.log_likelihood = f64::NAN),
    ("the log-likelihood is +∞", |m| m.log_likelihood = f64::INFINITY),
    ("the log-likelihood is −∞", |m| m.log_likelihood = f64::NEG_INFINITY),
    ("a count is NaN", |m| m.effective_counts[2] = f64::NAN),
    ("all counts are NaN", |m| m.effective_counts.fill(f64::NAN)),
    ("a count is infinite", |m| m.effective_counts[0] = f64::INFINITY),
    ("the last first moment is NaN", |m| *m.first_moments.last_mut().unwrap() = f64::NAN),
    ("the last second moment is NaN", |m| *m.second_moments.last_mut().unwrap() = f64::NAN),
    ("a second moment is infinite", |m| m.second_moments[0] = f64::NEG_INFINITY),
    ("no work was done", |m| scale(m, 0.0)),
    ("one dispatch in a thousand was dropped", |m| scale(m, 0.999)),
    ("one dispatch in a thousand ran twice", |m| scale(m, 1.001)),
    ("everything ran twice", |m| scale(m, 2.0)),
    ("one component's sums were dropped", |m| m.effective_counts[1] = 0.0),
    ("a count's sign is wrong", |m| m.effective_counts[3] *= -1.0),
];

fn scale(m: &mut Moments, factor: f64) {
    let sums = [&mut m.effective_counts, &mut m.first_moments, &mut m.second_moments];
    sums.into_iter().flatten().for_each(|v| *v *= factor);
    m.log_likelihood *= factor;
}

#[test]
fn impossible_sums_are_an_error_that_names_the_iteration() {
    for covariance_type in CovarianceType::ALL {
        for (name, spoil) in IMPOSSIBLE {
            for from in [1, 2] {
                let result = fit_spoiled(&eager(covariance_type), from, |_, m| {
                    spoil(m);
                    Ok(())
                });
                match result {
                    Err(Error::NonFiniteResult { iteration, what, .. }) => {
                        assert_eq!(iteration, Some(from), "{name}: {what}");
                        assert!(!what.is_empty());
                    }
                    other => panic!("{name}, {covariance_type}, from E-step {from}: {other:?}"),
                }
            }
        }
    }
}

/// The last E-step only yields the final likelihood; it is checked like the others.
#[test]
fn the_final_e_step_is_checked_too() {
    let options = Problem::medium(CovarianceType::Full).steps(3);
    for (name, spoil) in IMPOSSIBLE {
        let result = fit_spoiled(&options, 4, |_, m| {
            spoil(m);
            Ok(())
        });
        assert!(
            matches!(result, Err(Error::NonFiniteResult { iteration: Some(4), .. })),
            "{name}: {result:?}"
        );
    }
}

/// The count is lost but the total agrees: nothing is impossible, the component is just empty.
#[test]
fn a_collapsed_component_is_named() {
    for count in [0.0, 1e-300, f64::EPSILON] {
        let result = fit_spoiled(&eager(CovarianceType::Full), 2, |_, m| {
            m.effective_counts[0] += m.effective_counts[2] - count;
            m.effective_counts[2] = count;
            Ok(())
        });
        let Err(Error::ComponentCollapsed { component: 2, iteration: 2, effective_count }) = result else {
            panic!("count {count:e}: {result:?}");
        };
        assert_eq!(effective_count, count);
    }
}

#[test]
fn a_covariance_that_is_not_positive_definite_is_named() {
    for covariance_type in CovarianceType::ALL {
        let result = fit_spoiled(&eager(covariance_type), 1, |_, m| {
            // Component 1's second moments become those of a matrix with a negative variance.
            let size = m.second_moments.len() / if covariance_type == CovarianceType::Tied { 1 } else { 4 };
            let first = if covariance_type == CovarianceType::Tied { 0 } else { size };
            m.second_moments[first..first + size].iter_mut().for_each(|v| *v = -v.abs());
            Ok(())
        });
        let Err(error @ Error::NotPositiveDefinite { component, value, .. }) = result else {
            panic!("{covariance_type}: {result:?}");
        };
        assert_eq!(component, usize::from(covariance_type != CovarianceType::Tied), "{covariance_type}");
        assert!(value <= 0.0);
        assert!(error.to_string().contains("reg_covar"), "{error}");
    }
}

/// A device whose likelihood falls steadily is reported as it is: never as converged.
#[test]
fn a_falling_likelihood_is_no_convergence() {
    let options = FitOptions { tol: 1e-3, ..Problem::medium(CovarianceType::Full).steps(6) };
    let model = fit_spoiled(&options, 1, |call, m| {
        m.log_likelihood = -1000.0 * call as f64;
        Ok(())
    });
    let report = model.unwrap().report.unwrap();
    assert_eq!((report.converged, report.stop_reason, report.n_iter), (false, StopReason::MaxIter, 6));
    assert!(report.log_likelihood_trace.windows(2).all(|p| p[1] < p[0]));
    assert!(report.final_mean_log_likelihood < report.log_likelihood_trace[5]);
}

/// tol = 0 never converges, not even when nothing changes at all.
#[test]
fn a_tolerance_of_zero_never_converges() {
    let result = fit_spoiled(&Problem::medium(CovarianceType::Full).steps(6), 1, |_, m| {
        m.log_likelihood = -1000.0;
        Ok(())
    });
    let report = result.unwrap().report.unwrap();
    assert_eq!((report.converged, report.n_iter), (false, 6));
}

#[test]
fn a_device_error_ends_the_fit_at_once() {
    let mut calls = 0;
    let options = FitOptions { n_init: 3, ..eager(CovarianceType::Full) };
    let result = fit_spoiled(&options, 2, |_, _| {
        calls += 1;
        Err(Error::DeviceLost { stage: "moments".into(), message: "reset".into() })
    });
    assert!(matches!(result, Err(Error::DeviceLost { .. })), "{result:?}");
    assert_eq!(calls, 1, "no further restart is tried on a lost device");
}

fn collapse(_: usize, m: &mut Moments) {
    m.effective_counts[0] += m.effective_counts[2];
    m.effective_counts[2] = 0.0;
}

#[test]
fn a_failed_restart_is_reported_and_the_others_stand() {
    let options = FitOptions { n_init: 3, init: Init::Random, max_iter: 2, ..eager(CovarianceType::Full) };
    // E-step 1 belongs to restart 0; with max_iter 2 each whole restart takes three.
    let model = fit_spoiled(&options, 1, |call, m| {
        if call == 1 {
            collapse(call, m);
        }
        Ok(())
    });
    let report = model.unwrap().report.unwrap();
    assert_eq!(report.restarts.len(), 3);
    assert!(report.restarts[0].error.as_ref().unwrap().contains("component 2"));
    assert_eq!(report.restarts[0].lower_bound, None);
    assert!(report.restarts[1..].iter().all(|r| r.error.is_none() && r.lower_bound.is_some()));
}

#[test]
fn when_every_restart_fails_the_first_error_is_told() {
    let options = FitOptions { n_init: 3, init: Init::Random, ..eager(CovarianceType::Full) };
    let result = fit_spoiled(&options, 1, |call, m| {
        collapse(call, m);
        Ok(())
    });
    assert!(
        matches!(result, Err(Error::ComponentCollapsed { component: 2, iteration: 1, .. })),
        "{result:?}"
    );
}

/// The M-step alone refuses what would divide by nothing.
#[test]
fn the_m_step_refuses_counts_that_are_not_positive() {
    for count in [0.0, -1.0, f64::NAN] {
        let mut moments = Moments::zero(CovarianceType::Full, 1, vec![0.0, 0.0]);
        moments.effective_counts = vec![3.0, count];
        moments.second_moments = vec![3.0, 0.0];
        let result = MStep { reg_covar: 1.0, ..MStep::default() }.parameters(&moments, &[0.0, 0.0], 7);
        let Err(Error::ComponentCollapsed { component: 1, iteration: 7, .. }) = result else {
            panic!("count {count}: {result:?}");
        };
    }
}

/// Data no mixture can hold: every row the same, and nothing added to the covariances.
#[test]
fn identical_rows_are_an_error_without_regularisation_and_finite_with_it() {
    let samples = Samples::new(vec![2.5; 40], 2).unwrap();
    for covariance_type in CovarianceType::ALL {
        let options = FitOptions { covariance_type, reg_covar: 0.0, ..FitOptions::new(1) };
        let result = Kind::Reference.fit(&samples, &options);
        assert!(matches!(result, Err(Error::NotPositiveDefinite { component: 0, .. })), "{result:?}");
        let model = Kind::Reference.fit(&samples, &FitOptions { reg_covar: 1e-6, ..options }).unwrap();
        assert!(model.parameters.covariances().iter().all(|v| v.is_finite()));
        assert!(model.report.unwrap().final_mean_log_likelihood.is_finite());
    }
}
