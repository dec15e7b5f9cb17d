//! Partial moments from densities and normalisers: counts, first moments, second moments by blocks.

use minijinja::Value;

use super::{density, sum_partials};
use crate::engine::gpu::lead::{Frame, Kernel, Tuning};
use crate::engine::gpu::packing::{Packing, row_floats};
use crate::engine::gpu::problem::Problem;
use crate::engine::gpu::shader::{Template, template};
use crate::engine::gpu::step::{Buffer, Count, Section, Step, read, slab, values, write};

const TEMPLATE: Template = template!("moments");
pub(super) const KERNEL: Kernel = Kernel::follower(TEMPLATE);

/// Workgroup memory at most: more would leave room for one workgroup per processor only.
const MOST_WORKGROUP_BYTES: usize = 32 << 10;
/// Statistics that the subsets add up at a time.
const PASS: usize = 8;

/// Its tile sizes. NVIDIA H100, 2026-11-23.
pub(super) fn tune(problem: &Problem, tuning: &mut Tuning) {
    let is_diagonal = problem.has_diagonal_moments();
    // Invocations, stage, unroll, components held, responsibilities at a time.
    let (threads, stage, unroll, held, quads) = match problem.n_features {
        0..=8 => (128, 64, 4, 1, 4),
        9..=16 if is_diagonal => (32, 16, 2, 2, 4),
        9..=16 => (32, 16, 2, 1, 1),
        17..=96 if is_diagonal => (128, 32, 1, 2, 4),
        _ if is_diagonal => (128, 16, 1, 2, 4),
        17..=32 => (128, 64, 1, 1, 1),
        33..=64 => (256, 64, 4, 1, 4),
        _ => (128, 32, 1, 1, 1),
    };
    tuning.moments_threads = threads;
    tuning.stage = stage;
    tuning.moments_unroll = unroll;
    tuning.moments_held = held;
    tuning.moments_quads = quads;
}

pub(super) fn step(frame: &Frame<'_>) -> Step {
    let (problem, tuning, blocks) = (frame.problem, frame.tuning, &frame.blocks);
    let d = problem.n_features;
    let components = blocks.components();
    let threads = tuning.moments_threads;
    // Invocations of one component and role, which share out the samples of a stage.
    let subsets = threads / (blocks.lanes * blocks.roles_here);
    // An odd number of vec4 per sample keeps the staging writes off each other's banks.
    let row_vecs = blocks.vecs | 1;
    let sums_bytes = if subsets > 1 { PASS * threads * 4 } else { 0 };
    let stage_bytes = |stage: usize| stage * (row_vecs * 16 + (components + 1) * 4) + sums_bytes;
    let budget = frame.limits.workgroup_bytes.min(MOST_WORKGROUP_BYTES);
    let mut stage = tuning.stage;
    while stage > 1 && stage_bytes(stage) > budget {
        stage /= 2;
    }
    // Every subset takes at least one sample of a stage, every invocation loads at most one of them.
    stage = stage.max(subsets).min(threads);
    // Invocations that load one sample together.
    let parts = threads / stage;
    // Neighbouring samples whose responsibilities are one load, and components loaded at a time.
    let quads = stage.min(tuning.moments_quads);
    let rows_r = threads / (stage / quads);
    let mut values = values([
        ("D", d),
        ("DP", if d <= 16 { d } else { d.next_multiple_of(16) }),
        ("SLICE", frame.slice),
        ("STAGE", stage),
        ("PARTS", parts),
        ("LANES", blocks.lanes),
        ("HELD", blocks.held),
        ("COMPONENTS", components),
        ("SUBSETS", subsets),
        ("ROLES", blocks.roles),
        ("ROLES_HERE", blocks.roles_here),
        ("STATISTICS", blocks.statistics),
        ("SUMS", blocks.sums()),
        ("BLOCK", blocks.block),
        ("BLOCK_VECS", blocks.block.div_ceil(4)),
        ("VECS", blocks.vecs),
        ("ROW_VECS", row_vecs),
        ("LOADS_X", blocks.vecs.div_ceil(parts)),
        ("LOADS_R", components.div_ceil(rows_r)),
        ("ROWS_R", rows_r),
        ("QUADS", quads),
        ("UNROLL", (stage / subsets).min(tuning.moments_unroll)),
        ("PASS", PASS),
        ("THREADS", threads),
        ("FACTOR_FLOATS", row_floats(d)),
    ]);
    let quad = if quads == 1 { "f32".into() } else { format!("vec{quads}<f32>") };
    values.insert("QUAD", Value::from(quad));
    values.insert("WHITENED", Value::from(problem.has_whitened_moments()));
    values.insert("EXACT", Value::from(d == blocks.vecs * 4));
    values.insert("DIAGONAL", Value::from(blocks.sums() == blocks.block && blocks.block > 1));
    let origins = origins(problem, blocks.vecs * 4);
    let mut bindings = vec![read(0, 0, Buffer::Samples), slab(), read(1, 0, Buffer::Section(origins.name))];
    if problem.has_whitened_moments() {
        bindings.push(read(1, 1, Buffer::Section(density::FACTORS)));
    }
    bindings.extend([
        read(2, 0, density::log_densities(problem)),
        read(2, 1, density::LOG_NORMALISERS),
        write(2, 2, sum_partials::partials(frame)),
    ]);
    let component_groups = problem.n_components.div_ceil(components);
    Step {
        template: TEMPLATE,
        values,
        workgroup_bytes: stage_bytes(stage),
        invocations: threads,
        rows: frame.slice,
        grid: [Count::Slices, Count::Fixed(blocks.role_groups()), Count::Fixed(component_groups)],
        bindings,
        sections: vec![origins],
        sums: true,
        predicts: false,
    }
}

/// The origins on the device's scale, in whole vec4, `[K, floats]`.
fn origins(problem: &Problem, floats: usize) -> Section {
    fn pack(packing: &Packing<'_>, out: &mut [f32]) {
        let floats = out.len() / packing.k;
        for (out, origin) in out.chunks_exact_mut(floats).zip(packing.origins.chunks_exact(packing.d)) {
            out[..packing.d].copy_from_slice(origin);
        }
    }
    Section { name: "origins", floats: problem.n_components * floats, pack }
}
