//! Weighted log densities of full covariances and few features: four or eight samples' features in
//! registers.

use minijinja::Value;

use super::{density, moments};
use crate::engine::gpu::lead::{Frame, Kernel, Lead, Tuning, is_large};
use crate::engine::gpu::packing::row_floats;
use crate::engine::gpu::problem::{Problem, TILE};
use crate::engine::gpu::shader::{Template, template};
use crate::engine::gpu::step::{Buffer, Count, Section, Step, read, values};
use crate::mixture::shape::CovarianceType;

/// Features that an invocation holds.
const MOST_FEATURES: usize = 32;

const TEMPLATE: Template = template!("log_density_full", after density::TEXT);
pub(super) const KERNEL: Kernel = Kernel { template: TEMPLATE, lead: Some(&LEAD) };

static LEAD: Lead = Lead { template: TEMPLATE, rank, tune, rows, least_slice: 1, steps };

fn rank(problem: &Problem) -> Option<u32> {
    let serves = problem.covariance_type == CovarianceType::Full && problem.n_features <= MOST_FEATURES;
    serves.then_some(1)
}

fn tune(problem: &Problem, tuning: &mut Tuning) {
    if is_large(problem) && problem.n_features <= 16 {
        tuning.density_groups = 2;
    }
}

pub(super) fn rows(_: &Problem, tuning: &Tuning) -> usize {
    4 * TILE * tuning.density_groups
}

fn steps(frame: &Frame<'_>) -> Vec<Step> {
    vec![step(frame), moments::step(frame)]
}

/// The densities; D <= 32: four samples' features in registers are faster than two even at D = 32.
pub(super) fn step(frame: &Frame<'_>) -> Step {
    let (problem, tuning) = (frame.problem, frame.tuning);
    let d = problem.n_features;
    let vecs = row_floats(d) / 4;
    // Components whose factors fit the budget, so that all invocations of a workgroup load them once.
    let staged = (tuning.staged_factor_bytes / (vecs * 16)).clamp(1, 16);
    let groups = tuning.density_groups;
    let mut values = values([("D", d), ("FACTOR_VECS", vecs), ("STAGED", staged), ("GROUPS", groups)]);
    values.insert("WEIGHTED", Value::from(problem.weighted));
    let mut bindings = density::bindings(problem, Buffer::Samples);
    bindings.push(read(1, 0, Buffer::Section(density::FACTORS)));
    Step {
        template: TEMPLATE,
        values,
        workgroup_bytes: staged * vecs * 16 + 128 * 4,
        invocations: 128,
        rows: rows(problem, tuning),
        grid: [Count::Samples(rows(problem, tuning)), Count::Fixed(1), Count::Fixed(1)],
        bindings,
        sections: vec![factors(problem)],
        sums: true,
        predicts: true,
    }
}

/// Per component the rows b_i, W_i0 … W_ii, then the constant.
fn factors(problem: &Problem) -> Section {
    Section {
        name: density::FACTORS,
        floats: row_floats(problem.n_features) * problem.n_components,
        pack: |packing, out| packing.each(out, |component, out| packing.by_rows(out, component)),
    }
}
