//! Which kernel serves which problem, and the table of tile sizes. `benches/NOTES.md` has the figures.

use super::{ALIGNMENT, Problem, TILE};
use crate::engine::gpu::shader::{self, Template};
use crate::error::{Error, Result};
use crate::mixture::shape::{CovarianceType, triangle_len};

/// Sums of all components that the fused kernel keeps in registers without loss; it may be asked for up to
/// `MOST_FUSED`.
const FUSED: usize = 100;
const MOST_FUSED: usize = 200;
/// Features that an invocation of `log_density_full` holds.
const MOST_REGISTERS: usize = 32;
/// Samples times components from which eight samples per invocation leave no part of a large card idle.
const LARGE: usize = 50_000_000;

/// The tile sizes that measurement chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuning {
    /// The kernel of the densities, or the fused one.
    pub kernel: Template,
    /// Factors staged in workgroup memory at a time, bytes.
    pub staged_factor_bytes: usize,
    /// Samples per invocation of the densities, in fours: 1 or 2.
    pub density_groups: usize,
    /// Invocations of a workgroup of `log_density_full_tiled`.
    pub density_threads: usize,
    /// Columns per step of `log_density_full_tiled`; divides 16.
    pub density_unroll: usize,
    /// Invocations of a workgroup of the moments kernel: 32, 64, 128 or 256.
    pub moments_threads: usize,
    /// Samples staged at a time by the moments kernel: a power of two.
    pub stage: usize,
    /// Samples per step of the moments kernel: a power of two.
    pub moments_unroll: usize,
    /// Components per invocation of the moments kernel; more than 1 only where it sums no triangle.
    pub moments_held: usize,
    /// Responsibilities of a component that the moments kernel loads at a time: 1, 2 or 4.
    pub moments_quads: usize,
    /// Samples per slice at most: a power of two up to [`ALIGNMENT`].
    pub slice: usize,
}

/// The kernels that can serve `problem`, as `--kernel` names them; the one that does unless another is asked
/// for first.
pub fn kernels_for(problem: &Problem) -> Vec<Template> {
    let d = problem.n_features;
    if problem.covariance_type != CovarianceType::Full {
        return vec![shader::LOG_DENSITY_DIAG];
    }
    let mut kernels = Vec::new();
    if d <= MOST_REGISTERS {
        kernels.push(shader::LOG_DENSITY_FULL);
    }
    // The fused kernel's sums are whitened, as these moments are; they read W by rows, which tiles are not.
    let sums = problem.n_components * (triangle_len(d) + d + 1);
    if !problem.has_whitened_moments() {
        kernels.push(shader::LOG_DENSITY_FULL_TILED);
    } else if sums <= MOST_FUSED {
        kernels.insert(usize::from(sums > FUSED), shader::FUSED);
    }
    kernels
}

impl Tuning {
    /// The table.
    pub fn new(problem: &Problem) -> Tuning {
        Tuning::of(problem, kernels_for(problem)[0])
    }

    /// The table for a kernel asked for by name.
    ///
    /// # Errors
    /// [`Error::Option`] for a kernel that cannot serve the problem.
    pub fn with_kernel(problem: &Problem, name: &str) -> Result<Tuning> {
        let kernels = kernels_for(problem);
        kernels.iter().find(|k| k.name == name).map(|k| Tuning::of(problem, *k)).ok_or_else(|| {
            let names: Vec<&str> = kernels.iter().map(|k| k.name).collect();
            let allowed =
                format!("must be {} for these features, components and covariances", names.join(" or "));
            Error::option("kernel", name, allowed)
        })
    }

    /// NVIDIA H100, 2026-11-23.
    fn of(problem: &Problem, kernel: Template) -> Tuning {
        let (d, k) = (problem.n_features, problem.n_components);
        let is_diagonal = matches!(problem.covariance_type, CovarianceType::Diag | CovarianceType::Spherical);
        // Invocations, stage, unroll, components held, responsibilities at a time.
        let (moments_threads, stage, moments_unroll, moments_held, moments_quads) = match d {
            0..=8 => (128, 64, 4, 1, 4),
            9..=16 if is_diagonal => (32, 16, 2, 2, 4),
            9..=16 => (32, 16, 2, 1, 1),
            17..=96 if is_diagonal => (128, 32, 1, 2, 4),
            _ if is_diagonal => (128, 16, 1, 2, 4),
            17..=32 => (128, 64, 1, 1, 1),
            33..=64 => (256, 64, 4, 1, 4),
            _ => (128, 32, 1, 1, 1),
        };
        let is_large = problem.n_samples.saturating_mul(k) > LARGE;
        let eight = match kernel {
            shader::LOG_DENSITY_FULL_TILED => k > 8,
            shader::LOG_DENSITY_FULL => is_large && d <= 16,
            shader::LOG_DENSITY_DIAG => is_large && problem.covariance_type != CovarianceType::Tied,
            _ => false,
        };
        let density_groups = if eight { 2 } else { 1 };
        // Teams beyond the components would idle.
        let lanes = TILE / 4 / density_groups;
        Tuning {
            kernel,
            staged_factor_bytes: 12 << 10,
            density_groups,
            density_threads: k.next_power_of_two().saturating_mul(lanes).min(256),
            density_unroll: if eight { 8 } else { 16 },
            moments_threads,
            stage,
            moments_unroll,
            moments_held,
            moments_quads,
            slice: ALIGNMENT,
        }
    }
}
