//! Scatter matrices that stay positive semidefinite: in exact arithmetic they are, in f32 sums rounding
//! may take more from the smallest eigenvalues than `reg_covar` gives back.

use rayon::prelude::*;

use crate::linalg::cholesky;
use crate::moments::Moments;
use crate::shape::{CovarianceType, triangle_index, triangle_len};

/// Components of fewer effective samples than this many times D may have a singular scatter matrix. Others
/// have D samples in every direction to spare, unless features depend on each other, which f32 cannot tell
/// from noise: there the fit ends with an error.
const THIN: f64 = 4.0;
/// Largest share of a sum that rounding may have taken, in units of f32's ε: 2¹⁰ ε = 1.2e-4, the tier's
/// bound. A matrix that needs more is left as it is.
const MOST_DOUBLINGS: u32 = 10;

/// Raises the diagonals of thin components' second moments until their scatter matrices are positive
/// definite: by ε of each sum, then 2 ε, 4 ε, ... Variances (diag, spherical) are raised to 0.
pub(super) fn settle(moments: &mut Moments) {
    let d = moments.n_features;
    let Moments { effective_counts: counts, first_moments: first, second_moments: second, .. } = moments;
    match moments.covariance_type {
        CovarianceType::Full => {
            let parts = second.chunks_exact_mut(triangle_len(d)).zip(first.chunks_exact(d)).zip(counts);
            let thin: Vec<_> = parts.filter(|(_, n)| **n > 0.0 && **n < THIN * d as f64).collect();
            thin.into_par_iter().for_each(|((second, first), count)| raise(second, first, *count));
        }
        // All samples make the one matrix.
        CovarianceType::Tied => {}
        CovarianceType::Diag | CovarianceType::Spherical => {
            let width = second.len() / counts.len().max(1);
            let features = d / width.max(1);
            for (i, second) in second.iter_mut().enumerate() {
                let squares: f64 = first[i * features..(i + 1) * features].iter().map(|f| f * f).sum();
                let count = counts[i / width];
                if count > 0.0 {
                    *second = second.max(squares / count);
                }
            }
        }
    }
}

/// Raises the diagonal of `second` (packed lower triangle) of a component with moments `first` and `count`.
fn raise(second: &mut [f64], first: &[f64], count: f64) {
    let d = first.len();
    let diagonal: Vec<f64> = (0..d).map(|i| second[triangle_index(i, i)]).collect();
    let mut scatter = vec![0.0; d * d];
    for doublings in 0..=MOST_DOUBLINGS + 1 {
        let share = match doublings {
            0 => 0.0,
            n => f64::from(f32::EPSILON) * f64::from(1u32 << (n - 1)),
        };
        for i in 0..d {
            for j in 0..i {
                scatter[i * d + j] = second[triangle_index(i, j)] - first[i] * first[j] / count;
            }
            // A feature without any deviation has a row of zeros, which any pivot satisfies.
            let raised = (diagonal[i] * (1.0 + share)).max(f64::MIN_POSITIVE);
            scatter[i * d + i] = raised - first[i] * first[i] / count;
        }
        if cholesky(&scatter, d).is_ok() {
            (0..d).for_each(|i| second[triangle_index(i, i)] = diagonal[i] * (1.0 + share));
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;
    use crate::moments::m_step;
    use crate::options::CovarianceCenter;
    use crate::precision::Precisions;

    /// Sums over `n` samples of D features, each rounded to f32.
    fn rounded(n: usize, d: usize, covariance_type: CovarianceType) -> Result<Moments> {
        let parameters = crate::sample::random_mixture(1, d, CovarianceType::Full, 1)?;
        let mut sampler = crate::sample::Sampler::new(&parameters, 2)?;
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
        Ok(moments)
    }

    fn factorises(moments: &Moments, reg_covar: f64) -> Result<bool> {
        let parameters = m_step(moments, &moments.origins, CovarianceCenter::NewMean, reg_covar, 1)?;
        Ok(Precisions::new(&parameters).is_ok())
    }

    #[test]
    fn thin_components_become_positive_definite_within_rounding() -> Result<()> {
        for (n, d) in [(2, 24), (10, 24), (40, 64), (3, 128)] {
            let before = rounded(n, d, CovarianceType::Full)?;
            assert!(!factorises(&before, 1e-9)?, "n={n}, D={d}: nothing was broken");
            let mut after = before.clone();
            settle(&mut after);
            assert!(factorises(&after, 1e-9)?, "n={n}, D={d}");
            for i in 0..d {
                let (old, new) =
                    (before.second_moments[triangle_index(i, i)], after.second_moments[triangle_index(i, i)]);
                assert!(new >= old && new <= old * (1.0 + 2e-5), "n={n}, D={d}: {old:e} became {new:e}");
            }
            after.second_moments.clone_from(&before.second_moments);
            assert_eq!(after, before, "only the diagonal changes");
        }
        Ok(())
    }

    #[test]
    fn other_components_keep_every_bit() -> Result<()> {
        for (n, d) in [(96, 24), (500, 5)] {
            let before = rounded(n, d, CovarianceType::Full)?;
            let mut after = before.clone();
            settle(&mut after);
            assert_eq!(after, before);
        }
        Ok(())
    }

    #[test]
    fn constant_features_and_wrong_sums_stay() -> Result<()> {
        let mut moments = rounded(10, 24, CovarianceType::Full)?;
        for i in 0..24 {
            moments.second_moments[triangle_index(i.max(3), i.min(3))] = 0.0;
        }
        moments.first_moments[3] = 0.0;
        settle(&mut moments);
        assert_eq!(moments.second_moments[triangle_index(3, 3)], 0.0);
        assert!(factorises(&moments, 1e-9)?);
        // What no rounding explains is no business of this.
        let mut wrong = rounded(10, 24, CovarianceType::Full)?;
        wrong.second_moments[triangle_index(7, 7)] *= 0.5;
        let before = wrong.clone();
        settle(&mut wrong);
        assert_eq!(wrong, before);
        Ok(())
    }

    #[test]
    fn variances_are_never_negative() -> Result<()> {
        for t in [CovarianceType::Diag, CovarianceType::Spherical] {
            let mut moments = rounded(1, 9, t)?;
            moments.second_moments.iter_mut().for_each(|s| *s *= 1.0 - 1e-6);
            assert!(!factorises(&moments, 1e-12)?, "{t}: nothing was broken");
            settle(&mut moments);
            assert!(factorises(&moments, 1e-12)?, "{t}");
        }
        Ok(())
    }
}
