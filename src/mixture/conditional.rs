//! Marginal and conditional mixtures of chosen features: mixtures of the same K and covariance type.

use super::Parameters;
use crate::error::{Error, Result};
use crate::mixture::linalg::{self, log_sum_exp};
use crate::mixture::shape::CovarianceType;

impl Parameters {
    /// The mixture of `features` alone, in this order (indices from 0): their rows and columns of every
    /// mean and covariance (Bishop, *PRML*, 2.98). The weights stay.
    ///
    /// # Errors
    /// [`Error::Option`] naming `features` if there are none, or one is unknown or given twice.
    #[doc(hidden)]
    pub fn marginal(&self, features: &[usize]) -> Result<Parameters> {
        if features.is_empty() {
            return Err(Error::option("features", "none", "at least one feature"));
        }
        self.check_features("features", features)?;
        let d = self.n_features;
        let means = self.means.chunks_exact(d).flat_map(|m| features.iter().map(|&i| m[i])).collect();
        let covariances = match self.covariance_type {
            CovarianceType::Full | CovarianceType::Tied => self
                .covariances
                .chunks_exact(d * d)
                .flat_map(|matrix| submatrix(matrix, d, features))
                .collect(),
            CovarianceType::Diag => {
                self.covariances.chunks_exact(d).flat_map(|v| features.iter().map(|&i| v[i])).collect()
            }
            CovarianceType::Spherical => self.covariances.clone(),
        };
        let weights = self.weights.clone();
        Ok(Parameters::from_parts(self.covariance_type, features.len(), weights, means, covariances))
    }

    /// The mixture of all other features, in their order, if the features in `given` have these values (indices from 0;
    /// data units). Means and covariances follow Bishop, *PRML*, 2.81–2.82; each weight is multiplied by its
    /// component's density at the given values, and all are normalised.
    ///
    /// With Σ = L Lᵀ, the given features first, the covariance is L_aa L_aaᵀ and the mean
    /// μ_a + L_ab L_bb⁻¹ (x_b − μ_b): no inverse is formed, and the result is positive definite.
    ///
    /// # Errors
    /// [`Error::Option`] naming `given` if a feature is unknown or given twice, a value is not finite, no
    /// feature is left, or the values are so far out that every density is 0 even as a logarithm;
    /// [`Error::NotPositiveDefinite`].
    #[doc(hidden)]
    pub fn conditional(&self, given: &[(usize, f64)]) -> Result<Parameters> {
        let d = self.n_features;
        let known: Vec<usize> = given.iter().map(|(feature, _)| *feature).collect();
        self.check_features("given", &known)?;
        if let Some((feature, value)) = given.iter().find(|(_, value)| !value.is_finite()) {
            return Err(Error::option(
                "given",
                format!("{value} for feature {feature}"),
                "values are finite",
            ));
        }
        let rest: Vec<usize> = (0..d).filter(|i| !known.contains(i)).collect();
        if rest.is_empty() {
            return Err(Error::option("given", "every feature", "at least one feature stays free"));
        }
        let order: Vec<usize> = known.iter().chain(&rest).copied().collect();
        let (b, a) = (known.len(), rest.len());
        let tied = self.covariance_type == CovarianceType::Tied;
        let mut log_weights = Vec::with_capacity(self.n_components);
        let (mut means, mut covariances) = (Vec::new(), Vec::new());
        let mut factor = Vec::new();
        for k in 0..self.n_components {
            if k == 0 || !tied {
                let matrix = submatrix(&self.covariance_matrix(k), d, &order);
                factor = linalg::cholesky(&matrix, d)
                    .map_err(|pivot| linalg::BadPivot { row: order[pivot.row], ..pivot }.of(k))?;
            }
            // z = L_bb⁻¹ (x_b − μ_b).
            let mut z = vec![0.0; b];
            for (i, (feature, value)) in given.iter().enumerate() {
                let row = &factor[i * d..i * d + i + 1];
                let dot: f64 = row.iter().zip(&z[..i]).map(|(l, z)| l * z).sum();
                z[i] = (value - self.mean(k)[*feature] - dot) / row[i];
            }
            let log_det: f64 = (0..b).map(|i| factor[i * d + i].ln()).sum();
            log_weights.push(self.weights[k].ln() - log_det - 0.5 * z.iter().map(|z| z * z).sum::<f64>());
            for (i, feature) in rest.iter().enumerate() {
                let row = &factor[(b + i) * d..(b + i) * d + b];
                means.push(self.mean(k)[*feature] + row.iter().zip(&z).map(|(l, z)| l * z).sum::<f64>());
            }
            match self.covariance_type {
                CovarianceType::Tied if k > 0 => {}
                CovarianceType::Full | CovarianceType::Tied => {
                    covariances.extend(free_covariance(&factor, d, b));
                }
                CovarianceType::Diag => {
                    covariances.extend(rest.iter().map(|i| self.covariances[k * d + i]));
                }
                CovarianceType::Spherical => covariances.push(self.covariances[k]),
            }
        }
        // The constant −½ |b| ln 2π is the same for all components.
        let log_density = log_sum_exp(&log_weights);
        if !log_density.is_finite() {
            return Err(Error::option(
                "given",
                "values without any density",
                "values nearer to the mixture: no component reaches these",
            ));
        }
        let weights = log_weights.iter().map(|w| (w - log_density).exp()).collect();
        Ok(Parameters::from_parts(self.covariance_type, a, weights, means, covariances))
    }

    fn check_features(&self, name: &'static str, features: &[usize]) -> Result<()> {
        for (i, feature) in features.iter().enumerate() {
            if *feature >= self.n_features {
                let last = self.n_features - 1;
                return Err(Error::option(name, feature, format!("features are numbered 0 to {last}")));
            }
            if features[..i].contains(feature) {
                return Err(Error::option(name, feature, "each feature once"));
            }
        }
        Ok(())
    }
}

/// Rows and columns `order` of a D×D matrix.
fn submatrix(matrix: &[f64], d: usize, order: &[usize]) -> Vec<f64> {
    order.iter().flat_map(|i| order.iter().map(move |j| matrix[i * d + j])).collect()
}

/// L_aa L_aaᵀ of the rows after the first `b` of a lower factor L, `[D, D]`.
fn free_covariance(factor: &[f64], d: usize, b: usize) -> Vec<f64> {
    let a = d - b;
    let mut covariance = vec![0.0; a * a];
    for i in 0..a {
        for j in 0..=i {
            let (row_i, row_j) = (&factor[(b + i) * d + b..], &factor[(b + j) * d + b..]);
            let value = (0..=j).map(|m| row_i[m] * row_j[m]).sum();
            covariance[i * a + j] = value;
            covariance[j * a + i] = value;
        }
    }
    covariance
}
