//! Affine-invariant distances between two mixtures (golden/README): the same number whatever the
//! units or the offset of the data.
//!
//! d_w = max |w − w'|; d_mu = max_k |L_k⁻¹ (m_k − m'_k)|, in standard deviations;
//! d_cov = max_k |L_k⁻¹ S_k L_k⁻ᵀ − I|_F / √D; d_ll = |mean log-likelihood − reference|, nats a sample;
//! L_k is the Cholesky factor of the expected covariance.

use wgmm::{CovarianceType, Parameters};

use super::compare::{largest, within};

/// The parts of a mixture, so that wrong ones can be built that `Parameters` would refuse.
#[derive(Debug, Clone)]
pub struct Mixture {
    pub covariance_type: CovarianceType,
    pub n_features: usize,
    pub weights: Vec<f64>,
    pub means: Vec<f64>,
    pub covariances: Vec<f64>,
}

impl From<&Parameters> for Mixture {
    fn from(p: &Parameters) -> Self {
        Mixture {
            covariance_type: p.covariance_type(),
            n_features: p.n_features(),
            weights: p.weights().to_vec(),
            means: p.means().to_vec(),
            covariances: p.covariances().to_vec(),
        }
    }
}

impl Mixture {
    pub fn n_components(&self) -> usize {
        self.weights.len()
    }

    /// Σ_k as a D×D matrix.
    pub fn matrix(&self, k: usize) -> Vec<f64> {
        let d = self.n_features;
        let mut matrix = vec![0.0; d * d];
        match self.covariance_type {
            CovarianceType::Full => matrix.copy_from_slice(&self.covariances[k * d * d..(k + 1) * d * d]),
            CovarianceType::Tied => matrix.copy_from_slice(&self.covariances),
            CovarianceType::Diag => (0..d).for_each(|i| matrix[i * d + i] = self.covariances[k * d + i]),
            CovarianceType::Spherical => (0..d).for_each(|i| matrix[i * d + i] = self.covariances[k]),
        }
        matrix
    }
}

/// Bounds or values of the four distances.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
pub struct Distances {
    pub d_w: f64,
    pub d_mu: f64,
    pub d_cov: f64,
    pub d_ll: f64,
}

impl Distances {
    /// What f64 arithmetic reaches: golden/README's floors, ten and more times what the reference loop
    /// leaves against 256-bit arithmetic.
    pub const FLOAT64: Distances = Distances { d_w: 1e-11, d_mu: 1e-10, d_cov: 1e-10, d_ll: 1e-11 };
    /// What f32 sums over centered data reach on any conformant driver: WGSL lets exp be off by
    /// 3 + 2|x| ULP and log by 2⁻²¹.
    pub const FLOAT32: Distances = Distances { d_w: 1e-5, d_mu: 1e-4, d_cov: 1e-4, d_ll: 1e-5 };

    /// Every distance that is outside its bound.
    pub fn outside(&self, bound: &Distances) -> Vec<String> {
        let pairs = [
            ("d_w", self.d_w, bound.d_w),
            ("d_mu", self.d_mu, bound.d_mu),
            ("d_cov", self.d_cov, bound.d_cov),
            ("d_ll", self.d_ll, bound.d_ll),
        ];
        pairs.into_iter().filter_map(|(name, value, bound)| within(name, value, bound).err()).collect()
    }
}

/// Distances of `actual` from `expected`; sizes that disagree are an error.
pub fn distances(
    (actual, actual_ll): (&Mixture, f64),
    (expected, expected_ll): (&Mixture, f64),
) -> Result<Distances, String> {
    let (k, d) = (expected.n_components(), expected.n_features);
    let sizes = |m: &Mixture| (m.covariance_type, m.weights.len(), m.means.len(), m.covariances.len());
    if sizes(actual) != sizes(expected) || actual.n_features != d {
        return Err(format!("a mixture of sizes {:?}, expected {:?}", sizes(actual), sizes(expected)));
    }
    let mut d_mu: f64 = 0.0;
    let mut d_cov: f64 = 0.0;
    for c in 0..k {
        let wanted = expected.matrix(c);
        let lower =
            cholesky(&wanted, d).ok_or(format!("the expected covariance {c} is not positive definite"))?;
        let gap: Vec<f64> = (0..d).map(|i| actual.means[c * d + i] - expected.means[c * d + i]).collect();
        let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        d_mu = largest([d_mu, norm(&solve_lower(&lower, &gap))]);
        // E = L⁻¹ (S − S') L⁻ᵀ: solve for the columns, then for the rows.
        let difference: Vec<f64> = actual.matrix(c).iter().zip(&wanted).map(|(a, e)| a - e).collect();
        let half: Vec<Vec<f64>> = (0..d).map(|j| solve_lower(&lower, &column(&difference, d, j))).collect();
        let whole: Vec<f64> = (0..d)
            .flat_map(|i| solve_lower(&lower, &half.iter().map(|c| c[i]).collect::<Vec<_>>()))
            .collect();
        d_cov = largest([d_cov, norm(&whole) / (d as f64).sqrt()]);
    }
    let d_w = largest(actual.weights.iter().zip(&expected.weights).map(|(a, e)| (a - e).abs()));
    Ok(Distances { d_w, d_mu, d_cov, d_ll: (actual_ll - expected_ll).abs() })
}

/// Fails the test unless `actual` is within `bound` of `expected`.
#[track_caller]
pub fn assert_mixtures_agree(
    what: &str,
    actual: (&Parameters, f64),
    expected: (&Parameters, f64),
    bound: &Distances,
) {
    let result = distances((&actual.0.into(), actual.1), (&expected.0.into(), expected.1));
    let outside = result.unwrap().outside(bound);
    assert!(outside.is_empty(), "{what}: {}", outside.join("; "));
}

fn column(matrix: &[f64], d: usize, j: usize) -> Vec<f64> {
    (0..d).map(|i| matrix[i * d + j]).collect()
}

/// Lower Cholesky factor, own code: the tests share no arithmetic with the library.
pub fn cholesky(a: &[f64], d: usize) -> Option<Vec<f64>> {
    let mut l = vec![0.0f64; d * d];
    for j in 0..d {
        let pivot = a[j * d + j] - (0..j).map(|m| l[j * d + m] * l[j * d + m]).sum::<f64>();
        if pivot.is_nan() || pivot <= 0.0 {
            return None;
        }
        l[j * d + j] = pivot.sqrt();
        for i in j + 1..d {
            let rest = a[i * d + j] - (0..j).map(|m| l[i * d + m] * l[j * d + m]).sum::<f64>();
            l[i * d + j] = rest / l[j * d + j];
        }
    }
    Some(l)
}

/// y with L y = b.
pub fn solve_lower(l: &[f64], b: &[f64]) -> Vec<f64> {
    let d = b.len();
    let mut y = vec![0.0; d];
    for i in 0..d {
        y[i] = (b[i] - (0..i).map(|j| l[i * d + j] * y[j]).sum::<f64>()) / l[i * d + i];
    }
    y
}

mod tests {
    use super::*;

    #[test]
    fn known_distances() {
        let expected = Mixture {
            covariance_type: CovarianceType::Full,
            n_features: 2,
            weights: vec![1.0],
            means: vec![0.0, 0.0],
            covariances: vec![4.0, 0.0, 0.0, 9.0],
        };
        let actual =
            Mixture { means: vec![2.0, 0.0], covariances: vec![8.0, 0.0, 0.0, 9.0], ..expected.clone() };
        let d = distances((&actual, 1.0), (&expected, 1.5)).unwrap();
        // One standard deviation along x; S relative to S' is diag(2, 1), so |diag(1, 0)|_F / √2.
        assert_eq!((d.d_w, d.d_mu, d.d_ll), (0.0, 1.0, 0.5));
        assert!((d.d_cov - 0.5f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn an_off_diagonal_error_is_seen() {
        let expected = Mixture {
            covariance_type: CovarianceType::Tied,
            n_features: 2,
            weights: vec![0.5, 0.5],
            means: vec![0.0; 4],
            covariances: vec![1.0, 0.5, 0.5, 1.0],
        };
        let dropped = Mixture { covariances: vec![1.0, 0.0, 0.0, 1.0], ..expected.clone() };
        assert!(distances((&dropped, 0.0), (&expected, 0.0)).unwrap().d_cov > 0.1);
        let short = Mixture { covariances: vec![1.0], ..expected.clone() };
        assert!(distances((&short, 0.0), (&expected, 0.0)).is_err());
    }
}
