//! Components of so few samples that their covariance says nothing.

use crate::mixture::Parameters;
use crate::mixture::shape::CovarianceType;
use crate::report::Degenerate;

/// The components of `parameters` that hold at most one of the `n_samples`, rounded to whole samples; with a full
/// covariance of their own, at most D. So few samples show no spread: the covariance is what `reg_covar` leaves,
/// and the likelihood grows without end as `reg_covar` falls.
///
/// A count is the component's weight in rows, so that the scale of sample weights does not matter.
pub(super) fn find(parameters: &Parameters, n_samples: usize) -> Vec<Degenerate> {
    let too_few = match parameters.covariance_type() {
        CovarianceType::Full => parameters.n_features().max(1),
        CovarianceType::Tied | CovarianceType::Diag | CovarianceType::Spherical => 1,
    };
    let counts = parameters.weights().iter().map(|weight| weight * n_samples as f64).enumerate();
    counts
        .filter(|(_, count)| count.round() <= too_few as f64)
        .map(|(component, effective_count)| Degenerate { component, effective_count })
        .collect()
}
