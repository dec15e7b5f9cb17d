//! What an E-step needs of a mixture: whitening factors and normalisers, from an f64 Cholesky
//! factorisation per covariance.

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::mixture::Parameters;
use crate::mixture::linalg;
use crate::mixture::shape::CovarianceType;

/// Multiplications below which one thread is faster than many.
pub(crate) const PARALLEL_WORK: usize = 1 << 18;

/// Whitening factors W = L⁻¹ (Σ = L Lᵀ; scikit-learn's `precisions_cholesky_` is Wᵀ) and
/// c_k = ln π_k − ½ D ln 2π − ln det L_k, so that
/// ln π_k + ln N(x) = c_k − ½ |W_k (x − μ_k)|² (Bishop, *PRML*, 2.43).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Factors {
    /// Lower triangular, row-major, zeros above: full `[K, D, D]`, tied `[D, D]`; 1/σ for diag
    /// `[K, D]` and spherical `[K]`.
    pub whitening: Vec<f64>,
    /// c_k, `[K]`, nats; −∞ for a component of weight 0.
    pub constants: Vec<f64>,
}

impl Factors {
    /// Factorises every covariance of `parameters`, in parallel over components.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] for the lowest-numbered component that fails.
    pub fn new(parameters: &Parameters) -> Result<Self> {
        let mut precisions = Factors::default();
        precisions.update(parameters)?;
        Ok(precisions)
    }

    /// [`Factors::new`] in the memory of `self`. After an error `self` belongs to no mixture.
    ///
    /// # Errors
    /// As [`Factors::new`].
    pub(crate) fn update(&mut self, parameters: &Parameters) -> Result<()> {
        let (k, d) = (parameters.n_components(), parameters.n_features());
        let covariances = parameters.covariances();
        let positive = |component: usize, pivot: usize, value: f64| {
            if value > 0.0 && value.is_finite() {
                Ok(1.0 / value.sqrt())
            } else {
                Err(Error::NotPositiveDefinite { component, pivot, value, iteration: None })
            }
        };
        // ln det L per factor: D ln σ for spherical, Σ ln L_ii otherwise; W's diagonal is 1/L_ii.
        let whitening = &mut self.whitening;
        let log_dets: Vec<f64> = match parameters.covariance_type() {
            CovarianceType::Full | CovarianceType::Tied => {
                // Every number is written.
                whitening.resize(covariances.len(), 0.0);
                let factorise = |(component, (matrix, out)): (usize, (&[f64], &mut [f64]))| {
                    let l = linalg::cholesky(matrix, d).map_err(|pivot| pivot.of(component))?;
                    out.copy_from_slice(&linalg::invert_lower(&l, d));
                    Ok((0..d).map(|i| l[i * d + i].ln()).sum::<f64>())
                };
                // Waking the other threads costs as much as a few hundred thousand multiplications.
                let results: Vec<Result<f64>> = if covariances.len() * d < PARALLEL_WORK {
                    let pairs = covariances.chunks_exact(d * d).zip(whitening.chunks_exact_mut(d * d));
                    pairs.enumerate().map(factorise).collect()
                } else {
                    let out = whitening.par_chunks_exact_mut(d * d);
                    covariances.par_chunks_exact(d * d).zip(out).enumerate().map(factorise).collect()
                };
                let mut log_dets = results.into_iter().collect::<Result<Vec<f64>>>()?;
                if parameters.covariance_type() == CovarianceType::Tied {
                    log_dets.resize(k, log_dets[0]);
                }
                log_dets
            }
            CovarianceType::Diag => {
                whitening.clear();
                for (i, v) in covariances.iter().enumerate() {
                    whitening.push(positive(i / d, i % d, *v)?);
                }
                whitening.chunks_exact(d).map(|w| -w.iter().map(|v| v.ln()).sum::<f64>()).collect()
            }
            CovarianceType::Spherical => {
                whitening.clear();
                for (component, v) in covariances.iter().enumerate() {
                    whitening.push(positive(component, 0, *v)?);
                }
                whitening.iter().map(|w| -(d as f64) * w.ln()).collect()
            }
        };
        let constant = 0.5 * d as f64 * (2.0 * std::f64::consts::PI).ln();
        let pairs = parameters.weights().iter().zip(&log_dets);
        self.constants.clear();
        self.constants.extend(pairs.map(|(w, log_det)| w.ln() - constant - log_det));
        Ok(())
    }
}
