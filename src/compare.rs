//! How far two mixtures are apart, in numbers that do not depend on the units or the offset of the data;
//! and whether two engines agree: [`run`] follows a fit, [`judge`] holds its end against another's,
//! [`labels`] finds the samples that changed component, [`matching`] the components of another model.

pub mod judge;
pub mod labels;
pub mod matching;
pub mod run;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::mixture::Parameters;
use crate::mixture::factors::Factors;
use crate::mixture::linalg;
use crate::mixture::shape::CovarianceType;

/// Distances of a mixture from an expected one, component by component in their order; or bounds on them.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Distances {
    /// max |w − w'|.
    pub weights: f64,
    /// max |L⁻¹ (m − m')|, in standard deviations; L is the Cholesky factor of the expected covariance.
    pub means: f64,
    /// max |L⁻¹ S L⁻ᵀ − I|_F / √D.
    pub covariances: f64,
    /// |mean log-likelihood − expected|, nats per sample.
    pub mean_log_likelihood: f64,
}

impl Distances {
    /// What f32 sums over centered data reach on any conformant driver: WGSL lets exp be off by
    /// 3 + 2|x| ULP and log by 2⁻²¹.
    pub const FLOAT32: Distances =
        Distances { weights: 1e-5, means: 1e-4, covariances: 1e-4, mean_log_likelihood: 1e-5 };

    /// What f64 sums reach on well-conditioned data, against exact arithmetic.
    pub const FLOAT64: Distances =
        Distances { weights: 1e-11, means: 1e-10, covariances: 1e-10, mean_log_likelihood: 1e-11 };

    /// `f` of every pair of parts.
    pub fn zip(self, other: Distances, f: impl Fn(f64, f64) -> f64) -> Distances {
        Distances {
            weights: f(self.weights, other.weights),
            means: f(self.means, other.means),
            covariances: f(self.covariances, other.covariances),
            mean_log_likelihood: f(self.mean_log_likelihood, other.mean_log_likelihood),
        }
    }

    /// Every part times `factor`.
    pub fn times(self, factor: f64) -> Distances {
        self.zip(self, |part, _| part * factor)
    }

    /// The parts by name, in their order.
    pub fn parts(&self) -> [(&'static str, f64); 4] {
        [
            ("weights", self.weights),
            ("means", self.means),
            ("covariances", self.covariances),
            ("mean log-likelihood", self.mean_log_likelihood),
        ]
    }

    /// One line for every part outside its bound (NaN is outside every bound): what it is and by how much.
    pub fn outside(&self, bounds: &Distances) -> Vec<String> {
        let pairs = self.parts().into_iter().zip(bounds.parts());
        pairs
            .filter(|((_, found), (_, bound))| found.is_nan() || found > bound)
            .map(|((name, found), (_, bound))| {
                format!("{name} are off by {found:.2e}, {:.1} times the bound {bound:.0e}", found / bound)
            })
            .map(|line| line.replace("log-likelihood are", "log-likelihood is"))
            .collect()
    }
}

/// Distances of one component from its counterpart, in the units of [`Distances`].
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct ComponentDistances {
    /// |w − w'|.
    pub weight: f64,
    /// |L⁻¹ (m − m')|, in standard deviations.
    pub mean: f64,
    /// |L⁻¹ S L⁻ᵀ − I|_F / √D; the same for all components if they share one covariance.
    pub covariance: f64,
}

/// Distances of every component of `found` from the component of `expected` of the same number, `[K]`.
///
/// # Errors
/// [`Error::Shape`] for mixtures of different shapes; [`Error::NotPositiveDefinite`] for an expected
/// covariance without a Cholesky factor.
pub fn component_distances(found: &Parameters, expected: &Parameters) -> Result<Vec<ComponentDistances>> {
    let shape = |p: &Parameters| (p.covariance_type(), p.n_components(), p.n_features());
    if shape(found) != shape(expected) {
        let text = |(t, k, d): (CovarianceType, usize, usize)| format!("{k} components, {d} features, {t}");
        return Err(Error::shape("mixtures to compare", text(shape(expected)), text(shape(found))));
    }
    let whitening = Factors::new(expected)?.whitening;
    let tied = (expected.covariance_type() == CovarianceType::Tied).then(|| spread(found, &whitening, 0));
    let of_component = |component: usize| {
        let gap = found.mean(component).iter().zip(expected.mean(component)).map(|(a, b)| a - b);
        ComponentDistances {
            weight: (found.weights()[component] - expected.weights()[component]).abs(),
            mean: whitened_norm(
                expected.covariance_type(),
                &whitening,
                component,
                &gap.collect::<Vec<f64>>(),
            ),
            covariance: tied.unwrap_or_else(|| spread(found, &whitening, component)),
        }
    };
    Ok((0..expected.n_components()).into_par_iter().map(of_component).collect())
}

/// Distances of `found` from `expected` over the components that `counts` accepts (all parts are 0 if it accepts none).
/// `log_likelihoods` are the mean log-likelihoods of both, found first. A covariance that all components share always
/// counts.
///
/// # Errors
/// As [`component_distances`].
pub fn distances(
    found: &Parameters,
    expected: &Parameters,
    log_likelihoods: (f64, f64),
    counts: impl Fn(usize) -> bool,
) -> Result<Distances> {
    let components = component_distances(found, expected)?;
    let is_tied = expected.covariance_type() == CovarianceType::Tied;
    let part = |value: fn(&ComponentDistances) -> f64, always: bool| {
        let counted = components.iter().enumerate().filter(|(k, _)| always || counts(*k));
        largest(counted.map(|(_, component)| value(component)))
    };
    Ok(Distances {
        weights: part(|c| c.weight, false),
        means: part(|c| c.mean, false),
        covariances: part(|c| c.covariance, is_tied),
        mean_log_likelihood: (log_likelihoods.0 - log_likelihoods.1).abs(),
    })
}

/// |W x| for the whitening W of `component`.
fn whitened_norm(t: CovarianceType, whitening: &[f64], component: usize, x: &[f64]) -> f64 {
    let d = x.len();
    let squared: f64 = match t {
        CovarianceType::Full => squared_norm(&whitening[component * d * d..(component + 1) * d * d], x),
        CovarianceType::Tied => squared_norm(whitening, x),
        CovarianceType::Diag => {
            let w = &whitening[component * d..(component + 1) * d];
            x.iter().zip(w).map(|(x, w)| (x * w).powi(2)).sum()
        }
        CovarianceType::Spherical => x.iter().map(|x| (x * whitening[component]).powi(2)).sum(),
    };
    squared.sqrt()
}

/// The largest value; NaN if one is.
fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |m: f64, v| if v.is_nan() || m.is_nan() { f64::NAN } else { m.max(v) })
}

/// |W x|² with W lower triangular.
fn squared_norm(w: &[f64], x: &[f64]) -> f64 {
    let d = x.len();
    (0..d).map(|i| w[i * d..=i * d + i].iter().zip(x).map(|(w, x)| w * x).sum::<f64>().powi(2)).sum()
}

/// |W S Wᵀ − I|_F / √D of covariance `component` of `found`; W is the expected whitening.
fn spread(found: &Parameters, whitening: &[f64], component: usize) -> f64 {
    let d = found.n_features();
    let root = (d as f64).sqrt();
    let s = found.covariances();
    match found.covariance_type() {
        CovarianceType::Full | CovarianceType::Tied => {
            let at = component * d * d;
            let (s, w) = (&s[at..at + d * d], &whitening[at..at + d * d]);
            linalg::congruence(w, s, d)
                .iter()
                .enumerate()
                .map(|(i, v)| (v - if i % (d + 1) == 0 { 1.0 } else { 0.0 }).powi(2))
                .sum::<f64>()
                .sqrt()
                / root
        }
        CovarianceType::Diag => {
            let range = component * d..(component + 1) * d;
            let ratios = s[range.clone()].iter().zip(&whitening[range]).map(|(s, w)| s * w * w);
            ratios.map(|ratio| (ratio - 1.0).powi(2)).sum::<f64>().sqrt() / root
        }
        CovarianceType::Spherical => (s[component] * whitening[component].powi(2) - 1.0).abs(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: fn(usize) -> bool = |_| true;

    fn mixture(t: CovarianceType, means: Vec<f64>, covariances: Vec<f64>) -> Result<Parameters> {
        Parameters::new(t, vec![0.5, 0.5], means, covariances)
    }

    #[test]
    fn known_distances() -> Result<()> {
        // Σ = [[4, 2], [2, 5]], L = [[2, 0], [1, 2]]: L⁻¹ (2, 1) = (1, 0); 1.1 Σ is off by 0.1 I.
        let sigma = [4.0, 2.0, 2.0, 5.0];
        let expected = mixture(CovarianceType::Full, vec![0.0; 4], [sigma, sigma].concat())?;
        let wider = sigma.map(|v| v * 1.1);
        let found = mixture(CovarianceType::Full, vec![2.0, 1.0, 0.0, 0.0], [sigma, wider].concat())?;
        let found = distances(&found, &expected, (-1.0, -1.25), ALL)?;
        assert!((found.means - 1.0).abs() < 1e-14 && (found.covariances - 0.1).abs() < 1e-14, "{found:?}");
        assert!(found.weights == 0.0 && found.mean_log_likelihood == 0.25, "{found:?}");
        Ok(())
    }

    #[test]
    fn every_type_sees_means_and_covariances() -> Result<()> {
        for t in CovarianceType::ALL {
            let expected = crate::mixture::sample::random_mixture(3, 4, t, 1)?;
            let same = distances(&expected, &expected, (0.0, 0.0), ALL)?;
            assert!(same.parts().iter().all(|(_, v)| *v < 1e-13), "{t}: {same:?}");
            let means = expected.means().iter().map(|m| m + 0.1).collect();
            let covariances = expected.covariances().iter().map(|v| v * 1.5).collect();
            let found = Parameters::new(t, expected.weights().to_vec(), means, covariances)?;
            let off = distances(&found, &expected, (0.0, 0.0), ALL)?;
            assert!((off.covariances - 0.5).abs() < 1e-13 && off.means > 0.01, "{t}: {off:?}");
            let none = distances(&found, &expected, (0.0, 0.0), |_| false)?;
            assert_eq!((none.means, none.covariances > 0.0), (0.0, t == CovarianceType::Tied), "{t}");
        }
        Ok(())
    }

    /// The same number in any units: x → 3x + 7 for one feature, x → x/100 for the other.
    #[test]
    fn affine_maps_change_nothing() -> Result<()> {
        let (a, b) = (crate::mixture::sample::random_mixture(2, 2, CovarianceType::Full, 3)?, 4);
        let b = crate::mixture::sample::random_mixture(2, 2, CovarianceType::Full, b)?;
        let scale = [3.0, 0.01];
        let mapped = |p: &Parameters| {
            let means = p.means().iter().enumerate().map(|(i, m)| m * scale[i % 2] + 7.0).collect();
            let covariances = p.covariances().iter().enumerate();
            let covariances = covariances.map(|(i, v)| v * scale[i / 2 % 2] * scale[i % 2]).collect();
            Parameters::new(CovarianceType::Full, p.weights().to_vec(), means, covariances)
        };
        let before = distances(&a, &b, (0.0, 0.0), ALL)?;
        let after = distances(&mapped(&a)?, &mapped(&b)?, (0.0, 0.0), ALL)?;
        for ((name, x), (_, y)) in before.parts().into_iter().zip(after.parts()) {
            assert!((x - y).abs() <= 1e-9 * x, "{name}: {x} {y}");
        }
        Ok(())
    }

    #[test]
    fn bounds_are_held_and_nan_is_outside() {
        let inside = Distances::FLOAT32;
        assert!(inside.outside(&Distances::FLOAT32).is_empty());
        let outside = Distances { means: 2e-4, mean_log_likelihood: f64::NAN, ..inside };
        let lines = outside.outside(&Distances::FLOAT32);
        assert_eq!(lines[0], "means are off by 2.00e-4, 2.0 times the bound 1e-4");
        assert!(lines.len() == 2 && lines[1].starts_with("mean log-likelihood is off by NaN"), "{lines:?}");
    }
}
