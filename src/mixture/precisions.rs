//! Factors and their factors in scikit-learn's shapes.

use super::Parameters;
use crate::error::{Error, Result};
use crate::mixture::linalg;
use crate::mixture::shape::CovarianceType;

impl Parameters {
    /// scikit-learn's `precisions_cholesky_`, row-major in the covariances' shape: upper triangular U with
    /// Σ⁻¹ = U Uᵀ for full and tied, 1/σ for diag and spherical. It is the factor, not the inverse.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`].
    pub fn precisions_cholesky(&self) -> Result<Vec<f64>> {
        let d = self.n_features;
        match self.covariance_type {
            CovarianceType::Full | CovarianceType::Tied => {
                let mut factors = Vec::with_capacity(self.covariances.len());
                for (component, matrix) in self.covariances.chunks_exact(d * d).enumerate() {
                    let l = linalg::cholesky(matrix, d).map_err(|pivot| pivot.of(component))?;
                    let inverse = linalg::invert_lower(&l, d);
                    // U = L⁻ᵀ.
                    factors.extend((0..d * d).map(|i| inverse[i % d * d + i / d]));
                }
                Ok(factors)
            }
            CovarianceType::Diag | CovarianceType::Spherical => {
                let values = self.covariances.len() / self.n_components;
                let factor = |(i, v): (usize, &f64)| {
                    let (component, pivot) = (i / values, i % values);
                    let valid = *v > 0.0 && v.is_finite();
                    let wrong = Error::NotPositiveDefinite { component, iteration: None, pivot, value: *v };
                    if valid { Ok(1.0 / v.sqrt()) } else { Err(wrong) }
                };
                self.covariances.iter().enumerate().map(factor).collect()
            }
        }
    }

    /// scikit-learn's `precisions_`: Σ⁻¹ in the covariances' shape, 1/variance for diag and spherical.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`].
    pub fn precisions(&self) -> Result<Vec<f64>> {
        let d = self.n_features;
        let factors = self.precisions_cholesky()?;
        Ok(match self.covariance_type {
            CovarianceType::Full | CovarianceType::Tied => {
                let product = |u: &[f64]| -> Vec<f64> {
                    let row = |i: usize| &u[i * d..(i + 1) * d];
                    let dot = |i: usize, j: usize| row(i).iter().zip(row(j)).map(|(a, b)| a * b).sum();
                    (0..d * d).map(|i| dot(i / d, i % d)).collect()
                };
                factors.chunks_exact(d * d).flat_map(product).collect()
            }
            CovarianceType::Diag | CovarianceType::Spherical => factors.iter().map(|u| u * u).collect(),
        })
    }
}
