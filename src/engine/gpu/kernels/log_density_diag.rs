//! Weighted log densities of axis-parallel covariances: diag, spherical, and tied on whitened samples.

use minijinja::Value;

use super::{density, moments, whiten};
use crate::engine::gpu::lead::{Frame, Kernel, Lead, Tuning, is_large};
use crate::engine::gpu::packing::Packing;
use crate::engine::gpu::problem::Problem;
use crate::engine::gpu::shader::{Template, template};
use crate::engine::gpu::step::{Buffer, Count, Section, Step, read, values};
use crate::mixture::shape::CovarianceType;

const TEMPLATE: Template = template!("log_density_diag", after density::TEXT);
pub(super) const KERNEL: Kernel = Kernel { template: TEMPLATE, lead: Some(&LEAD) };

static LEAD: Lead = Lead { template: TEMPLATE, rank, tune, rows, least_slice: 1, steps };

fn rank(problem: &Problem) -> Option<u32> {
    (problem.covariance_type != CovarianceType::Full).then_some(0)
}

fn tune(problem: &Problem, tuning: &mut Tuning) {
    if is_large(problem) && problem.covariance_type != CovarianceType::Tied {
        tuning.density_groups = 2;
    }
}

/// Samples of a workgroup: every invocation takes some, or four teams share them.
fn rows(problem: &Problem, tuning: &Tuning) -> usize {
    4 * (128 / teams(problem)) * tuning.density_groups
}

/// Beyond D = 16 four tiles no longer stay in a processor's first cache: the teams share one.
fn teams(problem: &Problem) -> usize {
    if problem.n_features <= 16 { 1 } else { 4 }
}

fn steps(frame: &Frame<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    if frame.problem.covariance_type == CovarianceType::Tied {
        steps.push(whiten::step(frame));
    }
    steps.extend([step(frame), moments::step(frame)]);
    steps
}

fn step(frame: &Frame<'_>) -> Step {
    let (problem, tuning) = (frame.problem, frame.tuning);
    let is_tied = problem.covariance_type == CovarianceType::Tied;
    let d = problem.n_features;
    let unroll = [4, 2, 1].into_iter().find(|u| d.is_multiple_of(*u)).unwrap_or(1);
    let (groups, teams) = (tuning.density_groups, teams(problem));
    let mut values =
        values([("D", d), ("UNROLL", unroll), ("TEAMS", teams), ("GROUPS", groups), ("LANES", 128 / teams)]);
    values.insert("TIED", Value::from(is_tied));
    values.insert("WEIGHTED", Value::from(problem.weighted));
    let samples = if is_tied { whiten::whitened(problem) } else { Buffer::Samples };
    let factors = if is_tied { offsets(problem) } else { pairs(problem) };
    let constants = density::constants(problem);
    let mut bindings = density::bindings(problem, samples);
    bindings.push(read(1, 0, Buffer::Section(factors.name)));
    bindings.push(read(1, 1, Buffer::Section(constants.name)));
    let rows = rows(problem, tuning);
    Step {
        template: TEMPLATE,
        values,
        workgroup_bytes: 128 * 4 + if teams > 1 { groups * 256 * 16 } else { 0 },
        invocations: 128,
        rows,
        grid: [Count::Samples(rows), Count::Fixed(1), Count::Fixed(1)],
        bindings,
        sections: vec![factors, constants],
        sums: true,
        predicts: true,
    }
}

/// Per eight components and feature the pairs a, b of a x + b.
fn pairs(problem: &Problem) -> Section {
    fn pack(packing: &Packing<'_>, out: &mut [f32]) {
        let d = packing.d;
        for component in 0..packing.k {
            for (j, m) in packing.mean(component).iter().enumerate() {
                let a = packing.diagonal(component, j);
                let at = (component / 8 * d + j) * 16 + component % 8 * 2;
                out[at] = a as f32;
                out[at + 1] = (-a * m) as f32;
            }
        }
    }
    let floats = problem.n_components.div_ceil(8) * problem.n_features * 16;
    Section { name: "pairs", floats, pack }
}

/// Per eight components and feature the b = −W' μ' of x + b, x whitened.
fn offsets(problem: &Problem) -> Section {
    fn pack(packing: &Packing<'_>, out: &mut [f32]) {
        let d = packing.d;
        let matrix = packing.matrix(0);
        for component in 0..packing.k {
            let mean = packing.mean(component);
            for (j, row) in matrix.chunks_exact(d).enumerate() {
                let b = -row.iter().zip(mean).map(|(w, m)| w * m).sum::<f64>();
                out[(component / 8 * d + j) * 8 + component % 8] = b as f32;
            }
        }
    }
    let floats = problem.n_components.div_ceil(8) * problem.n_features * 8;
    Section { name: "offsets", floats, pack }
}
