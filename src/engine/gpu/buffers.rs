//! The buffers of one kind of mixture.

use std::ops::Range;

use super::context::Context;
use super::layout::Parts;
use super::plan::Plan;
use super::resident::Chunk;
use crate::error::Result;

/// The buffers that are written or read from outside the kernels.
#[derive(Debug)]
pub(super) struct Buffers {
    /// Everything that an E-step sends.
    pub(super) parameters: wgpu::Buffer,
    pub(super) parts: Parts,
    pub(super) whitened: wgpu::Buffer,
    pub(super) weighted_log_densities: wgpu::Buffer,
    pub(super) log_normalisers: wgpu::Buffer,
    pub(super) log_likelihoods: wgpu::Buffer,
    pub(super) log_likelihoods_bytes: u64,
    pub(super) partials: wgpu::Buffer,
    pub(super) totals: wgpu::Buffer,
    pub(super) results: wgpu::Buffer,
    pub(super) results_bytes: u64,
    /// NaN in place of every log-likelihood partial.
    pub(super) absent: wgpu::Buffer,
    /// Results, log-likelihood partials and the stamp.
    pub(super) staging: wgpu::Buffer,
}

impl Buffers {
    pub(super) fn new(context: &Context, plan: &Plan, chunks: &[Chunk], poison: bool) -> Result<Buffers> {
        let (k, d) = (plan.problem.n_components, plan.problem.n_features);
        let storage = wgpu::BufferUsages::STORAGE;
        let source = storage | wgpu::BufferUsages::COPY_SRC;
        let buffer = |label, bytes: usize, usage| context.buffer(label, bytes as u64, usage, poison);
        let row_bytes = plan.blocks.row_length(k) * 4;
        let padded: usize = chunks.iter().map(|c| c.rows.next_multiple_of(plan.slab_unit())).sum();
        let rows = plan.scratch_rows();
        let log_likelihoods_bytes = padded / plan.log_likelihood_rows() * 4;
        // Predictions write theirs, which nobody reads.
        let most_log_likelihoods = log_likelihoods_bytes.max(rows / plan.density.rows * 4);
        let results_bytes = row_bytes * plan.result_rows();
        let whitened = if plan.whiten.is_some() { rows * d * 4 } else { 0 };
        let parts = Parts::new(plan);
        let staging_bytes = (results_bytes + log_likelihoods_bytes + parts.stamp.len()) as u64;
        let staging_usage = wgpu::BufferUsages::MAP_READ;
        // What a lost dispatch would have written must not look like a number, let alone the last one's: these
        // are filled with NaN whatever the tests say.
        let absent_usage = wgpu::BufferUsages::COPY_SRC;
        let absent = |label, usage| context.buffer(label, most_log_likelihoods as u64, usage, true);
        Ok(Buffers {
            parameters: buffer(
                "wgmm/e_step/parameters",
                parts.bytes(),
                source | wgpu::BufferUsages::UNIFORM,
            )?,
            whitened: buffer("wgmm/e_step/whitened", whitened, storage)?,
            weighted_log_densities: buffer("wgmm/e_step/weighted_log_densities", rows * k * 4, source)?,
            log_normalisers: buffer("wgmm/e_step/log_normalisers", rows * 4, storage)?,
            log_likelihoods: absent("wgmm/e_step/log_likelihoods", source)?,
            partials: buffer("wgmm/e_step/partials", row_bytes * (plan.max_slab / plan.slice), storage)?,
            totals: buffer("wgmm/e_step/totals", plan.totals_bytes() as usize, storage)?,
            results: buffer("wgmm/e_step/results", results_bytes, source)?,
            absent: absent("wgmm/e_step/absent", absent_usage)?,
            staging: context.buffer("wgmm/e_step/staging", staging_bytes, staging_usage, false)?,
            log_likelihoods_bytes: log_likelihoods_bytes as u64,
            results_bytes: results_bytes as u64,
            parts,
        })
    }

    /// One of the `parts`.
    pub(super) fn part(&self, part: &Range<usize>) -> wgpu::BufferBinding<'_> {
        wgpu::BufferBinding {
            buffer: &self.parameters,
            offset: part.start as u64,
            size: wgpu::BufferSize::new(part.len() as u64),
        }
    }
}
