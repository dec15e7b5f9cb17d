//! What a kernel decides that leads a plan, and what all steps of a plan have in common.

use super::blocks::Blocks;
use super::problem::{Limits, Problem};
use super::shader::Template;
use super::step::Step;

/// Samples times components from which eight samples per invocation leave no part of a large card idle.
const LARGE: usize = 50_000_000;

/// A line of the table of kernels.
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
    /// Its text.
    pub template: Template,
    /// Set if it can lead a plan: `--kernel` knows these by name.
    pub lead: Option<&'static Lead>,
}

impl Kernel {
    /// A kernel that other kernels' plans take along.
    pub(super) const fn follower(template: Template) -> Kernel {
        Kernel { template, lead: None }
    }
}

/// A kernel of densities, or one that does all the work: it decides which other kernels run with it.
#[derive(Debug)]
pub struct Lead {
    /// Its text.
    pub template: Template,
    /// How well it serves a problem: the lowest rank is taken. None if it cannot serve it.
    pub rank: fn(&Problem) -> Option<u32>,
    /// Changes the common tile sizes to its own.
    pub tune: fn(&Problem, &mut Tuning),
    /// Samples that one workgroup of the densities takes.
    pub rows: fn(&Problem, &Tuning) -> usize,
    /// Samples of the shortest slice that it can sum.
    pub least_slice: usize,
    /// The steps of a plan, in the order in which they run; the sum of partials follows them.
    pub steps: fn(&Frame<'_>) -> Vec<Step>,
}

impl PartialEq for Lead {
    fn eq(&self, other: &Lead) -> bool {
        self.template == other.template
    }
}

impl Eq for Lead {}

/// What the steps of one plan have in common.
#[derive(Debug)]
pub struct Frame<'a> {
    /// The problem.
    pub problem: &'a Problem,
    /// The adapter's limits.
    pub limits: &'a Limits,
    /// The tile sizes.
    pub tuning: &'a Tuning,
    /// The layout of a row of partials.
    pub blocks: Blocks,
    /// Samples per slice.
    pub slice: usize,
    /// Slices per group.
    pub slices_per_group: usize,
}

/// The tile sizes that measurement chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuning {
    /// The kernel of the densities, or the fused one.
    pub kernel: &'static Lead,
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
    /// Components per invocation of the moments kernel; more than 1 only if it sums no triangle.
    pub moments_held: usize,
    /// Responsibilities of a component that the moments kernel loads at a time: 1, 2 or 4.
    pub moments_quads: usize,
    /// Samples per slice at most: a power of two, at most [`super::problem::ALIGNMENT`].
    pub slice: usize,
}

/// Whether a problem keeps a large card busy with fewer, longer invocations.
pub(super) fn is_large(problem: &Problem) -> bool {
    problem.n_samples.saturating_mul(problem.n_components) > LARGE
}
