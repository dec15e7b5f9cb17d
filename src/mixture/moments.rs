//! [`Moments`]: sufficient statistics of an E-step, and the M-step that turns them into parameters.

mod definite;
mod m_step;

pub use m_step::{CovarianceCenter, MStep};

use crate::error::{Error, Result};
use crate::mixture::shape::{CovarianceType, triangle_index, triangle_len};

/// An effective count at or below this has no information left (scikit-learn adds 10 ε instead).
pub(crate) const COLLAPSED_COUNT: f64 = 10.0 * f64::EPSILON;

/// Largest relative gap between Σ effective counts and Σ sample weights. An f32 engine stays below
/// 1e-5; a device that drops one dispatch in a thousand does not.
pub(crate) const COUNT_TOLERANCE: f64 = 1e-4;

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
    #[doc(hidden)]
    pub fn n_components(&self) -> usize {
        self.effective_counts.len()
    }

    /// Adds the moments of other samples. Those about other origins are [moved](Moments::about) to these first.
    ///
    /// # Errors
    /// [`Error::Shape`] if the type or sizes differ.
    pub fn add(&mut self, other: &Moments) -> Result<()> {
        if self.covariance_type != other.covariance_type {
            return Err(Error::shape("moments to add", self.covariance_type, other.covariance_type));
        }
        let sizes = |m: &Moments| format!("{} components of {} features", m.n_components(), m.n_features);
        if self.n_features != other.n_features || self.origins.len() != other.origins.len() {
            return Err(Error::shape("moments to add", sizes(self), sizes(other)));
        }
        let moved = (self.origins != other.origins).then(|| other.clone().about(&self.origins));
        let other = moved.as_ref().unwrap_or(other);
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

    /// The same moments about `origins` (`[K, D]`): with δ = o − o', first' = first + N δ and second' = second +
    /// δ firstᵀ + first δᵀ + N δ δᵀ, exact but for the rounding of f64. Digits are lost only if the origins move by
    /// many standard deviations; engines differ by the rounding of one mean.
    #[must_use]
    #[doc(hidden)]
    pub fn about(mut self, origins: &[f64]) -> Self {
        let (k, d) = (self.n_components(), self.n_features);
        let t = triangle_len(d);
        let mut shift = vec![0.0; d];
        for c in 0..k {
            let mean = c * d..(c + 1) * d;
            let (from, to) = (&self.origins[mean.clone()], &origins[mean.clone()]);
            shift.iter_mut().zip(from.iter().zip(to)).for_each(|(s, (from, to))| *s = from - to);
            if shift.iter().all(|s| *s == 0.0) {
                continue;
            }
            let count = self.effective_counts[c];
            let first = &self.first_moments[mean.clone()];
            let moved =
                |i: usize, j: usize| shift[i] * first[j] + first[i] * shift[j] + count * shift[i] * shift[j];
            let second = &mut self.second_moments;
            match self.covariance_type {
                CovarianceType::Full | CovarianceType::Tied => {
                    let start = if self.covariance_type == CovarianceType::Full { c * t } else { 0 };
                    for i in 0..d {
                        for j in 0..=i {
                            second[start + triangle_index(i, j)] += moved(i, j);
                        }
                    }
                }
                CovarianceType::Diag => (0..d).for_each(|i| second[c * d + i] += moved(i, i)),
                CovarianceType::Spherical => second[c] += (0..d).map(|i| moved(i, i)).sum::<f64>(),
            }
            self.first_moments[mean].iter_mut().zip(&shift).for_each(|(f, s)| *f += count * s);
        }
        self.origins.copy_from_slice(origins);
        self
    }

    /// Checks that every sum is finite and that Σ N_k is `total_weight` within `tolerance` (relative):
    /// a device that silently dropped work is found here.
    ///
    /// # Errors
    /// [`Error::NonFiniteResult`] naming the component and quantity.
    #[doc(hidden)]
    pub fn check(&self, total_weight: f64, tolerance: f64) -> Result<()> {
        let fail = |what: String| Err(Error::NonFiniteResult { stage: "the E-step", iteration: None, what });
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
