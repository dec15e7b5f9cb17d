//! The bench's instruments: warm clocks, and the ceilings of arithmetic and memory.
//!
//! An idle card runs at a quarter of its clock, also while a shader compiles, so every timing starts with this.

use std::time::{Duration, Instant};

use super::GpuEngine;
use super::context::Context;
use super::kernels::{probe_copy, probe_fma};
use super::pipeline::{Groups, Pipeline};
use super::step::Buffer;
use super::timing::Timing;
use crate::error::Result;

/// Invocations of one burst: enough for 16 workgroups on each of 132 processors.
const WORKGROUPS: u32 = 2112;
/// Rounds of 256 fused multiply-adds.
const ROUNDS: usize = 256;
/// Bursts in a row within 2 % of the best that count as warm.
const STEADY: usize = 8;

/// What is measured on the device of an engine beside the engine itself.
#[derive(Debug)]
pub struct Instruments {
    pipeline: Pipeline,
    groups: Groups,
    timing: Option<Timing>,
    rounds: usize,
    best: f64,
}

impl Instruments {
    /// Instruments for the device of `engine`.
    ///
    /// # Errors
    /// A failure of the device.
    pub fn new(engine: &GpuEngine<'_>) -> Result<Instruments> {
        let context = engine.context();
        let rounds = if context.adapter.is_software { 1 } else { ROUNDS };
        let step = probe_fma::step(WORKGROUPS as usize, rounds);
        let pipeline = Pipeline::new(context, &step, None, false)?;
        let bytes = u64::from(WORKGROUPS) * 256 * 4;
        let result = context.buffer("wgmm/probe/result", bytes, wgpu::BufferUsages::STORAGE, false)?;
        let groups = pipeline.bind(context, |_| Some(result.as_entire_buffer_binding()))?;
        Ok(Instruments { pipeline, groups, timing: Timing::new(context, 1)?, rounds, best: 0.0 })
    }

    /// One burst; floating-point operations per second.
    fn burst(&mut self, context: &Context) -> Result<f64> {
        let timing = self.timing.as_mut();
        let seconds = timed(context, &self.pipeline, &self.groups, WORKGROUPS, timing, "the FMA probe")?;
        let operations = f64::from(WORKGROUPS) * 256.0 * self.rounds as f64 * 256.0 * 2.0;
        let rate = operations / seconds;
        self.best = self.best.max(rate);
        Ok(rate)
    }

    /// Runs fused multiply-adds for at least `least` and until [`STEADY`] bursts in a row reach `floor` (98 % of the
    /// best seen if none is given), at most `limit`: the last rate and the best, floating-point operations per second.
    ///
    /// # Errors
    /// A failure of the device.
    pub fn warm_up(
        &mut self,
        engine: &GpuEngine<'_>,
        floor: Option<f64>,
        least: Duration,
        limit: Duration,
    ) -> Result<(f64, f64)> {
        let started = Instant::now();
        let mut steady = 0;
        loop {
            let rate = self.burst(engine.context())?;
            steady = if rate >= floor.unwrap_or(0.98 * self.best) { steady + 1 } else { 0 };
            let elapsed = started.elapsed();
            if steady >= STEADY && elapsed >= least || elapsed > limit {
                return Ok((rate, self.best));
            }
        }
    }

    /// The rate of a few bursts just now, without any warming: their median, floating-point operations per second.
    ///
    /// # Errors
    /// A failure of the device.
    pub fn fma_rate(&mut self, engine: &GpuEngine<'_>) -> Result<f64> {
        let context = engine.context();
        let mut rates = [self.burst(context)?, self.burst(context)?, self.burst(context)?];
        rates.sort_by(f64::total_cmp);
        Ok(rates[1])
    }
}

/// Bytes that are copied: far more than any cache holds.
const COPY_BYTES: u64 = 256 << 20;
/// The same on a software adapter, which has the processor's caches and little speed.
const COPY_BYTES_SOFTWARE: u64 = 16 << 20;
/// Copies of which the fastest counts.
const COPIES: usize = 12;

/// Bytes read and written per second by a plain copy in device memory, at best.
///
/// # Errors
/// [`crate::Error::OutOfMemory`] if there is no room for it, or a failure of the device.
pub fn copy_rate(engine: &GpuEngine<'_>) -> Result<f64> {
    let context = engine.context();
    let limit = context.limits.binding_bytes.min(context.limits.buffer_bytes);
    let wanted = if context.adapter.is_software { COPY_BYTES_SOFTWARE } else { COPY_BYTES };
    let workgroup_bytes = probe_copy::WORKGROUP_BYTES as u64;
    let workgroups = (wanted.min(limit) / workgroup_bytes).min(context.limits.workgroups as u64);
    let bytes = workgroups * workgroup_bytes;
    let pipeline = Pipeline::new(context, &probe_copy::step(workgroups as usize), None, false)?;
    let source = context.buffer("wgmm/probe/source", bytes, wgpu::BufferUsages::STORAGE, false)?;
    let copy = context.buffer("wgmm/probe/copy", bytes, wgpu::BufferUsages::STORAGE, false)?;
    // Zeros might be stored compressed, and so be faster than any data are.
    let mut state = 1u32;
    let noise: Vec<u32> = (0..bytes / 4)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        })
        .collect();
    context.queue.write_buffer(&source, 0, bytemuck::cast_slice(&noise));
    let groups = pipeline.bind(context, |buffer| {
        let buffer = if buffer == Buffer::Other("source") { &source } else { &copy };
        Some(buffer.as_entire_buffer_binding())
    })?;
    let mut timing = Timing::new(context, 1)?;
    let mut best = 0.0f64;
    for _ in 0..COPIES {
        let seconds =
            timed(context, &pipeline, &groups, workgroups as u32, timing.as_mut(), "the copy probe")?;
        best = best.max(2.0 * bytes as f64 / seconds);
    }
    Ok(best)
}

/// Seconds of one dispatch: by the device's clock, or the host's if it has none.
fn timed(
    context: &Context,
    pipeline: &Pipeline,
    groups: &Groups,
    workgroups: u32,
    mut timing: Option<&mut Timing>,
    stage: &'static str,
) -> Result<f64> {
    context.wait(stage)?;
    let started = Instant::now();
    context.scoped(stage, 0, || {
        let mut encoder = context.device.create_command_encoder(&Default::default());
        {
            let timestamp_writes = timing.as_mut().and_then(|t| t.next(0));
            let descriptor = wgpu::ComputePassDescriptor { label: Some(stage), timestamp_writes };
            let mut pass = encoder.begin_compute_pass(&descriptor);
            pipeline.dispatch(&mut pass, groups, 0, [workgroups, 1, 1]);
        }
        if let Some(timing) = &timing {
            timing.resolve(&mut encoder);
        }
        context.submit(Some(encoder));
    })?;
    let seconds = match timing {
        Some(timing) => timing.read(context)?.iter().map(|(_, seconds)| seconds).sum(),
        None => {
            context.wait(stage)?;
            started.elapsed().as_secs_f64()
        }
    };
    Ok(seconds.max(1e-9))
}
