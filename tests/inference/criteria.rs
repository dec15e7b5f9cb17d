//! Criteria, outliers and the pass over all samples, on every engine.

use wgmm::internals::infer::{self, CHUNK};
use wgmm::{CovarianceType, Error, GaussianMixture, Parameters, Samples};

use crate::support::engines::{HOST, Kind, on_every_engine};
use crate::support::problem::Problem;

/// Two components on the same place: every sample is shared evenly, so the ICL is the BIC plus
/// 2 Σ w ln 2.
fn icl_of_twins(kind: Kind) {
    let values: Vec<f64> = (0..40).map(|i| f64::from(i % 7) - 3.0).collect();
    let weights: Vec<f64> = (0..20).map(|i| f64::from(i % 3)).collect();
    let total: f64 = weights.iter().sum();
    let samples = Samples::new(&values, 2).unwrap().with_sample_weights(weights).unwrap();
    let twins =
        Parameters::new(CovarianceType::Spherical, vec![0.5, 0.5], vec![0.0; 4], vec![4.0, 4.0]).unwrap();
    let mut engine = kind.open(&samples).unwrap();
    let assignment = infer::assignment_log_probability(engine.as_mut(), &twins).unwrap();
    assert!((assignment + total * 2f64.ln()).abs() < 1e-5 * total, "{assignment}");
    let model = GaussianMixture::from(twins);
    let (bic, icl) = (model.bic(-100.0, total), model.icl(-100.0, total, assignment));
    assert!((icl - bic - 2.0 * total * 2f64.ln()).abs() < 2e-5 * total, "{icl} {bic}");
}

/// So far away that ln 2 is nothing beside the log-density, the sample is shared evenly all the same.
#[test]
fn a_far_sample_is_shared() {
    let samples = Samples::new(vec![1e9], 1).unwrap();
    let p = Parameters::new(CovarianceType::Full, vec![0.5; 2], vec![0.0; 2], vec![1.0; 2]).unwrap();
    for kind in HOST {
        let mut engine = kind.open(&samples).unwrap();
        let assignment = infer::assignment_log_probability(engine.as_mut(), &p).unwrap();
        assert_eq!(assignment, -(2f64.ln()), "{kind:?}");
    }
}

/// Components far apart: the ICL is the BIC.
fn icl_of_strangers(kind: Kind) {
    let values: Vec<f64> = (0..40).map(|i| f64::from(i % 2) * 100.0 + f64::from(i % 3)).collect();
    let samples = Samples::new(&values, 1).unwrap();
    let p = Parameters::new(CovarianceType::Full, vec![0.5, 0.5], vec![1.0, 101.0], vec![1.0, 1.0]).unwrap();
    let mut engine = kind.open(&samples).unwrap();
    let assignment = infer::assignment_log_probability(engine.as_mut(), &p).unwrap();
    assert!(assignment <= 0.0 && assignment > -1e-6, "{assignment}");
}

/// The pass shows what the single functions say, in order, across chunks.
fn one_pass_sees_every_sample(kind: Kind) {
    for n in [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 1] {
        let values: Vec<f64> = (0..n).map(|i| (i % 101) as f64 / 10.0).collect();
        let samples = Samples::new(&values, 1).unwrap();
        let p =
            Parameters::new(CovarianceType::Diag, vec![0.25, 0.75], vec![2.0, 7.0], vec![1.0, 3.0]).unwrap();
        let mut engine = kind.open(&samples).unwrap();
        let mut seen = Vec::new();
        infer::for_each_sample(engine.as_mut(), &p, |sample| seen.push(sample)).unwrap();
        assert!(seen.iter().enumerate().all(|(i, s)| s.row == i) && seen.len() == n);
        let labels = infer::predict(engine.as_mut(), &p).unwrap();
        assert!(seen.iter().zip(&labels).all(|(s, l)| s.label == *l) && labels.len() == n);
        let rows = n.saturating_sub(3)..n;
        let responsibilities = infer::responsibilities(engine.as_mut(), &p, rows.clone()).unwrap();
        for (s, r) in seen[rows].iter().zip(responsibilities.chunks_exact(2)) {
            let largest = r[0].max(r[1]);
            assert!((s.log_probability.exp() - largest).abs() < 1e-12 && r[s.label as usize] == largest);
        }
        // The samples repeat: so do the answers, wherever their chunk begins.
        for i in 101..n {
            assert_eq!(seen[i].log_likelihood, seen[i - 101].log_likelihood, "sample {i} of {n}");
        }
    }
}

fn another_number_of_features_is_refused(kind: Kind) {
    let problem = Problem::medium(CovarianceType::Full);
    let (samples, wrong) = (problem.samples(), problem.start.marginal(&[0, 1]).unwrap());
    let mut engine = kind.open(&samples).unwrap();
    let error = infer::for_each_sample(engine.as_mut(), &wrong, |_| panic!("a sample was seen"));
    assert!(matches!(error, Err(Error::Shape { .. })), "{error:?}");
    for outcome in [
        engine.e_step(&wrong).map(|_| ()),
        engine.weighted_log_densities(&wrong, 0..5).map(|_| ()),
        engine.part_sums(&wrong).map(|_| ()),
    ] {
        assert!(matches!(outcome, Err(Error::Shape { .. })), "{outcome:?}");
    }
}

on_every_engine!(
    icl_of_twins,
    icl_of_strangers,
    one_pass_sees_every_sample,
    another_number_of_features_is_refused,
);

#[test]
fn the_least_likely_share_is_exact() {
    let scores: Vec<f64> = (0..100).map(|i| f64::from((i * 37) % 100)).collect();
    for percent in 0..=100 {
        let rows = infer::least_likely(&scores, f64::from(percent) / 100.0);
        assert_eq!(rows.len(), percent as usize);
        assert!(rows.iter().enumerate().all(|(rank, &row)| scores[row] == rank as f64));
    }
    assert_eq!(infer::least_likely(&[1.0, f64::NEG_INFINITY, 0.0, 0.0], 0.6), [1, 2, 3]);
    assert_eq!(infer::least_likely(&scores, 0.001).len(), 1, "a share of some is at least one");
    assert!(infer::least_likely(&[], 0.5).is_empty());
}
