//! Which features to show.

use crate::error::{Error, Result};
use crate::mixture::Parameters;

/// Features in one figure at most.
pub const MOST_FEATURES: usize = 8;
/// Features that are shown when none are chosen.
const SHOWN: usize = 4;

/// The `count` features (indices from 0, ascending) whose components lie farthest apart: by the ratio of the
/// variance between the components' means to the mean variance within them, of each feature's marginal.
pub fn most_separating(parameters: &Parameters, count: usize) -> Vec<usize> {
    let mut ranked: Vec<(f64, usize)> =
        (0..parameters.n_features()).map(|feature| (separation(parameters, feature), feature)).collect();
    // Of equals the first column.
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut chosen: Vec<usize> = ranked.into_iter().take(count).map(|(_, feature)| feature).collect();
    chosen.sort_unstable();
    chosen
}

fn separation(parameters: &Parameters, feature: usize) -> f64 {
    let (means, variances) = marginal(parameters, feature);
    let weighted = |value: &dyn Fn(usize) -> f64| {
        parameters.weights().iter().enumerate().map(|(k, w)| w * value(k)).sum()
    };
    let mean: f64 = weighted(&|k| means[k]);
    let between: f64 = weighted(&|k| (means[k] - mean).powi(2));
    let within: f64 = weighted(&|k| variances[k]);
    let ratio = between / within;
    if ratio.is_nan() { 0.0 } else { ratio }
}

/// Mean and variance of every component in one feature, `[K]` each.
pub(super) fn marginal(parameters: &Parameters, feature: usize) -> (Vec<f64>, Vec<f64>) {
    let components = 0..parameters.n_components();
    let means = components.clone().map(|k| parameters.mean(k)[feature]).collect();
    let variances = components.map(|k| parameters.variance(k, feature)).collect();
    (means, variances)
}

/// The features to show.
///
/// # Errors
/// [`Error::Option`] naming `features` for too many, an unknown one, or one given twice.
pub(super) fn chosen(parameters: &Parameters, features: &[usize]) -> Result<Vec<usize>> {
    if features.is_empty() {
        return Ok(most_separating(parameters, SHOWN));
    }
    if features.len() > MOST_FEATURES {
        let allowed = format!("at most {MOST_FEATURES} features fit into one figure");
        return Err(Error::option("features", features.len(), allowed));
    }
    // The marginal checks the rest.
    parameters.marginal(features)?;
    Ok(features.to_vec())
}
