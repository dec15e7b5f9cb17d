//! Random problems: samples drawn from a random mixture and a start that is off by a known amount.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wgmm::internals::mixture::sample::{Sampler, random_mixture};
use wgmm::{CovarianceType, FitOptions, Init, Parameters, Samples};

/// Samples and a start for a fit.
#[derive(Debug, Clone)]
pub struct Problem {
    pub values: Vec<f64>,
    pub n_features: usize,
    pub start: Parameters,
}

impl Problem {
    /// `n` samples of a random mixture and the mixture itself with its means moved by about one
    /// standard deviation and its covariances doubled, as a start. The start's numbers are rounded to
    /// f32, so every engine begins at the same point.
    pub fn new(covariance_type: CovarianceType, n: usize, d: usize, k: usize, seed: u64) -> Problem {
        let truth = random_mixture(k, d, covariance_type, seed).unwrap();
        let mut sampler = Sampler::new(&truth, seed).unwrap();
        let mut values = vec![0.0; n * d];
        values.chunks_exact_mut(d).for_each(|row| {
            sampler.draw(row);
        });
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
        let single = |v: f64| f64::from(v as f32);
        let means = truth.means().iter().map(|m| single(m + rng.random_range(-1.0..1.0))).collect();
        let covariances = truth.covariances().iter().map(|v| single(2.0 * v)).collect();
        let start = Parameters::new(covariance_type, vec![1.0 / k as f64; k], means, covariances).unwrap();
        Problem { values, n_features: d, start }
    }

    /// A mid-sized problem of overlapping components: 700 samples cross a block of 512 and leave a
    /// remainder.
    pub fn medium(covariance_type: CovarianceType) -> Problem {
        Problem::new(covariance_type, 700, 3, 4, 11)
    }

    pub fn n_samples(&self) -> usize {
        self.values.len() / self.n_features
    }

    pub fn row(&self, n: usize) -> &[f64] {
        &self.values[n * self.n_features..(n + 1) * self.n_features]
    }

    pub fn samples(&self) -> Samples<'_> {
        Samples::new(&self.values, self.n_features).unwrap()
    }

    /// Options for exactly `n` M-steps from the start, nothing added to the covariances.
    pub fn steps(&self, n: usize) -> FitOptions {
        steps_from(&self.start, n)
    }
}

/// Options for exactly `n` M-steps from `start`, nothing added to the covariances.
pub fn steps_from(start: &Parameters, n: usize) -> FitOptions {
    FitOptions {
        covariance_type: start.covariance_type(),
        tol: 0.0,
        max_iter: n,
        init: Init::Given(start.clone()),
        reg_covar: 0.0,
        ..FitOptions::new(start.n_components())
    }
}

/// A fixed permutation of 0..n without fixed pattern.
pub fn permutation(n: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for i in (1..n).rev() {
        order.swap(i, rng.random_range(0..=i));
    }
    order
}

/// The mixture with its components in another order: new component i is old component `order[i]`.
pub fn permute_components(p: &Parameters, order: &[usize]) -> Parameters {
    let pick = |values: &[f64]| {
        let size = values.len() / p.n_components();
        order.iter().flat_map(|&k| values[k * size..(k + 1) * size].to_vec()).collect::<Vec<f64>>()
    };
    let covariances = match p.covariance_type() {
        CovarianceType::Tied => p.covariances().to_vec(),
        _ => pick(p.covariances()),
    };
    Parameters::new(p.covariance_type(), pick(p.weights()), pick(p.means()), covariances).unwrap()
}
