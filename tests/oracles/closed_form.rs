//! Cases whose answer can be written down.

use wgmm::{CovarianceCenter, CovarianceType, FitOptions, Parameters, Samples};

use crate::support::compare::{Bound, assert_close};
use crate::support::engines::{Kind, on_every_engine};
use crate::support::problem::{Problem, steps_from};

on_every_engine!(
    one_component_is_the_sample_mean_and_biased_covariance,
    moments_are_kept_by_every_m_step,
    the_old_mean_rule_breaks_the_moment_identity,
    two_equal_gaussians_share_by_a_logistic_curve,
    one_sample_one_component,
    a_far_sample_has_a_finite_density,
    reg_covar_is_added_to_the_diagonal,
);

/// Weighted mean and biased covariance of the rows, two passes.
fn mean_and_covariance(values: &[f64], d: usize) -> (Vec<f64>, Vec<f64>) {
    let n = (values.len() / d) as f64;
    let mean: Vec<f64> = (0..d).map(|j| values.iter().skip(j).step_by(d).sum::<f64>() / n).collect();
    let mut covariance = vec![0.0; d * d];
    for row in values.chunks_exact(d) {
        for (i, c) in covariance.iter_mut().enumerate() {
            *c += (row[i / d] - mean[i / d]) * (row[i % d] - mean[i % d]) / n;
        }
    }
    (mean, covariance)
}

/// Bound on numbers of the order of 10: f64 sums of 700 terms, or golden/README's f32 floor of 1e-4
/// standard deviations.
fn bound(kind: Kind) -> Bound<'static> {
    Bound::Relative(if kind.is_f64() { 1e-12 } else { 1e-4 })
}

/// The part of a D×D matrix that a covariance type keeps.
fn reduce(matrix: &[f64], covariance_type: CovarianceType) -> Vec<f64> {
    let d = matrix.len().isqrt();
    let diagonal = || (0..d).map(|i| matrix[i * d + i]);
    match covariance_type {
        CovarianceType::Full | CovarianceType::Tied => matrix.to_vec(),
        CovarianceType::Diag => diagonal().collect(),
        CovarianceType::Spherical => vec![diagonal().sum::<f64>() / d as f64],
    }
}

fn one_component_is_the_sample_mean_and_biased_covariance(kind: Kind) {
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::new(covariance_type, 700, 3, 1, 5);
        let (mean, covariance) = mean_and_covariance(&problem.values, 3);
        let model = kind.fit(&problem.samples(), &problem.steps(1)).unwrap();
        assert_close("weight", model.parameters.weights(), &[1.0], Bound::Exact);
        assert_close("mean", model.parameters.means(), &mean, bound(kind));
        let expected = reduce(&covariance, covariance_type);
        assert_close(covariance_type.name(), model.parameters.covariances(), &expected, bound(kind));
        // ln N at the maximum: −½ (D ln 2π + ln det Σ + D) for the types that keep the whole matrix.
        if covariance_type == CovarianceType::Full {
            let l = crate::support::distance::cholesky(&covariance, 3).unwrap();
            let log_det = 2.0 * (0..3).map(|i| l[i * 4].ln()).sum::<f64>();
            let expected = -0.5 * (3.0 * (2.0 * std::f64::consts::PI).ln() + log_det + 3.0);
            let found = model.report.unwrap().final_mean_log_likelihood;
            assert_close("mean ln p", &[found], &[expected], Bound::Absolute(kind.bounds().d_ll));
        }
    }
}

/// Σ w m and Σ w (S + (m−x̄)(m−x̄)ᵀ) of a mixture: the data's mean and covariance after any M-step.
fn mixture_moments(p: &Parameters, center: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let d = p.n_features();
    let mut mean = vec![0.0; d];
    let mut covariance = vec![0.0; d * d];
    for (k, w) in p.weights().iter().enumerate() {
        let (m, s) = (p.mean(k), p.covariance_matrix(k));
        (0..d).for_each(|i| mean[i] += w * m[i]);
        for (i, c) in covariance.iter_mut().enumerate() {
            *c += w * (s[i] + (m[i / d] - center[i / d]) * (m[i % d] - center[i % d]));
        }
    }
    (mean, covariance)
}

fn moments_are_kept_by_every_m_step(kind: Kind) {
    const REG: f64 = 0.25;
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::medium(covariance_type);
        let (mean, covariance) = mean_and_covariance(&problem.values, 3);
        for (steps, reg_covar) in [(1, 0.0), (2, 0.0), (7, 0.0), (1, REG), (3, REG)] {
            let options = FitOptions { reg_covar, ..problem.steps(steps) };
            let model = kind.fit(&problem.samples(), &options).unwrap();
            let (m, mut c) = mixture_moments(&model.parameters, &mean);
            (0..3).for_each(|i| c[i * 4] -= reg_covar);
            let what = format!("{covariance_type}, step {steps}, reg_covar {reg_covar}");
            assert_close(&format!("mean, {what}"), &m, &mean, bound(kind));
            // Diag and spherical keep the diagonal, and the trace.
            let (found, expected) = (reduce(&c, covariance_type), reduce(&covariance, covariance_type));
            assert_close(&format!("covariance, {what}"), &found, &expected, bound(kind));
        }
    }
}

/// The identity tells the two rules apart in one step: about the old mean the spread is too large by
/// the mean's own move.
fn the_old_mean_rule_breaks_the_moment_identity(kind: Kind) {
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::medium(covariance_type);
        let (mean, covariance) = mean_and_covariance(&problem.values, 3);
        let options = FitOptions { covariance_center: CovarianceCenter::OldMean, ..problem.steps(1) };
        let model = kind.fit(&problem.samples(), &options).unwrap();
        let (m, c) = mixture_moments(&model.parameters, &mean);
        assert_close("mean", &m, &mean, bound(kind));
        let trace = |c: &[f64]| (0..3).map(|i| c[i * 4]).sum::<f64>();
        let moved: f64 = model
            .parameters
            .weights()
            .iter()
            .enumerate()
            .map(|(k, w)| w * squared_move(&model.parameters, &problem.start, k))
            .sum();
        assert!(moved > 0.1, "the start must be off for this test to say anything, moved {moved}");
        assert_close("trace", &[trace(&c)], &[trace(&covariance) + moved], bound(kind));
    }
}

fn squared_move(new: &Parameters, old: &Parameters, k: usize) -> f64 {
    new.mean(k).iter().zip(old.mean(k)).map(|(a, b)| (a - b).powi(2)).sum()
}

/// N(−1, 1) and N(1, 1) with equal weights: r₁(x) = 1 / (1 + exp(−2x)).
fn two_equal_gaussians_share_by_a_logistic_curve(kind: Kind) {
    let values: Vec<f64> = (-40..=40).map(|i| f64::from(i) / 8.0).collect();
    let samples = Samples::new(&values, 1).unwrap();
    let start =
        Parameters::new(CovarianceType::Full, vec![0.5, 0.5], vec![-1.0, 1.0], vec![1.0, 1.0]).unwrap();
    let mut engine = kind.open(&samples).unwrap();
    let found = wgmm::internals::infer::responsibilities(engine.as_mut(), &start, 0..values.len()).unwrap();
    let logistic = |x: f64| 1.0 / (1.0 + (-2.0 * x).exp());
    let expected: Vec<f64> = values.iter().flat_map(|x| [logistic(-x), logistic(*x)]).collect();
    let allowed = Bound::Absolute(if kind.is_f64() { 1e-14 } else { 1e-5 });
    assert_close("responsibilities", &found, &expected, allowed);
    let scores = wgmm::internals::infer::sample_log_likelihoods(engine.as_mut(), &start).unwrap();
    let density = |x: f64| (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let expected: Vec<f64> =
        values.iter().map(|x| (0.5 * density(x - 1.0) + 0.5 * density(x + 1.0)).ln()).collect();
    let allowed = Bound::Relative(if kind.is_f64() { 1e-14 } else { 1e-5 });
    assert_close("ln p", &scores, &expected, allowed);
    let labels = wgmm::internals::infer::predict(engine.as_mut(), &start).unwrap();
    let wanted: Vec<u32> = values.iter().map(|x| u32::from(*x > 0.0)).collect();
    // x = 0 is a tie and goes to the lower index.
    assert_eq!(labels, wanted);
}

fn one_sample_one_component(kind: Kind) {
    let samples = Samples::new(vec![2.0, -3.0], 2).unwrap();
    let options = FitOptions { reg_covar: 0.5, tol: 0.0, max_iter: 3, ..FitOptions::new(1) };
    let model = kind.fit(&samples, &options).unwrap();
    assert_close("mean", model.parameters.means(), &[2.0, -3.0], bound(kind));
    assert_close("covariance", model.parameters.covariances(), &[0.5, 0.0, 0.0, 0.5], bound(kind));
}

/// 300 standard deviations away all densities underflow; their logarithms do not.
fn a_far_sample_has_a_finite_density(kind: Kind) {
    let values = [-1.0, 0.0, 1.0, 300.0];
    let samples = Samples::new(&values[..], 1).unwrap();
    let p = Parameters::new(CovarianceType::Full, vec![0.5, 0.5], vec![-1.0, 1.0], vec![1.0, 1.0]).unwrap();
    let mut engine = kind.open(&samples).unwrap();
    let scores = wgmm::internals::infer::sample_log_likelihoods(engine.as_mut(), &p).unwrap();
    let far = 0.5f64.ln() - 0.5 * (2.0 * std::f64::consts::PI).ln() - 0.5 * 299.0f64.powi(2);
    let allowed = Bound::Relative(if kind.is_f64() { 1e-13 } else { 1e-5 });
    assert_close("ln p", &scores[3..], &[far], allowed);
    let model = kind.fit(&samples, &steps_from(&p, 1)).unwrap();
    // The far sample belongs to the component on its side, whole.
    let mean = model.parameters.means()[1];
    assert!(mean > 100.0 && mean < 300.0, "mean {mean}");
}

fn reg_covar_is_added_to_the_diagonal(kind: Kind) {
    const REG: f64 = 0.125;
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::medium(covariance_type);
        let plain = kind.fit(&problem.samples(), &problem.steps(1)).unwrap().parameters;
        let options = FitOptions { reg_covar: REG, ..problem.steps(1) };
        let floored = kind.fit(&problem.samples(), &options).unwrap().parameters;
        for k in 0..4 {
            let mut expected = plain.covariance_matrix(k);
            (0..3).for_each(|i| expected[i * 4] += REG);
            // Added after everything else, in f64, on every engine.
            assert_close(
                covariance_type.name(),
                &floored.covariance_matrix(k),
                &expected,
                Bound::Relative(1e-14),
            );
        }
        assert_close("means", floored.means(), plain.means(), Bound::Exact);
        assert_close("weights", floored.weights(), plain.weights(), Bound::Exact);
    }
}
