//! One kernel of a plan: template, values, workgroup memory.

use minijinja::Value;

use super::tuning::Tuning;
use super::{Limits, Problem, TILE};
use crate::engine::gpu::shader::{self, Template, Values};
use crate::mixture::shape::{CovarianceType, triangle_len};

/// Samples staged in workgroup memory at a time by the moments kernel, bytes.
const STAGED_SAMPLE_BYTES: usize = 16 << 10;

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

/// How `moments` cuts the statistics of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks {
    /// Invocations side by side in a workgroup that hold different components: a power of two up to 32.
    pub lanes: usize,
    /// Components per invocation.
    pub held: usize,
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
    /// Components of one workgroup.
    pub fn components(&self) -> usize {
        self.lanes * self.held
    }

    /// Sums of products among the statistics; D first moments and the count follow them.
    pub fn sums(&self) -> usize {
        self.statistics - self.block - 1
    }

    /// Statistics of one slice: a row of partials.
    pub fn row_length(&self, n_components: usize) -> usize {
        self.roles * self.statistics * n_components
    }
}

pub(super) fn values<const N: usize>(pairs: [(&'static str, usize); N]) -> Values {
    pairs.into_iter().map(|(name, value)| (name, Value::from(value))).collect()
}

/// How the parameters of the densities are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorLayout {
    /// Per component the rows b_i, W_i0 … W_ii, then the constant.
    Rows,
    /// Per component blocks of 16 rows: their b, then one column after the other.
    Tiled,
    /// Per eight components and feature the pairs a, b of a x + b.
    Pairs,
    /// Per eight components and feature the b of x + b, x whitened.
    Offsets,
}

/// The kernel of the densities and what it asks of its surroundings.
#[derive(Debug, Clone)]
pub struct Density {
    /// The kernel.
    pub kernel: Kernel,
    /// Samples one workgroup takes.
    pub rows: usize,
    /// How its factors are packed.
    pub layout: FactorLayout,
    /// vec4 of all factors.
    pub factor_vecs: usize,
}

impl Density {
    pub(super) fn new(problem: &Problem, limits: &Limits, tuning: &Tuning) -> Density {
        match tuning.kernel {
            // Beside the fused kernel: for predictions.
            shader::LOG_DENSITY_FULL | shader::FUSED => Density::registers(problem, tuning),
            shader::LOG_DENSITY_FULL_TILED => Density::tiled(problem, limits, tuning),
            _ if problem.covariance_type == CovarianceType::Tied => {
                Density::diag(problem, FactorLayout::Offsets, tuning)
            }
            _ => Density::diag(problem, FactorLayout::Pairs, tuning),
        }
    }

    /// D <= 32: four samples' features in registers (measured: faster than two at D = 32, too).
    fn registers(problem: &Problem, tuning: &Tuning) -> Density {
        let d = problem.n_features;
        let vecs = row_vecs_of(d);
        let staged = (tuning.staged_factor_bytes / (vecs * 16)).clamp(1, 16);
        let groups = tuning.density_groups;
        let mut values = values([("D", d), ("FACTOR_VECS", vecs), ("STAGED", staged), ("GROUPS", groups)]);
        values.insert("WEIGHTED", Value::from(problem.weighted));
        let kernel = Kernel {
            template: shader::LOG_DENSITY_FULL,
            values,
            workgroup_bytes: staged * vecs * 16 + 128 * 4,
            invocations: 128,
        };
        let factor_vecs = vecs * problem.n_components;
        Density { kernel, rows: 4 * TILE * groups, layout: FactorLayout::Rows, factor_vecs }
    }

    fn tiled(problem: &Problem, limits: &Limits, tuning: &Tuning) -> Density {
        let d = problem.n_features;
        let dp = d.next_multiple_of(16);
        let groups = tuning.density_groups;
        let lanes = TILE / 4 / groups;
        let sums = lanes * 4;
        // The joining of the teams needs its memory whether or not the features are staged.
        let joined_by = |threads: usize| threads * groups * 2;
        let mut threads = tuning.density_threads;
        while threads > lanes && joined_by(threads) * 16 + sums > limits.workgroup_bytes {
            threads /= 2;
        }
        let joined = joined_by(threads);
        let staged = (dp * 32).max(joined) * 16 + sums <= limits.workgroup_bytes;
        let workgroup_vecs = if staged { (dp * 32).max(joined) } else { joined };
        let mut values = values([
            ("D", d),
            ("DP", dp),
            ("FACTOR_VECS", tiled_vecs(d)),
            ("WG_VECS", workgroup_vecs),
            ("UNROLL", tuning.density_unroll),
            ("GROUPS", groups),
            ("LANES", lanes),
            ("TEAMS", threads / lanes),
        ]);
        values.insert("STAGED", Value::from(staged));
        values.insert("WEIGHTED", Value::from(problem.weighted));
        let kernel = Kernel {
            template: shader::LOG_DENSITY_FULL_TILED,
            values,
            workgroup_bytes: workgroup_vecs * 16 + sums,
            invocations: threads,
        };
        let factor_vecs = tiled_vecs(d) * problem.n_components;
        Density { kernel, rows: TILE, layout: FactorLayout::Tiled, factor_vecs }
    }

    fn diag(problem: &Problem, layout: FactorLayout, tuning: &Tuning) -> Density {
        let d = problem.n_features;
        let unroll = [4, 2, 1].into_iter().find(|u| d.is_multiple_of(*u)).unwrap_or(1);
        // Beyond D = 16 four tiles no longer stay in a processor's first cache: the teams share one.
        let teams = if d <= 16 { 1 } else { 4 };
        let (groups, lanes) = (tuning.density_groups, 128 / teams);
        let mut values =
            values([("D", d), ("UNROLL", unroll), ("TEAMS", teams), ("GROUPS", groups), ("LANES", lanes)]);
        let workgroup_bytes = 128 * 4 + if teams > 1 { groups * 256 * 16 } else { 0 };
        values.insert("TIED", Value::from(layout == FactorLayout::Offsets));
        values.insert("WEIGHTED", Value::from(problem.weighted));
        let kernel = Kernel { template: shader::LOG_DENSITY_DIAG, values, workgroup_bytes, invocations: 128 };
        let vecs = if layout == FactorLayout::Offsets { 2 } else { 4 };
        let factor_vecs = problem.n_components.div_ceil(8) * d * vecs;
        Density { kernel, rows: 4 * lanes * groups, layout, factor_vecs }
    }
}

/// vec4 of one component packed by rows: b_i, W_i0 … W_ii of every row, and the constant.
fn row_vecs_of(d: usize) -> usize {
    (d * (d + 3) / 2 + 1).div_ceil(4)
}

/// vec4 of one W packed by blocks of 16 rows: 4 of b, then 4 per column up to the diagonal block's end.
pub(super) fn tiled_vecs(d: usize) -> usize {
    let blocks = d.div_ceil(16);
    blocks * 4 + 64 * blocks * (blocks + 1) / 2
}

/// The kernel that does a whole E-step in registers, for few components of few features.
pub(super) fn fused(problem: &Problem, slice: usize) -> Kernel {
    let (d, k) = (problem.n_features, problem.n_components);
    let pass = 16;
    let mut values = values([
        ("D", d),
        ("K", k),
        ("SLICE", slice),
        ("STRIDE", fused_stride(d)),
        ("VECS", fused_vecs(problem)),
        ("SUMS", triangle_len(d)),
        ("STATISTICS", triangle_len(d) + d + 1),
        ("PASS", pass),
    ]);
    values.insert("WEIGHTED", Value::from(problem.weighted));
    Kernel { template: shader::FUSED, values, workgroup_bytes: pass * 129 * 4, invocations: 128 }
}

/// Numbers of one component among the parameters of the fused kernel: origin, W, constant.
pub(super) fn fused_stride(d: usize) -> usize {
    d + triangle_len(d) + 1
}

/// vec4 of the parameters of the fused kernel.
pub(super) fn fused_vecs(problem: &Problem) -> usize {
    (problem.n_components * fused_stride(problem.n_features)).div_ceil(4)
}

/// The kernel that whitens samples once for all components: tied covariances only.
pub(super) fn whiten(problem: &Problem) -> Option<Kernel> {
    let d = problem.n_features;
    (problem.covariance_type == CovarianceType::Tied).then(|| Kernel {
        template: shader::WHITEN,
        values: values([("D", d), ("DP", d.next_multiple_of(16))]),
        workgroup_bytes: 0,
        invocations: 32,
    })
}

impl Blocks {
    pub(super) fn new(problem: &Problem, tuning: &Tuning) -> Blocks {
        let threads = tuning.moments_threads;
        let d = problem.n_features;
        let mut lanes = problem.n_components.next_power_of_two().min(32);
        // Only the diagonal of the second moments, or all of a triangle.
        let is_diagonal = matches!(problem.covariance_type, CovarianceType::Diag | CovarianceType::Spherical);
        let most = if is_diagonal { tuning.moments_held } else { 1 };
        let held = most.min(problem.n_components.next_power_of_two() / lanes);
        let block = d.min(16);
        let sums = if is_diagonal { block } else { triangle_len(block) };
        let statistics = sums + block + 1;
        if d <= 16 {
            return Blocks { lanes, held, roles: 1, roles_here: 1, statistics, block, vecs: d.div_ceil(4) };
        }
        let dp = d.next_multiple_of(16);
        let diagonal = dp / 16;
        // Below the diagonal each 16 x 16 block is two roles of 8 x 16.
        let roles = if is_diagonal { diagonal } else { diagonal * diagonal };
        let roles_here = roles.next_power_of_two().min(threads / 32);
        // Fewer components than lanes means more subsets, each with a staged sample of its own: where
        // long samples would not fit, lanes idle instead.
        while lanes < 32 && (threads / roles_here / lanes) * dp * 4 > STAGED_SAMPLE_BYTES {
            lanes *= 2;
        }
        Blocks { lanes, held, roles, roles_here, statistics, block, vecs: dp / 4 }
    }
}

/// The M kernel: `moments` with everything its loops need.
pub(super) fn moments(
    problem: &Problem,
    limits: &Limits,
    tuning: &Tuning,
    blocks: &Blocks,
    slice: usize,
) -> Kernel {
    let d = problem.n_features;
    let Blocks { lanes, held, roles, roles_here, statistics, block, vecs } = *blocks;
    let components = blocks.components();
    let threads = tuning.moments_threads;
    let subsets = threads / (lanes * roles_here);
    // An odd number of vec4 per sample keeps the staging writes off each other's banks.
    let row_vecs = vecs | 1;
    let pass = 8;
    let sums_bytes = if subsets > 1 { pass * threads * 4 } else { 0 };
    let stage_bytes = |stage: usize| stage * (row_vecs * 16 + (components + 1) * 4) + sums_bytes;
    let budget = limits.workgroup_bytes.min(32 << 10);
    let mut stage = tuning.stage;
    while stage > 1 && stage_bytes(stage) > budget {
        stage /= 2;
    }
    // Every subset takes at least one sample of a stage, every invocation loads at most one of them.
    stage = stage.max(subsets).min(threads);
    let parts = threads / stage;
    let quads = stage.min(tuning.moments_quads);
    let rows_r = threads / (stage / quads);
    let mut values = values([
        ("D", d),
        ("DP", if d <= 16 { d } else { d.next_multiple_of(16) }),
        ("SLICE", slice),
        ("STAGE", stage),
        ("PARTS", parts),
        ("LANES", lanes),
        ("HELD", held),
        ("COMPONENTS", components),
        ("SUBSETS", subsets),
        ("ROLES", roles),
        ("ROLES_HERE", roles_here),
        ("STATISTICS", statistics),
        ("SUMS", blocks.sums()),
        ("BLOCK", block),
        ("BLOCK_VECS", block.div_ceil(4)),
        ("VECS", vecs),
        ("ROW_VECS", row_vecs),
        ("LOADS_X", vecs.div_ceil(parts)),
        ("LOADS_R", components.div_ceil(rows_r)),
        ("ROWS_R", rows_r),
        ("QUADS", quads),
        ("UNROLL", (stage / subsets).min(tuning.moments_unroll)),
        ("PASS", pass),
        ("THREADS", threads),
    ]);
    // The factors are packed in whole vec4.
    values.insert("FACTOR_FLOATS", Value::from(row_vecs_of(d) * 4));
    let quad = if quads == 1 { "f32".into() } else { format!("vec{quads}<f32>") };
    values.insert("QUAD", Value::from(quad));
    values.insert("WHITENED", Value::from(problem.has_whitened_moments()));
    values.insert("EXACT", Value::from(d == vecs * 4));
    values.insert("DIAGONAL", Value::from(blocks.sums() == block && block > 1));
    Kernel { template: shader::MOMENTS, values, workgroup_bytes: stage_bytes(stage), invocations: threads }
}
