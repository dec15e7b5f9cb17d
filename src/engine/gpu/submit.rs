//! Dispatches on their way to the device, and what comes back.

use super::compiled::Compiled;
use super::context::Context;
use super::cut::Dispatch;
use super::step::LOG_DENSITIES;
use super::timing::Timing;
use crate::error::{Error, Result};

/// Slabs of one submission: about half a second of work at most, which a device may take without being
/// taken for one that hangs.
const SLABS_PER_SUBMISSION: usize = 16;

/// What the host reads after an E-step.
#[derive(Debug)]
pub(super) struct Sums {
    /// Rows of sums, row after row.
    pub(super) rows: Vec<f32>,
    /// The partial sums of the log-likelihood.
    pub(super) log_likelihoods: Vec<f32>,
}

/// `dispatches` (so many `per_slab`) in submissions of a few slabs each, then the last sum, and one
/// readback. With `timing` every dispatch is a pass of its own, timed on the device. `stamp` is the number
/// of the E-step, which the device sends back.
pub(super) fn e_step(
    context: &Context,
    compiled: &Compiled,
    dispatches: &[Dispatch<'_>],
    per_slab: usize,
    stamp: u32,
    mut timing: Option<&mut Timing>,
) -> Result<Sums> {
    let stage = "the E-step";
    let is_finished = !context.faults.drops_dispatch();
    let mut pieces = dispatches.chunks(SLABS_PER_SUBMISSION * per_slab).peekable();
    let mut submissions = Vec::new();
    loop {
        let some = pieces.next().unwrap_or_default();
        let is_last = pieces.peek().is_none();
        submissions.push(context.scoped(stage, 0, || {
            let mut encoder = context.device.create_command_encoder(&Default::default());
            record(&mut encoder, compiled, some, timing.as_deref_mut());
            if is_last {
                if let Some(timing) = &timing {
                    timing.resolve(&mut encoder);
                }
                end(&mut encoder, compiled, is_finished);
            }
            context.submit(Some(encoder))
        })?);
        if is_last {
            break;
        }
    }
    // Reading waits for the last.
    submissions.pop();
    // One by one: the time limit is that of a single submission.
    for submission in submissions {
        context.wait_for(stage, Some(submission))?;
    }
    let b = &compiled.buffers;
    let bytes = b.results_bytes + b.log_likelihoods_bytes + b.sections.stamp.len() as u64;
    let mut rows: Vec<f32> = context.read(&b.staging, bytes, stage)?;
    if rows.pop().map(f32::to_bits) != Some(stamp) {
        let message = "it answered with the sums of an earlier E-step".into();
        return Err(Error::DeviceLost { stage: stage.into(), message });
    }
    let log_likelihoods = rows.split_off((b.results_bytes / 4) as usize);
    if let Some(component) = context.faults.spoiled_component() {
        rows[component] = f32::NAN;
    }
    Ok(Sums { rows, log_likelihoods })
}

/// Records `dispatches`: one pass, or one each to be timed.
fn record(
    encoder: &mut wgpu::CommandEncoder,
    compiled: &Compiled,
    dispatches: &[Dispatch<'_>],
    timing: Option<&mut Timing>,
) {
    let Some(timing) = timing else {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        dispatches.iter().for_each(|d| d.record(&mut pass, compiled));
        return;
    };
    for dispatch in dispatches {
        let timestamp_writes = timing.next(dispatch.step);
        let descriptor = wgpu::ComputePassDescriptor { label: Some("the E-step"), timestamp_writes };
        dispatch.record(&mut encoder.begin_compute_pass(&descriptor), compiled);
    }
}

/// Records the last sum, if `is_finished`, and the copies that the host reads.
fn end(encoder: &mut wgpu::CommandEncoder, compiled: &Compiled, is_finished: bool) {
    if is_finished {
        compiled.finish(&mut encoder.begin_compute_pass(&Default::default()));
    }
    let b = &compiled.buffers;
    let stamp = &b.sections.stamp;
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
    // The next E-step must not find the numbers of this one if a dispatch of it was lost.
    encoder.clear_buffer(&b.results, 0, None);
    encoder.copy_buffer_to_buffer(&b.absent, 0, &b.log_likelihoods, 0, b.log_likelihoods_bytes);
}

/// Runs `dispatches` and reads the first `bytes` of the weighted log densities.
pub(super) fn densities(
    context: &Context,
    compiled: &Compiled,
    dispatches: &[Dispatch<'_>],
    bytes: u64,
) -> Result<Vec<f32>> {
    let stage = "the densities of samples";
    let Some(densities) = compiled.buffers.scratch(LOG_DENSITIES) else {
        return Err(Error::Shader { stage: stage.into(), message: "no step computes them".into() });
    };
    let staging = context.buffer("wgmm/predict/staging", bytes, wgpu::BufferUsages::MAP_READ, false)?;
    context.scoped(stage, 0, || {
        let mut encoder = context.device.create_command_encoder(&Default::default());
        record(&mut encoder, compiled, dispatches, None);
        encoder.copy_buffer_to_buffer(densities, 0, &staging, 0, bytes);
        context.submit(Some(encoder));
    })?;
    context.read(&staging, bytes, stage)
}
