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
        let group = pipeline.bind(context, 2, &[&result])?;
        Ok(Burner { pipeline, group, timing: Timing::new(context, 1)?, rounds, best: 0.0 })
    }

    /// One burst; floating-point operations per second.
    fn burst(&mut self, context: &Context) -> Result<f64> {
        let started = Instant::now();
        let pipeline = &self.pipeline.pipeline;
        let (group, mut timing) = (&self.group, self.timing.as_mut());
        context.scoped("the FMA probe", 0, || {
            let mut encoder = context.device.create_command_encoder(&Default::default());
            {
                let timestamp_writes = timing.as_mut().and_then(|t| t.next(0));
                let descriptor =
                    wgpu::ComputePassDescriptor { label: Some("wgmm/probe/fma"), timestamp_writes };
                let mut pass = encoder.begin_compute_pass(&descriptor);
                pass.set_pipeline(pipeline);
                pass.set_bind_group(2, group, &[]);
                pass.dispatch_workgroups(WORKGROUPS, 1, 1);
            }
            if let Some(timing) = &timing {
                timing.resolve(&mut encoder);
            }
            context.queue.submit([encoder.finish()]);
        })?;
        let seconds = match &mut self.timing {
            Some(timing) => timing.read(context)?[0],
            None => {
                context.wait("the FMA probe")?;
                started.elapsed().as_secs_f64()
            }
        };
        let operations = f64::from(WORKGROUPS) * 256.0 * self.rounds as f64 * 256.0 * 2.0;
        let rate = operations / seconds.max(1e-9);
        self.best = self.best.max(rate);
        Ok(rate)
    }

    /// Burns until the rate is steady near the best seen, at most `limit`; the last rate and the best.
    pub(super) fn warm_up(&mut self, context: &Context, limit: Duration) -> Result<(f64, f64)> {
        let started = Instant::now();
        let mut steady = 0;
        loop {
            let rate = self.burst(context)?;
            steady = if rate >= 0.98 * self.best { steady + 1 } else { 0 };
            if steady >= STEADY || started.elapsed() > limit {
                return Ok((rate, self.best));
            }
        }
    }
}
