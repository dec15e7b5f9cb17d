//! Sufficient statistics of an E-step, and the M-step that turns them into parameters.

mod definite;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::mixture::Parameters;
use crate::mixture::shape::{CovarianceType, triangle_index, triangle_len};

/// An effective count at or below this has no information left (scikit-learn adds 10 ε instead).
pub(crate) const COLLAPSED_COUNT: f64 = 10.0 * f64::EPSILON;

/// Largest relative gap between Σ effective counts and Σ sample weights. An f32 engine stays below
/// 1e-5; a device that drops one dispatch in a thousand does not.
pub(crate) const COUNT_TOLERANCE: f64 = 1e-4;

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

/// Responsibility-weighted sums over samples, with w_n the sample weights and o_k the `origins`:
/// `effective_counts` N_k = Σ w r, `first_moments` Σ w r (x−o), `second_moments` Σ w r (x−o)(x−o)ᵀ,
/// and the log-likelihood Σ w ln p(x). Moments of disjoint sets of samples add.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// The form of the second moments.
    pub covariance_type: CovarianceType,
    /// D.
    pub n_features: usize,
    /// o_k, `[K, D]`: the component's current mean, as exactly as the engine held it.
    pub origins: Vec<f64>,
    /// N_k, `[K]`.
    pub effective_counts: Vec<f64>,
    /// `[K, D]` about the origins.
    pub first_moments: Vec<f64>,
    /// About the origins: full `[K, D(D+1)/2]` lower triangles, tied their sum over components,
    /// diag `[K, D]` diagonals, spherical `[K]` traces.
    pub second_moments: Vec<f64>,
    /// Σ w_n ln p(x_n), nats.
    pub log_likelihood: f64,
    /// What rounding may take from a sum, relative to it, where that matters: f32's ε of sums in f32; 0 in f64.
    pub rounding: f64,
}

impl Moments {
    /// Sums of no samples about `origins` (`[K, D]`).
    pub fn zero(covariance_type: CovarianceType, n_features: usize, origins: Vec<f64>) -> Self {
        let k = origins.len() / n_features;
        Moments {
            covariance_type,
            n_features,
            effective_counts: vec![0.0; k],
            first_moments: vec![0.0; origins.len()],
            second_moments: vec![0.0; covariance_type.second_moments_len(k, n_features)],
            log_likelihood: 0.0,
            rounding: 0.0,
            origins,
        }
    }

    /// K.
    pub fn n_components(&self) -> usize {
        self.effective_counts.len()
    }

    /// Adds the moments of other samples about the same origins.
    ///
    /// # Errors
    /// [`Error::Shape`] if the type, sizes or origins differ.
    pub fn add(&mut self, other: &Moments) -> Result<()> {
        if self.covariance_type != other.covariance_type || self.n_features != other.n_features {
            return Err(Error::shape("moments to add", self.covariance_type, other.covariance_type));
        }
        if self.origins != other.origins {
            return Err(Error::shape("moments to add", "the same origins", "other origins"));
        }
        let sums = [
            (&mut self.effective_counts, &other.effective_counts),
            (&mut self.first_moments, &other.first_moments),
            (&mut self.second_moments, &other.second_moments),
        ];
        for (to, from) in sums {
            to.iter_mut().zip(from).for_each(|(t, f)| *t += f);
        }
        self.log_likelihood += other.log_likelihood;
        self.rounding = self.rounding.max(other.rounding);
        Ok(())
    }

    /// Checks that every sum is finite and that Σ N_k is `total_weight` within `tolerance` (relative):
    /// a device that silently dropped work is found here.
    ///
    /// # Errors
    /// [`Error::NonFiniteResult`] naming the component and quantity.
    pub fn check(&self, total_weight: f64, tolerance: f64, iteration: usize) -> Result<()> {
        let fail = |what: String| Err(Error::NonFiniteResult { stage: "the E-step", iteration, what });
        let k = self.n_components();
        let groups = [
            ("effective count", &self.effective_counts),
            ("first moment", &self.first_moments),
            ("second moment", &self.second_moments),
        ];
        for (name, values) in groups {
            if let Some(i) = values.iter().position(|v| !v.is_finite()) {
                let is_shared = name == "second moment" && self.covariance_type == CovarianceType::Tied;
                let whose = if is_shared {
                    "of all components together".into()
                } else {
                    format!("of component {}", i * k / values.len())
                };
                return fail(format!("a {name} {whose} is {}", values[i]));
            }
        }
        if !self.log_likelihood.is_finite() {
            return fail(format!("the log-likelihood is {}", self.log_likelihood));
        }
        let sum: f64 = self.effective_counts.iter().sum();
        if (sum - total_weight).abs() > tolerance * total_weight {
            return fail(format!(
                "the effective counts sum to {sum}, the samples' weights to {total_weight}: work was lost"
            ));
        }
        Ok(())
    }
}

/// The M-step: parameters that maximise the expected complete log-likelihood (Bishop, *PRML*,
/// 9.24–9.26), from moments about any origins, in f64.
///
/// With d = first/N_k the new mean is o + d exactly, and about a centre p the covariance is
/// B/N_k − d dᵀ + (m−p)(m−p)ᵀ: p is the new mean m by default, or `old_means` under
/// [`CovarianceCenter::OldMean`]. `reg_covar` (data units²) is added to the diagonal; where it is above 0
/// and [`Moments::rounding`] is, too, components of few samples (under 4·D) stay positive definite:
/// their diagonal is raised by as many units of rounding as that takes, at most 2¹⁰.
///
/// # Errors
/// [`Error::ComponentCollapsed`] if an effective count is (nearly) 0.
pub fn m_step(
    moments: &Moments,
    old_means: &[f64],
    center: CovarianceCenter,
    reg_covar: f64,
    iteration: usize,
) -> Result<Parameters> {
    let counts = &moments.effective_counts;
    if let Some(component) = counts.iter().position(|n| n.is_nan() || *n <= COLLAPSED_COUNT) {
        return Err(Error::ComponentCollapsed { component, iteration, effective_count: counts[component] });
    }
    Ok(maximise(moments, old_means, center, reg_covar))
}

/// [`m_step`] that lets empty components through: they keep (nearly) their origin as mean and get the
/// weight that their count gives, at least 0; their covariance means nothing.
pub(crate) fn maximise(
    moments: &Moments,
    old_means: &[f64],
    center: CovarianceCenter,
    reg_covar: f64,
) -> Parameters {
    let (k, d) = (moments.n_components(), moments.n_features);
    let total: f64 = moments.effective_counts.iter().sum();
    let weights = moments.effective_counts.iter().map(|n| n.max(0.0) / total).collect();
    // What sums are divided by; nothing is divided by (nearly) 0.
    let counts: Vec<f64> =
        moments.effective_counts.iter().map(|n| if *n > COLLAPSED_COUNT { *n } else { 1.0 }).collect();
    // Shift of each mean from its origin, and from the centre its covariance is taken about.
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
