//! A plain copy, which shows the ceiling of the memory's speed.

use crate::engine::gpu::lead::Kernel;
use crate::engine::gpu::shader::{Template, template};
use crate::engine::gpu::step::{Buffer, Count, Step, read, values, write};

const TEMPLATE: Template = template!("probe_copy");
pub(super) const KERNEL: Kernel = Kernel::follower(TEMPLATE);

/// vec4 per invocation.
const VECS: usize = 4;
/// Bytes that one workgroup copies.
pub(in crate::engine::gpu) const WORKGROUP_BYTES: usize = 256 * VECS * 16;

/// A copy by `workgroups` workgroups.
pub fn step(workgroups: usize) -> Step {
    Step {
        template: TEMPLATE,
        values: values([("VECS", VECS)]),
        workgroup_bytes: 0,
        invocations: 256,
        rows: 1,
        grid: [Count::Fixed(workgroups), Count::Fixed(1), Count::Fixed(1)],
        bindings: vec![read(2, 0, Buffer::Other("source")), write(2, 1, Buffer::Other("copy"))],
        sections: Vec::new(),
        sums: false,
        predicts: false,
    }
}
