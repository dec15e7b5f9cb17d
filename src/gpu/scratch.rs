//! Everything one kind of mixture occupies on the device beside the samples, and the work done with it.

use std::ops::Range;

use super::Testing;
use super::context::Context;
use super::layout::{self, Slab, Upload};
use super::pipeline::{Binding, Pipeline};
use super::plan::{Plan, TILE};
use super::resident::Chunk;
use super::timing::{KERNELS, Timing};
use crate::error::Result;

/// Bytes between two slab uniforms: the largest alignment WebGPU allows an adapter to ask for.
const SLAB_BYTES: usize = 256;

/// Pipelines, buffers and bind groups.
#[derive(Debug)]
pub(super) struct Scratch {
    density: Pipeline,
    moments: Pipeline,
    sum: Pipeline,
    factors: wgpu::Buffer,
    constants: wgpu::Buffer,
    origins: wgpu::Buffer,
    results: wgpu::Buffer,
    log_likelihoods: wgpu::Buffer,
    weighted_log_densities: wgpu::Buffer,
    staging: wgpu::Buffer,
    /// Groups 1 and 2 of density and moments, group 2 of sum.
    fixed: [wgpu::BindGroup; 5],
    results_bytes: u64,
    log_likelihoods_bytes: u64,
    /// The sum over groups: its slab and its groups 0 and 2.
    finish: (Slab, [wgpu::BindGroup; 2]),
    cut: Option<Cut>,
}

/// The slabs of an E-step, with group 0 of density, moments and sum for every chunk.
#[derive(Debug)]
struct Cut {
    slab_rows: usize,
    slabs: Vec<Vec<Slab>>,
    groups: Vec<[wgpu::BindGroup; KERNELS]>,
}

impl Scratch {
    pub(super) fn new(
        context: &Context,
        plan: &Plan,
        chunks: &[Chunk],
        testing: &Testing,
    ) -> Result<Scratch> {
        use Binding::{Read, Slab as Uniform, Write};
        let problem = &plan.problem;
        let (k, blocks) = (problem.n_components, &plan.blocks);
        let edit = testing.edit.as_ref();
        let compile = |kernel, groups| Pipeline::new(context, kernel, groups, edit, testing.checked);
        let mut fixed_for_fit = vec![(0, Read)];
        if problem.weighted {
            fixed_for_fit.extend([(1, Read), (2, Read)]);
        }
        fixed_for_fit.push((3, Uniform));
        let mut factors = vec![(0, Read)];
        if plan.is_tiled() {
            factors.push((1, Read));
        }
        let density =
            compile(&plan.density, vec![fixed_for_fit, factors, vec![(0, Write), (1, Write), (2, Write)]])?;
        let moments = compile(
            &plan.moments,
            vec![vec![(0, Read), (3, Uniform)], vec![(0, Read)], vec![(0, Read), (1, Read), (2, Write)]],
        )?;
        let sum = compile(&plan.sum, vec![vec![(3, Uniform)], vec![], vec![(0, Read), (1, Write)]])?;

        let row_bytes = (blocks.row_length(k) * 4) as u64;
        let slices = (plan.max_slab / plan.slice) as u64;
        let partial_count: usize = chunks.iter().map(|c| c.rows.next_multiple_of(plan.slab_unit())).sum();
        let log_likelihoods_bytes = (partial_count / plan.density_rows * 4) as u64;
        let storage = wgpu::BufferUsages::STORAGE;
        let source = storage | wgpu::BufferUsages::COPY_SRC;
        let buffer = |label, bytes, usage| context.buffer(label, bytes, usage, testing.poison);
        let scratch_bytes = (plan.max_slab * k * 4) as u64;
        let factors = buffer("wgmm/e_step/factors", (k * plan.factor_vecs * 16) as u64, storage)?;
        let constants = buffer("wgmm/e_step/constants", (k * 4) as u64, storage)?;
        let origins = buffer("wgmm/e_step/origins", (k * blocks.vecs * 16) as u64, storage)?;
        let weighted_log_densities = buffer("wgmm/e_step/weighted_log_densities", scratch_bytes, source)?;
        let log_normalisers = buffer("wgmm/e_step/log_normalisers", (plan.max_slab * 4) as u64, storage)?;
        let log_likelihoods = buffer("wgmm/e_step/log_likelihoods", log_likelihoods_bytes, source)?;
        let partials = buffer("wgmm/e_step/partials", row_bytes * slices, storage)?;
        let totals = buffer("wgmm/e_step/totals", plan.totals_bytes(), storage)?;
        let results_bytes = row_bytes * plan.result_rows() as u64;
        let results = buffer("wgmm/e_step/results", results_bytes, source)?;
        let staging_bytes = results_bytes + log_likelihoods_bytes;
        let staging =
            context.buffer("wgmm/e_step/staging", staging_bytes, wgpu::BufferUsages::MAP_READ, false)?;

        let factor_buffers: &[&wgpu::Buffer] =
            if plan.is_tiled() { &[&factors, &constants] } else { &[&factors] };
        let fixed = [
            density.bind(context, 1, factor_buffers)?,
            density.bind(context, 2, &[&weighted_log_densities, &log_normalisers, &log_likelihoods])?,
            moments.bind(context, 1, &[&origins])?,
            moments.bind(context, 2, &[&weighted_log_densities, &log_normalisers, &partials])?,
            sum.bind(context, 2, &[&partials, &totals])?,
        ];
        // Totals are to groups of groups what partials are to groups of slices.
        let last = Slab {
            n_slices: plan.groups() as u32,
            row_length: blocks.row_length(k) as u32,
            ..Slab::default()
        };
        let uniform = slab_uniform(context, std::iter::once(&last))?;
        let finish =
            (last, [sum.bind(context, 0, &[&uniform])?, sum.bind(context, 2, &[&totals, &results])?]);
        Ok(Scratch {
            results_bytes,
            density,
            moments,
            sum,
            factors,
            constants,
            origins,
            results,
            finish,
            log_likelihoods,
            weighted_log_densities,
            staging,
            fixed,
            log_likelihoods_bytes,
            cut: None,
        })
    }

    /// Queues packed parameters for the next dispatches.
    pub(super) fn write(&self, context: &Context, upload: &Upload) {
        context.queue.write_buffer(&self.factors, 0, bytemuck::cast_slice(&upload.factors));
        context.queue.write_buffer(&self.constants, 0, bytemuck::cast_slice(&upload.constants));
        context.queue.write_buffer(&self.origins, 0, bytemuck::cast_slice(&upload.origins));
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
        if let Some(cut) = &self.cut {
            if cut.slab_rows <= slab_rows * 2 && slab_rows <= cut.slab_rows * 2 {
                return Ok(());
            }
        }
        let rows: Vec<usize> = chunks.iter().map(|c| c.rows).collect();
        let slabs = layout::slabs(plan, &rows, slab_rows);
        let uniform = slab_uniform(context, slabs.iter().flatten())?;
        let groups = chunks.iter().map(|chunk| {
            Ok([
                self.density.bind(context, 0, &density_buffers(chunk, &uniform))?,
                self.moments.bind(context, 0, &[&chunk.samples, &uniform])?,
                self.sum.bind(context, 0, &[&uniform])?,
            ])
        });
        self.cut = Some(Cut { slab_rows, groups: groups.collect::<Result<_>>()?, slabs });
        Ok(())
    }

    /// One submission over all slabs and one readback: totals and log-likelihood partials. With
    /// `timing` every dispatch is a pass of its own, timed on the device.
    pub(super) fn e_step(
        &self,
        context: &Context,
        plan: &Plan,
        mut timing: Option<&mut Timing>,
    ) -> Result<(Vec<f32>, Vec<f32>)> {
        let stage = "the E-step";
        context.scoped(stage, 0, || {
            let mut encoder = context.device.create_command_encoder(&Default::default());
            match &mut timing {
                None => {
                    let mut pass = encoder.begin_compute_pass(&Default::default());
                    for (slab, groups, offset) in self.dispatches() {
                        for kernel in 0..KERNELS {
                            self.dispatch(&mut pass, plan, kernel, slab, groups, offset);
                        }
                    }
                }
                Some(timing) => {
                    for (slab, groups, offset) in self.dispatches() {
                        for kernel in 0..KERNELS {
                            let timestamp_writes = timing.next(kernel);
                            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                                label: Some(stage),
                                timestamp_writes,
                            });
                            self.dispatch(&mut pass, plan, kernel, slab, groups, offset);
                        }
                    }
                    timing.resolve(&mut encoder);
                }
            }
            {
                let (slab, [group_0, group_2]) = &self.finish;
                let mut pass = encoder.begin_compute_pass(&Default::default());
                pass.set_pipeline(&self.sum.pipeline);
                pass.set_bind_group(0, group_0, &[0]);
                pass.set_bind_group(2, group_2, &[]);
                pass.dispatch_workgroups(sum_width(slab), layout::groups_of(slab), 1);
            }
            encoder.copy_buffer_to_buffer(&self.results, 0, &self.staging, 0, self.results_bytes);
            let at = self.results_bytes;
            encoder.copy_buffer_to_buffer(
                &self.log_likelihoods,
                0,
                &self.staging,
                at,
                self.log_likelihoods_bytes,
            );
            context.queue.submit([encoder.finish()]);
        })?;
        let mut values: Vec<f32> =
            context.read(&self.staging, self.results_bytes + self.log_likelihoods_bytes, stage)?;
        let log_likelihoods = values.split_off((self.results_bytes / 4) as usize);
        Ok((values, log_likelihoods))
    }

    /// Slabs of the present cut.
    pub(super) fn n_slabs(&self) -> usize {
        self.cut.iter().flat_map(|c| &c.slabs).map(Vec::len).sum()
    }

    /// Every slab with its chunk's groups and the offset of its uniform, in order.
    fn dispatches(&self) -> impl Iterator<Item = (&Slab, &[wgpu::BindGroup; KERNELS], u32)> {
        let chunks = self.cut.iter().flat_map(|cut| cut.slabs.iter().zip(&cut.groups));
        let slabs = chunks.flat_map(|(slabs, groups)| slabs.iter().map(move |slab| (slab, groups)));
        slabs.enumerate().map(|(i, (slab, groups))| (slab, groups, (i * SLAB_BYTES) as u32))
    }

    fn dispatch(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        plan: &Plan,
        kernel: usize,
        slab: &Slab,
        groups: &[wgpu::BindGroup; KERNELS],
        offset: u32,
    ) {
        let [density_1, density_2, moments_1, moments_2, sum_2] = &self.fixed;
        let blocks = &plan.blocks;
        let (pipeline, fixed, size) = match kernel {
            0 => (
                &self.density,
                [Some(density_1), Some(density_2)],
                [slab.stride / plan.density_rows as u32, 1, 1],
            ),
            1 => {
                let role_groups = blocks.roles.div_ceil(blocks.roles_here) as u32;
                let component_groups = plan.problem.n_components.div_ceil(blocks.lanes) as u32;
                (
                    &self.moments,
                    [Some(moments_1), Some(moments_2)],
                    [slab.n_slices, role_groups, component_groups],
                )
            }
            _ => (&self.sum, [None, Some(sum_2)], [sum_width(slab), layout::groups_of(slab), 1]),
        };
        pass.set_pipeline(&pipeline.pipeline);
        pass.set_bind_group(0, &groups[kernel], &[offset]);
        for (index, group) in (1..).zip(fixed) {
            if let Some(group) = group {
                pass.set_bind_group(index, group, &[]);
            }
        }
        pass.dispatch_workgroups(size[0], size[1], size[2]);
    }

    /// Weighted log densities in bits of the samples `rows` of `chunk`: the row stride, how many samples
    /// precede the first wanted one, and `[K, stride]` values.
    pub(super) fn densities(
        &self,
        context: &Context,
        plan: &Plan,
        chunk: &Chunk,
        rows: Range<usize>,
    ) -> Result<(usize, usize, Vec<f32>)> {
        let stage = "the densities of samples";
        let k = plan.problem.n_components;
        let first = rows.start / plan.density_rows * plan.density_rows;
        let stride = (rows.end - first).next_multiple_of(plan.density_rows);
        let slab = Slab {
            first_tile: (first / TILE) as u32,
            n_samples: chunk.rows as u32,
            stride: stride as u32,
            n_components: k as u32,
            ..Slab::default()
        };
        let uniform = slab_uniform(context, std::iter::once(&slab))?;
        let group = self.density.bind(context, 0, &density_buffers(chunk, &uniform))?;
        let bytes = (stride * k * 4) as u64;
        let staging = context.buffer("wgmm/predict/staging", bytes, wgpu::BufferUsages::MAP_READ, false)?;
        context.scoped(stage, 0, || {
            let mut encoder = context.device.create_command_encoder(&Default::default());
            {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                pass.set_pipeline(&self.density.pipeline);
                pass.set_bind_group(0, &group, &[0]);
                pass.set_bind_group(1, &self.fixed[0], &[]);
                pass.set_bind_group(2, &self.fixed[1], &[]);
                pass.dispatch_workgroups(slab.stride / plan.density_rows as u32, 1, 1);
            }
            encoder.copy_buffer_to_buffer(&self.weighted_log_densities, 0, &staging, 0, bytes);
            context.queue.submit([encoder.finish()]);
        })?;
        Ok((stride, rows.start - first, context.read(&staging, bytes, stage)?))
    }
}

fn density_buffers<'b>(chunk: &'b Chunk, uniform: &'b wgpu::Buffer) -> Vec<&'b wgpu::Buffer> {
    let mut buffers = vec![&chunk.samples];
    buffers.extend(chunk.weights.iter().flatten());
    buffers.push(uniform);
    buffers
}

fn slab_uniform<'s>(context: &Context, slabs: impl Iterator<Item = &'s Slab>) -> Result<wgpu::Buffer> {
    let mut bytes = Vec::new();
    for slab in slabs {
        let start = bytes.len();
        bytes.extend_from_slice(bytemuck::bytes_of(slab));
        bytes.resize(start + SLAB_BYTES, 0);
    }
    let buffer =
        context.buffer("wgmm/e_step/slabs", bytes.len() as u64, wgpu::BufferUsages::UNIFORM, false)?;
    context.queue.write_buffer(&buffer, 0, &bytes);
    Ok(buffer)
}

/// Workgroups of `sum_partials` along a row; the kernel strides where a row is longer.
fn sum_width(slab: &Slab) -> u32 {
    slab.row_length.div_ceil(256).min(u32::from(u16::MAX))
}
