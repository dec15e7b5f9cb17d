//! How many digits f32 sums leave to each component of a mixture, from its parameters alone.
//!
//! On the device a sample is x' = (x − center)/scale, rounded to f32 as are the whitening factor
//! W' = L⁻¹ diag(scale) and b = W' μ'. With u = 2⁻²⁴, m' the component's mean and s' its standard
//! deviations on that scale, the whitened coordinate z_i = (W' x')_i − b_i is off by about u·e_i with
//!
//! e_i² = Σ_j W'_ij² (m'_j² + s'_j²),
//!
//! in standard deviations: means and log-densities inherit it. Second moments are summed in x', where entry
//! (i, j) is known to u·s'_i s'_j; back in whitened coordinates that is u·c_i with
//!
//! c_i = Σ_j W'_ij² s'_j²,
//!
//! which is the condition of the correlation matrix up to a factor of D: 1 for uncorrelated features. An
//! offset of all data costs nothing (it is in `center`), a component that is small beside the spread of
//! the data costs e, nearly dependent features cost c. `tests/conditioning.rs` holds the estimate against
//! the device's errors.

use rayon::prelude::*;

use crate::data::Scaling;
use crate::error::Result;
use crate::mixture::Parameters;
use crate::mixture::factors::{Factors, PARALLEL_WORK};
use crate::mixture::shape::CovarianceType;
use crate::report::Warning;

/// Estimated errors above this leave fewer than three digits.
pub const POOR: f64 = 1e-3;

/// Half the distance from 1 to the next f32.
const UNIT_ROUNDOFF: f64 = 1.0 / 16_777_216.0;

/// Whether the device sums second moments of whitened coordinates: a few features are quickly whitened, and
/// nearly dependent ones then cost √c instead of c.
pub(crate) fn has_whitened_moments(covariance_type: CovarianceType, n_features: usize) -> bool {
    covariance_type == CovarianceType::Full && n_features <= 4
}

/// Estimated rounding errors of one component. They are bounds in practice: on the cases of
/// `tests/conditioning.rs` the device's errors are between a hundredth of them and all of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoundingError {
    /// u·max e_i: of the mean, in standard deviations, and of log-densities.
    pub density: f64,
    /// u·max c_i, or its root where moments are whitened: of the covariance, relative.
    pub moments: f64,
}

impl RoundingError {
    /// The larger one; 1e-3 leaves three digits.
    #[doc(hidden)]
    pub fn largest(&self) -> f64 {
        self.density.max(self.moments)
    }
}

/// Estimated rounding errors of an E-step and M-step in f32, `[K]`.
///
/// # Errors
/// [`crate::Error::NotPositiveDefinite`].
pub fn rounding_errors(parameters: &Parameters, scaling: &Scaling) -> Result<Vec<RoundingError>> {
    Ok(of_factors(parameters, &Factors::new(parameters)?, scaling))
}

/// [`rounding_errors`] where the covariances are factorised already, which is most of the work.
pub(crate) fn of_factors(
    parameters: &Parameters,
    precisions: &Factors,
    scaling: &Scaling,
) -> Vec<RoundingError> {
    let (t, k, d) = (parameters.covariance_type(), parameters.n_components(), parameters.n_features());
    let is_matrix = matches!(t, CovarianceType::Full | CovarianceType::Tied);
    let of_component = |c: usize| {
        let deviations: Vec<f64> = (0..d).map(|i| parameters.variance(c, i).sqrt()).collect();
        // The scale cancels: W'_ij s'_j = W_ij s_j and W'_ij m'_j = W_ij (m_j − center_j).
        let shifts: Vec<f64> = parameters.mean(c).iter().zip(&scaling.center).map(|(m, c)| m - c).collect();
        let factor = |i: usize| match t {
            CovarianceType::Full => &precisions.whitening[(c * d + i) * d..][..=i],
            CovarianceType::Tied => &precisions.whitening[i * d..][..=i],
            CovarianceType::Diag => &precisions.whitening[c * d + i..][..1],
            CovarianceType::Spherical => &precisions.whitening[c..][..1],
        };
        let (mut density, mut moments): (f64, f64) = (0.0, 0.0);
        for i in 0..d {
            let first = if is_matrix { 0 } else { i };
            let (mut near, mut far) = (0.0, 0.0);
            for ((w, s), m) in factor(i).iter().zip(&deviations[first..]).zip(&shifts[first..]) {
                near += (w * s).powi(2);
                far += (w * m).powi(2);
            }
            moments = moments.max(near);
            density = density.max(near + far);
        }
        // Never infinite, which no file could hold.
        let bounded = |error: f64| (UNIT_ROUNDOFF * error).min(f64::MAX);
        let moments = if has_whitened_moments(t, d) { moments.sqrt() } else { moments };
        RoundingError { density: bounded(density.sqrt()), moments: bounded(moments) }
    };
    let work = k * d * if is_matrix { d } else { 1 };
    if work < PARALLEL_WORK {
        (0..k).map(of_component).collect()
    } else {
        (0..k).into_par_iter().map(of_component).collect()
    }
}

/// The component to which f32 leaves the fewest digits, and its error.
pub(crate) fn worst(errors: &[f64]) -> Option<(usize, f64)> {
    errors.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))
}

/// The larger error of every component, `[K]`.
pub(crate) fn largest(errors: &[RoundingError]) -> Vec<f64> {
    errors.iter().map(RoundingError::largest).collect()
}

/// The warning for the components to which f32 leaves fewer than three digits, of their largest `errors`, if there are
/// any.
pub(crate) fn few_digits(errors: &[f64]) -> Option<Warning> {
    let (component, error) = worst(errors).filter(|(_, error)| *error > POOR)?;
    let n_components = errors.iter().filter(|error| **error > POOR).count();
    Some(Warning::FewDigits { component, n_components, error })
}
