//! Whitened samples: with a tied covariance one factor serves all components.

use crate::engine::gpu::lead::{Frame, Kernel};
use crate::engine::gpu::packing::tiled_floats;
use crate::engine::gpu::problem::{Problem, TILE};
use crate::engine::gpu::shader::{Template, template};
use crate::engine::gpu::step::{Buffer, Count, Section, Step, read, slab, values, write};

const TEMPLATE: Template = template!("whiten");
pub(super) const KERNEL: Kernel = Kernel::follower(TEMPLATE);

/// Where the whitened samples lie.
pub(super) fn whitened(problem: &Problem) -> Buffer {
    Buffer::PerSample("whitened", problem.n_features * 4)
}

pub(super) fn step(frame: &Frame<'_>) -> Step {
    let d = frame.problem.n_features;
    let whitening = Section {
        name: "whitening",
        floats: tiled_floats(d),
        pack: |packing, out| packing.by_tiles(out, 0, &vec![0.0; packing.d]),
    };
    Step {
        template: TEMPLATE,
        values: values([("D", d), ("DP", d.next_multiple_of(16))]),
        workgroup_bytes: 0,
        invocations: 32,
        rows: TILE,
        grid: [Count::Samples(TILE), Count::Fixed(1), Count::Fixed(1)],
        bindings: vec![
            read(0, 0, Buffer::Samples),
            slab(),
            read(1, 0, Buffer::Section(whitening.name)),
            write(2, 0, whitened(frame.problem)),
        ],
        sections: vec![whitening],
        sums: true,
        predicts: true,
    }
}
