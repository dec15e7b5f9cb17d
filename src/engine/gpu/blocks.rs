//! How the sums of a component are laid out in a row of partials.

use super::problem::Problem;
use crate::mixture::shape::triangle_len;

/// Samples staged in workgroup memory at a time by the moments kernel, bytes.
const STAGED_SAMPLE_BYTES: usize = 16 << 10;

/// How `moments` cuts the statistics of a component: a row is `[role][statistic][component]`.
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
    /// The cut for a kernel of `threads` invocations that hold at most `most_held` components each.
    pub(super) fn new(problem: &Problem, threads: usize, most_held: usize) -> Blocks {
        let d = problem.n_features;
        let mut lanes = problem.n_components.next_power_of_two().min(32);
        // Only the diagonal of the second moments, or all of a triangle.
        let is_diagonal = problem.has_diagonal_moments();
        let most = if is_diagonal { most_held } else { 1 };
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
        // Fewer components than lanes means more subsets, each with a staged sample of its own: if long
        // samples would not fit, lanes idle instead.
        while lanes < 32 && (threads / roles_here / lanes) * dp * 4 > STAGED_SAMPLE_BYTES {
            lanes *= 2;
        }
        Blocks { lanes, held, roles, roles_here, statistics, block, vecs: dp / 4 }
    }

    /// Components of one workgroup.
    pub fn components(&self) -> usize {
        self.lanes * self.held
    }

    /// Workgroups that share out the roles.
    pub fn role_groups(&self) -> usize {
        self.roles.div_ceil(self.roles_here)
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
