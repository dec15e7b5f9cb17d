//! Everything one kind of mixture occupies on the device beside the samples, and the parameters on their
//! way.

use std::ops::Range;

use super::compiled::Compiled;
use super::context::Context;
use super::cut::Cut;
use super::layout::Slab;
use super::packing::Packing;
use super::plan::{Plan, TILE};
use super::resident::Chunk;
use super::submit::{self, Sums};
use super::testing::Testing;
use super::timing::Timing;
use crate::error::Result;

/// Pipelines, buffers, the present cut and the present parameters.
#[derive(Debug)]
pub(super) struct Scratch {
    compiled: Compiled,
    cut: Option<Cut>,
    /// All sections of the parameters.
    packed: Vec<f32>,
    /// Whether the device still has to get them.
    is_waiting: bool,
    /// E-steps begun.
    e_steps: u32,
}

impl Scratch {
    pub(super) fn new(
        context: &Context,
        plan: &Plan,
        chunks: &[Chunk],
        testing: &Testing,
    ) -> Result<Scratch> {
        let compiled = Compiled::new(context, plan, chunks, testing)?;
        let packed = vec![0.0; plan.sections.bytes() / 4];
        Ok(Scratch { compiled, cut: None, packed, is_waiting: false, e_steps: 0 })
    }

    /// Packs parameters, which the next dispatches wait for. They are kept until they are on their way.
    pub(super) fn set(&mut self, packing: &Packing<'_>) {
        for (section, place) in self.compiled.buffers.sections.iter() {
            (section.pack)(packing, &mut self.packed[place.start / 4..place.end / 4]);
        }
        self.is_waiting = true;
    }

    /// Queues what the next dispatches need of the host: one write, since each costs a buffer of its own.
    fn write(&mut self, context: &Context) -> Result<()> {
        let b = &self.compiled.buffers;
        let (parameters, sections) = (&b.parameters, &b.sections);
        let stamp = self.e_steps.to_le_bytes();
        if !self.is_waiting {
            context.queue.write_buffer(parameters, sections.stamp.start as u64, &stamp);
            return Ok(());
        }
        context.write("wgmm/e_step/parameters", (parameters, 0), sections.bytes(), |mut view| {
            view.slice(..).copy_from_slice(bytemuck::cast_slice(&self.packed));
            view.slice(sections.stamp.clone()).copy_from_slice(&stamp);
        })?;
        self.is_waiting = false;
        Ok(())
    }

    /// Cuts the chunks into slabs of `slab_rows` samples, unless the present cut is within a factor of
    /// two of that. Returns how many slabs there are.
    pub(super) fn cut(
        &mut self,
        context: &Context,
        plan: &Plan,
        chunks: &[Chunk],
        slab_rows: usize,
    ) -> Result<usize> {
        let close = |cut: &Cut| cut.slab_rows <= slab_rows * 2 && slab_rows <= cut.slab_rows * 2;
        let present = self.cut.take().filter(close);
        let cut = match present {
            Some(cut) => cut,
            None => Cut::new(context, plan, &self.compiled, chunks, slab_rows)?,
        };
        Ok(self.cut.insert(cut).n_slabs())
    }

    /// Sums over all samples as they are cut.
    pub(super) fn e_step(
        &mut self,
        context: &Context,
        plan: &Plan,
        timing: Option<&mut Timing>,
    ) -> Result<Sums> {
        self.e_steps += 1;
        self.write(context)?;
        let steps = plan.numbers(|step| step.sums);
        let dispatches = self.cut.iter().flat_map(|cut| cut.dispatches(plan, &steps));
        let dispatches: Vec<_> = dispatches.filter(|_| !context.faults.drops_dispatch()).collect();
        submit::e_step(context, &self.compiled, &dispatches, steps.len(), self.e_steps, timing)
    }

    /// Weighted log densities in bits of the samples `rows` of `chunk`: the row stride, how many samples
    /// precede the first wanted one, and `[K, stride]` values.
    pub(super) fn densities(
        &mut self,
        context: &Context,
        plan: &Plan,
        chunk: &Chunk,
        rows: Range<usize>,
    ) -> Result<(usize, usize, Vec<f32>)> {
        self.write(context)?;
        let unit = plan.predicted_unit();
        let first = rows.start / unit * unit;
        let stride = (rows.end - first).next_multiple_of(unit);
        let slab = Slab {
            first_tile: (first / TILE) as u32,
            n_samples: chunk.rows as u32,
            stride: stride as u32,
            n_components: plan.problem.n_components as u32,
            ..Slab::default()
        };
        let cut = Cut::single(context, &self.compiled, chunk, slab)?;
        let steps = plan.numbers(|step| step.predicts);
        let dispatches: Vec<_> = cut.dispatches(plan, &steps).collect();
        let bytes = (stride * plan.problem.n_components * 4) as u64;
        let densities = submit::densities(context, &self.compiled, &dispatches, bytes)?;
        Ok((stride, rows.start - first, densities))
    }
}
