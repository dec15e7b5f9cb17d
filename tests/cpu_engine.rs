//! The production CPU engine against the reference, over every edge of its tiles, and the same bits
//! for any number of threads.

use std::borrow::Cow;

use wgmm::internals::engine::cpu::CpuEngine;
use wgmm::internals::engine::reference::ReferenceEngine;
use wgmm::internals::mixture::moments::Moments;
use wgmm::internals::mixture::sample::{Sampler, random_mixture};
use wgmm::internals::report::{EngineKind, Precision};
use wgmm::{CovarianceType, Engine, Parameters, Samples};

/// Rounding of one log density, relative to 1 + |value|: D = 64 terms, each off by a few ε, times the
/// condition of W (16: standard deviations lie between ½ and 2), 64·16·2.2e-16 = 2.3e-13.
const DENSITY_BOUND: f64 = 5e-13;
/// Rounding of a moment, relative to what Cauchy and Schwarz allow for it: responsibilities carry the
/// densities' error (at |ln r| ≈ 36, where r reaches ε, 36·2.3e-13).
const MOMENT_BOUND: f64 = 1e-11;
/// Components that hold almost nothing may differ by as much of the whole: there |ln r| is large, and
/// r < e⁻³⁰⁰ is dropped.
const MOMENT_FLOOR: f64 = 1e-18;

/// Fails unless `actual` has the length of `expected` and is within `bound(i)` of it everywhere.
#[track_caller]
fn assert_close(what: &str, actual: &[f64], expected: &[f64], bound: impl Fn(usize) -> f64) {
    assert_eq!(actual.len(), expected.len(), "{what}: length");
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        // NaN fails both; equal infinities (a component of weight 0) pass.
        let close = a == e || (a - e).abs() <= bound(i);
        assert!(close, "{what} [{i}]: {a:e}, expected {e:e} within {:e}", bound(i));
    }
}

/// A mixture whose components overlap, so that responsibilities take all values.
fn mixture(k: usize, d: usize, covariance_type: CovarianceType, seed: u64) -> Parameters {
    let far = random_mixture(k, d, covariance_type, seed).unwrap();
    let shrink = 0.5 / (d as f64).sqrt();
    let means = far.means().iter().map(|m| m * shrink).collect();
    Parameters::new(covariance_type, far.weights().to_vec(), means, far.covariances().to_vec()).unwrap()
}

fn draw(parameters: &Parameters, n: usize, seed: u64) -> Vec<f64> {
    let d = parameters.n_features();
    let mut sampler = Sampler::new(parameters, seed).unwrap();
    let mut values = vec![0.0; n * d];
    values.chunks_exact_mut(d).for_each(|x| {
        sampler.draw(x);
    });
    values
}

/// Weights 0, ½, 1, 1½ … in turn; never all 0.
fn weights(n: usize) -> Vec<f64> {
    (0..n).map(|i| if n == 1 { 1.5 } else { ((i * 5 + 1) % 7) as f64 / 2.0 }).collect()
}

#[track_caller]
fn assert_moments_agree(what: &str, actual: &Moments, expected: &Moments) {
    let (k, d) = (expected.n_components(), expected.n_features);
    assert_eq!(actual.covariance_type, expected.covariance_type, "{what}");
    assert_eq!(actual.origins, expected.origins, "{what}");
    let counts = &expected.effective_counts;
    let total: f64 = counts.iter().sum();
    let bound = |scale: f64, whole: f64| MOMENT_BOUND * scale + MOMENT_FLOOR * whole;
    assert_close(&format!("{what}: counts"), &actual.effective_counts, counts, |c| bound(counts[c], total));
    // Σ r (x−μ)² of a feature; for tied and spherical of all components or features together.
    let second = &expected.second_moments;
    let squares = |c: usize, i: usize| match expected.covariance_type {
        CovarianceType::Full => second[c * d * (d + 1) / 2 + i * (i + 3) / 2],
        CovarianceType::Tied => second[i * (i + 3) / 2],
        CovarianceType::Diag => second[c * d + i],
        CovarianceType::Spherical => second[c],
    };
    let largest =
        (0..k).flat_map(|c| (0..d).map(move |i| (c, i))).map(|(c, i)| squares(c, i)).fold(0.0, f64::max);
    let whole = (total * largest).sqrt().max(total).max(largest);
    assert_close(&format!("{what}: first"), &actual.first_moments, &expected.first_moments, |at| {
        bound((counts[at / d] * squares(at / d, at % d)).sqrt(), whole)
    });
    let triangle: Vec<(usize, usize)> = (0..d).flat_map(|i| (0..=i).map(move |j| (i, j))).collect();
    assert_close(&format!("{what}: second"), &actual.second_moments, second, |at| {
        let scale = match expected.covariance_type {
            CovarianceType::Full | CovarianceType::Tied => {
                let (i, j) = triangle[at % triangle.len()];
                let c = at / triangle.len();
                (squares(c, i) * squares(c, j)).sqrt()
            }
            CovarianceType::Diag | CovarianceType::Spherical => second[at],
        };
        bound(scale, whole)
    });
    assert_close(&format!("{what}: LL"), &[actual.log_likelihood], &[expected.log_likelihood], |_| {
        DENSITY_BOUND * (total + expected.log_likelihood.abs())
    });
}

/// Compares both engines on `samples` and returns the production engine's moments.
#[track_caller]
fn compare(what: &str, samples: &Samples<'_>, parameters: &Parameters) -> Moments {
    let mut engine = CpuEngine::new(samples, None).unwrap();
    let mut reference = ReferenceEngine::new(samples);
    let moments = engine.e_step(parameters).unwrap();
    assert_moments_agree(what, &moments, &reference.e_step(parameters).unwrap());
    // Not from the first row, so that a row stands in another lane than in the E-step.
    let rows = samples.n_samples() / 3..samples.n_samples();
    let expected = reference.weighted_log_densities(parameters, rows.clone()).unwrap();
    let actual = engine.weighted_log_densities(parameters, rows).unwrap();
    assert_close(&format!("{what}: densities"), &actual, &expected, |i| {
        DENSITY_BOUND * (1.0 + expected[i].abs())
    });
    moments
}

#[test]
fn agrees_with_the_reference_at_every_edge() {
    const D: [usize; 15] = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64];
    const K: [usize; 5] = [1, 2, 3, 8, 33];
    const N: [usize; 8] = [1, 2, 7, 63, 64, 65, 257, 1000];
    for (i, d) in D.into_iter().enumerate() {
        for (j, covariance_type) in CovarianceType::ALL.into_iter().enumerate() {
            for round in 0..5 {
                // K and N walk with steps coprime to their numbers: every pair comes up.
                let (k, n) = (K[(i + 2 * j + round) % 5], N[(3 * i + j + 5 * round) % 8]);
                // The largest of all would take longer than the rest together.
                let n = if d * d * k * n > 20_000_000 { 65 } else { n };
                let (weighted, single) = ((i + j + round) % 2 == 0, (i + round / 2) % 2 == 0);
                let what = format!("{covariance_type} D={d} K={k} N={n} weights={weighted} f32={single}");
                let parameters = mixture(k, d, covariance_type, i as u64);
                let values = draw(&parameters, n, round as u64);
                let mut samples = if single {
                    Samples::new(values.iter().map(|v| *v as f32).collect::<Vec<f32>>(), d).unwrap()
                } else {
                    Samples::new(values, d).unwrap()
                };
                if weighted {
                    samples = samples.with_sample_weights(Cow::from(weights(n))).unwrap();
                }
                compare(&what, &samples, &parameters);
            }
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    for (d, n) in [(2, 20_000), (7, 5_003), (44, 1_500)] {
        for covariance_type in CovarianceType::ALL {
            let parameters = mixture(5, d, covariance_type, 3);
            let samples = Samples::new(draw(&parameters, n, 4), d).unwrap();
            let samples = samples.with_sample_weights(weights(n)).unwrap();
            let run = |threads| {
                let mut engine = CpuEngine::new(&samples, threads).unwrap();
                let densities = engine.weighted_log_densities(&parameters, 1..n).unwrap();
                (engine.e_step(&parameters).unwrap(), engine.e_step(&parameters).unwrap(), densities)
            };
            let expected = run(Some(1));
            assert_eq!(expected.0, expected.1, "a second E-step differs from the first");
            for threads in [Some(2), Some(3), Some(7), None] {
                assert!(run(threads) == expected, "{covariance_type} D={d} threads={threads:?}");
            }
        }
    }
}

#[test]
fn offsets_cost_no_digits() {
    for covariance_type in CovarianceType::ALL {
        for (offset, d) in [(1e6, 3), (1e7, 6), (1e7, 41)] {
            let near = mixture(3, d, covariance_type, 5);
            let means = near.means().iter().map(|m| m + offset).collect();
            let far =
                Parameters::new(covariance_type, near.weights().to_vec(), means, near.covariances().to_vec());
            let far = far.unwrap();
            let samples = Samples::new(draw(&far, 500, 6), d).unwrap();
            compare(&format!("{covariance_type} offset {offset:e}"), &samples, &far);
        }
    }
}

#[test]
fn far_tails_and_absent_components_stay_finite() {
    for covariance_type in CovarianceType::ALL {
        for d in [1, 2, 6, 41] {
            let near = mixture(3, d, covariance_type, 7);
            let parameters = Parameters::new(
                covariance_type,
                vec![0.0, 0.25, 0.75],
                near.means().to_vec(),
                near.covariances().to_vec(),
            );
            let parameters = parameters.unwrap();
            let mut values = draw(&parameters, 40, 8);
            // 300 and 1e5 standard deviations away: every density underflows.
            values[..d].fill(600.0);
            values[d..2 * d].fill(-2e5);
            let samples = Samples::new(values, d).unwrap();
            let moments = compare(&format!("{covariance_type} D={d} far"), &samples, &parameters);
            assert_eq!(moments.effective_counts[0], 0.0);
            moments.check(40.0, 1e-14).unwrap();
        }
    }
}

#[test]
fn a_row_of_weight_0_is_absent_whatever_stands_in_it() {
    for covariance_type in CovarianceType::ALL {
        for d in [2, 6, 41] {
            let parameters = mixture(3, d, covariance_type, 9);
            let mut values = draw(&parameters, 70, 10);
            let mut weights = vec![1.0; 70];
            let mut kept = values.clone();
            for row in [69, 33, 3] {
                values[row * d..(row + 1) * d].fill(if row == 33 { f64::MAX } else { -1e300 });
                weights[row] = 0.0;
                kept.drain(row * d..(row + 1) * d);
            }
            let samples = Samples::new(values, d).unwrap().with_sample_weights(weights).unwrap();
            let without = Samples::new(kept, d).unwrap();
            let moments = CpuEngine::new(&samples, None).unwrap().e_step(&parameters).unwrap();
            let expected = ReferenceEngine::new(&without).e_step(&parameters).unwrap();
            assert_moments_agree(&format!("{covariance_type} D={d}"), &moments, &expected);
        }
    }
}

#[test]
fn separated_components_skip_no_sample_that_counts() {
    // Standard deviations near 1 and means 6·√2 apart per feature: most responsibilities are exactly 0.
    for (d, k) in [(2, 9), (8, 9), (45, 4)] {
        for covariance_type in CovarianceType::ALL {
            let parameters = random_mixture(k, d, covariance_type, 11).unwrap();
            let samples = Samples::new(draw(&parameters, 700, 12), d).unwrap();
            compare(&format!("{covariance_type} D={d} separated"), &samples, &parameters);
        }
    }
}

#[test]
fn refuses_no_threads_and_names_its_processor() {
    let samples = Samples::new(vec![1.0, 2.0], 1).unwrap();
    assert!(CpuEngine::new(&samples, Some(0)).unwrap_err().to_string().contains("threads"));
    let one = CpuEngine::new(&samples, Some(1)).unwrap().info();
    assert_eq!(one, CpuEngine::new(&samples, Some(2)).unwrap().info(), "a model tells nothing of threads");
    assert_eq!((one.kind, one.precision), (EngineKind::Cpu, Precision::F64));
    assert!(!one.device.is_empty() && one.kernels.is_some());
}
