//! Weighted log densities of full covariances and many features: W by blocks of 16 rows, components
//! shared out to teams of invocations.

use minijinja::Value;

use super::{density, moments};
use crate::engine::gpu::lead::{Frame, Kernel, Lead, Tuning};
use crate::engine::gpu::packing::tiled_floats;
use crate::engine::gpu::problem::{Problem, TILE};
use crate::engine::gpu::shader::{Template, template};
use crate::engine::gpu::step::{Buffer, Count, Section, Step, read, values};
use crate::mixture::shape::CovarianceType;

const TEMPLATE: Template = template!("log_density_full_tiled", after density::TEXT);
pub(super) const KERNEL: Kernel = Kernel { template: TEMPLATE, lead: Some(&LEAD) };

static LEAD: Lead = Lead { template: TEMPLATE, rank, tune, rows: |_, _| TILE, least_slice: 1, steps };

fn rank(problem: &Problem) -> Option<u32> {
    // Whitened moments read W by rows, which tiles are not.
    let serves = problem.covariance_type == CovarianceType::Full && !problem.has_whitened_moments();
    serves.then_some(2)
}

fn tune(problem: &Problem, tuning: &mut Tuning) {
    if problem.n_components > 8 {
        tuning.density_groups = 2;
        tuning.density_unroll = 8;
    }
    // Teams beyond the components would idle.
    let teams = problem.n_components.next_power_of_two();
    tuning.density_threads = teams.saturating_mul(lanes(tuning)).min(256);
}

/// Invocations that share one tile.
fn lanes(tuning: &Tuning) -> usize {
    TILE / 4 / tuning.density_groups
}

fn steps(frame: &Frame<'_>) -> Vec<Step> {
    vec![step(frame), moments::step(frame)]
}

fn step(frame: &Frame<'_>) -> Step {
    let (problem, tuning, limits) = (frame.problem, frame.tuning, frame.limits);
    let d = problem.n_features;
    let dp = d.next_multiple_of(16);
    let (groups, lanes) = (tuning.density_groups, lanes(tuning));
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
        ("FACTOR_VECS", tiled_floats(d) / 4),
        ("WG_VECS", workgroup_vecs),
        ("UNROLL", tuning.density_unroll),
        ("GROUPS", groups),
        ("LANES", lanes),
        ("TEAMS", threads / lanes),
    ]);
    values.insert("STAGED", Value::from(staged));
    values.insert("WEIGHTED", Value::from(problem.weighted));
    let (factors, constants) = (factors(problem), density::constants(problem));
    let mut bindings = density::bindings(problem, Buffer::Samples);
    bindings.push(read(1, 0, Buffer::Section(factors.name)));
    bindings.push(read(1, 1, Buffer::Section(constants.name)));
    Step {
        template: TEMPLATE,
        values,
        workgroup_bytes: workgroup_vecs * 16 + sums,
        invocations: threads,
        rows: TILE,
        grid: [Count::Samples(TILE), Count::Fixed(1), Count::Fixed(1)],
        bindings,
        sections: vec![factors, constants],
        sums: true,
        predicts: true,
    }
}

/// Per component blocks of 16 rows: their b, then one column after the other.
fn factors(problem: &Problem) -> Section {
    Section {
        name: "tiled_factors",
        floats: tiled_floats(problem.n_features) * problem.n_components,
        pack: |packing, out| packing.each(out, |c, out| packing.by_tiles(out, c, packing.mean(c))),
    }
}
