//! Covariances that stay positive definite: in exact arithmetic a scatter matrix has no negative eigenvalue,
//! but rounding of the sums may take more from the smallest than `reg_covar` gives.

use rayon::prelude::*;

use super::Moments;
use crate::mixture::linalg::cholesky;
use crate::mixture::shape::{CovarianceType, triangle_index, triangle_len};

/// Components of fewer effective samples than this many times D may have a singular scatter matrix. Others
/// have D samples in every direction to spare, unless features depend on each other, which rounded sums
/// cannot tell from noise: there the fit ends with an error.
const THIN: f64 = 4.0;
/// Largest share of a sum that rounding may have taken, in units of [`Moments::rounding`]: 2¹⁰, which for
/// f32 is 1.2e-4, the tier's bound. A matrix that needs more is left as it is.
const MOST_DOUBLINGS: u32 = 10;

/// Raises the diagonals of thin components' `covariances` (full, with `reg_covar` > 0 on them) until they are
/// positive definite: by the rounding of each sum, then twice, four times, ... Variances (diag, spherical)
/// are raised to `reg_covar`, their least value in exact arithmetic.
pub(super) fn settle(moments: &Moments, reg_covar: f64, covariances: &mut [f64]) {
    let d = moments.n_features;
    let counts = &moments.effective_counts;
    match moments.covariance_type {
        CovarianceType::Full => {
            let second = moments.second_moments.chunks_exact(triangle_len(d));
            let parts = covariances.chunks_exact_mut(d * d).zip(second).zip(counts);
            let thin: Vec<_> = parts.filter(|(_, n)| **n > 0.0 && **n < THIN * d as f64).collect();
            thin.into_par_iter().for_each(|((matrix, second), count)| {
                let variance = |i: usize| moments.rounding * second[triangle_index(i, i)] / count;
                raise(matrix, &(0..d).map(variance).collect::<Vec<f64>>());
            });
        }
        // All samples make the one matrix.
        CovarianceType::Tied => {}
        CovarianceType::Diag | CovarianceType::Spherical => {
            // Not `max`, which would take the place of NaN.
            covariances.iter_mut().filter(|v| **v < reg_covar).for_each(|v| *v = reg_covar);
        }
    }
}

/// Adds 1, 2, 4, ... times `step` to the diagonal of `matrix` until it is positive definite, if it is not.
fn raise(matrix: &mut [f64], step: &[f64]) {
    let d = step.len();
    if cholesky(matrix, d).is_ok() {
        return;
    }
    let diagonal: Vec<f64> = (0..d).map(|i| matrix[i * d + i]).collect();
    for doublings in 0..=MOST_DOUBLINGS {
        (0..d).for_each(|i| matrix[i * d + i] = diagonal[i] + f64::from(1u32 << doublings) * step[i]);
        if cholesky(matrix, d).is_ok() {
            return;
        }
    }
    (0..d).for_each(|i| matrix[i * d + i] = diagonal[i]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;
    use crate::mixture::Parameters;
    use crate::mixture::factors::Factors;
    use crate::mixture::moments::MStep;

    /// Sums over `n` samples of D features, each rounded to f32.
    fn rounded(n: usize, d: usize, covariance_type: CovarianceType) -> Result<Moments> {
        let parameters = crate::mixture::sample::random_mixture(1, d, CovarianceType::Full, 1)?;
        let mut sampler = crate::mixture::sample::Sampler::new(&parameters, 2)?;
        let mut moments = Moments::zero(covariance_type, d, parameters.means().to_vec());
        moments.effective_counts[0] = n as f64;
        let (mut x, width) = (vec![0.0; d], moments.second_moments.len());
        for _ in 0..n {
            sampler.draw(&mut x);
            let z: Vec<f64> = x.iter().zip(parameters.means()).map(|(x, m)| x - m).collect();
            for i in 0..d {
                moments.first_moments[i] += z[i];
                match covariance_type {
                    CovarianceType::Full => {
                        (0..=i).for_each(|j| moments.second_moments[triangle_index(i, j)] += z[i] * z[j])
                    }
                    _ => moments.second_moments[i % width] += z[i] * z[i],
                }
            }
        }
        let to_f32 = |values: &mut [f64]| values.iter_mut().for_each(|v| *v = f64::from(*v as f32));
        to_f32(&mut moments.first_moments);
        to_f32(&mut moments.second_moments);
        moments.rounding = f64::from(f32::EPSILON);
        Ok(moments)
    }

    fn covariances(moments: &Moments, reg_covar: f64) -> Result<Parameters> {
        MStep { reg_covar, ..MStep::default() }.parameters(moments, &moments.origins, 1)
    }

    fn factorises(moments: &Moments, reg_covar: f64) -> Result<bool> {
        Ok(Factors::new(&covariances(moments, reg_covar)?).is_ok())
    }

    #[test]
    fn thin_components_become_positive_definite_within_rounding() -> Result<()> {
        for (n, d) in [(2, 24), (10, 24), (40, 64), (3, 128)] {
            let mut moments = rounded(n, d, CovarianceType::Full)?;
            let exact = Moments { rounding: 0.0, ..moments.clone() };
            assert!(!factorises(&exact, 1e-9)?, "n={n}, D={d}: nothing was broken");
            assert!(factorises(&moments, 1e-9)?, "n={n}, D={d}");
            let (before, after) = (covariances(&exact, 1e-9)?, covariances(&moments, 1e-9)?);
            for (i, (old, new)) in before.covariances().iter().zip(after.covariances()).enumerate() {
                let (row, column) = (i / d, i % d);
                let most = 2e-5 * moments.second_moments[triangle_index(row, row)] / n as f64;
                assert!(
                    if row == column { *new >= *old && new - old <= most } else { new == old },
                    "{i}: {old:e}, {new:e}"
                );
            }
            // Nobody promised that a covariance is positive definite without `reg_covar`: it collapsed.
            assert!(!factorises(&moments, 0.0)?, "n={n}, D={d}");
            // What no rounding explains is no business of this.
            moments.second_moments[triangle_index(1, 1)] *= 0.1;
            assert!(!factorises(&moments, 1e-9)?, "n={n}, D={d}");
        }
        Ok(())
    }

    #[test]
    fn other_components_keep_every_bit() -> Result<()> {
        for (n, d) in [(96, 24), (500, 5), (30, 20)] {
            let moments = rounded(n, d, CovarianceType::Full)?;
            let exact = Moments { rounding: 0.0, ..moments.clone() };
            assert_eq!(covariances(&moments, 1e-6)?, covariances(&exact, 1e-6)?);
        }
        Ok(())
    }

    #[test]
    fn variances_are_never_below_reg_covar() -> Result<()> {
        for t in [CovarianceType::Diag, CovarianceType::Spherical] {
            let mut moments = rounded(1, 9, t)?;
            moments.second_moments.iter_mut().for_each(|s| *s *= 1.0 - 1e-6);
            let exact = Moments { rounding: 0.0, ..moments.clone() };
            assert!(!factorises(&exact, 1e-12)?, "{t}: nothing was broken");
            assert!(factorises(&moments, 1e-12)? && !factorises(&moments, 0.0)?, "{t}");
            moments.second_moments[0] = f64::NAN;
            assert!(
                covariances(&moments, 1e-12)?.covariances()[0].is_nan(),
                "{t}: NaN is for others to find"
            );
        }
        Ok(())
    }
}
