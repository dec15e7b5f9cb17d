//! Components that collapse: what every policy does, when, and that it says so.

mod random;

use std::ops::ControlFlow;

use wgmm::internals::fit::em::Step;
use wgmm::internals::report::{Collapse, CollapseAction, FitReport, StopReason};
use wgmm::{
    CovarianceType, Error, FitOptions, GaussianMixture, Init, OnCollapse, Parameters, Result, Samples,
};

use crate::support::compare::{Bound, assert_close};
use crate::support::engines::{Kind, on_every_engine};
use crate::support::problem::{Problem, steps_from};

on_every_engine!(
    without_a_collapse_no_policy_changes_a_bit,
    an_empty_component_is_dealt_with,
    a_singular_covariance_is_dealt_with,
    a_reseeded_component_finds_its_cluster,
    an_interrupted_fit_keeps_its_model,
);

const MENDING: [OnCollapse; 3] = [OnCollapse::Reseed, OnCollapse::Floor, OnCollapse::Drop];

/// Far enough that no sample near 0 has any density there, not even in f64.
const FAR: f64 = 1e6;

fn one_dimensional(means: &[f64]) -> Parameters {
    let k = means.len();
    Parameters::new(CovarianceType::Full, vec![1.0 / k as f64; k], means.to_vec(), vec![1.0; k]).unwrap()
}

fn report(model: &GaussianMixture) -> &FitReport {
    model.report.as_ref().unwrap()
}

fn happened(iteration: usize, component: Option<usize>, action: CollapseAction) -> Collapse {
    Collapse { iteration, component, action }
}

fn without_a_collapse_no_policy_changes_a_bit(kind: Kind) {
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::medium(covariance_type);
        for options in [problem.steps(6), FitOptions { covariance_type, ..FitOptions::new(4) }] {
            let fit = |on_collapse| {
                let options = FitOptions { on_collapse, ..options.clone() };
                kind.fit(&problem.samples(), &options).unwrap()
            };
            let plain = fit(OnCollapse::Error);
            for policy in MENDING {
                let model = fit(policy);
                assert_eq!(model.parameters, plain.parameters, "{policy:?}, {covariance_type}");
                let (a, b) = (report(&model), report(&plain));
                assert_eq!(a.log_likelihood_trace, b.log_likelihood_trace, "{policy:?}, {covariance_type}");
                assert!(a.collapses.is_empty() && a.restarts[0].collapses.is_empty());
                let mut text = Vec::new();
                model.write_json(&mut text).unwrap();
                assert!(!String::from_utf8(text).unwrap().contains("collapses"));
            }
        }
    }
}

/// The second component starts where no sample is.
fn an_empty_component_is_dealt_with(kind: Kind) {
    let values = [-0.5, 0.25, 0.75, -1.0, 1.5, 0.125];
    let samples = Samples::new(&values[..], 1).unwrap();
    let start = one_dimensional(&[0.0, FAR]);
    let fit = |on_collapse| -> Result<GaussianMixture> {
        kind.fit(&samples, &FitOptions { on_collapse, ..steps_from(&start, 5) })
    };
    let Err(error @ Error::ComponentCollapsed { component: 1, iteration: 1, .. }) = fit(OnCollapse::Error)
    else {
        panic!("{:?}", fit(OnCollapse::Error));
    };
    for word in ["component 1", "iteration 1", "reg_covar", "on_collapse = reseed"] {
        assert!(error.to_string().contains(word), "{error}");
    }

    let alone = kind.fit(&samples, &steps_from(&one_dimensional(&[0.0]), 5)).unwrap();
    let bound = Bound::Absolute(if kind.is_f64() { 1e-12 } else { 1e-5 });
    let floored = fit(OnCollapse::Floor).unwrap();
    let p = &floored.parameters;
    assert_eq!((p.weights(), p.mean(1), p.covariances()[1]), (&[1.0, 0.0][..], &[FAR][..], 1.0));
    assert_close("mean", p.mean(0), alone.parameters.mean(0), bound);
    assert_close("covariance", &p.covariances()[..1], alone.parameters.covariances(), bound);
    // Floored in all five iterations, told once.
    assert_eq!(report(&floored).collapses, [happened(1, Some(1), CollapseAction::Floor)]);

    let dropped = fit(OnCollapse::Drop).unwrap();
    let p = &dropped.parameters;
    assert_eq!((p.n_components(), p.weights()), (1, &[1.0][..]));
    assert_close("mean", p.means(), alone.parameters.means(), bound);
    assert_eq!(report(&dropped).collapses, [happened(1, Some(1), CollapseAction::Drop)]);
    assert_eq!(report(&dropped).restarts[0].collapses, report(&dropped).collapses);

    let reseeded = fit(OnCollapse::Reseed).unwrap();
    assert_eq!(reseeded.parameters.n_components(), 2);
    assert_eq!(report(&reseeded).collapses[0], happened(1, Some(1), CollapseAction::Reseed));
    assert!(reseeded.parameters.means().iter().all(|m| m.abs() < 2.0));
}

/// A component that holds one sample alone has no variance.
fn a_singular_covariance_is_dealt_with(kind: Kind) {
    let cluster = [-1.0, 0.5, 0.0, 1.0, 0.75, -0.5, -0.25, 0.25];
    let mut values: Vec<f64> = cluster.iter().flat_map(|&x| [x, x * x]).collect();
    values.extend([1000.0, 1000.0]);
    let samples = Samples::new(values, 2).unwrap();
    for covariance_type in [CovarianceType::Full, CovarianceType::Diag, CovarianceType::Spherical] {
        let covariances = match covariance_type {
            CovarianceType::Full => vec![1.0, 0.0, 0.0, 1.0, 4.0, 0.0, 0.0, 4.0],
            CovarianceType::Diag => vec![1.0, 1.0, 4.0, 4.0],
            _ => vec![1.0, 4.0],
        };
        let means = vec![0.0, 0.5, 999.0, 999.0];
        let start = Parameters::new(covariance_type, vec![0.5, 0.5], means, covariances).unwrap();
        let fit = |on_collapse, n| -> Result<GaussianMixture> {
            kind.fit(&samples, &FitOptions { on_collapse, ..steps_from(&start, n) })
        };
        // The covariance of iteration 1 fails in the E-step after it, be that the last one or not.
        // Sums in f32 leave a little of a variance that is 0, which only the policies see through.
        for n in if kind.is_f64() { &[1, 5][..] } else { &[] }.iter().copied() {
            match fit(OnCollapse::Error, n) {
                Err(Error::NotPositiveDefinite { component: 1, iteration: Some(1), .. }) => {}
                other => panic!("{covariance_type}: {other:?}"),
            }
        }
        let floored = fit(OnCollapse::Floor, 1).unwrap().parameters;
        let size = floored.covariances().len() / 2;
        assert_eq!(floored.covariances()[size..], start.covariances()[size..], "{covariance_type}");
        let bound = Bound::Absolute(if kind.is_f64() { 1e-9 } else { 1e-3 });
        assert_close("mean", floored.mean(1), &[1000.0, 1000.0], bound);
        assert_close("weight", &floored.weights()[1..], &[1.0 / 9.0], Bound::Absolute(1e-6));

        let dropped = fit(OnCollapse::Drop, 5).unwrap();
        assert_eq!(dropped.parameters.n_components(), 1);
        assert_eq!(report(&dropped).collapses, [happened(1, Some(1), CollapseAction::Drop)]);
        let reseeded = fit(OnCollapse::Reseed, 5).unwrap();
        assert_eq!(report(&reseeded).collapses[0], happened(1, Some(1), CollapseAction::Reseed));
        assert_eq!(reseeded.parameters.n_components(), 2);
    }
}

/// Three clusters, of which one component covers two while the third sees nothing.
fn a_reseeded_component_finds_its_cluster(kind: Kind) {
    let offsets = [-0.9, -0.4, 0.05, 0.35, 0.8, -0.15];
    let values: Vec<f64> =
        [0.0, 10.0, 20.0].iter().flat_map(|c| offsets.iter().map(move |o| c + o)).collect();
    let samples = Samples::new(values, 1).unwrap();
    let start = one_dimensional(&[0.0, 15.0, FAR]);
    let options = FitOptions { on_collapse: OnCollapse::Reseed, ..steps_from(&start, 100) };
    let model = kind.fit(&samples, &options).unwrap();
    let mut means = model.parameters.means().to_vec();
    means.sort_by(f64::total_cmp);
    let center = offsets.iter().sum::<f64>() / 6.0;
    assert_close("means", &means, &[center, 10.0 + center, 20.0 + center], Bound::Absolute(1e-3));
    assert_eq!(report(&model).collapses, [happened(1, Some(2), CollapseAction::Reseed)]);
    // Nothing in it is drawn by chance.
    assert_eq!(kind.fit(&samples, &options).unwrap(), model);
}

fn an_interrupted_fit_keeps_its_model(kind: Kind) {
    let samples = Samples::new(vec![-0.5, 0.25, 0.75, -1.0, 1.5, 0.125], 1).unwrap();
    for (policy, far) in MENDING.map(|p| (p, FAR)).into_iter().chain([(OnCollapse::Error, 1.0)]) {
        let start = one_dimensional(&[0.0, far]);
        let mut observer = |step: &mut Step<'_>| {
            if step.iteration == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let steps = |n| FitOptions { on_collapse: policy, ..steps_from(&start, n) };
        let stopped = kind.fit_observed(&samples, &steps(50), &mut observer).unwrap();
        let two = kind.fit(&samples, &steps(2)).unwrap();
        assert_eq!(stopped.parameters, two.parameters, "{policy:?}");
        let (stopped, two) = (report(&stopped), report(&two));
        assert_eq!((stopped.stop_reason, stopped.n_iter), (StopReason::Interrupted, 2), "{policy:?}");
        assert_eq!(stopped.final_mean_log_likelihood, two.final_mean_log_likelihood);
        assert_eq!((stopped.converged, &stopped.collapses), (false, &two.collapses));
    }
}

/// Where the second component is after the first iteration.
fn reseeded_at(samples: &Samples<'_>) -> f64 {
    let options =
        FitOptions { on_collapse: OnCollapse::Reseed, ..steps_from(&one_dimensional(&[0.0, FAR]), 1) };
    let p = Kind::Reference.fit(samples, &options).unwrap().parameters;
    assert_eq!(p.weights(), [0.5, 0.5]);
    // The mean covariance of a mixture of two unit variances.
    assert_eq!(p.covariances()[1], 1.0);
    p.mean(1)[0]
}

#[test]
fn the_worst_explained_sample_is_the_seed_and_the_first_of_equals() {
    let values = vec![0.0, 0.1, -0.1, 5.0, -5.0, 0.2, -0.2];
    let samples = Samples::new(values.clone(), 1).unwrap();
    assert_eq!(reseeded_at(&samples), 5.0);
    let mut backwards = values.clone();
    backwards.reverse();
    assert_eq!(reseeded_at(&Samples::new(backwards, 1).unwrap()), -5.0);
    // A sample of weight 0 is not there.
    let weights = vec![1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0];
    assert_eq!(reseeded_at(&samples.with_sample_weights(weights).unwrap()), -5.0);
}

/// More samples than are looked at: the seed comes from the blocks that are.
#[test]
fn large_data_are_reseeded_from_a_part() {
    let n = 70_000;
    let mut values: Vec<f64> = (0..n).map(|i| f64::from(i % 7) / 7.0).collect();
    values[0] = 9.0;
    assert_eq!(reseeded_at(&Samples::new(values, 1).unwrap()), 9.0);
}

/// Every reseed of constant data collapses again: three times, then it is floored and converges.
#[test]
fn reseeding_ends_in_flooring() {
    let samples = Samples::new(vec![2.5; 12], 2).unwrap();
    for covariance_type in CovarianceType::ALL {
        let options = FitOptions {
            covariance_type,
            reg_covar: 0.0,
            tol: 1e9,
            on_collapse: OnCollapse::Reseed,
            ..FitOptions::new(1)
        };
        let model = Kind::Reference.fit(&samples, &options).unwrap();
        let report = report(&model);
        let reseed = |i| happened(i, Some(0), CollapseAction::Reseed);
        let (expected, n_iter) = match covariance_type {
            // No component is at fault, so none is moved.
            CovarianceType::Tied => (vec![happened(0, None, CollapseAction::Floor)], 2),
            _ => (vec![reseed(0), reseed(1), reseed(2), happened(3, Some(0), CollapseAction::Floor)], 4),
        };
        assert_eq!(report.collapses, expected, "{covariance_type}");
        // However wide the tolerance, an iteration that changed a component by force is not the last.
        assert_eq!((report.n_iter, report.converged), (n_iter, true), "{covariance_type}");
        assert_eq!(model.parameters.mean(0), [2.5, 2.5]);
    }
}

#[test]
fn the_last_component_is_not_dropped() {
    let samples = Samples::new(vec![2.5; 12], 2).unwrap();
    for covariance_type in CovarianceType::ALL {
        for k in [1, 3] {
            let on_collapse = OnCollapse::Drop;
            let options = FitOptions { covariance_type, reg_covar: 0.0, on_collapse, ..FitOptions::new(k) };
            let result = Kind::Reference.fit(&samples, &options);
            let typed = matches!(
                result,
                Err(Error::NotPositiveDefinite { iteration: Some(_), .. } | Error::ComponentCollapsed { .. })
            );
            assert!(typed, "{covariance_type}: {result:?}");
        }
    }
}

/// Five of six samples are equal: some seeds leave a component of the start empty.
#[test]
fn a_start_with_an_empty_component_is_dealt_with() {
    let samples = Samples::new(vec![0.0, 0.0, 0.0, 0.0, 0.0, 7.0], 1).unwrap();
    let fit = |seed, on_collapse| {
        let options = FitOptions { init: Init::RandomFromData, seed, on_collapse, ..FitOptions::new(2) };
        Kind::Reference.fit(&samples, &options)
    };
    let mut seen = 0;
    for seed in 0..20 {
        let Err(error) = fit(seed, OnCollapse::Error) else { continue };
        let Error::ComponentCollapsed { component, iteration: 0, .. } = error else { panic!("{error}") };
        assert!(error.to_string().contains("at the start"), "{error}");
        seen += 1;
        let first = |policy| report(&fit(seed, policy).unwrap()).collapses[0];
        assert_eq!(first(OnCollapse::Floor), happened(0, Some(component), CollapseAction::Floor));
        assert_eq!(first(OnCollapse::Drop), happened(0, Some(component), CollapseAction::Drop));
        assert_eq!(first(OnCollapse::Reseed), happened(0, Some(component), CollapseAction::Reseed));
        assert_eq!(fit(seed, OnCollapse::Drop).unwrap().parameters.n_components(), 1);
        let reseeded = fit(seed, OnCollapse::Reseed).unwrap().parameters;
        let mut means = reseeded.means().to_vec();
        means.sort_by(f64::total_cmp);
        assert_close("means", &means, &[0.0, 7.0], Bound::Absolute(1e-6));
    }
    assert!(seen > 0, "the test's data must make some seeds fail");
}
