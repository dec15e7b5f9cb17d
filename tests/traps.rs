//! Faults that other programs had, each with a test that would find it here. Others of the kind are
//! tested where they belong: restarts that do not start anew and convergence in `oracles`, NaN that
//! counts as converged and a falling likelihood in `faults`, a start that is ignored in `cli`.

use wgmm::internals::infer::{predict, responsibilities};
use wgmm::internals::mixture::sample::Sampler;
use wgmm::{CovarianceType, FitOptions, Init, Parameters, Samples};

use crate::support::compare::{Bound, assert_close};
use crate::support::engines::{HOST, Kind, on_every_engine};
use crate::support::problem::Problem;

on_every_engine!(
    no_row_is_lost,
    prediction_uses_the_weights,
    the_tolerance_is_used_for_every_type,
    reg_covar_is_used_for_every_type,
    seed_zero_is_a_seed,
);

/// So far away that ln 2 is nothing beside the log-density: two equal components still share a sample.
#[test]
fn far_samples_are_shared_not_counted_twice() {
    let samples = Samples::new(vec![0.0, 1e9], 1).unwrap();
    let p = Parameters::new(CovarianceType::Full, vec![0.5; 2], vec![0.0; 2], vec![1.0; 2]).unwrap();
    for kind in HOST {
        let mut engine = kind.open(&samples).unwrap();
        assert_eq!(responsibilities(engine.as_mut(), &p, 0..2).unwrap(), [0.5; 4], "{kind:?}");
        let counts = engine.e_step(&p).unwrap().effective_counts;
        assert_close("counts", &counts, &[1.0; 2], Bound::Absolute(1e-14));
    }
}

/// Rows dropped so that N is a multiple of something.
fn no_row_is_lost(kind: Kind) {
    let problem = Problem::medium(CovarianceType::Full);
    for n in [1, 2, 3, 7, 31, 32, 33, 63, 65, 127, 129, 255, 257, 511, 513, 700] {
        let samples = Samples::new(&problem.values[..3 * n], 3).unwrap();
        let mut engine = kind.open(&samples).unwrap();
        let counts = engine.e_step(&problem.start).unwrap().effective_counts;
        let bound = Bound::Relative(if kind.is_f64() { 1e-13 } else { 1e-6 });
        assert_close("Σ counts", &[counts.iter().sum()], &[n as f64], bound);
        assert_eq!(predict(engine.as_mut(), &problem.start).unwrap().len(), n);
    }
}

/// Two Gaussians at ±1 with σ² = 1 meet where 2x = ln(w₀/w₁): at 0.8 for weights 0.832 and 0.168.
fn prediction_uses_the_weights(kind: Kind) {
    let samples = Samples::new(vec![0.6, 0.7, 0.9, 1.0, -0.6], 1).unwrap();
    let ratio = 1.6f64.exp();
    let weights = vec![ratio / (1.0 + ratio), 1.0 / (1.0 + ratio)];
    for covariance_type in CovarianceType::ALL {
        let variances = vec![1.0; if covariance_type == CovarianceType::Tied { 1 } else { 2 }];
        let p = Parameters::new(covariance_type, weights.clone(), vec![-1.0, 1.0], variances).unwrap();
        let mut engine = kind.open(&samples).unwrap();
        assert_eq!(predict(engine.as_mut(), &p).unwrap(), [0, 0, 1, 1, 0], "{covariance_type}");
        // The same on both sides of the border, weights or not, would be r = ½ at x = 0.
        let r = responsibilities(engine.as_mut(), &p, 0..1).unwrap();
        let expected = 1.0 / (1.0 + (2.0 * 0.6f64 - 1.6).exp());
        assert_close("r", &r[..1], &[expected], Bound::Absolute(if kind.is_f64() { 1e-14 } else { 1e-5 }));
    }
}

fn the_tolerance_is_used_for_every_type(kind: Kind) {
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::medium(covariance_type);
        let n_iter = |tol| {
            let options = FitOptions { tol, ..problem.steps(200) };
            let report = kind.fit(&problem.samples(), &options).unwrap().report.unwrap();
            assert!(report.converged, "{covariance_type}, {tol}: {report:?}");
            report.n_iter
        };
        let (wide, narrow) = (n_iter(1.0), n_iter(1e-4));
        assert!(wide < narrow, "{covariance_type}: {wide} {narrow}");
    }
}

/// One component: its covariance is the data's plus `reg_covar` on the diagonal.
fn reg_covar_is_used_for_every_type(kind: Kind) {
    let problem = Problem::medium(CovarianceType::Full);
    for covariance_type in CovarianceType::ALL {
        for init in [Init::KMeans, Init::Random] {
            for max_iter in [0, 3] {
                let fit = |reg_covar| {
                    let init = init.clone();
                    let options =
                        FitOptions { covariance_type, reg_covar, init, max_iter, ..FitOptions::new(1) };
                    kind.fit(&problem.samples(), &options).unwrap().parameters
                };
                let (plain, wide) = (fit(0.0), fit(2.5));
                let trace = |p: &Parameters| (0..3).map(|i| p.covariance_matrix(0)[i * 4]).sum::<f64>();
                let bound = Bound::Absolute(if kind.is_f64() { 1e-9 } else { 1e-3 });
                assert_close("trace", &[trace(&wide) - trace(&plain)], &[7.5], bound);
            }
        }
    }
}

fn seed_zero_is_a_seed(kind: Kind) {
    let problem = Problem::medium(CovarianceType::Full);
    let start = |seed| {
        let options = FitOptions { seed, init: Init::Random, max_iter: 0, ..FitOptions::new(4) };
        kind.fit(&problem.samples(), &options).unwrap().parameters
    };
    assert_eq!(start(0), start(0));
    assert!((1..4).all(|seed| start(seed) != start(0)));
}

/// Variances are not standard deviations: σ = 10 and σ = 0.1 differ from their squares both ways.
#[test]
fn samples_have_the_variances_of_the_model() {
    const N: usize = 20_000;
    for covariance_type in CovarianceType::ALL {
        let covariances = match covariance_type {
            CovarianceType::Full | CovarianceType::Tied => vec![100.0, 0.9, 0.9, 0.01],
            CovarianceType::Diag => vec![100.0, 0.01],
            CovarianceType::Spherical => vec![100.0],
        };
        let p = Parameters::new(covariance_type, vec![1.0], vec![5.0, -3.0], covariances).unwrap();
        let mut sampler = Sampler::new(&p, 3).unwrap();
        let mut sums = [0.0; 6];
        for _ in 0..N {
            let mut x = [0.0; 2];
            sampler.draw(&mut x);
            let z = [x[0] - 5.0, x[1] + 3.0];
            for (sum, v) in
                sums.iter_mut().zip([z[0], z[1], z[0] * z[0], z[0] * z[1], z[1] * z[0], z[1] * z[1]])
            {
                *sum += v / N as f64;
            }
        }
        let truth = p.covariance_matrix(0);
        let deviations = [truth[0].sqrt(), truth[3].sqrt()];
        for i in 0..2 {
            // Five standard errors: σ/√N of the mean, σ²√(2/N) at most of a covariance.
            assert!(sums[i].abs() < 5.0 * deviations[i] / (N as f64).sqrt(), "{covariance_type}: {sums:?}");
            for j in 0..2 {
                let error = 5.0 * deviations[i] * deviations[j] * (2.0 / N as f64).sqrt();
                let at = 2 * i + j;
                assert!((sums[2 + at] - truth[at]).abs() < error, "{covariance_type}: {sums:?} {truth:?}");
            }
        }
    }
}
