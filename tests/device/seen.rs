//! The problem as the device sees it: centered, scaled and rounded to f32, then everything in f64 by the
//! reference's formulas. What is left between the two is the device's own arithmetic.

use wgmm::internals::data::{Dataset, Scaling, Scratch};
use wgmm::internals::engine::reference::density;
use wgmm::internals::engine::reference::log_density_diag::log_density_diag;
use wgmm::internals::engine::reference::log_density_full::log_density_full;
use wgmm::internals::engine::reference::log_density_full_tiled::log_density_full_tiled;
use wgmm::internals::engine::reference::moments::moments;
use wgmm::internals::engine::reference::whiten::{whiten, whitened};
use wgmm::internals::mixture::factors::Factors;
use wgmm::internals::mixture::moments::Moments;
use wgmm::internals::mixture::shape::triangle_index;
use wgmm::{CovarianceType, Parameters, Samples};

/// Samples and mixture in device units.
pub struct Seen {
    pub scaling: Scaling,
    /// The mixture; a spherical one is diagonal after features are scaled apart.
    pub parameters: Parameters,
    /// `[N, D]`, as rounded to f32.
    pub values: Vec<f64>,
    /// Sample weights as rounded to f32, `[N]`.
    pub weights: Vec<f64>,
    /// Means as rounded to f32, `[K, D]`.
    pub origins: Vec<f64>,
    /// The largest log2 π_k N(μ_k | μ_k, Σ_k) in data units: the device keeps densities relative to it.
    pub offset: f64,
    /// Rows of W = √(½ log2 e)·L⁻¹ for every component, `[K, D, D]`.
    pub whitening: Vec<f64>,
}

fn single(v: f64) -> f64 {
    f64::from(v as f32)
}

impl Seen {
    pub fn new(samples: &Samples<'_>, parameters: &Parameters) -> Seen {
        let scaling = Scaling::of(samples).unwrap().clone();
        let (n, d, k) = (samples.n_samples(), samples.n_features(), parameters.n_components());
        let mut scratch = Scratch::default();
        let rows = samples.read(0..n, &mut scratch).unwrap();
        let values =
            rows.iter().flat_map(|(x, _)| scaling.to_device(x).map(single).collect::<Vec<_>>()).collect();
        let means: Vec<f64> = parameters.means().chunks_exact(d).flat_map(|m| scaling.to_device(m)).collect();
        let constants = Factors::new(parameters).unwrap().constants;
        let offset = std::f64::consts::LOG2_E * constants.into_iter().fold(f64::NEG_INFINITY, f64::max);
        let s = &scaling.scale;
        let variance =
            |k: usize, i: usize, j: usize| parameters.covariance_matrix(k)[i * d + j] / (s[i] * s[j]);
        let (covariance_type, covariances) = match parameters.covariance_type() {
            kind @ (CovarianceType::Full | CovarianceType::Tied) => {
                let matrices = if kind == CovarianceType::Tied { 1 } else { k };
                let scaled = |at: usize| s[at / d % d] * s[at % d];
                let entries = parameters.covariances().iter().enumerate();
                debug_assert_eq!(parameters.covariances().len(), matrices * d * d);
                (kind, entries.map(|(at, v)| v / scaled(at)).collect())
            }
            _ => (CovarianceType::Diag, (0..k * d).map(|at| variance(at / d, at % d, at % d)).collect()),
        };
        let origins = means.iter().map(|m| single(*m)).collect();
        let parameters =
            Parameters::new(covariance_type, parameters.weights().to_vec(), means, covariances).unwrap();
        let whitening = whitening(&parameters);
        let weights = rows.iter().map(|(_, weight)| single(weight)).collect();
        Seen { scaling, parameters, values, weights, origins, offset, whitening }
    }

    pub fn n_features(&self) -> usize {
        self.parameters.n_features()
    }

    pub fn row(&self, n: usize) -> &[f64] {
        let d = self.n_features();
        &self.values[n * d..(n + 1) * d]
    }

    /// Weighted log densities in data units and bits less the offset, `[N, K]`, by the twins of `kernels` (as the engine
    /// names them); −∞ for a component of weight 0.
    pub fn densities(&self, kernels: &str) -> Vec<f64> {
        let components = density::components(&self.parameters).unwrap();
        let apart: Vec<_> = components.iter().map(whitened).collect();
        let k = components.len();
        let mut densities = vec![0.0; self.weights.len() * k];
        // A density per data unit is one per device unit divided by the scales.
        let shift: f64 = self.scaling.scale.iter().map(|s| s.ln()).sum();
        for (n, out) in densities.chunks_exact_mut(k).enumerate() {
            let x = self.row(n);
            match kernels {
                // Beside the fused kernel the densities of single samples are a kernel of their own.
                "fused" | "log_density_full + moments" => log_density_full(&components, x, out),
                "log_density_full_tiled + moments" => log_density_full_tiled(&components, x, out),
                "log_density_diag + moments" => log_density_diag(&components, x, out),
                "whiten + log_density_diag + moments" => {
                    log_density_diag(&apart, &whiten(&components[0].lower, x), out);
                }
                other => panic!("no twins of {other}"),
            }
            out.iter_mut().for_each(|l| *l = (*l - shift) * std::f64::consts::LOG2_E - self.offset);
        }
        densities
    }

    /// Moments about the origins with the given responsibilities times weights `[N, K]`, by the
    /// reference, in data units and in the form of `covariance_type`.
    pub fn moments(&self, covariance_type: CovarianceType, responsibilities: &[f64]) -> Moments {
        let (d, k) = (self.n_features(), self.parameters.n_components());
        let mut sums = Moments::zero(self.parameters.covariance_type(), d, self.origins.clone());
        for (n, r) in responsibilities.chunks_exact(k).enumerate() {
            moments(&mut sums, self.row(n), 1.0, r);
        }
        let s = &self.scaling.scale;
        let origins =
            self.origins.iter().enumerate().map(|(at, o)| self.scaling.to_data(at % d, *o)).collect();
        let mut scaled = Moments::zero(covariance_type, d, origins);
        scaled.effective_counts = sums.effective_counts;
        scaled.first_moments = sums.first_moments.iter().enumerate().map(|(at, v)| v * s[at % d]).collect();
        let numbers = scaled.second_moments.len();
        match covariance_type {
            CovarianceType::Full | CovarianceType::Tied => {
                for (i, j) in (0..d).flat_map(|i| (0..=i).map(move |j| (i, j))) {
                    for at in (triangle_index(i, j)..numbers).step_by(triangle_index(d, 0)) {
                        scaled.second_moments[at] = sums.second_moments[at] * s[i] * s[j];
                    }
                }
            }
            kind => {
                for (at, v) in sums.second_moments.iter().enumerate() {
                    let to = if kind == CovarianceType::Diag { at } else { at / d };
                    scaled.second_moments[to] += v * s[at % d] * s[at % d];
                }
            }
        }
        scaled
    }
}

/// The whitening factor of every component, square, in units of half a bit.
fn whitening(parameters: &Parameters) -> Vec<f64> {
    let (d, k) = (parameters.n_features(), parameters.n_components());
    let factors = Factors::new(parameters).unwrap().whitening;
    let root = (0.5 * std::f64::consts::LOG2_E).sqrt();
    let entry = |c: usize, i: usize, j: usize| match parameters.covariance_type() {
        CovarianceType::Full => factors[(c * d + i) * d + j],
        CovarianceType::Tied => factors[i * d + j],
        _ if i != j => 0.0,
        CovarianceType::Diag => factors[c * d + i],
        CovarianceType::Spherical => factors[c],
    };
    (0..k * d * d).map(|at| root * entry(at / (d * d), at / d % d, at % d)).collect()
}
