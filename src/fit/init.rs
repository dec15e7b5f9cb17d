//! Where a fit starts. Every random choice comes from ChaCha8 seeded with `seed`, stream `restart`:
//! the same on every platform and run, different for every restart.
//!
//! Large data are seeded on at most [`SEEDING_SAMPLES`] samples, evenly spaced; the start then
//! serves all samples.

mod kmeans;
mod subset;

pub use subset::SEEDING_SAMPLES;
pub(crate) use subset::Subset;

use rand::{Rng, RngExt, SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::data::Dataset;
use crate::error::Result;
use crate::fit::options::{CheckedOptions, Init, OnCollapse};
use crate::mixture::Parameters;
use crate::mixture::moments::{MStep, Moments};
use crate::mixture::shape::{CovarianceType, triangle_index, triangle_len};

/// The start of restart `restart`.
///
/// # Errors
/// [`crate::Error::ComponentCollapsed`] if the seeding left a component without samples; under a
/// policy other than [`OnCollapse::Error`] that component comes back with weight 0 instead.
pub fn seed(data: &dyn Dataset, options: &CheckedOptions, restart: usize) -> Result<Parameters> {
    let computed = match &options.init {
        Init::Given(start) => start.clone(),
        _ => compute(data, options, restart)?,
    };
    Ok(options.start.replace_in(computed))
}

/// The start that the method finds by itself.
fn compute(data: &dyn Dataset, options: &CheckedOptions, restart: usize) -> Result<Parameters> {
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    rng.set_stream(restart as u64);
    let subset = Subset::new(data)?;
    let k = options.n_components;
    let responsibilities = match &options.init {
        Init::KMeans => one_hot(&kmeans::lloyd(&subset, kmeans::plus_plus(&subset, k, &mut rng)), k),
        Init::KMeansPlusPlus => {
            one_hot(&kmeans::nearest(&subset, &kmeans::plus_plus(&subset, k, &mut rng)), k)
        }
        Init::RandomFromData => {
            let rows = index::sample(&mut rng, subset.weights.len(), k).into_vec();
            let seeds: Vec<f64> = rows.iter().flat_map(|&n| subset.row(n).iter().copied()).collect();
            one_hot(&kmeans::nearest(&subset, &seeds), k)
        }
        Init::Random => random_rows(subset.weights.len(), k, &mut rng),
        Init::Notebook | Init::Given(_) => return Ok(notebook(&subset, options, &mut rng)),
    };
    let moments = moments(&subset, &responsibilities, options.covariance_type, k);
    let rule = MStep { reg_covar: options.reg_covar, ..MStep::default() };
    match options.on_collapse {
        OnCollapse::Error => rule.parameters(&moments, &moments.origins, 0),
        // Whatever collapsed already is dealt with by the loop.
        _ => Ok(rule.maximise(&moments, &moments.origins)),
    }
}

/// Rows of responsibilities, `[N, K]`, that give each sample wholly to its label.
fn one_hot(labels: &[usize], k: usize) -> Vec<f64> {
    let mut responsibilities = vec![0.0; labels.len() * k];
    for (row, label) in responsibilities.chunks_exact_mut(k).zip(labels) {
        row[*label] = 1.0;
    }
    responsibilities
}

fn random_rows(n: usize, k: usize, rng: &mut impl Rng) -> Vec<f64> {
    let mut responsibilities: Vec<f64> = (0..n * k).map(|_| rng.random::<f64>()).collect();
    for row in responsibilities.chunks_exact_mut(k) {
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|r| *r = if sum > 0.0 { *r / sum } else { 1.0 / k as f64 });
    }
    responsibilities
}

/// Moments of the subset about the responsibilities' own means, so that nothing cancels.
fn moments(subset: &Subset, responsibilities: &[f64], covariance_type: CovarianceType, k: usize) -> Moments {
    let d = subset.n_features;
    let mut counts = vec![0.0; k];
    let mut means = vec![0.0; k * d];
    let rows = || subset.values.chunks_exact(d).zip(&subset.weights).zip(responsibilities.chunks_exact(k));
    for ((x, w), r) in rows() {
        for c in (0..k).filter(|&c| r[c] > 0.0) {
            counts[c] += w * r[c];
            means[c * d..(c + 1) * d].iter_mut().zip(x).for_each(|(m, x)| *m += w * r[c] * x);
        }
    }
    means.iter_mut().enumerate().for_each(|(i, m)| *m /= counts[i / d].max(f64::MIN_POSITIVE));
    let mut moments = Moments::zero(covariance_type, d, means);
    moments.effective_counts = counts;
    let t = triangle_len(d);
    let mut z = vec![0.0; d];
    for ((x, w), r) in rows() {
        for c in (0..k).filter(|&c| r[c] > 0.0) {
            let weight = w * r[c];
            for i in 0..d {
                z[i] = x[i] - moments.origins[c * d + i];
                moments.first_moments[c * d + i] += weight * z[i];
            }
            let second = &mut moments.second_moments;
            for i in 0..d {
                match covariance_type {
                    CovarianceType::Full | CovarianceType::Tied => {
                        let first = if covariance_type == CovarianceType::Full { c * t } else { 0 };
                        for j in 0..=i {
                            second[first + triangle_index(i, j)] += weight * z[i] * z[j];
                        }
                    }
                    CovarianceType::Diag => second[c * d + i] += weight * z[i] * z[i],
                    CovarianceType::Spherical => second[c] += weight * z[i] * z[i],
                }
            }
        }
    }
    moments
}

/// Weights 1/K, means ~ N(column mean, column std), covariances diag(column std): the standard
/// deviation itself stands on the diagonal, as in the notebook. A constant column gets 1.
fn notebook(subset: &Subset, options: &CheckedOptions, rng: &mut impl Rng) -> Parameters {
    let (k, d) = (options.n_components, subset.n_features);
    let (mean, std) = subset.column_moments();
    let means = (0..k * d)
        .map(|i| {
            let normal: f64 = StandardNormal.sample(rng);
            mean[i % d] + std[i % d] * normal
        })
        .collect();
    let width: Vec<f64> = std.iter().map(|s| if *s > 0.0 { *s } else { 1.0 }).collect();
    let covariances = match options.covariance_type {
        CovarianceType::Full | CovarianceType::Tied => {
            let copies = if options.covariance_type == CovarianceType::Full { k } else { 1 };
            let mut matrices = vec![0.0; copies * d * d];
            for matrix in matrices.chunks_exact_mut(d * d) {
                (0..d).for_each(|i| matrix[i * d + i] = width[i]);
            }
            matrices
        }
        CovarianceType::Diag => width.repeat(k),
        CovarianceType::Spherical => vec![width.iter().sum::<f64>() / d as f64; k],
    };
    Parameters::from_parts(options.covariance_type, d, vec![1.0 / k as f64; k], means, covariances)
}
