//! What the densities have in common: factorised Gaussians, and the normalisation over components (Bishop, *PRML*,
//! 2.43, 9.23). Twin of `shaders/density.wgsl`.

use crate::error::{Error, Result};
use crate::mixture::Parameters;

/// One Gaussian, factorised: Σ = L Lᵀ.
#[derive(Debug, Clone)]
pub struct Component {
    /// μ_k.
    pub mean: Vec<f64>,
    /// L, lower triangular, row by row.
    pub lower: Vec<Vec<f64>>,
    /// ln π_k − ½ (D ln 2π + ln det Σ).
    pub log_normaliser: f64,
}

/// Factorises every covariance by the textbook Cholesky–Banachiewicz recursion.
///
/// # Errors
/// [`Error::NotPositiveDefinite`].
pub fn components(parameters: &Parameters) -> Result<Vec<Component>> {
    let d = parameters.n_features();
    let mut components = Vec::new();
    for k in 0..parameters.n_components() {
        let sigma = parameters.covariance_matrix(k);
        let mut lower = vec![vec![0.0; d]; d];
        let mut log_det = 0.0;
        for i in 0..d {
            for j in 0..=i {
                let mut value = sigma[i * d + j];
                for m in 0..j {
                    value -= lower[i][m] * lower[j][m];
                }
                if i > j {
                    lower[i][j] = value / lower[j][j];
                } else if value > 0.0 && value.is_finite() {
                    lower[i][i] = value.sqrt();
                    log_det += value.ln();
                } else {
                    return Err(Error::NotPositiveDefinite {
                        component: k,
                        pivot: i,
                        value,
                        iteration: None,
                    });
                }
            }
        }
        let log_two_pi = (2.0 * std::f64::consts::PI).ln();
        let log_normaliser = parameters.weights()[k].ln() - 0.5 * (d as f64 * log_two_pi + log_det);
        components.push(Component { mean: parameters.mean(k).to_vec(), lower, log_normaliser });
    }
    Ok(components)
}

/// Turns weighted log densities into responsibilities and returns ln p(x) = ln Σ_k exp(·), nats.
pub fn normalise(densities: &mut [f64]) -> f64 {
    let mut largest = f64::NEG_INFINITY;
    for density in densities.iter() {
        largest = largest.max(*density);
    }
    let mut sum = 0.0;
    for density in densities.iter_mut() {
        *density = (*density - largest).exp();
        sum += *density;
    }
    // Not exp(density − ln p): beyond 1e16 nats ln(sum) is lost in ln p, and the shares would not sum to 1.
    for density in densities.iter_mut() {
        *density /= sum;
    }
    largest + sum.ln()
}
