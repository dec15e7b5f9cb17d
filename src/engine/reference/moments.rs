//! Adds one sample to the moments: N_k += w r, first += w r (x−o), second += w r (x−o)(x−o)ᵀ.
//! Twin of `shaders/moments.wgsl`.

use crate::mixture::moments::Moments;
use crate::mixture::shape::CovarianceType;

/// Adds the sample `x` of weight `weight` with responsibilities `[K]`.
pub fn moments(moments: &mut Moments, x: &[f64], weight: f64, responsibilities: &[f64]) {
    let d = x.len();
    for (k, responsibility) in responsibilities.iter().enumerate() {
        let r = weight * responsibility;
        let mut z = Vec::new();
        for i in 0..d {
            z.push(x[i] - moments.origins[k * d + i]);
        }
        moments.effective_counts[k] += r;
        for i in 0..d {
            moments.first_moments[k * d + i] += r * z[i];
        }
        let mut position = match moments.covariance_type {
            CovarianceType::Full => k * (d * (d + 1) / 2),
            CovarianceType::Tied => 0,
            CovarianceType::Diag => k * d,
            CovarianceType::Spherical => k,
        };
        for i in 0..d {
            match moments.covariance_type {
                CovarianceType::Full | CovarianceType::Tied => {
                    for j in 0..=i {
                        moments.second_moments[position] += r * z[i] * z[j];
                        position += 1;
                    }
                }
                CovarianceType::Diag => {
                    moments.second_moments[position] += r * z[i] * z[i];
                    position += 1;
                }
                CovarianceType::Spherical => moments.second_moments[position] += r * z[i] * z[i],
            }
        }
    }
}
