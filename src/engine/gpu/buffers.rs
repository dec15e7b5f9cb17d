//! The buffers of one kind of mixture.

use super::context::Context;
use super::plan::Plan;
use super::resident::Chunk;
use super::sections::Sections;
use super::step::Buffer;
use crate::error::Result;

/// Scratch and results on the device, and what the host writes and reads.
#[derive(Debug)]
pub(super) struct Buffers {
    /// Everything that an E-step sends, by [`Buffers::sections`].
    pub(super) parameters: wgpu::Buffer,
    pub(super) sections: Sections,
    /// Scratch that steps share by name.
    scratch: Vec<(&'static str, wgpu::Buffer)>,
    pub(super) log_likelihoods: wgpu::Buffer,
    pub(super) log_likelihoods_bytes: u64,
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
        let storage = wgpu::BufferUsages::STORAGE;
        let source = storage | wgpu::BufferUsages::COPY_SRC;
        let buffer = |label: &str, bytes: usize, usage| {
            context.buffer(&format!("wgmm/e_step/{label}"), bytes as u64, usage, poison)
        };
        let (rows, unit) = (plan.scratch_rows(), plan.slab_unit());
        let mut scratch: Vec<(&'static str, wgpu::Buffer)> = Vec::new();
        let mut most_log_likelihoods = 0;
        let padded: usize = chunks.iter().map(|c| c.rows.next_multiple_of(unit)).sum();
        for (step, binding) in plan.steps.iter().flat_map(|s| s.bindings.iter().map(move |b| (s, b))) {
            let (name, bytes) = match binding.buffer {
                Buffer::PerSample(name, bytes) => (name, rows * bytes),
                Buffer::PerSlice(name, bytes) => (name, plan.max_slab / plan.slice * bytes),
                Buffer::LogLikelihoods => {
                    // Predictions write theirs, which nobody reads.
                    let samples = if step.sums { padded.max(rows) } else { rows };
                    most_log_likelihoods = most_log_likelihoods.max(samples / step.rows * 4);
                    continue;
                }
                _ => continue,
            };
            if !scratch.iter().any(|(known, _)| *known == name) {
                scratch.push((name, buffer(name, bytes, source)?));
            }
        }
        let (sections, results_bytes) = (plan.sections.clone(), plan.row_length() * 4 * plan.result_rows());
        let log_likelihoods_bytes = padded / plan.log_likelihood_rows() * 4;
        let staging_bytes = (results_bytes + log_likelihoods_bytes + sections.stamp.len()) as u64;
        let staging_usage = wgpu::BufferUsages::MAP_READ;
        // What a lost dispatch would have written must not look like a number, let alone the last one's: these
        // are filled with NaN whatever the tests say.
        let absent = |label, usage| context.buffer(label, most_log_likelihoods as u64, usage, true);
        Ok(Buffers {
            parameters: buffer("parameters", sections.bytes(), source | wgpu::BufferUsages::UNIFORM)?,
            scratch,
            log_likelihoods: absent("wgmm/e_step/log_likelihoods", source)?,
            totals: buffer("totals", plan.totals_bytes() as usize, storage)?,
            results: buffer("results", results_bytes, source)?,
            absent: absent("wgmm/e_step/absent", wgpu::BufferUsages::COPY_SRC)?,
            staging: context.buffer("wgmm/e_step/staging", staging_bytes, staging_usage, false)?,
            log_likelihoods_bytes: log_likelihoods_bytes as u64,
            results_bytes: results_bytes as u64,
            sections,
        })
    }

    /// The scratch of that name.
    pub(super) fn scratch(&self, name: &str) -> Option<&wgpu::Buffer> {
        self.scratch.iter().find(|(known, _)| *known == name).map(|(_, buffer)| buffer)
    }

    /// What a binding of a step over `chunk` binds.
    pub(super) fn over<'b>(
        &'b self,
        chunk: &'b Chunk,
        slabs: &'b wgpu::Buffer,
        buffer: Buffer,
    ) -> Option<wgpu::BufferBinding<'b>> {
        let whole = match buffer {
            Buffer::Samples => &chunk.samples,
            Buffer::Weights => chunk.weights.as_ref().map(|[weights, _]| weights)?,
            Buffer::LogWeights => chunk.weights.as_ref().map(|[_, logs]| logs)?,
            Buffer::Slabs => slabs,
            Buffer::PerSample(name, _) | Buffer::PerSlice(name, _) => self.scratch(name)?,
            Buffer::LogLikelihoods => &self.log_likelihoods,
            Buffer::Totals => &self.totals,
            Buffer::Section(name) => {
                let place = self.sections.find(name)?;
                return Some(wgpu::BufferBinding {
                    buffer: &self.parameters,
                    offset: place.start as u64,
                    size: wgpu::BufferSize::new(place.len() as u64),
                });
            }
            Buffer::Other(_) => return None,
        };
        Some(whole.as_entire_buffer_binding())
    }

    /// What the last step binds that adds groups up: totals are to groups of groups what partials are to
    /// groups of slices.
    pub(super) fn finishing<'b>(
        &'b self,
        slab: &'b wgpu::Buffer,
        buffer: Buffer,
    ) -> Option<wgpu::BufferBinding<'b>> {
        let whole = match buffer {
            Buffer::Slabs => slab,
            Buffer::PerSlice(..) => &self.totals,
            Buffer::Totals => &self.results,
            _ => return None,
        };
        Some(whole.as_entire_buffer_binding())
    }
}
