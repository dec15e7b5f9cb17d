//! Partial sums of slices added up in groups: the last step of every plan.

use crate::engine::gpu::lead::{Frame, Kernel};
use crate::engine::gpu::shader::{Template, template};
use crate::engine::gpu::step::{Buffer, Count, Step, slab, values, write};

pub(in crate::engine::gpu) const TEMPLATE: Template = template!("sum_partials");
pub(super) const KERNEL: Kernel = Kernel::follower(TEMPLATE);

/// Where the partial sums lie: a row per slice of a slab.
pub(super) fn partials(frame: &Frame<'_>) -> Buffer {
    Buffer::PerSlice("partials", frame.blocks.row_length(frame.problem.n_components) * 4)
}

pub(in crate::engine::gpu) fn step(frame: &Frame<'_>) -> Step {
    let group = frame.slices_per_group;
    Step {
        template: TEMPLATE,
        values: values([("GROUP", group), ("COUNTS", frame.blocks.statistics - 1)]),
        workgroup_bytes: 0,
        invocations: 256,
        rows: frame.slice,
        // The kernel strides if a row is longer than a dispatch may be wide.
        grid: [Count::Statistics(frame.limits.workgroups), Count::Groups(group), Count::Fixed(1)],
        bindings: vec![slab(), write(2, 0, partials(frame)), write(2, 1, Buffer::Totals)],
        sections: Vec::new(),
        sums: true,
        predicts: false,
    }
}
