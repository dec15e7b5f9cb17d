//! Everything one kind of mixture occupies on the device beside the samples, and the work done with it.

use std::ops::Range;

use super::buffers::Buffers;
use super::context::Context;
use super::layout::{self, PART_BYTES, Slab};
use super::pack::Upload;
use super::plan::{Plan, TILE};
use super::resident::Chunk;
use super::stage::{Stage, Work, whole};
use super::testing::Testing;
use super::timing::Timing;
use crate::error::{Error, Result};

/// Slabs of one submission: about half a second of work at most, which a device may take without being
/// taken for one that hangs.
const SLABS_PER_SUBMISSION: usize = 16;

/// Pipelines, buffers and bind groups.
#[derive(Debug)]
pub(super) struct Scratch {
    stages: Vec<Stage>,
    buffers: Buffers,
    /// The sum over groups: its slab and its groups 0 and 2.
    finish: (Slab, [wgpu::BindGroup; 2]),
    cut: Option<Cut>,
    /// Parameters that the next dispatches wait for; kept until they are on their way.
    upload: Option<Upload>,
    /// E-steps begun.
    e_steps: u32,
}

/// The slabs of an E-step, chunk by chunk, with group 0 of every stage.
#[derive(Debug)]
struct Cut {
    slab_rows: usize,
    chunks: Vec<(Vec<Slab>, Vec<wgpu::BindGroup>)>,
}

impl Scratch {
    pub(super) fn new(
        context: &Context,
        plan: &Plan,
        chunks: &[Chunk],
        testing: &Testing,
    ) -> Result<Scratch> {
        let b = Buffers::new(context, plan, chunks, testing.poison)?;
        let stages = Stage::all(context, plan, &b, testing)?;
        // Totals are to groups of groups what partials are to groups of slices.
        let last = Slab {
            n_slices: plan.groups() as u32,
            row_length: plan.blocks.row_length(plan.problem.n_components) as u32,
            n_components: plan.problem.n_components as u32,
            ..Slab::default()
        };
        let uniform = slab_uniform(context, std::iter::once(&last))?;
        let sum = stages.iter().find(|s| s.work == Work::Sum);
        let sum = sum.ok_or_else(|| Error::shape("stages", "a sum", "none"))?;
        let group = |index, buffers: &[&wgpu::Buffer]| sum.pipeline.bind(context, index, &whole(buffers));
        let finish = (last, [group(0, &[&uniform])?, group(2, &[&b.totals, &b.results])?]);
        Ok(Scratch { stages, buffers: b, finish, cut: None, upload: None, e_steps: 0 })
    }

    /// Keeps packed parameters for the next dispatches.
    pub(super) fn set(&mut self, upload: Upload) {
        self.upload = Some(upload);
    }

    /// Queues what the next dispatches need of the host: one write, since each costs a buffer of its own.
    fn write(&mut self, context: &Context) -> Result<()> {
        let Buffers { parameters, parts, .. } = &self.buffers;
        let stamp = self.e_steps.to_le_bytes();
        let Some(upload) = &self.upload else {
            context.queue.write_buffer(parameters, parts.stamp.start as u64, &stamp);
            return Ok(());
        };
        context.write("wgmm/e_step/parameters", (parameters, 0), parts.bytes(), |mut view| {
            let floats: [(_, &[f32]); 5] = [
                (&parts.factors, &upload.factors),
                (&parts.constants, &upload.constants),
                (&parts.whitening, &upload.whitening),
                (&parts.origins, &upload.origins),
                (&parts.fused, &upload.fused),
            ];
            for (part, values) in floats {
                let bytes: &[u8] = bytemuck::cast_slice(values);
                view.slice(part.start..part.start + bytes.len()).copy_from_slice(bytes);
            }
            view.slice(parts.stamp.clone()).copy_from_slice(&stamp);
        })?;
        self.upload = None;
        Ok(())
    }

    /// Cuts the chunks into slabs of `slab_rows` samples, unless the present cut is within a factor of
    /// two of that.
    pub(super) fn cut(
        &mut self,
        context: &Context,
        plan: &Plan,
        chunks: &[Chunk],
        slab_rows: usize,
    ) -> Result<()> {
        let close = |cut: &Cut| cut.slab_rows <= slab_rows * 2 && slab_rows <= cut.slab_rows * 2;
        if self.cut.as_ref().is_some_and(close) {
            return Ok(());
        }
        let rows: Vec<usize> = chunks.iter().map(|c| c.rows).collect();
        let slabs = layout::slabs(plan, &rows, slab_rows);
        let uniform = slab_uniform(context, slabs.iter().flatten())?;
        let mut cut = Cut { slab_rows, chunks: Vec::new() };
        for (slabs, chunk) in slabs.into_iter().zip(chunks) {
            let groups = self.stages.iter().map(|s| self.bind_samples(context, s, chunk, &uniform));
            cut.chunks.push((slabs, groups.collect::<Result<_>>()?));
        }
        self.cut = Some(cut);
        Ok(())
    }

    /// Group 0 of `stage`: the densities of a tied covariance read whitened samples.
    fn bind_samples(
        &self,
        context: &Context,
        stage: &Stage,
        chunk: &Chunk,
        slabs: &wgpu::Buffer,
    ) -> Result<wgpu::BindGroup> {
        let is_tied = self.stages.iter().any(|s| s.work == Work::Whiten);
        let mut buffers = Vec::new();
        match stage.work {
            Work::Density if is_tied => buffers.push(&self.buffers.whitened),
            Work::Sum => {}
            _ => buffers.push(&chunk.samples),
        }
        match stage.work {
            Work::Density => buffers.extend(chunk.weights.iter().flatten()),
            // Weights without their logarithms.
            Work::Fused => buffers.extend(chunk.weights.iter().flatten().take(1)),
            _ => {}
        }
        buffers.push(slabs);
        stage.pipeline.bind(context, 0, &whole(&buffers))
    }

    /// Slabs of the present cut.
    pub(super) fn n_slabs(&self) -> usize {
        self.cut.iter().flat_map(|c| &c.chunks).map(|(slabs, _)| slabs.len()).sum()
    }

    /// All slabs in submissions of a few each, and one readback: results and log-likelihood partials. With
    /// `timing` every dispatch is a pass of its own, timed on the device.
    pub(super) fn e_step(
        &mut self,
        context: &Context,
        plan: &Plan,
        mut timing: Option<&mut Timing>,
    ) -> Result<(Vec<f32>, Vec<f32>)> {
        let stage = "the E-step";
        self.e_steps += 1;
        self.write(context)?;
        let dispatches: Vec<_> = self.dispatches().filter(|_| !context.faults.drops_dispatch()).collect();
        let ending = !context.faults.drops_dispatch();
        let mut pieces = dispatches.chunks(SLABS_PER_SUBMISSION * self.summing().count()).peekable();
        let mut submissions = Vec::new();
        loop {
            let some = pieces.next().unwrap_or_default();
            let is_last = pieces.peek().is_none();
            submissions.push(context.scoped(stage, 0, || {
                let mut encoder = context.device.create_command_encoder(&Default::default());
                match &mut timing {
                    None => {
                        let mut pass = encoder.begin_compute_pass(&Default::default());
                        some.iter().for_each(|d| dispatch(&mut pass, plan, *d));
                    }
                    Some(timing) => {
                        for work in some {
                            let timestamp_writes = timing.next(work.0.work as usize);
                            let label = Some(stage);
                            let descriptor = wgpu::ComputePassDescriptor { label, timestamp_writes };
                            dispatch(&mut encoder.begin_compute_pass(&descriptor), plan, *work);
                        }
                    }
                }
                if is_last {
                    if let Some(timing) = &timing {
                        timing.resolve(&mut encoder);
                    }
                    self.end(&mut encoder, plan, ending);
                }
                context.submit(Some(encoder))
            })?);
            if is_last {
                break;
            }
        }
        let b = &self.buffers;
        // Reading waits for the last.
        submissions.pop();
        // One by one: the time limit is that of a single submission.
        for submission in submissions {
            context.wait_for(stage, Some(submission))?;
        }
        let (results, bytes) = (
            (b.results_bytes / 4) as usize,
            b.results_bytes + b.log_likelihoods_bytes + b.parts.stamp.len() as u64,
        );
        let mut values: Vec<f32> = context.read(&b.staging, bytes, stage)?;
        if values.pop().map(f32::to_bits) != Some(self.e_steps) {
            let message = "it answered with the sums of an earlier E-step".into();
            return Err(Error::DeviceLost { stage: stage.into(), message });
        }
        let log_likelihoods = values.split_off(results);
        if let Some(component) = context.faults.spoiled_component() {
            values[component] = f32::NAN;
        }
        Ok((values, log_likelihoods))
    }

    /// Records the last sums, if `summed`, and the copies that the host reads.
    fn end(&self, encoder: &mut wgpu::CommandEncoder, plan: &Plan, summed: bool) {
        let b = &self.buffers;
        if let Some(sum) = self.stages.last().filter(|_| summed) {
            let (slab, [group_0, group_2]) = &self.finish;
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&sum.pipeline.pipeline);
            pass.set_bind_group(0, group_0, &[0]);
            pass.set_bind_group(2, group_2, &[]);
            pass.dispatch_workgroups(sum_width(plan, slab), layout::groups_of(plan, slab), 1);
        }
        let stamp = &b.parts.stamp;
        let copied = [
            (&b.results, 0, b.results_bytes),
            (&b.log_likelihoods, 0, b.log_likelihoods_bytes),
            (&b.parameters, stamp.start as u64, stamp.len() as u64),
        ];
        let mut at = 0;
        for (buffer, from, bytes) in copied {
            encoder.copy_buffer_to_buffer(buffer, from, &b.staging, at, bytes);
            at += bytes;
        }
        // The next E-step must not find the numbers of this one where a dispatch of it was lost.
        encoder.clear_buffer(&b.results, 0, None);
        encoder.copy_buffer_to_buffer(&b.absent, 0, &b.log_likelihoods, 0, b.log_likelihoods_bytes);
    }

    /// Every dispatch of an E-step in order: its stage, group 0, slab and the offset of the slab's uniform.
    fn dispatches(&self) -> impl Iterator<Item = Dispatch<'_>> {
        let chunks = self.cut.iter().flat_map(|cut| &cut.chunks);
        let slabs = chunks.flat_map(|(slabs, groups)| slabs.iter().map(move |slab| (slab, groups)));
        slabs.enumerate().flat_map(move |(i, (slab, groups))| {
            let offset = (i * PART_BYTES) as u32;
            self.summing().map(move |s| (&self.stages[s], &groups[s], slab, offset))
        })
    }

    /// The stages that an E-step runs, by number: beside a fused kernel the densities are for predictions.
    fn summing(&self) -> impl Iterator<Item = usize> {
        let is_fused = self.stages.iter().any(|s| s.work == Work::Fused);
        let stages = self.stages.iter().enumerate();
        stages.filter(move |(_, s)| !(is_fused && s.work == Work::Density)).map(|(i, _)| i)
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
        let stage = "the densities of samples";
        self.write(context)?;
        let k = plan.problem.n_components;
        let first = rows.start / plan.density.rows * plan.density.rows;
        let stride = (rows.end - first).next_multiple_of(plan.density.rows);
        let slab = Slab {
            first_tile: (first / TILE) as u32,
            n_samples: chunk.rows as u32,
            stride: stride as u32,
            n_components: k as u32,
            ..Slab::default()
        };
        let uniform = slab_uniform(context, std::iter::once(&slab))?;
        let bytes = (stride * k * 4) as u64;
        let staging = context.buffer("wgmm/predict/staging", bytes, wgpu::BufferUsages::MAP_READ, false)?;
        let stages = self.stages.iter().filter(|s| matches!(s.work, Work::Whiten | Work::Density));
        let bound: Vec<_> = stages
            .map(|s| Ok((s, self.bind_samples(context, s, chunk, &uniform)?)))
            .collect::<Result<_>>()?;
        context.scoped(stage, 0, || {
            let mut encoder = context.device.create_command_encoder(&Default::default());
            {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                bound.iter().for_each(|(s, group)| dispatch(&mut pass, plan, (s, group, &slab, 0)));
            }
            encoder.copy_buffer_to_buffer(&self.buffers.weighted_log_densities, 0, &staging, 0, bytes);
            context.submit(Some(encoder));
        })?;
        Ok((stride, rows.start - first, context.read(&staging, bytes, stage)?))
    }
}

/// A stage, its group 0, the slab and the offset of the slab's uniform.
type Dispatch<'s> = (&'s Stage, &'s wgpu::BindGroup, &'s Slab, u32);

fn dispatch(pass: &mut wgpu::ComputePass<'_>, plan: &Plan, (stage, group_0, slab, offset): Dispatch<'_>) {
    let blocks = &plan.blocks;
    let [x, y, z] = match stage.work {
        Work::Whiten => [slab.stride / TILE as u32, 1, 1],
        Work::Density => [slab.stride / plan.density.rows as u32, 1, 1],
        Work::Moments => {
            let role_groups = blocks.roles.div_ceil(blocks.roles_here) as u32;
            [slab.n_slices, role_groups, plan.problem.n_components.div_ceil(blocks.components()) as u32]
        }
        Work::Fused => [slab.n_slices, 1, 1],
        Work::Sum => [sum_width(plan, slab), layout::groups_of(plan, slab), 1],
    };
    pass.set_pipeline(&stage.pipeline.pipeline);
    pass.set_bind_group(0, group_0, &[offset]);
    for (index, group) in (1..).zip(&stage.groups) {
        if let Some(group) = group {
            pass.set_bind_group(index, group, &[]);
        }
    }
    pass.dispatch_workgroups(x, y, z);
}

/// Workgroups of `sum_partials` along a row; the kernel strides where a row is longer.
fn sum_width(plan: &Plan, slab: &Slab) -> u32 {
    slab.row_length.div_ceil(256).min(plan.workgroups as u32)
}

fn slab_uniform<'s>(context: &Context, slabs: impl Iterator<Item = &'s Slab>) -> Result<wgpu::Buffer> {
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
