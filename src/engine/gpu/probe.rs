//! Warm clocks and their ceiling: an idle card runs at a quarter of its clock, also while a shader
//! compiles, so every timing starts with this.

use std::time::{Duration, Instant};

use minijinja::Value;

use super::context::Context;
use super::layout::Binding;
use super::pipeline::Pipeline;
use super::plan::Kernel;
use super::shader;
use super::timing::Timing;
use crate::error::Result;

/// Invocations of one burst: enough for 16 workgroups on each of 132 processors.
const WORKGROUPS: u32 = 2112;
/// Rounds of 256 fused multiply-adds.
const ROUNDS: usize = 256;
/// Bursts in a row within 2 % of the best that count as warm.
const STEADY: usize = 8;

/// The probe with `rounds` of 256 fused multiply-adds.
#[doc(hidden)]
pub fn kernel(rounds: usize) -> Kernel {
    let sum = (0..16).map(|c| format!("a{c}")).collect::<Vec<_>>().join(" + ");
    Kernel {
        template: shader::PROBE_FMA,
        values: [("ROUNDS", Value::from(rounds)), ("SUM", Value::from(sum))].into(),
        workgroup_bytes: 0,
        invocations: 256,
    }
}

/// The copy probe.
#[doc(hidden)]
pub fn copy_kernel() -> Kernel {
    Kernel {
        template: shader::PROBE_COPY,
        values: [("VECS", Value::from(COPY_VECS))].into(),
        workgroup_bytes: 0,
        invocations: 256,
    }
}

/// A burner of fused multiply-adds.
#[derive(Debug)]
pub struct Burner {
    pipeline: Pipeline,
    group: wgpu::BindGroup,
    timing: Option<Timing>,
    rounds: usize,
    best: f64,
}

impl Burner {
    pub(super) fn new(context: &Context) -> Result<Burner> {
        let rounds = if context.adapter.is_software { 1 } else { ROUNDS };
        let bindings = [vec![], vec![], vec![(0, Binding::Write)]];
        let pipeline = Pipeline::new(context, &kernel(rounds), bindings, None, false)?;
        let bytes = u64::from(WORKGROUPS) * 256 * 4;
        let result = context.buffer("wgmm/probe/result", bytes, wgpu::BufferUsages::STORAGE, false)?;
        let group = pipeline.bind(context, 2, &[result.as_entire_buffer_binding()])?;
        Ok(Burner { pipeline, group, timing: Timing::new(context, 1)?, rounds, best: 0.0 })
    }

    /// One burst; floating-point operations per second.
    fn burst(&mut self, context: &Context) -> Result<f64> {
        let timing = self.timing.as_mut();
        let seconds = timed(context, &self.pipeline, &self.group, WORKGROUPS, timing, "the FMA probe")?;
        let operations = f64::from(WORKGROUPS) * 256.0 * self.rounds as f64 * 256.0 * 2.0;
        let rate = operations / seconds;
        self.best = self.best.max(rate);
        Ok(rate)
    }

    /// Burns for at least `least` and until [`STEADY`] bursts in a row reach `floor` (98 % of the best seen
    /// where none is given), at most `limit`; the last rate and the best.
    pub(super) fn warm_up(
        &mut self,
        context: &Context,
        floor: Option<f64>,
        least: Duration,
        limit: Duration,
    ) -> Result<(f64, f64)> {
        let started = Instant::now();
        let mut steady = 0;
        loop {
            let rate = self.burst(context)?;
            steady = if rate >= floor.unwrap_or(0.98 * self.best) { steady + 1 } else { 0 };
            let elapsed = started.elapsed();
            if steady >= STEADY && elapsed >= least || elapsed > limit {
                return Ok((rate, self.best));
            }
        }
    }

    /// The rate of a few bursts without any warming: their median.
    pub(super) fn rate(&mut self, context: &Context) -> Result<f64> {
        let mut rates = [self.burst(context)?, self.burst(context)?, self.burst(context)?];
        rates.sort_by(f64::total_cmp);
        Ok(rates[1])
    }
}

/// Bytes that are copied: far more than any cache holds.
const COPY_BYTES: u64 = 256 << 20;
/// The same on a software adapter, which has the processor's caches and little speed.
const COPY_BYTES_SOFTWARE: u64 = 16 << 20;
/// vec4 per invocation.
const COPY_VECS: u64 = 4;
/// Copies of which the fastest counts.
const COPIES: usize = 12;

/// Bytes read and written per second by a plain copy in device memory, at best.
pub(super) fn copy_rate(context: &Context) -> Result<f64> {
    let limit = context.limits.binding_bytes.min(context.limits.buffer_bytes);
    let wanted = if context.adapter.is_software { COPY_BYTES_SOFTWARE } else { COPY_BYTES };
    let workgroup_bytes = 256 * COPY_VECS * 16;
    let workgroups = (wanted.min(limit) / workgroup_bytes).min(context.limits.workgroups as u64);
    let bytes = workgroups * workgroup_bytes;
    let kernel = copy_kernel();
    let bindings = [vec![], vec![], vec![(0, Binding::Read), (1, Binding::Write)]];
    let pipeline = Pipeline::new(context, &kernel, bindings, None, false)?;
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
    let group = pipeline.bind(context, 2, &[&source, &copy].map(|b| b.as_entire_buffer_binding()))?;
    let mut timing = Timing::new(context, 1)?;
    let mut best = 0.0f64;
    for _ in 0..COPIES {
        let seconds =
            timed(context, &pipeline, &group, workgroups as u32, timing.as_mut(), "the copy probe")?;
        best = best.max(2.0 * bytes as f64 / seconds);
    }
    Ok(best)
}

/// Seconds of one dispatch: by the device's clock, or the host's where it has none.
fn timed(
    context: &Context,
    pipeline: &Pipeline,
    group: &wgpu::BindGroup,
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
            pass.set_pipeline(&pipeline.pipeline);
            pass.set_bind_group(2, group, &[]);
            pass.dispatch_workgroups(workgroups, 1, 1);
        }
        if let Some(timing) = &timing {
            timing.resolve(&mut encoder);
        }
        context.submit(Some(encoder));
    })?;
    let seconds = match timing {
        Some(timing) => timing.read(context)?[0],
        None => {
            context.wait(stage)?;
            started.elapsed().as_secs_f64()
        }
    };
    Ok(seconds.max(1e-9))
}
