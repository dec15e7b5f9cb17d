//! Which components of new parameters have collapsed.

use rayon::prelude::*;

use crate::error::Error;
use crate::mixture::Parameters;
use crate::mixture::linalg;
use crate::mixture::moments::COLLAPSED_COUNT;
use crate::mixture::shape::CovarianceType;

/// In units of D·ε: what a Cholesky pivot may lose to rounding, relative to its diagonal entry. At or below this, the
/// order of the additions decides whether a factorisation succeeds.
const PIVOT_ROUNDING: f64 = 16.0;

/// A component that collapsed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    /// The component; none is the covariance that tied components share.
    pub(super) component: Option<usize>,
    fault: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Empty { effective_count: f64 },
    Singular(linalg::BadPivot),
}

impl Found {
    /// Whether no sample is left to compute its mean from.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.fault, Fault::Empty { .. })
    }

    /// The error for a component that must not collapse.
    pub(super) fn error(&self, iteration: usize) -> Error {
        let component = self.component.unwrap_or(0);
        match self.fault {
            Fault::Empty { effective_count } => {
                Error::ComponentCollapsed { component, iteration, effective_count }
            }
            Fault::Singular(linalg::BadPivot { row, value }) => {
                Error::NotPositiveDefinite { component, pivot: row, value, iteration: Some(iteration) }
            }
        }
    }
}

/// The collapsed components of `parameters` in ascending order, then the shared covariance if it is
/// singular. A variance must be larger than its column's in `least_variances`.
pub(super) fn find(parameters: &Parameters, total_weight: f64, least_variances: &[f64]) -> Vec<Found> {
    let (covariance_type, d) = (parameters.covariance_type(), parameters.n_features());
    let fault = |covariance: &[f64]| singular(covariance, covariance_type, d, least_variances);
    let size = covariance_type.block_len(d);
    let mut faults: Vec<Option<linalg::BadPivot>> =
        parameters.covariances().par_chunks_exact(size).map(fault).collect();
    let shared = if covariance_type == CovarianceType::Tied { faults.pop().flatten() } else { None };
    faults.resize(parameters.n_components(), None);
    let own = faults.into_iter().enumerate().filter_map(|(c, pivot)| {
        let effective_count = parameters.weights()[c] * total_weight;
        let fault = if effective_count > COLLAPSED_COUNT && parameters.mean(c).iter().all(|m| m.is_finite()) {
            Fault::Singular(pivot?)
        } else {
            Fault::Empty { effective_count }
        };
        Some(Found { component: Some(c), fault })
    });
    own.chain(shared.map(|pivot| Found { component: None, fault: Fault::Singular(pivot) })).collect()
}

/// Whether a covariance is finite and positive definite by a margin that rounding cannot eat up.
pub(super) fn is_sound(
    covariance: &[f64],
    covariance_type: CovarianceType,
    d: usize,
    least_variances: &[f64],
) -> bool {
    singular(covariance, covariance_type, d, least_variances).is_none()
}

fn singular(
    covariance: &[f64],
    covariance_type: CovarianceType,
    d: usize,
    least_variances: &[f64],
) -> Option<linalg::BadPivot> {
    let mean = least_variances.iter().sum::<f64>() / d as f64;
    let diagonal: Vec<(f64, f64)> = match covariance_type {
        CovarianceType::Full | CovarianceType::Tied => {
            (0..d).map(|i| (covariance[i * d + i], least_variances[i])).collect()
        }
        CovarianceType::Diag => covariance.iter().copied().zip(least_variances.iter().copied()).collect(),
        CovarianceType::Spherical => vec![(covariance[0], mean)],
    };
    if let Some(row) = diagonal.iter().position(|(value, least)| !(value.is_normal() && value > least)) {
        return Some(linalg::BadPivot { row, value: diagonal[row].0 });
    }
    if matches!(covariance_type, CovarianceType::Diag | CovarianceType::Spherical) {
        return None;
    }
    match linalg::cholesky(covariance, d) {
        Err(pivot) => Some(pivot),
        Ok(l) => (0..d).find_map(|row| {
            let value = l[row * d + row] * l[row * d + row];
            let rounding = PIVOT_ROUNDING * d as f64 * f64::EPSILON * covariance[row * d + row];
            (value <= rounding).then_some(linalg::BadPivot { row, value })
        }),
    }
}
