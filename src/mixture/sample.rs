//! Drawing samples from a mixture, and random mixtures to draw from.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::error::{Error, Result};
use crate::mixture::Parameters;
use crate::mixture::linalg;
use crate::mixture::shape::CovarianceType;

/// Draws samples one after the other: the same seed gives the same stream on every platform.
pub struct Sampler {
    rng: ChaCha8Rng,
    cumulative: Vec<f64>,
    means: Vec<f64>,
    /// Lower Cholesky factor of every component, `[K, D, D]`.
    factors: Vec<f64>,
    normals: Vec<f64>,
}

impl Sampler {
    /// A stream of samples of `parameters`.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`].
    pub fn new(parameters: &Parameters, seed: u64) -> Result<Self> {
        let (k, d) = (parameters.n_components(), parameters.n_features());
        let mut factors = Vec::with_capacity(k * d * d);
        for component in 0..k {
            let factor = linalg::cholesky(&parameters.covariance_matrix(component), d);
            factors.extend_from_slice(&factor.map_err(|pivot| pivot.of(component))?);
        }
        let mut sum = 0.0;
        let cumulative = parameters.weights().iter().map(|w| {
            sum += w;
            sum
        });
        Ok(Sampler {
            cumulative: cumulative.collect(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            means: parameters.means().to_vec(),
            factors,
            normals: vec![0.0; d],
        })
    }

    /// Fills `x` (`[D]`) with the next sample and returns its component.
    pub fn draw(&mut self, x: &mut [f64]) -> u32 {
        let d = self.normals.len();
        let total = self.cumulative.last().copied().unwrap_or(1.0);
        let u = self.rng.random::<f64>() * total;
        let k = self.cumulative.partition_point(|c| *c <= u).min(self.cumulative.len() - 1);
        for normal in &mut self.normals {
            *normal = StandardNormal.sample(&mut self.rng);
        }
        let (mean, factor) = (&self.means[k * d..(k + 1) * d], &self.factors[k * d * d..(k + 1) * d * d]);
        for i in 0..d {
            let row = &factor[i * d..=i * d + i];
            x[i] = mean[i] + row.iter().zip(&self.normals).map(|(l, z)| l * z).sum::<f64>();
        }
        k as u32
    }
}

/// A random mixture: weights between ½ and 1½ before normalisation, means ~ N(0, 6²), and covariances
/// Q diag(s²) Qᵀ with standard deviations s log-uniform in ½…2 and Q a random rotation (full); the
/// other types take the shared, diagonal or spherical part.
///
/// # Errors
/// [`Error::Option`] if `n_components` or `n_features` is 0.
pub fn random_mixture(
    n_components: usize,
    n_features: usize,
    covariance_type: CovarianceType,
    seed: u64,
) -> Result<Parameters> {
    for (name, value) in [("components", n_components), ("features", n_features)] {
        if value == 0 {
            return Err(Error::option(name, value, "a whole number of at least 1"));
        }
    }
    let (k, d) = (n_components, n_features);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Another stream than `Sampler::new` with the same seed: mixture and samples stay independent.
    rng.set_stream(1);
    let mut weights: Vec<f64> = (0..k).map(|_| rng.random_range(0.5..1.5)).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= sum);
    let means = (0..k * d).map(|_| 6.0 * Distribution::<f64>::sample(&StandardNormal, &mut rng)).collect();
    let mut covariances = Vec::with_capacity(k * d * d);
    for _ in 0..k {
        let rotation = random_rotation(d, &mut rng);
        let variances: Vec<f64> = (0..d).map(|_| 4f64.powf(rng.random_range(-1.0..1.0))).collect();
        for i in 0..d {
            for j in 0..d {
                let (a, b) = (&rotation[i.max(j) * d..], &rotation[i.min(j) * d..]);
                covariances.push((0..d).map(|m| a[m] * variances[m] * b[m]).sum::<f64>());
            }
        }
    }
    Parameters::new(CovarianceType::Full, weights, means, covariances)?.with_covariance_type(covariance_type)
}

/// Rows of a random orthogonal matrix: normal vectors, orthonormalised (Gram–Schmidt, twice).
pub(crate) fn random_rotation(d: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut rows: Vec<f64> = Vec::with_capacity(d * d);
    while rows.len() < d * d {
        let mut row: Vec<f64> = (0..d).map(|_| StandardNormal.sample(rng)).collect();
        for _ in 0..2 {
            for done in rows.chunks_exact(d) {
                let dot: f64 = done.iter().zip(&row).map(|(a, b)| a * b).sum();
                row.iter_mut().zip(done).for_each(|(r, a)| *r -= dot * a);
            }
        }
        let norm = row.iter().map(|r| r * r).sum::<f64>().sqrt();
        // A vector that vanished lay in the span of the others; draw again.
        if norm > 1e-8 {
            rows.extend(row.iter().map(|r| r / norm));
        }
    }
    rows
}
