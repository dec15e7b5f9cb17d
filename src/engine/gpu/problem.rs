//! What a plan is made for: the size of a problem and the limits of an adapter.

use crate::engine::rounding::has_whitened_moments;
use crate::mixture::shape::CovarianceType;

/// Samples per tile of the resident layout.
pub const TILE: usize = 128;
/// Chunks and slabs are whole multiples of this many samples (a multiple of every slice).
pub const ALIGNMENT: usize = 4096;

/// The adapter's limits that a plan must respect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest storage binding, bytes.
    pub binding_bytes: u64,
    /// Largest buffer, bytes.
    pub buffer_bytes: u64,
    /// Workgroup memory, bytes.
    pub workgroup_bytes: usize,
    /// Invocations per workgroup.
    pub invocations: usize,
    /// Workgroups per dispatch dimension.
    pub workgroups: usize,
}

impl Limits {
    /// WebGPU's guaranteed minimum, but with the 32 KiB of workgroup memory of Metal and llvmpipe, not 16.
    pub const DOWNLEVEL: Limits = Limits {
        binding_bytes: 128 << 20,
        buffer_bytes: 256 << 20,
        workgroup_bytes: 32 << 10,
        invocations: 256,
        workgroups: 65_535,
    };

    /// The smaller of both, limit by limit.
    pub fn at_most(&self, other: &Limits) -> Limits {
        Limits {
            binding_bytes: self.binding_bytes.min(other.binding_bytes),
            buffer_bytes: self.buffer_bytes.min(other.buffer_bytes),
            workgroup_bytes: self.workgroup_bytes.min(other.workgroup_bytes),
            invocations: self.invocations.min(other.invocations),
            workgroups: self.workgroups.min(other.workgroups),
        }
    }
}

/// The size of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    /// N, over all chunks.
    pub n_samples: usize,
    /// D.
    pub n_features: usize,
    /// K.
    pub n_components: usize,
    /// Form of the covariances.
    pub covariance_type: CovarianceType,
    /// Whether samples have weights.
    pub weighted: bool,
}

impl Problem {
    /// Whether the moments are summed as those of W (x − origin). Then f32 errors are relative to each
    /// component's own shape, which thin components of few features need (grey pixels among RGB). With
    /// more features it would double the work.
    pub fn has_whitened_moments(&self) -> bool {
        has_whitened_moments(self.covariance_type, self.n_features)
    }

    /// Whether only the diagonal of the second moments is summed.
    pub fn has_diagonal_moments(&self) -> bool {
        matches!(self.covariance_type, CovarianceType::Diag | CovarianceType::Spherical)
    }
}
