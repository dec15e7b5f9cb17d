//! The steps of a plan, compiled, with their buffers.

use rayon::prelude::*;

use super::buffers::Buffers;
use super::context::Context;
use super::layout::{PART_BYTES, Slab};
use super::pipeline::{Groups, Pipeline};
use super::plan::Plan;
use super::resident::Chunk;
use super::testing::Testing;
use crate::error::Result;

/// Pipelines and buffers of one kind of mixture.
#[derive(Debug)]
pub(super) struct Compiled {
    /// One per step.
    pub(super) pipelines: Vec<Pipeline>,
    pub(super) buffers: Buffers,
    /// The last sum, over the totals of all slabs: its bind groups and workgroups.
    finish: Option<(Groups, [u32; 3])>,
}

impl Compiled {
    pub(super) fn new(
        context: &Context,
        plan: &Plan,
        chunks: &[Chunk],
        testing: &Testing,
    ) -> Result<Compiled> {
        let buffers = Buffers::new(context, plan, chunks, testing.poison)?;
        // Drivers take most of a second to compile a kernel of many features: all are compiled at once.
        let compile = |step| Pipeline::new(context, step, testing.edit.as_ref(), testing.checked);
        let pipelines = plan.steps.par_iter().map(compile).collect::<Result<Vec<_>>>()?;
        let mut finish = None;
        if let (Some(step), Some(pipeline)) = (plan.steps.last(), pipelines.last()) {
            let slab = plan.last_slab();
            let uniform = slab_uniform(context, [&slab])?;
            let groups = pipeline.bind(context, |buffer| buffers.finishing(&uniform, buffer))?;
            finish = Some((groups, step.workgroups(&slab)));
        }
        Ok(Compiled { pipelines, buffers, finish })
    }

    /// Records the last sum.
    pub(super) fn finish(&self, pass: &mut wgpu::ComputePass<'_>) {
        if let (Some(pipeline), Some((groups, workgroups))) = (self.pipelines.last(), &self.finish) {
            pipeline.dispatch(pass, groups, 0, *workgroups);
        }
    }

    /// The bind groups of every step over `chunk` and its slabs.
    pub(super) fn bind(&self, context: &Context, chunk: &Chunk, slabs: &wgpu::Buffer) -> Result<Vec<Groups>> {
        let bind = |p: &Pipeline| p.bind(context, |buffer| self.buffers.over(chunk, slabs, buffer));
        self.pipelines.iter().map(bind).collect()
    }
}

/// A buffer of slabs, each at a multiple of [`PART_BYTES`].
pub(super) fn slab_uniform<'s>(
    context: &Context,
    slabs: impl IntoIterator<Item = &'s Slab>,
) -> Result<wgpu::Buffer> {
    let mut bytes = Vec::new();
    for slab in slabs {
        let start = bytes.len();
        bytes.extend_from_slice(bytemuck::bytes_of(slab));
        bytes.resize(start + PART_BYTES, 0);
    }
    let buffer =
        context.buffer("wgmm/e_step/slabs", bytes.len() as u64, wgpu::BufferUsages::UNIFORM, false)?;
    context.queue.write_buffer(&buffer, 0, &bytes);
    Ok(buffer)
}
