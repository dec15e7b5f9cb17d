//! Changes of the data or the start whose effect on the fit is known exactly.

use wgmm::{CovarianceType, GaussianMixture, Parameters, Samples};

use crate::support::compare::{Bound, assert_close};
use crate::support::distance::assert_mixtures_agree;
use crate::support::engines::{Kind, on_every_engine};
use crate::support::problem::{Problem, permutation, permute_components, steps_from};

on_every_engine!(
    affine_maps_change_nothing,
    the_order_of_samples_does_not_matter,
    the_order_of_components_does_not_matter,
    every_row_twice_is_weight_two,
    many_rows_lose_no_digits,
    weight_zero_is_a_missing_row,
    half_weights_only_scale_the_counts,
    split_twins_stay_twins,
    ten_and_fifteen_steps_are_twenty_five,
    single_precision_samples_are_those_numbers,
);

/// Steps of most oracles: enough for differences to grow, few enough to stay far from the end.
const STEPS: usize = 8;

fn fit(kind: Kind, samples: &Samples<'_>, start: &Parameters, steps: usize) -> GaussianMixture {
    kind.fit(samples, &steps_from(start, steps)).unwrap()
}

fn final_ll(model: &GaussianMixture) -> f64 {
    model.report.as_ref().unwrap().final_mean_log_likelihood
}

fn trace(model: &GaussianMixture) -> &[f64] {
    &model.report.as_ref().unwrap().log_likelihood_trace
}

#[track_caller]
fn assert_models_agree(what: &str, kind: Kind, actual: &GaussianMixture, expected: &GaussianMixture) {
    let bounds = kind.bounds();
    let pairs = ((&actual.parameters, final_ll(actual)), (&expected.parameters, final_ll(expected)));
    assert_mixtures_agree(what, pairs.0, pairs.1, &bounds);
    assert_close(&format!("{what}: trace"), trace(actual), trace(expected), Bound::Absolute(bounds.d_ll));
}

/// A map x → A x + b that keeps the covariance type: any matrix for full and tied, scales for diag,
/// one scale for spherical. Lower triangular, so its determinant is the diagonal's product.
struct Affine {
    matrix: Vec<f64>,
    shift: Vec<f64>,
}

impl Affine {
    fn keeping(covariance_type: CovarianceType) -> Affine {
        let matrix = match covariance_type {
            CovarianceType::Full | CovarianceType::Tied => {
                vec![3.0, 0.0, 0.0, -1.0, 0.25, 0.0, 0.5, 2.0, 40.0]
            }
            CovarianceType::Diag => vec![3.0, 0.0, 0.0, 0.0, 0.25, 0.0, 0.0, 0.0, -40.0],
            CovarianceType::Spherical => vec![3.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 3.0],
        };
        Affine { matrix, shift: vec![10.0, -3.0, 100.0] }
    }

    fn point(&self, x: &[f64]) -> Vec<f64> {
        (0..3).map(|i| self.shift[i] + (0..3).map(|j| self.matrix[i * 3 + j] * x[j]).sum::<f64>()).collect()
    }

    fn points(&self, values: &[f64]) -> Vec<f64> {
        values.chunks_exact(3).flat_map(|x| self.point(x)).collect()
    }

    fn mixture(&self, p: &Parameters) -> Parameters {
        let entry = |s: &[f64], i: usize, j: usize| {
            (0..9).map(|m| self.matrix[i * 3 + m / 3] * s[m] * self.matrix[j * 3 + m % 3]).sum::<f64>()
        };
        // Only the lower triangle is computed, so that the image is symmetric to the bit.
        let image = |s: &[f64]| {
            (0..9).map(|m| entry(s, (m / 3).max(m % 3), (m / 3).min(m % 3))).collect::<Vec<f64>>()
        };
        let scale = |i: usize| self.matrix[i * 3 + i].powi(2);
        let covariances = match p.covariance_type() {
            CovarianceType::Full | CovarianceType::Tied => {
                p.covariances().chunks_exact(9).flat_map(image).collect()
            }
            CovarianceType::Diag => {
                p.covariances().iter().enumerate().map(|(i, v)| v * scale(i % 3)).collect()
            }
            CovarianceType::Spherical => p.covariances().iter().map(|v| v * scale(0)).collect(),
        };
        let means = self.points(p.means());
        Parameters::new(p.covariance_type(), p.weights().to_vec(), means, covariances).unwrap()
    }

    fn log_determinant(&self) -> f64 {
        (0..3).map(|i| self.matrix[i * 4].abs().ln()).sum()
    }
}

fn affine_maps_change_nothing(kind: Kind) {
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::medium(covariance_type);
        let plain = fit(kind, &problem.samples(), &problem.start, STEPS);
        let map = Affine::keeping(covariance_type);
        let values = map.points(&problem.values);
        let samples = Samples::new(&values, 3).unwrap();
        let mapped = fit(kind, &samples, &map.mixture(&problem.start), STEPS);
        // Densities are per volume: every ln p falls by ln |det A|.
        let mut expected = plain.clone();
        expected.parameters = map.mixture(&plain.parameters);
        let report = expected.report.as_mut().unwrap();
        report.final_mean_log_likelihood -= map.log_determinant();
        report.log_likelihood_trace.iter_mut().for_each(|t| *t -= map.log_determinant());
        assert_models_agree(&format!("affine map, {covariance_type}"), kind, &mapped, &expected);
    }
}

fn the_order_of_samples_does_not_matter(kind: Kind) {
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::medium(covariance_type);
        let plain = fit(kind, &problem.samples(), &problem.start, STEPS);
        let order = permutation(problem.n_samples(), 3);
        let values: Vec<f64> = order.iter().flat_map(|&n| problem.row(n).to_vec()).collect();
        let shuffled = fit(kind, &Samples::new(&values, 3).unwrap(), &problem.start, STEPS);
        assert_models_agree(&format!("shuffled, {covariance_type}"), kind, &shuffled, &plain);
    }
}

fn the_order_of_components_does_not_matter(kind: Kind) {
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::medium(covariance_type);
        let mut plain = fit(kind, &problem.samples(), &problem.start, STEPS);
        let order = [2, 0, 3, 1];
        let start = permute_components(&problem.start, &order);
        let permuted = fit(kind, &problem.samples(), &start, STEPS);
        plain.parameters = permute_components(&plain.parameters, &order);
        assert_models_agree(&format!("permuted, {covariance_type}"), kind, &permuted, &plain);
    }
}

fn every_row_twice_is_weight_two(kind: Kind) {
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::medium(covariance_type);
        let n = problem.n_samples();
        let plain = fit(kind, &problem.samples(), &problem.start, STEPS);
        let values: Vec<f64> = (0..n).flat_map(|i| problem.row(i).repeat(2)).collect();
        let doubled = fit(kind, &Samples::new(&values, 3).unwrap(), &problem.start, STEPS);
        let samples = problem.samples().with_sample_weights(vec![2.0; n]).unwrap();
        let weighted = fit(kind, &samples, &problem.start, STEPS);
        assert_models_agree(&format!("doubled rows, {covariance_type}"), kind, &doubled, &plain);
        assert_models_agree(&format!("weight 2, {covariance_type}"), kind, &weighted, &doubled);
        let (doubled, weighted) = (doubled.report.unwrap(), weighted.report.unwrap());
        assert_eq!((weighted.total_weight, doubled.total_weight), (2.0 * n as f64, 2.0 * n as f64));
        // The criteria count weight, not rows: −2·LL inherits 2N times the mean's bound.
        let bound = Bound::Absolute(4.0 * n as f64 * kind.bounds().d_ll);
        assert_close("bic, aic", &[weighted.bic, weighted.aic], &[doubled.bic, doubled.aic], bound);
    }
}

/// The same 64 rows 4096 times: sums grow, means stay. One run of f64 additions over 262 144 rows would
/// lose four digits (golden case p14 needs them).
fn many_rows_lose_no_digits(kind: Kind) {
    let problem = Problem::new(CovarianceType::Full, 64, 1, 2, 21);
    let few = fit(kind, &problem.samples(), &problem.start, 1);
    let values = problem.values.repeat(4096);
    let many = fit(kind, &Samples::new(&values, 1).unwrap(), &problem.start, 1);
    let bound = if kind.is_f64() { 1e-13 } else { kind.bounds().d_ll };
    assert_close("trace", trace(&many), trace(&few), Bound::Relative(bound));
    assert_close("weights", many.parameters.weights(), few.parameters.weights(), Bound::Relative(bound));
    assert_models_agree("4096 times the rows", kind, &many, &few);
}

fn weight_zero_is_a_missing_row(kind: Kind) {
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::medium(covariance_type);
        let n = problem.n_samples();
        let gone = |i: usize| i % 7 == 3;
        let kept: Vec<f64> = (0..n).filter(|&i| !gone(i)).flat_map(|i| problem.row(i).to_vec()).collect();
        // What has no weight must not matter, however far away it is.
        let mut values = problem.values.clone();
        values[3 * 3] = 1e6;
        let weights: Vec<f64> = (0..n).map(|i| if gone(i) { 0.0 } else { 1.0 }).collect();
        let samples = Samples::new(&values, 3).unwrap().with_sample_weights(weights).unwrap();
        let weighted = fit(kind, &samples, &problem.start, STEPS);
        let removed = fit(kind, &Samples::new(&kept, 3).unwrap(), &problem.start, STEPS);
        assert_models_agree(&format!("weight 0, {covariance_type}"), kind, &weighted, &removed);
        assert_eq!(weighted.report.unwrap().total_weight, (kept.len() / 3) as f64);
    }
}

fn half_weights_only_scale_the_counts(kind: Kind) {
    let problem = Problem::medium(CovarianceType::Full);
    let samples = problem.samples().with_sample_weights(vec![0.5; problem.n_samples()]).unwrap();
    let plain = fit(kind, &problem.samples(), &problem.start, STEPS);
    assert_models_agree("weight ½", kind, &fit(kind, &samples, &problem.start, STEPS), &plain);
}

/// Component 0 cut into two equal halves: they stay equal to the bit, and their sum is the original.
fn split_twins_stay_twins(kind: Kind) {
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::medium(covariance_type);
        let plain = fit(kind, &problem.samples(), &problem.start, STEPS);
        let start = permute_components_with_twin(&problem.start);
        let split = fit(kind, &problem.samples(), &start, STEPS);
        let p = &split.parameters;
        assert_eq!(p.weights()[0].to_bits(), p.weights()[4].to_bits(), "{covariance_type}");
        assert_eq!(
            (p.mean(0), p.covariance_matrix(0)),
            (p.mean(4), p.covariance_matrix(4)),
            "{covariance_type}"
        );
        let mut merged = split.clone();
        merged.parameters = without_twin(p);
        assert_models_agree(&format!("twins, {covariance_type}"), kind, &merged, &plain);
    }
}

fn permute_components_with_twin(p: &Parameters) -> Parameters {
    let mut weights = p.weights().to_vec();
    weights[0] /= 2.0;
    weights.push(weights[0]);
    let mut means = p.means().to_vec();
    means.extend_from_slice(p.mean(0));
    let mut covariances = p.covariances().to_vec();
    if p.covariance_type() != CovarianceType::Tied {
        covariances.extend_from_within(..p.covariances().len() / p.n_components());
    }
    Parameters::new(p.covariance_type(), weights, means, covariances).unwrap()
}

fn without_twin(p: &Parameters) -> Parameters {
    let k = p.n_components() - 1;
    let mut weights = p.weights().to_vec();
    weights[0] += weights.pop().unwrap();
    let means = p.means()[..k * p.n_features()].to_vec();
    let keep = match p.covariance_type() {
        CovarianceType::Tied => p.covariances().len(),
        _ => p.covariances().len() / (k + 1) * k,
    };
    Parameters::new(p.covariance_type(), weights, means, p.covariances()[..keep].to_vec()).unwrap()
}

/// Parameters are the whole state of EM: stopping and going on changes no bit, not even through a file.
fn ten_and_fifteen_steps_are_twenty_five(kind: Kind) {
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::medium(covariance_type);
        let samples = problem.samples();
        let whole = fit(kind, &samples, &problem.start, 25);
        let first = fit(kind, &samples, &problem.start, 10);
        let mut file = Vec::new();
        first.write_json(&mut file).unwrap();
        let read = GaussianMixture::from_json(std::str::from_utf8(&file).unwrap(), "file").unwrap();
        let second = fit(kind, &samples, &read.parameters, 15);
        assert_eq!(second.parameters, whole.parameters, "{covariance_type}");
        assert_eq!([trace(&first), trace(&second)].concat(), trace(&whole), "{covariance_type}");
        assert_eq!(final_ll(&second).to_bits(), final_ll(&whole).to_bits(), "{covariance_type}");
    }
}

/// f32 samples are the numbers they are: the same bits as the same numbers in f64.
fn single_precision_samples_are_those_numbers(kind: Kind) {
    let problem = Problem::medium(CovarianceType::Full);
    let single: Vec<f32> = problem.values.iter().map(|v| *v as f32).collect();
    let double: Vec<f64> = single.iter().map(|v| f64::from(*v)).collect();
    let a = fit(kind, &Samples::new(&single, 3).unwrap(), &problem.start, STEPS);
    let b = fit(kind, &Samples::new(&double, 3).unwrap(), &problem.start, STEPS);
    assert_eq!(a, b);
}
