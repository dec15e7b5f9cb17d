//! Fresh random data for a case, and the start of its iterations: the same on every machine and for
//! any number of threads, because every block of rows has its own stream of random numbers.

use rand::{RngExt, SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::case::Case;
use crate::data::{Dataset, Samples, Scratch, column_moments};
use crate::error::Result;
use crate::mixture::Parameters;
use crate::mixture::sample::random_rotation;
use crate::mixture::shape::CovarianceType;

/// Rows per stream.
const BLOCK: usize = 1 << 14;
/// Streams of the mixture and of the start; no block has so high a number.
const MIXTURE_STREAM: u64 = 1 << 48;
const START_STREAM: u64 = 1 << 49;
/// Typical distance between two means in standard deviations, times K^(1/D): neighbours overlap a little.
const SEPARATION: f64 = 5.0;

fn stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// What the data are drawn from: x = μ + A z, A any square root of the covariance.
struct Truth {
    /// Running sums of the weights.
    cumulative: Vec<f64>,
    means: Vec<f32>,
    /// A by columns, `[K, D, D]`.
    factors: Vec<f32>,
}

impl Truth {
    /// Weights between ½ and 1½ before normalisation, means about a common offset, variances along
    /// random axes log-uniform in 0.25…2.5.
    fn new(case: &Case, seed: u64) -> Truth {
        let (k, d) = (case.n_components, case.n_features);
        let mut rng = stream(seed, MIXTURE_STREAM);
        let mut sum = 0.0;
        let cumulative = (0..k).map(|_| {
            sum += rng.random_range(0.5..1.5);
            sum
        });
        let cumulative = cumulative.collect();
        let mut normal = || Distribution::<f64>::sample(&StandardNormal, &mut rng);
        let offset: Vec<f64> = (0..d).map(|_| 2.0 * normal()).collect();
        let deviation = SEPARATION / (2.0 * d as f64).sqrt() * (k as f64).powf(1.0 / d as f64);
        let means = (0..k * d).map(|i| (offset[i % d] + deviation * normal()) as f32).collect();
        let mut factors = vec![0.0; k * d * d];
        factors.par_chunks_exact_mut(d * d).enumerate().for_each(|(component, factor)| {
            let mut rng = stream(seed, MIXTURE_STREAM + 1 + component as u64);
            let axes = random_rotation(d, &mut rng);
            for (column, axis) in factor.chunks_exact_mut(d).zip(axes.chunks_exact(d)) {
                let deviation = (0.25 * 10f64.powf(rng.random_range(0.0..1.0))).sqrt();
                column.iter_mut().zip(axis).for_each(|(a, q)| *a = (deviation * q) as f32);
            }
        });
        Truth { cumulative, means, factors }
    }

    fn draw(&self, rng: &mut ChaCha8Rng, x: &mut [f32]) {
        let d = x.len();
        let total = self.cumulative.last().copied().unwrap_or(1.0);
        let u = rng.random::<f64>() * total;
        let k = self.cumulative.partition_point(|c| *c <= u).min(self.cumulative.len() - 1);
        x.copy_from_slice(&self.means[k * d..(k + 1) * d]);
        for column in self.factors[k * d * d..(k + 1) * d * d].chunks_exact(d) {
            let z: f32 = StandardNormal.sample(rng);
            x.iter_mut().zip(column).for_each(|(x, a)| *x += z * a);
        }
    }
}

/// The samples of `case`, in single precision.
///
/// # Errors
/// None of its own: samples are finite by construction.
pub fn samples(case: &Case, seed: u64) -> Result<Samples<'static>> {
    let d = case.n_features;
    let truth = Truth::new(case, seed);
    let mut values = vec![0.0f32; case.n_samples * d];
    values.par_chunks_mut(BLOCK * d).enumerate().for_each(|(block, values)| {
        let mut rng = stream(seed, block as u64);
        values.chunks_exact_mut(d).for_each(|x| truth.draw(&mut rng, x));
    });
    Samples::new(values, d)
}

/// The start of `case` on `samples`: K distinct rows as means, weights 1/K, every covariance the
/// diagonal of the data's variances (spherical: their mean).
///
/// # Errors
/// [`crate::Error::InvalidParameters`] if a feature is constant.
pub fn start(case: &Case, samples: &Samples<'_>, seed: u64) -> Result<Parameters> {
    let (k, d) = (case.n_components, case.n_features);
    let mut rng = stream(seed, START_STREAM);
    let mut scratch = Scratch::default();
    let mut means = Vec::with_capacity(k * d);
    for row in index::sample(&mut rng, samples.n_samples(), k) {
        means.extend_from_slice(samples.read(row..row + 1, &mut scratch)?.values());
    }
    let (_, variances) = column_moments(samples)?;
    let matrix = || (0..d * d).map(|i| if i % (d + 1) == 0 { variances[i / d] } else { 0.0 });
    let covariances = match case.covariance_type {
        CovarianceType::Full => matrix().collect::<Vec<f64>>().repeat(k),
        CovarianceType::Tied => matrix().collect(),
        CovarianceType::Diag => variances.repeat(k),
        CovarianceType::Spherical => vec![variances.iter().sum::<f64>() / d as f64; k],
    };
    Parameters::new(case.covariance_type, vec![1.0 / k as f64; k], means, covariances)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Values;

    fn values<'a>(samples: &'a Samples<'_>) -> &'a [f32] {
        match samples.values() {
            Values::F32(values) => values,
            Values::F64(_) => &[],
        }
    }

    /// A shorter case is a prefix of a longer one, on any number of threads.
    #[test]
    fn the_same_rows_whatever_the_length_and_the_threads() -> Result<()> {
        let long = samples(&Case::parse("40000,3,4", CovarianceType::Full)?, 1)?;
        let short = Case::parse("17000,3,4", CovarianceType::Full)?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        let pool = pool.map_err(|e| crate::Error::option("threads", 1, e.to_string()))?;
        let short_samples = pool.install(|| samples(&short, 1))?;
        assert_eq!(values(&short_samples), &values(&long)[..17_000 * 3]);
        assert_ne!(values(&samples(&short, 2)?), values(&short_samples));
        Ok(())
    }

    #[test]
    fn the_start_is_rows_and_variances() -> Result<()> {
        for t in CovarianceType::ALL {
            let case = Case::parse("500,3,4", t)?;
            let samples = samples(&case, 0)?;
            let start = start(&case, &samples, 0)?;
            let rows: Vec<Vec<f64>> =
                values(&samples).chunks_exact(3).map(|x| x.iter().map(|v| f64::from(*v)).collect()).collect();
            let picked = (0..4).map(|k| rows.iter().position(|row| row == start.mean(k)));
            let mut picked: Vec<_> = picked.collect();
            picked.sort();
            picked.dedup();
            assert!(picked.len() == 4 && !picked.contains(&None), "{t}: {picked:?}");
            let mean: f64 = rows.iter().map(|x| x[0]).sum::<f64>() / 500.0;
            let variance: f64 = rows.iter().map(|x| (x[0] - mean).powi(2)).sum::<f64>() / 500.0;
            if t != CovarianceType::Spherical {
                assert!((start.covariance_matrix(1)[0] / variance - 1.0).abs() < 1e-12, "{t}");
            }
        }
        Ok(())
    }
}
