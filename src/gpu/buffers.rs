//! The buffers of one kind of mixture.

use super::context::Context;
use super::plan::Plan;
use super::resident::Chunk;
use crate::error::Result;

/// The number of an E-step, u32.
pub(super) const STAMP_BYTES: u64 = 4;

/// The buffers that are written or read from outside the kernels.
#[derive(Debug)]
pub(super) struct Buffers {
    pub(super) factors: wgpu::Buffer,
    pub(super) constants: wgpu::Buffer,
    pub(super) whitening: wgpu::Buffer,
    pub(super) origins: wgpu::Buffer,
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
    /// The number of the E-step.
    pub(super) stamp: wgpu::Buffer,
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
        let log_likelihoods_bytes = padded / plan.density.rows * 4;
        let results_bytes = row_bytes * plan.result_rows();
        let whitened = if plan.whiten.is_some() { plan.max_slab * d * 4 } else { 0 };
        let staging_bytes = (results_bytes + log_likelihoods_bytes) as u64 + STAMP_BYTES;
        let staging_usage = wgpu::BufferUsages::MAP_READ;
        // What a lost dispatch would have written must not look like a number, let alone the last one's: these
        // are filled with NaN whatever the tests say.
        let absent_usage = wgpu::BufferUsages::COPY_SRC;
        let absent = |label, usage| context.buffer(label, log_likelihoods_bytes as u64, usage, true);
        Ok(Buffers {
            factors: buffer("wgmm/e_step/factors", plan.density.factor_vecs * 16, storage)?,
            constants: buffer("wgmm/e_step/constants", k * 4, storage)?,
            whitening: buffer("wgmm/e_step/whitening", plan.whitening_vecs() * 16, storage)?,
            origins: buffer("wgmm/e_step/origins", k * plan.blocks.vecs * 16, storage)?,
            whitened: buffer("wgmm/e_step/whitened", whitened, storage)?,
            weighted_log_densities: buffer(
                "wgmm/e_step/weighted_log_densities",
                plan.max_slab * k * 4,
                source,
            )?,
            log_normalisers: buffer("wgmm/e_step/log_normalisers", plan.max_slab * 4, storage)?,
            log_likelihoods: absent("wgmm/e_step/log_likelihoods", source)?,
            partials: buffer("wgmm/e_step/partials", row_bytes * (plan.max_slab / plan.slice), storage)?,
            totals: buffer("wgmm/e_step/totals", plan.totals_bytes() as usize, storage)?,
            results: buffer("wgmm/e_step/results", results_bytes, source)?,
            absent: absent("wgmm/e_step/absent", absent_usage)?,
            stamp: buffer("wgmm/e_step/stamp", STAMP_BYTES as usize, absent_usage)?,
            staging: context.buffer("wgmm/e_step/staging", staging_bytes, staging_usage, false)?,
            log_likelihoods_bytes: log_likelihoods_bytes as u64,
            results_bytes: results_bytes as u64,
        })
    }
}
