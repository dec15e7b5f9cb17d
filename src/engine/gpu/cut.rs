//! The slabs of an E-step with the bind groups of every step over them.

use super::compiled::{Compiled, slab_uniform};
use super::context::Context;
use super::layout::{PART_BYTES, Slab};
use super::pipeline::Groups;
use super::plan::Plan;
use super::resident::Chunk;
use crate::error::Result;

/// One dispatch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dispatch<'c> {
    /// The number of its step.
    pub(super) step: usize,
    groups: &'c Groups,
    /// The offset of its slab.
    offset: u32,
    workgroups: [u32; 3],
}

impl Dispatch<'_> {
    pub(super) fn record(&self, pass: &mut wgpu::ComputePass<'_>, compiled: &Compiled) {
        compiled.pipelines[self.step].dispatch(pass, self.groups, self.offset, self.workgroups);
    }
}

/// Slabs, chunk by chunk, with the bind groups of every step.
#[derive(Debug)]
pub(super) struct Cut {
    /// Samples per slab.
    pub(super) slab_rows: usize,
    chunks: Vec<(Vec<Slab>, Vec<Groups>)>,
}

impl Cut {
    /// Cuts `chunks` into slabs of `slab_rows` samples.
    pub(super) fn new(
        context: &Context,
        plan: &Plan,
        compiled: &Compiled,
        chunks: &[Chunk],
        slab_rows: usize,
    ) -> Result<Cut> {
        let rows: Vec<usize> = chunks.iter().map(|c| c.rows).collect();
        let slabs = plan.slabs(&rows, slab_rows);
        let uniform = slab_uniform(context, slabs.iter().flatten())?;
        let bound = chunks.iter().map(|chunk| compiled.bind(context, chunk, &uniform));
        let bound = bound.collect::<Result<Vec<_>>>()?;
        Ok(Cut { slab_rows, chunks: slabs.into_iter().zip(bound).collect() })
    }

    /// A single slab of `chunk`.
    pub(super) fn single(context: &Context, compiled: &Compiled, chunk: &Chunk, slab: Slab) -> Result<Cut> {
        let uniform = slab_uniform(context, [&slab])?;
        let bound = compiled.bind(context, chunk, &uniform)?;
        Ok(Cut { slab_rows: slab.stride as usize, chunks: vec![(vec![slab], bound)] })
    }

    /// Slabs.
    pub(super) fn n_slabs(&self) -> usize {
        self.chunks.iter().map(|(slabs, _)| slabs.len()).sum()
    }

    /// The dispatches of the `steps` (by number) of `plan`, slab after slab.
    pub(super) fn dispatches<'c>(
        &'c self,
        plan: &'c Plan,
        steps: &'c [usize],
    ) -> impl Iterator<Item = Dispatch<'c>> {
        let slabs = self.chunks.iter().flat_map(|(slabs, groups)| slabs.iter().map(move |s| (s, groups)));
        slabs.enumerate().flat_map(move |(i, (slab, groups))| {
            steps.iter().map(move |&step| Dispatch {
                step,
                groups: &groups[step],
                offset: (i * PART_BYTES) as u32,
                workgroups: plan.steps[step].workgroups(slab),
            })
        })
    }
}
