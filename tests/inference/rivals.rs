//! What other systems got wrong in inference and sampling, one test each: it would be seen here. More of
//! them are in `traps`: weights left out of predict, variances drawn as standard deviations.

use wgmm::internals::infer;
use wgmm::internals::mixture::sample::{Sampler, random_mixture};
use wgmm::{CovarianceType, Parameters, Samples};

use crate::support::compare::{Bound, assert_close};
use crate::support::engines::{Kind, on_every_engine};

/// Components are drawn by their weights, a weight of 0 never; scikit-learn groups the rows by component,
/// we mix them.
#[test]
fn components_are_drawn_by_weight() {
    let means = vec![0.0, 10.0, 20.0];
    let p = Parameters::new(CovarianceType::Diag, vec![0.2, 0.0, 0.8], means, vec![1.0; 3]).unwrap();
    let mut sampler = Sampler::new(&p, 1).unwrap();
    let labels: Vec<u32> = (0..10_000).map(|_| sampler.draw(&mut [0.0])).collect();
    let share = labels.iter().filter(|l| **l == 0).count() as f64 / 1e4;
    assert!((share - 0.2).abs() < 5.0 * 0.004, "{share}");
    assert!(labels.iter().all(|l| *l != 1) && labels.windows(2).filter(|w| w[0] != w[1]).count() > 2000);
}

/// gmm-gpu 0.2.8 takes seed 0 for none; fits with seed 0 are in `traps`.
#[test]
fn seed_0_is_a_seed() {
    let p = random_mixture(3, 2, CovarianceType::Full, 0).unwrap();
    let draw = |seed| {
        let (mut sampler, mut x) = (Sampler::new(&p, seed).unwrap(), [0.0; 2]);
        (0..5).flat_map(|_| (sampler.draw(&mut x), x).1).collect::<Vec<f64>>()
    };
    assert_eq!(draw(0), draw(0));
    assert_ne!(draw(0), draw(1));
    assert_eq!(random_mixture(3, 2, CovarianceType::Full, 0).unwrap(), p);
}

/// solvr 0.3.0 stores the inverse covariance under the factor's name.
#[test]
fn precisions_cholesky_is_the_factor() {
    for covariance_type in CovarianceType::ALL {
        let p = random_mixture(3, 4, covariance_type, 6).unwrap();
        let (k, d) = (3, 4);
        let (u, precisions) = (p.precisions_cholesky().unwrap(), p.precisions().unwrap());
        assert_eq!((u.len(), precisions.len()), (p.covariances().len(), p.covariances().len()));
        if matches!(covariance_type, CovarianceType::Diag | CovarianceType::Spherical) {
            let one: Vec<f64> = u.iter().zip(p.covariances()).map(|(u, v)| u * u * v).collect();
            assert_close("u² σ²", &one, &vec![1.0; u.len()], Bound::Absolute(1e-14));
            let one: Vec<f64> = precisions.iter().zip(p.covariances()).map(|(p, v)| p * v).collect();
            assert_close("P σ²", &one, &vec![1.0; u.len()], Bound::Absolute(1e-14));
            continue;
        }
        let matrices = if covariance_type == CovarianceType::Full { k } else { 1 };
        for m in 0..matrices {
            let of = |values: &[f64], i: usize, j: usize| values[m * d * d + i * d + j];
            let sigma = p.covariance_matrix(m);
            for i in 0..d {
                for j in 0..d {
                    if j < i {
                        assert_eq!(of(&u, i, j), 0.0, "U is upper triangular");
                    }
                    let uut: f64 = (0..d).map(|l| of(&u, i, l) * of(&u, j, l)).sum();
                    assert!((uut - of(&precisions, i, j)).abs() < 1e-13 * uut.abs().max(1.0));
                    let identity: f64 = (0..d).map(|l| of(&precisions, i, l) * sigma[l * d + j]).sum();
                    assert!((identity - f64::from(u8::from(i == j))).abs() < 1e-12, "{identity}");
                }
            }
        }
    }
}

/// Spark ML, gmm-gpu, astroML and linfa 0.8.1 exponentiate densities, which underflow in high D: here
/// each is below e^−1200.
fn densities_below_every_exponent(kind: Kind) {
    let (d, width) = (64, 1e8);
    let values: Vec<f64> = (0..3 * d).map(|i| if i < 2 * d { width } else { -width }).collect();
    let samples = Samples::new(&values, d).unwrap();
    let means: Vec<f64> = (0..2 * d).map(|i| if i < d { 0.9 * width } else { -0.9 * width }).collect();
    for covariance_type in CovarianceType::ALL {
        let diagonal = |i: usize| if i / d % d == i % d { width * width } else { 0.0 };
        let covariances = match covariance_type {
            CovarianceType::Full => (0..2 * d * d).map(|i| diagonal(i % (d * d))).collect(),
            CovarianceType::Tied => (0..d * d).map(diagonal).collect(),
            CovarianceType::Diag => vec![width * width; 2 * d],
            CovarianceType::Spherical => vec![width * width; 2],
        };
        let p = Parameters::new(covariance_type, vec![0.5, 0.5], means.clone(), covariances).unwrap();
        let mut engine = kind.open(&samples).unwrap();
        let scores = infer::sample_log_likelihoods(engine.as_mut(), &p).unwrap();
        // ln ½ − ½ D ln 2π − D ln width − ½ D 0.1².
        let expected = 0.5f64.ln() - d as f64 * (0.5 * (std::f64::consts::TAU.ln() + 0.01) + width.ln());
        assert!(expected < -1200.0);
        assert_close(covariance_type.name(), &scores, &[expected; 3], Bound::Relative(1e-6));
        let r = infer::responsibilities(engine.as_mut(), &p, 0..3).unwrap();
        assert_close("responsibilities", &r, &[1.0, 0.0, 1.0, 0.0, 0.0, 1.0], Bound::Absolute(1e-12));
    }
}

/// A sample a million standard deviations away still has a score, a label and probabilities.
fn far_samples_have_scores(kind: Kind) {
    let samples = Samples::new(&[0.0, 1e6, -1e6, 1.0][..], 1).unwrap();
    let p = Parameters::new(CovarianceType::Full, vec![0.5, 0.5], vec![-1.0, 1.0], vec![1.0, 1.0]).unwrap();
    let mut engine = kind.open(&samples).unwrap();
    let scores = infer::sample_log_likelihoods(engine.as_mut(), &p).unwrap();
    let nearest = -0.5 * (1e6f64 - 1.0).powi(2);
    for i in [1, 2] {
        assert!((scores[i] / nearest - 1.0).abs() < 1e-5, "{scores:?}");
    }
    let r = infer::responsibilities(engine.as_mut(), &p, 0..4).unwrap();
    assert!(r.chunks_exact(2).all(|r| (r[0] + r[1] - 1.0).abs() < 1e-12), "{r:?}");
    assert_eq!(infer::predict(engine.as_mut(), &p).unwrap()[1..], [1, 0, 1]);
    assert!(infer::log_likelihood(engine.as_mut(), &p).unwrap().is_finite());
}

on_every_engine!(densities_below_every_exponent, far_samples_have_scores);
