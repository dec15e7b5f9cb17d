//! [`Parameters`]: weights, means and covariances of a mixture, with their invariants.

use crate::error::{Error, Result};
use crate::mixture::linalg;
use crate::mixture::shape::CovarianceType;

/// How far Σ weights may be from 1: single-precision weights must be accepted.
const WEIGHT_SUM_TOLERANCE: f64 = 1e-6;
/// Largest |a_ij − a_ji| relative to the largest entry of a covariance.
const SYMMETRY_TOLERANCE: f64 = 1e-6;

/// Weights, means and covariances of a mixture: finite, Σ weights = 1, every covariance symmetric
/// and positive definite. Arrays are flat and row-major in scikit-learn's shapes.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    pub(super) covariance_type: CovarianceType,
    pub(super) n_components: usize,
    pub(super) n_features: usize,
    pub(super) weights: Vec<f64>,
    pub(super) means: Vec<f64>,
    pub(super) covariances: Vec<f64>,
}

impl Parameters {
    /// Checks every invariant of a mixture with `weights` `[K]`, `means` `[K·D]` and `covariances`
    /// ([`CovarianceType::covariances_len`] numbers).
    ///
    /// # Errors
    /// [`Error::InvalidParameters`] naming the field.
    pub fn new(
        covariance_type: CovarianceType,
        weights: Vec<f64>,
        means: Vec<f64>,
        covariances: Vec<f64>,
    ) -> Result<Self> {
        let invalid = |field: &str, what: String| Error::InvalidParameters {
            origin: "parameters".into(),
            field: field.into(),
            what,
        };
        let k = weights.len();
        if k == 0 {
            return Err(invalid("weights", "is empty: a mixture has at least one component".into()));
        }
        if means.is_empty() || !means.len().is_multiple_of(k) {
            return Err(invalid(
                "means",
                format!(
                    "has {} numbers, which is not a positive multiple of the {k} components",
                    means.len()
                ),
            ));
        }
        let d = means.len() / k;
        let expected = covariance_type.covariances_len(k, d);
        if covariances.len() != expected {
            return Err(invalid(
                "covariances",
                format!(
                    "has {} numbers; type {covariance_type} with {k} components and {d} features has {expected}",
                    covariances.len()
                ),
            ));
        }
        for (field, values) in [("weights", &weights), ("means", &means), ("covariances", &covariances)] {
            if let Some(i) = values.iter().position(|v| !v.is_finite()) {
                return Err(invalid(
                    field,
                    format!("holds {} at position {i}; all numbers must be finite", values[i]),
                ));
            }
        }
        if let Some(w) = weights.iter().find(|w| !(0.0..=1.0 + WEIGHT_SUM_TOLERANCE).contains(*w)) {
            return Err(invalid("weights", format!("should be in the range [0, 1], but holds {w}")));
        }
        let sum: f64 = weights.iter().sum();
        if (sum - 1.0).abs() > WEIGHT_SUM_TOLERANCE {
            return Err(invalid("weights", format!("should be normalized, but sums to {sum}")));
        }
        let parameters =
            Parameters { covariance_type, n_components: k, n_features: d, weights, means, covariances };
        parameters.check_covariances().map_err(|what| invalid("covariances", what))?;
        Ok(parameters)
    }

    /// For values that are valid by construction (an M-step's): lengths are checked in debug builds,
    /// definiteness when the next E-step factorises.
    pub(crate) fn from_parts(
        covariance_type: CovarianceType,
        n_features: usize,
        weights: Vec<f64>,
        means: Vec<f64>,
        covariances: Vec<f64>,
    ) -> Self {
        let n_components = weights.len();
        debug_assert_eq!(means.len(), n_components * n_features);
        debug_assert_eq!(covariances.len(), covariance_type.covariances_len(n_components, n_features));
        Parameters { covariance_type, n_components, n_features, weights, means, covariances }
    }

    /// Weights, means and covariances, to be changed and put together again.
    pub(crate) fn into_parts(self) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        (self.weights, self.means, self.covariances)
    }

    fn check_covariances(&self) -> std::result::Result<(), String> {
        let d = self.n_features;
        match self.covariance_type {
            CovarianceType::Full | CovarianceType::Tied => {
                for (k, matrix) in self.covariances.chunks_exact(d * d).enumerate() {
                    let largest = matrix.iter().fold(0.0f64, |m, v| m.max(v.abs()));
                    for i in 0..d {
                        for j in 0..i {
                            let gap = (matrix[i * d + j] - matrix[j * d + i]).abs();
                            if gap > SYMMETRY_TOLERANCE * largest {
                                return Err(format!(
                                    "of component {k} should be symmetric, but entries ({i}, {j}) and ({j}, {i}) differ by {gap:e}"
                                ));
                            }
                        }
                    }
                    linalg::cholesky(matrix, d).map_err(|pivot| {
                        format!(
                            "of component {k} should be positive definite, but pivot {} is {:e}",
                            pivot.row, pivot.value
                        )
                    })?;
                }
                Ok(())
            }
            CovarianceType::Diag | CovarianceType::Spherical => {
                match self.covariances.iter().position(|v| *v <= 0.0) {
                    Some(i) => {
                        Err(format!("should be positive, but holds {} at position {i}", self.covariances[i]))
                    }
                    None => Ok(()),
                }
            }
        }
    }

    /// Becomes a copy of `other` in the memory that is there.
    #[cfg(feature = "gpu")]
    pub(crate) fn copy_from(&mut self, other: &Parameters) {
        let Parameters { covariance_type, n_components, n_features, weights, means, covariances } = other;
        (self.covariance_type, self.n_components, self.n_features) =
            (*covariance_type, *n_components, *n_features);
        self.weights.clone_from(weights);
        self.means.clone_from(means);
        self.covariances.clone_from(covariances);
    }

    /// The covariances' form.
    pub fn covariance_type(&self) -> CovarianceType {
        self.covariance_type
    }
    /// K.
    pub fn n_components(&self) -> usize {
        self.n_components
    }
    /// D.
    pub fn n_features(&self) -> usize {
        self.n_features
    }
    /// π, `[K]`, sums to 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }
    /// μ, `[K, D]` row-major, data units.
    pub fn means(&self) -> &[f64] {
        &self.means
    }
    /// μ_k, `[D]`.
    pub fn mean(&self, k: usize) -> &[f64] {
        &self.means[k * self.n_features..(k + 1) * self.n_features]
    }
    /// Σ in the shape of the type, row-major, data units².
    pub fn covariances(&self) -> &[f64] {
        &self.covariances
    }

    /// Σ_k as a D×D matrix, whatever the type.
    pub fn covariance_matrix(&self, k: usize) -> Vec<f64> {
        let block = self.covariance_block(k);
        match self.covariance_type {
            CovarianceType::Full | CovarianceType::Tied => block.to_vec(),
            CovarianceType::Diag => diagonal(block),
            CovarianceType::Spherical => diagonal(&vec![block[0]; self.n_features]),
        }
    }

    /// The numbers of Σ_k as the type stores them, data units²: `[D, D]`, `[D]` variances, or one variance. Tied
    /// components share theirs.
    #[doc(hidden)]
    pub fn covariance_block(&self, k: usize) -> &[f64] {
        let size = self.covariance_type.block_len(self.n_features);
        let first = if self.covariance_type == CovarianceType::Tied { 0 } else { k * size };
        &self.covariances[first..first + size]
    }

    /// Entry (i, j) of Σ_k, whatever the type, data units².
    #[doc(hidden)]
    pub fn covariance(&self, k: usize, i: usize, j: usize) -> f64 {
        let block = self.covariance_block(k);
        match self.covariance_type {
            CovarianceType::Full | CovarianceType::Tied => block[i * self.n_features + j],
            CovarianceType::Diag if i == j => block[i],
            CovarianceType::Spherical if i == j => block[0],
            CovarianceType::Diag | CovarianceType::Spherical => 0.0,
        }
    }

    /// The variance of feature `i` in component `k`, data units².
    #[doc(hidden)]
    pub fn variance(&self, k: usize, i: usize) -> f64 {
        self.covariance(k, i, i)
    }

    /// The mixture of `components` alone, in this order. Their weights keep their proportions and sum to 1; if all are
    /// 0 they become equal.
    ///
    /// # Errors
    /// [`Error::Option`] for none, one that is not there, or one that is named twice.
    #[doc(hidden)]
    pub fn only(&self, components: &[usize]) -> Result<Self> {
        let k = self.n_components;
        let mut seen = vec![false; k];
        let is_new = |&&c: &&usize| c < k && !std::mem::replace(&mut seen[c], true);
        if components.is_empty() || components.iter().take_while(is_new).count() < components.len() {
            let allowed = format!("some of the components 0 to {}, each once, are needed", k - 1);
            return Err(Error::option("components", format!("{components:?}"), allowed));
        }
        let mut picked = self.picked(components);
        let sum: f64 = picked.weights.iter().sum();
        let equal = 1.0 / components.len() as f64;
        picked.weights.iter_mut().for_each(|w| *w = if sum > 0.0 { *w / sum } else { equal });
        Ok(picked)
    }

    /// `components` in this order with their weights as they are.
    pub(crate) fn picked(&self, components: &[usize]) -> Self {
        let pick = |values: &[f64], size: usize| -> Vec<f64> {
            components.iter().flat_map(|&c| &values[c * size..(c + 1) * size]).copied().collect()
        };
        let covariances = match self.covariance_type {
            CovarianceType::Tied => self.covariances.clone(),
            other => pick(&self.covariances, other.block_len(self.n_features)),
        };
        Parameters {
            covariance_type: self.covariance_type,
            n_components: components.len(),
            n_features: self.n_features,
            weights: pick(&self.weights, 1),
            means: pick(&self.means, self.n_features),
            covariances,
        }
    }

    /// The same mixture with its covariances reduced to `target`: from full matrices tied takes the
    /// first, diag the diagonals, spherical trace/D.
    ///
    /// # Errors
    /// [`Error::InvalidParameters`] if a type other than full would have to be widened or converted.
    #[doc(hidden)]
    pub fn with_covariance_type(self, target: CovarianceType) -> Result<Self> {
        if self.covariance_type == target {
            return Ok(self);
        }
        if self.covariance_type != CovarianceType::Full {
            return Err(Error::InvalidParameters {
                origin: "parameters".into(),
                field: "covariance_type".into(),
                what: format!(
                    "is {}, which cannot start a fit of type {target}: give full covariances or ask for {}",
                    self.covariance_type, self.covariance_type
                ),
            });
        }
        let d = self.n_features;
        let matrices = self.covariances.chunks_exact(d * d);
        let covariances = match target {
            CovarianceType::Full => self.covariances,
            CovarianceType::Tied => self.covariances[..d * d].to_vec(),
            CovarianceType::Diag => matrices.flat_map(|m| (0..d).map(|i| m[i * d + i])).collect(),
            CovarianceType::Spherical => {
                matrices.map(|m| (0..d).map(|i| m[i * d + i]).sum::<f64>() / d as f64).collect()
            }
        };
        Ok(Parameters { covariance_type: target, covariances, ..self })
    }
}

fn diagonal(values: &[f64]) -> Vec<f64> {
    let d = values.len();
    let mut matrix = vec![0.0; d * d];
    for (i, v) in values.iter().enumerate() {
        matrix[i * d + i] = *v;
    }
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mixture::sample::random_mixture;

    #[test]
    fn entries_are_those_of_the_matrix() -> Result<()> {
        for t in CovarianceType::ALL {
            let p = random_mixture(3, 2, t, 5)?;
            for k in 0..3 {
                let matrix = p.covariance_matrix(k);
                let entries = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(i, j)| p.covariance(k, i, j));
                assert_eq!(matrix, entries, "{t}, component {k}");
                assert_eq!((p.variance(k, 0), p.variance(k, 1)), (matrix[0], matrix[3]));
                assert!(p.variance(k, 0) > 0.0);
            }
        }
        Ok(())
    }

    #[test]
    fn some_components_keep_their_proportions() -> Result<()> {
        for t in CovarianceType::ALL {
            let p = random_mixture(4, 3, t, 6)?;
            let some = p.only(&[3, 1])?;
            assert_eq!((some.n_components(), some.n_features(), some.covariance_type()), (2, 3, t));
            for (new, old) in [(0, 3), (1, 1)] {
                assert_eq!(some.mean(new), p.mean(old));
                assert_eq!(some.covariance_matrix(new), p.covariance_matrix(old));
            }
            let (found, expected) = (some.weights(), p.weights());
            assert!((found[0] / found[1] / (expected[3] / expected[1]) - 1.0).abs() < 1e-12);
            assert!((found[0] + found[1] - 1.0).abs() < 1e-12);
            let parts = (some.weights.clone(), some.means.clone(), some.covariances.clone());
            assert_eq!(Parameters::new(t, parts.0, parts.1, parts.2)?, some);
            for refused in [&[][..], &[4], &[1, 1]] {
                assert!(matches!(p.only(refused), Err(Error::Option { name: "components", .. })));
            }
        }
        Ok(())
    }
}
