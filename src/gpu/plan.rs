//! What will run, decided before anything runs: kernels, tile sizes, slices and buffer sizes from the
//! problem's shape and the adapter's limits. Pure: no device is touched.
//!
//! A *slice* of samples is summed by one workgroup into one row of partials; slices are fixed by row
//! number alone. A *slab* is what one dispatch takes: how many slices it holds changes no bit of the
//! result.

use minijinja::Value;

use super::shader::{self, Template, Values};
use crate::error::{Error, Result};
use crate::shape::{CovarianceType, triangle_len};

/// Samples per tile of the resident layout.
pub const TILE: usize = 128;
/// Chunks and slabs are whole multiples of this many samples (a multiple of every slice).
pub const ALIGNMENT: usize = 4096;
/// Slices whose partials are added on the device before the host adds the rest in f64.
pub const SLICES_PER_GROUP: usize = 64;
/// Largest number of samples one invocation adds up in f32.
pub const MAX_RUN: usize = 4096;
/// Scratch for weighted log densities, at most.
const MAX_SCRATCH_BYTES: u64 = 512 << 20;
/// Partials of one slab, at most (one slice must fit whatever this says).
const MAX_PARTIALS_BYTES: u64 = 256 << 20;
/// Workgroups of the moments kernel that keep a large card busy.
const BUSY_WORKGROUPS: usize = 1500;
/// Samples staged in workgroup memory at a time by the moments kernel, bytes.
const STAGED_SAMPLE_BYTES: usize = 16 << 10;

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
    /// WebGPU's guaranteed minimum, except that workgroups of 256 are 16 KiB there.
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

/// The tile sizes that measurement chose; see `benches/NOTES.md` for the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuning {
    /// Samples per invocation of `log_density_full`: 2 or 4.
    pub density_samples: usize,
    /// Factors staged in workgroup memory at a time, bytes.
    pub staged_factor_bytes: usize,
    /// Columns per step of `log_density_full_tiled`; divides 16.
    pub density_unroll: usize,
    /// Samples staged at a time by the moments kernel: a power of two.
    pub stage: usize,
    /// Samples per step of the moments kernel: a power of two.
    pub moments_unroll: usize,
    /// Samples per slice at most: a power of two up to [`ALIGNMENT`].
    pub slice: usize,
}

impl Tuning {
    /// The table.
    pub fn new(problem: &Problem) -> Tuning {
        let d = problem.n_features;
        Tuning {
            density_samples: 4,
            staged_factor_bytes: 12 << 10,
            density_unroll: 16,
            stage: if d <= 32 { 64 } else { 32 },
            moments_unroll: match d {
                0..=8 => 4,
                9..=16 => 2,
                _ => 1,
            },
            slice: ALIGNMENT,
        }
    }
}

/// One kernel: its template, the values it is rendered with, and what it occupies.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// The template.
    pub template: Template,
    /// What it is rendered with.
    pub values: Values,
    /// Workgroup memory, bytes.
    pub workgroup_bytes: usize,
    /// Invocations per workgroup.
    pub invocations: usize,
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

/// Everything decided for one problem on one adapter.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The problem.
    pub problem: Problem,
    /// Weighted log densities and their normalisers.
    pub density: Kernel,
    /// Partial moments.
    pub moments: Kernel,
    /// Sums of partials.
    pub sum: Kernel,
    /// Samples one workgroup of `density` takes.
    pub density_rows: usize,
    /// vec4 per component in the packed factors.
    pub factor_vecs: usize,
    /// How the moments are spread over roles and lanes.
    pub blocks: Blocks,
    /// Samples per slice.
    pub slice: usize,
    /// Samples per slab, at most.
    pub max_slab: usize,
    /// Useful floating-point operations per sample of one E-step: 2K(D(D+1)/2+D) for the densities and
    /// 2K(D(D+1)/2+D+1) for the moments.
    pub flops_per_sample: f64,
}

/// How `moments` cuts the statistics of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks {
    /// Components side by side in a workgroup: a power of two up to 32.
    pub lanes: usize,
    /// Roles: blocks of the triangle.
    pub roles: usize,
    /// Roles side by side in a workgroup.
    pub roles_here: usize,
    /// Statistics per role and component.
    pub statistics: usize,
    /// Features of a diagonal block.
    pub block: usize,
    /// vec4 per component in the packed origins.
    pub vecs: usize,
}

impl Blocks {
    /// Sums of products among the statistics; D first moments and the count follow them.
    pub fn sums(&self) -> usize {
        self.statistics - self.block - 1
    }

    /// Statistics of one slice: a row of partials.
    pub fn row_length(&self, n_components: usize) -> usize {
        self.roles * self.statistics * n_components
    }
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
        let (density, density_rows, factor_vecs) = density_kernel(&problem, limits, tuning);
        let blocks = blocks(d, k);
        let per_slice = k.div_ceil(blocks.lanes) * blocks.roles.div_ceil(blocks.roles_here);
        let mut slice = tuning.slice;
        while slice > 256 && n_samples.div_ceil(slice) * per_slice < BUSY_WORKGROUPS {
            slice /= 2;
        }
        let moments = moments_kernel(&problem, limits, tuning, &blocks, slice);
        let sum = Kernel {
            template: shader::SUM_PARTIALS,
            values: values([("GROUP", SLICES_PER_GROUP)]),
            workgroup_bytes: 0,
            invocations: 256,
        };
        let row_bytes = (blocks.row_length(k) * 4) as u64;
        let units = |budget: u64, bytes_per_unit: u64| (budget / bytes_per_unit.max(1)) as usize;
        let unit = slice.max(density_rows);
        let slices_per_unit = unit / slice;
        let max_slab_units = units(MAX_SCRATCH_BYTES.min(limits.binding_bytes), (unit * k * 4) as u64)
            .min(units(
                MAX_PARTIALS_BYTES.max(row_bytes * slices_per_unit as u64).min(limits.binding_bytes),
                row_bytes * slices_per_unit as u64,
            ))
            .min(limits.workgroups / (unit / density_rows))
            .min(limits.workgroups / slices_per_unit);
        let plan = Plan {
            problem,
            density,
            moments,
            sum,
            density_rows,
            factor_vecs,
            blocks,
            slice,
            max_slab: (max_slab_units * unit).min(n_samples.next_multiple_of(unit)),
            flops_per_sample: 2.0 * k as f64 * (2 * triangle_len(d) + 2 * d + 1) as f64,
        };
        plan.check(limits, unit)?;
        Ok(plan)
    }

    /// Samples a slab's length is a multiple of.
    pub fn slab_unit(&self) -> usize {
        self.slice.max(self.density_rows)
    }

    /// Whether the densities come from the tiled kernel, whose factors are packed by 16 rows.
    pub fn is_tiled(&self) -> bool {
        self.density.template == shader::LOG_DENSITY_FULL_TILED
    }

    /// Groups of slices over all samples.
    pub fn groups(&self) -> usize {
        self.problem.n_samples.div_ceil(self.slice).div_ceil(SLICES_PER_GROUP)
    }

    /// Bytes of the totals of all groups.
    pub fn totals_bytes(&self) -> u64 {
        (self.groups() * self.blocks.row_length(self.problem.n_components) * 4) as u64
    }

    /// Rows left after groups of totals are added once more: what the host reads.
    pub fn result_rows(&self) -> usize {
        self.groups().div_ceil(SLICES_PER_GROUP)
    }

    /// Names of the kernels, for people.
    pub fn kernels(&self) -> String {
        format!("{} + {}", self.density.template.name, self.moments.template.name)
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
        for kernel in [&self.density, &self.moments, &self.sum] {
            exceeded(
                "workgroup memory (bytes)",
                kernel.workgroup_bytes as u64,
                limits.workgroup_bytes as u64,
            )?;
            exceeded("invocations per workgroup", kernel.invocations as u64, limits.invocations as u64)?;
        }
        let binding = limits.binding_bytes.min(limits.buffer_bytes);
        let row_bytes = (self.blocks.row_length(k) * 4) as u64;
        exceeded("scratch binding (bytes)", (unit * k * 4) as u64, binding)?;
        exceeded("partials binding (bytes)", row_bytes * (unit / self.slice) as u64, binding)?;
        exceeded("totals binding (bytes)", self.totals_bytes(), binding)?;
        exceeded("factors binding (bytes)", (k * self.factor_vecs * 16) as u64, binding)?;
        exceeded("workgroups per dimension", k.div_ceil(self.blocks.lanes) as u64, limits.workgroups as u64)?;
        let role_groups = self.blocks.roles.div_ceil(self.blocks.roles_here);
        exceeded("workgroups per dimension", role_groups as u64, limits.workgroups as u64)
    }
}

fn values<const N: usize>(pairs: [(&'static str, usize); N]) -> Values {
    pairs.into_iter().map(|(name, value)| (name, Value::from(value))).collect()
}

/// The E kernel, the samples per workgroup and the vec4 per component of its factors.
fn density_kernel(problem: &Problem, limits: &Limits, tuning: &Tuning) -> (Kernel, usize, usize) {
    let d = problem.n_features;
    if d > 32 {
        return tiled_density_kernel(problem, limits, tuning);
    }
    let p = tuning.density_samples;
    let factor_vecs = (d * (d + 3) / 2 + 1).div_ceil(4);
    let staged = (tuning.staged_factor_bytes / (factor_vecs * 16)).clamp(1, 16);
    let mut values = values([
        ("P", p),
        ("D", d),
        ("TILE_VECS", TILE / p),
        ("FACTOR_VECS", factor_vecs),
        ("STAGED", staged),
    ]);
    let (vector, unsigned, numbers, sum) = match p {
        4 => (
            "vec4<f32>",
            "vec4<u32>",
            "vec4<u32>(0u, 1u, 2u, 3u)",
            "weighted.x + weighted.y + (weighted.z + weighted.w)",
        ),
        _ => ("vec2<f32>", "vec2<u32>", "vec2<u32>(0u, 1u)", "weighted.x + weighted.y"),
    };
    for (name, text) in [("V", vector), ("VU", unsigned), ("NUMBERS", numbers), ("SUM", sum)] {
        values.insert(name, Value::from(text));
    }
    values.insert("WEIGHTED", Value::from(problem.weighted));
    let kernel = Kernel {
        template: shader::LOG_DENSITY_FULL,
        values,
        workgroup_bytes: staged * factor_vecs * 16 + 128 * 4,
        invocations: 128,
    };
    (kernel, 128 * p, factor_vecs)
}

fn tiled_density_kernel(problem: &Problem, limits: &Limits, tuning: &Tuning) -> (Kernel, usize, usize) {
    let d = problem.n_features;
    let dp = d.next_multiple_of(16);
    let blocks = dp / 16;
    // Per 16 rows: 4 vec4 of b, then 4 per column up to the diagonal block's end.
    let factor_vecs = blocks * 4 + 64 * blocks * (blocks + 1) / 2;
    let sums = 32 * 4;
    // The joining of the teams needs 512 vec4 whether or not the features are staged.
    let staged = dp * TILE * 4 + sums <= limits.workgroup_bytes;
    let vecs = if staged { (dp * 32).max(512) } else { 512 };
    let mut values = values([
        ("D", d),
        ("DP", dp),
        ("FACTOR_VECS", factor_vecs),
        ("WG_VECS", vecs),
        ("UNROLL", tuning.density_unroll),
    ]);
    values.insert("STAGED", Value::from(staged));
    values.insert("WEIGHTED", Value::from(problem.weighted));
    let kernel = Kernel {
        template: shader::LOG_DENSITY_FULL_TILED,
        values,
        workgroup_bytes: vecs * 16 + sums,
        invocations: 256,
    };
    (kernel, TILE, factor_vecs)
}

fn blocks(d: usize, k: usize) -> Blocks {
    let mut lanes = k.next_power_of_two().min(32);
    if d <= 16 {
        let vecs = d.div_ceil(4);
        return Blocks {
            lanes,
            roles: 1,
            roles_here: 1,
            statistics: triangle_len(d) + d + 1,
            block: d,
            vecs,
        };
    }
    let dp = d.next_multiple_of(16);
    // Fewer components than lanes means more subsets, each with a staged sample of its own: where long
    // samples would not fit, lanes idle instead.
    while lanes < 32 && (32 / lanes) * dp * 4 > STAGED_SAMPLE_BYTES {
        lanes *= 2;
    }
    let diagonal = dp / 16;
    // Below the diagonal each 16 x 16 block is two roles of 8 x 16.
    let roles = diagonal + diagonal * (diagonal - 1);
    let statistics = triangle_len(16) + 16 + 1;
    Blocks { lanes, roles, roles_here: 4, statistics, block: 16, vecs: dp / 4 }
}

/// The M kernel: `moments_full` with everything its loops need.
fn moments_kernel(
    problem: &Problem,
    limits: &Limits,
    tuning: &Tuning,
    blocks: &Blocks,
    slice: usize,
) -> Kernel {
    let d = problem.n_features;
    let Blocks { lanes, roles, roles_here, statistics, block, vecs } = *blocks;
    let subsets = 128 / (lanes * roles_here);
    // An odd number of vec4 per sample keeps the staging writes off each other's banks.
    let row_vecs = vecs | 1;
    let pass = 8;
    let sums_bytes = if subsets > 1 { pass * 128 * 4 } else { 0 };
    let stage_bytes = |stage: usize| stage * (row_vecs * 16 + (lanes + 1) * 4) + sums_bytes;
    let budget = limits.workgroup_bytes.min(32 << 10);
    let mut stage = tuning.stage;
    while stage > 1 && stage_bytes(stage) > budget {
        stage /= 2;
    }
    stage = stage.max(subsets.min(TILE));
    let parts = 128 / stage;
    let unroll = (stage / subsets).min(tuning.moments_unroll);
    let sums = blocks.sums();
    let mut values = values([
        ("D", d),
        ("DP", if d <= 16 { d } else { d.next_multiple_of(16) }),
        ("SLICE", slice),
        ("STAGE", stage),
        ("PARTS", parts),
        ("LANES", lanes),
        ("SUBSETS", subsets),
        ("ROLES", roles),
        ("ROLES_HERE", roles_here),
        ("STATISTICS", statistics),
        ("SUMS", sums),
        ("BLOCK", block),
        ("BLOCK_VECS", block.div_ceil(4)),
        ("VECS", vecs),
        ("ROW_VECS", row_vecs),
        ("LOADS_X", vecs.div_ceil(parts)),
        ("LOADS_R", lanes.div_ceil(parts)),
        ("UNROLL", unroll),
        ("PASS", pass),
    ]);
    values.insert("EXACT", Value::from(d == vecs * 4));
    let kernel = Kernel {
        template: shader::MOMENTS_FULL,
        values,
        workgroup_bytes: stage_bytes(stage),
        invocations: 128,
    };
    kernel
}
