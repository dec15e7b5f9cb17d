//! What will run, decided before anything runs: kernels, tile sizes, slices and buffer sizes from the
//! problem's shape and the adapter's limits. Pure: no device is touched.
//!
//! A *slice* of samples is summed by one workgroup into one row of partials; slices are fixed by row
//! number alone. A *slab* is what one dispatch takes: how many slices it holds changes no bit of the
//! result.

mod kernels;
mod tuning;

pub use kernels::{Blocks, Density, FactorLayout, Kernel};
pub use tuning::{Tuning, kernels_for};

use super::layout::Parts;
use super::shader;
use crate::engine::rounding::has_whitened_moments;
use crate::error::{Error, Result};
use crate::mixture::shape::{CovarianceType, triangle_len};

/// Samples per tile of the resident layout.
pub const TILE: usize = 128;
/// Chunks and slabs are whole multiples of this many samples (a multiple of every slice).
pub const ALIGNMENT: usize = 4096;
/// Slices whose partials are added into one row of totals; more where the totals would not fit.
pub const SLICES_PER_GROUP: usize = 64;
/// Largest number of samples one invocation adds up in f32.
pub const MAX_RUN: usize = 4096;
/// Scratch for weighted log densities, at most.
const MAX_SCRATCH_BYTES: u64 = 512 << 20;
/// Partials of one slab, at most (one slice must fit whatever this says).
const MAX_PARTIALS_BYTES: u64 = 256 << 20;
/// Samples whose log densities have room at once where an E-step needs none: a multiple of [`ALIGNMENT`].
const PREDICTED_ROWS: usize = 1 << 16;
/// Workgroups of the moments kernel that keep a large card busy.
const BUSY_WORKGROUPS: usize = 1500;

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
}

impl Limits {
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
    /// Whether the moments are summed as those of W (x − origin). There f32 errors are relative to each
    /// component's own shape, which thin components of few features need (grey pixels among RGB); with
    /// more features it would double the work.
    pub fn has_whitened_moments(&self) -> bool {
        has_whitened_moments(self.covariance_type, self.n_features)
    }
}

/// Everything decided for one problem on one adapter.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The problem.
    pub problem: Problem,
    /// Whitened samples, for tied covariances.
    pub whiten: Option<Kernel>,
    /// A whole E-step but for the sums of partials; then densities are for predictions only.
    pub fused: Option<Kernel>,
    /// Weighted log densities and their normalisers.
    pub density: Density,
    /// Partial moments.
    pub moments: Kernel,
    /// Sums of partials.
    pub sum: Kernel,
    /// How the moments are spread over roles and lanes.
    pub blocks: Blocks,
    /// Samples per slice.
    pub slice: usize,
    /// Slices per row of totals.
    pub slices_per_group: usize,
    /// Samples whose log densities have room at once where an E-step needs none.
    predicted_rows: usize,
    /// Samples per slab, at most.
    pub max_slab: usize,
    /// Workgroups per dispatch dimension, at most.
    pub workgroups: usize,
    /// Useful floating-point operations per sample of one E-step: with full covariances 2K(D(D+1)/2+D)
    /// for the densities and 2K(D(D+1)/2+D+1) for the moments.
    pub flops_per_sample: f64,
}

impl Plan {
    /// Decides everything for `problem` under `limits`.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`] if no split of the work can fit.
    pub fn new(problem: Problem, limits: &Limits) -> Result<Plan> {
        Plan::tuned(problem, limits, &Tuning::new(&problem))
    }

    /// [`Plan::new`] with other tile sizes, for measuring.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn tuned(problem: Problem, limits: &Limits, tuning: &Tuning) -> Result<Plan> {
        let Problem { n_samples, n_features: d, n_components: k, .. } = problem;
        let density = Density::new(&problem, limits, tuning);
        let whiten = kernels::whiten(&problem);
        let blocks = Blocks::new(&problem, tuning);
        let per_slice = k.div_ceil(blocks.components()) * blocks.roles.div_ceil(blocks.roles_here);
        let is_fused = tuning.kernel == shader::FUSED;
        let shortest = if is_fused { 512 } else { 256 };
        let mut slice = if is_fused { tuning.slice.max(shortest) } else { tuning.slice };
        while slice > shortest && n_samples.div_ceil(slice) * per_slice < BUSY_WORKGROUPS {
            slice /= 2;
        }
        let moments = kernels::moments(&problem, limits, tuning, &blocks, slice);
        let row_bytes = (blocks.row_length(k) * 4) as u64;
        let whitened = if whiten.is_some() { d } else { 0 };
        let units = |budget: u64, bytes_per_unit: u64| (budget / bytes_per_unit.max(1)) as usize;
        let unit = slice.max(density.rows);
        let slices_per_unit = unit / slice;
        let slices = n_samples.next_multiple_of(unit) / slice;
        let mut slices_per_group = SLICES_PER_GROUP;
        while slices_per_group < slices
            && slices.div_ceil(slices_per_group) as u64 * row_bytes > limits.binding_bytes
        {
            slices_per_group *= 2;
        }
        let sum = Kernel {
            template: shader::SUM_PARTIALS,
            values: kernels::values([("GROUP", slices_per_group), ("COUNTS", blocks.statistics - 1)]),
            workgroup_bytes: 0,
            invocations: 256,
        };
        let with_scratch =
            units(MAX_SCRATCH_BYTES.min(limits.binding_bytes), (unit * k.max(whitened) * 4) as u64);
        let max_slab_units = (if is_fused { usize::MAX } else { with_scratch })
            .min(units(
                MAX_PARTIALS_BYTES.max(row_bytes * slices_per_unit as u64).min(limits.binding_bytes),
                row_bytes * slices_per_unit as u64,
            ))
            .min(limits.workgroups / (unit / TILE))
            .min(limits.workgroups / slices_per_unit);
        let operations = match problem.covariance_type {
            CovarianceType::Full => 2 * triangle_len(d) + 2 * d + 1,
            CovarianceType::Tied => triangle_len(d) + 3 * d + 1,
            CovarianceType::Diag | CovarianceType::Spherical => 4 * d + 1,
        };
        let plan = Plan {
            problem,
            whiten,
            fused: is_fused.then(|| kernels::fused(&problem, slice)),
            density,
            moments,
            sum,
            blocks,
            slice,
            slices_per_group,
            predicted_rows: (with_scratch * unit).min(PREDICTED_ROWS),
            max_slab: (max_slab_units * unit).min(n_samples.next_multiple_of(unit)),
            workgroups: limits.workgroups,
            flops_per_sample: 2.0 * k as f64 * operations as f64,
        };
        plan.check(limits, unit)?;
        Ok(plan)
    }

    /// Samples a slab's length is a multiple of.
    pub fn slab_unit(&self) -> usize {
        self.slice.max(self.density.rows)
    }

    /// Samples whose log densities have room at once: all of a slab, or those of one piece of a prediction.
    pub fn scratch_rows(&self) -> usize {
        if self.fused.is_some() { self.max_slab.min(self.predicted_rows) } else { self.max_slab }
    }

    /// Samples per partial sum of the log-likelihood.
    pub fn log_likelihood_rows(&self) -> usize {
        if self.fused.is_some() { self.slice } else { self.density.rows }
    }

    /// vec4 of the fused kernel's parameters; 0 without it.
    pub fn fused_vecs(&self) -> usize {
        if self.fused.is_some() { kernels::fused_vecs(&self.problem) } else { 0 }
    }

    /// Groups of slices over all samples.
    pub fn groups(&self) -> usize {
        // Only the last chunk is padded: all others are whole multiples of `ALIGNMENT`.
        let padded = self.problem.n_samples.next_multiple_of(self.slab_unit());
        (padded / self.slice).div_ceil(self.slices_per_group)
    }

    /// Bytes of the totals of all groups.
    pub fn totals_bytes(&self) -> u64 {
        (self.groups() * self.blocks.row_length(self.problem.n_components) * 4) as u64
    }

    /// Rows left after groups of totals are added once more: what the host reads.
    pub fn result_rows(&self) -> usize {
        self.groups().div_ceil(self.slices_per_group)
    }

    /// vec4 of the whitening factor of a tied covariance; 0 for other types.
    pub fn whitening_vecs(&self) -> usize {
        if self.whiten.is_some() { kernels::tiled_vecs(self.problem.n_features) } else { 0 }
    }

    /// Names of the kernels, for people.
    pub fn kernels(&self) -> String {
        if let Some(fused) = &self.fused {
            return fused.template.name.into();
        }
        let names = self.whiten.iter().chain([&self.density.kernel, &self.moments]).map(|k| k.template.name);
        names.collect::<Vec<_>>().join(" + ")
    }

    /// Every kernel that runs, predictions included.
    pub fn used(&self) -> impl Iterator<Item = &Kernel> {
        let moments = self.fused.as_ref().unwrap_or(&self.moments);
        self.whiten.iter().chain([&self.density.kernel, moments, &self.sum])
    }

    /// Asserts the whole plan against `limits`: a driver may hang instead of refusing.
    fn check(&self, limits: &Limits, unit: usize) -> Result<()> {
        let exceeded = |limit, required: u64, available: u64| {
            if required > available {
                Err(Error::LimitExceeded { limit, required, available })
            } else {
                Ok(())
            }
        };
        let Problem { n_components: k, .. } = self.problem;
        for kernel in self.used() {
            exceeded(
                "workgroup memory (bytes)",
                kernel.workgroup_bytes as u64,
                limits.workgroup_bytes as u64,
            )?;
            exceeded("invocations per workgroup", kernel.invocations as u64, limits.invocations as u64)?;
        }
        let binding = limits.binding_bytes.min(limits.buffer_bytes);
        let row_bytes = (self.blocks.row_length(k) * 4) as u64;
        let whitened = if self.whiten.is_some() { self.problem.n_features } else { 0 };
        exceeded("scratch binding (bytes)", (unit * k.max(whitened) * 4) as u64, binding)?;
        // The smallest slab there is must be one dispatch: `max_slab` is 0 otherwise.
        exceeded("workgroups per dimension", (unit / TILE) as u64, limits.workgroups as u64)?;
        exceeded("partials binding (bytes)", row_bytes * (unit / self.slice) as u64, binding)?;
        exceeded("totals binding (bytes)", self.totals_bytes(), binding)?;
        exceeded("factors binding (bytes)", (self.density.factor_vecs * 16) as u64, binding)?;
        exceeded("parameters (bytes)", Parts::new(self).bytes() as u64, limits.buffer_bytes)?;
        exceeded(
            "workgroups per dimension",
            k.div_ceil(self.blocks.components()) as u64,
            limits.workgroups as u64,
        )?;
        let role_groups = self.blocks.roles.div_ceil(self.blocks.roles_here);
        exceeded("workgroups per dimension", role_groups as u64, limits.workgroups as u64)
    }
}
