//! The M-step: [`Moments`] become parameters.

use rayon::prelude::*;

use super::{COLLAPSED_COUNT, Moments, definite};
use crate::error::{Error, Result};
use crate::mixture::Parameters;
use crate::mixture::shape::{CovarianceType, triangle_index, triangle_len};

/// Entries of all covariances below which one thread fills them faster than many.
const PARALLEL_ENTRIES: usize = 1 << 16;

/// The point a new covariance is taken about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CovarianceCenter {
    /// The new mean: maximum likelihood, scikit-learn's rule.
    #[default]
    NewMean,
    /// The mean before the M-step: the teaching notebook's rule. Same fixed points, but the
    /// log-likelihood need not rise monotonically.
    OldMean,
}

named!(CovarianceCenter: "covariance_center" { NewMean = "new-mean", OldMean = "old-mean" });

/// The rule of the maximum-likelihood M-step: parameters that maximise the expected complete log-likelihood (Bishop,
/// *PRML*, 9.24–9.26), from moments about any origins, in f64.
///
/// With d = first/N_k the new mean is o + d exactly, and about a center p the covariance is
/// B/N_k − d dᵀ + (m−p)(m−p)ᵀ: p is the new mean m by default, or the old one under
/// [`CovarianceCenter::OldMean`]. If `reg_covar` is above 0 and [`Moments::rounding`] is, too, components of few samples
/// (under 4·D) stay positive definite: their diagonal is raised by as many units of rounding as that takes, at most 2¹⁰.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MStep {
    /// The point that covariances are taken about.
    pub center: CovarianceCenter,
    /// Added to their diagonal (data units²).
    pub reg_covar: f64,
}

impl MStep {
    /// The parameters from the moments of `iteration`, whose E-step was under `old_means` (`[K, D]`).
    ///
    /// # Errors
    /// [`Error::ComponentCollapsed`] if an effective count is (nearly) 0.
    pub fn parameters(&self, moments: &Moments, old_means: &[f64], iteration: usize) -> Result<Parameters> {
        let counts = &moments.effective_counts;
        if let Some(component) = counts.iter().position(|n| n.is_nan() || *n <= COLLAPSED_COUNT) {
            return Err(Error::ComponentCollapsed {
                component,
                iteration,
                effective_count: counts[component],
            });
        }
        Ok(self.maximise(moments, old_means))
    }

    /// [`MStep::parameters`] that lets empty components through: they keep (nearly) their origin as mean and get the
    /// weight that their count gives, at least 0; their covariance means nothing.
    pub(crate) fn maximise(&self, moments: &Moments, old_means: &[f64]) -> Parameters {
        maximise(moments, old_means, *self)
    }
}

fn maximise(moments: &Moments, old_means: &[f64], MStep { center, reg_covar }: MStep) -> Parameters {
    let (k, d) = (moments.n_components(), moments.n_features);
    let total: f64 = moments.effective_counts.iter().sum();
    let weights = moments.effective_counts.iter().map(|n| n.max(0.0) / total).collect();
    // What sums are divided by; nothing is divided by (nearly) 0.
    let counts: Vec<f64> =
        moments.effective_counts.iter().map(|n| if *n > COLLAPSED_COUNT { *n } else { 1.0 }).collect();
    // Shift of each mean from its origin, and from the center its covariance is taken about.
    let shifts: Vec<f64> = moments.first_moments.iter().enumerate().map(|(i, f)| f / counts[i / d]).collect();
    let means: Vec<f64> = moments.origins.iter().zip(&shifts).map(|(o, s)| o + s).collect();
    let offsets: Vec<f64> = match center {
        CovarianceCenter::NewMean => vec![0.0; k * d],
        CovarianceCenter::OldMean => means.iter().zip(old_means).map(|(m, p)| m - p).collect(),
    };
    // (x−p)(x−p)ᵀ averaged = B/N − d dᵀ + (m−p)(m−p)ᵀ, entry (i, j) of component c.
    let correction = |c: usize, i: usize, j: usize| {
        offsets[c * d + i] * offsets[c * d + j] - shifts[c * d + i] * shifts[c * d + j]
    };
    let t = triangle_len(d);
    let mut covariances = match moments.covariance_type {
        CovarianceType::Full => {
            let mut covariances = vec![0.0; k * d * d];
            let fill = |(c, matrix): (usize, &mut [f64])| {
                let second = &moments.second_moments[c * t..(c + 1) * t];
                fill_symmetric(matrix, d, reg_covar, |i, j| {
                    second[triangle_index(i, j)] / counts[c] + correction(c, i, j)
                });
            };
            // Waking the other threads costs more than filling a few small matrices.
            if covariances.len() < PARALLEL_ENTRIES {
                covariances.chunks_exact_mut(d * d).enumerate().for_each(fill);
            } else {
                covariances.par_chunks_exact_mut(d * d).enumerate().for_each(fill);
            }
            covariances
        }
        CovarianceType::Tied => {
            let mut covariances = vec![0.0; d * d];
            fill_symmetric(&mut covariances, d, reg_covar, |i, j| {
                let between: f64 = (0..k).map(|c| moments.effective_counts[c] * correction(c, i, j)).sum();
                (moments.second_moments[triangle_index(i, j)] + between) / total
            });
            covariances
        }
        CovarianceType::Diag => (0..k * d)
            .map(|i| {
                let (c, f) = (i / d, i % d);
                moments.second_moments[i] / counts[c] + correction(c, f, f) + reg_covar
            })
            .collect(),
        CovarianceType::Spherical => (0..k)
            .map(|c| {
                let between: f64 = (0..d).map(|f| correction(c, f, f)).sum();
                (moments.second_moments[c] / counts[c] + between) / d as f64 + reg_covar
            })
            .collect(),
    };
    if moments.rounding > 0.0 && reg_covar > 0.0 {
        definite::settle(moments, reg_covar, &mut covariances);
    }
    Parameters::from_parts(moments.covariance_type, d, weights, means, covariances)
}

fn fill_symmetric(matrix: &mut [f64], d: usize, reg_covar: f64, entry: impl Fn(usize, usize) -> f64) {
    for i in 0..d {
        for (j, value) in matrix[i * d..=i * d + i].iter_mut().enumerate() {
            *value = entry(i, j);
        }
        for j in 0..i {
            matrix[j * d + i] = matrix[i * d + j];
        }
        matrix[i * d + i] += reg_covar;
    }
}
