//! Fused multiply-adds without use: they warm the clocks and show their ceiling.

use minijinja::Value;

use crate::engine::gpu::lead::Kernel;
use crate::engine::gpu::shader::{Template, template};
use crate::engine::gpu::step::{Buffer, Count, Step, values, write};

const TEMPLATE: Template = template!("probe_fma");
pub(super) const KERNEL: Kernel = Kernel::follower(TEMPLATE);

/// `workgroups` workgroups of 256 invocations with `rounds` of 256 fused multiply-adds each.
pub fn step(workgroups: usize, rounds: usize) -> Step {
    let sum = (0..16).map(|c| format!("a{c}")).collect::<Vec<_>>().join(" + ");
    let mut values = values([("ROUNDS", rounds)]);
    values.insert("SUM", Value::from(sum));
    Step {
        template: TEMPLATE,
        values,
        workgroup_bytes: 0,
        invocations: 256,
        rows: 1,
        grid: [Count::Fixed(workgroups), Count::Fixed(1), Count::Fixed(1)],
        bindings: vec![write(2, 0, Buffer::Other("result"))],
        sections: Vec::new(),
        sums: false,
        predicts: false,
    }
}
