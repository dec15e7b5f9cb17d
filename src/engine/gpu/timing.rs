//! Device time of each kernel, from timestamps around its dispatches (nothing if the adapter has
//! none), and the host's time.

use std::time::Instant;

use super::context::Context;
use super::plan::Plan;
use super::step::Step;
use crate::error::Result;

/// Device time of one kernel in one E-step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KernelSeconds {
    /// The kernel.
    pub name: &'static str,
    /// Seconds, over all slabs.
    pub seconds: f64,
}

/// Wall time of the host's parts of an engine's work, seconds: of its making, and of the last E-step.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct HostSeconds {
    /// Finding and opening the adapter.
    pub open: f64,
    /// Centre and scale of the samples.
    pub scaling: f64,
    /// Converting and uploading the samples.
    pub upload: f64,
    /// Planning, pipelines and buffers for the last kind of mixture.
    pub prepare: f64,
    /// Factorising, packing and queueing the last parameters.
    pub parameters: f64,
    /// From recording the last E-step to its sums on the host: the device's time is part of it.
    pub submit_and_read: f64,
    /// Sums in f64 from what was read.
    pub unpack: f64,
}

/// Seconds since `started`, which becomes now.
pub(super) fn lap(started: &mut Instant) -> f64 {
    let now = Instant::now();
    (now - std::mem::replace(started, now)).as_secs_f64()
}

/// Timestamp queries for the dispatches of one E-step.
#[derive(Debug)]
pub(super) struct Timing {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    staging: wgpu::Buffer,
    /// The step of each timed pass, in order.
    passes: Vec<usize>,
    capacity: u32,
}

impl Timing {
    /// Room for `passes` passes; none without timestamp queries or beyond their limit.
    pub(super) fn new(context: &Context, passes: usize) -> Result<Option<Timing>> {
        let capacity = (passes * 2) as u32;
        if !context.device.features().contains(wgpu::Features::TIMESTAMP_QUERY)
            || capacity > wgpu::QUERY_SET_MAX_QUERIES
        {
            return Ok(None);
        }
        let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        let bytes = u64::from(capacity) * 8;
        let queries = context.scoped("wgmm/timing/queries", bytes, || {
            context.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("wgmm/timing/queries"),
                ty: wgpu::QueryType::Timestamp,
                count: capacity,
            })
        })?;
        Ok(Some(Timing {
            queries,
            resolved: context.buffer("wgmm/timing/resolved", bytes, usage, false)?,
            staging: context.buffer("wgmm/timing/staging", bytes, wgpu::BufferUsages::MAP_READ, false)?,
            passes: Vec::new(),
            capacity,
        }))
    }

    /// Timestamps for the next pass, which runs the step of number `step`.
    pub(super) fn next(&mut self, step: usize) -> Option<wgpu::ComputePassTimestampWrites<'_>> {
        let at = (self.passes.len() * 2) as u32;
        if at + 2 > self.capacity {
            return None;
        }
        self.passes.push(step);
        Some(wgpu::ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(at),
            end_of_pass_write_index: Some(at + 1),
        })
    }

    /// Queues the copy of all timestamps to the host.
    pub(super) fn resolve(&self, encoder: &mut wgpu::CommandEncoder) {
        let count = (self.passes.len() * 2) as u32;
        encoder.resolve_query_set(&self.queries, 0..count, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.staging, 0, u64::from(count) * 8);
    }

    /// Seconds of every pass with the number of its step, once the submission is done; the passes are forgotten.
    pub(super) fn read(&mut self, context: &Context) -> Result<Vec<(usize, f64)>> {
        let bytes = (self.passes.len() * 16) as u64;
        let ticks: Vec<u64> = context.read(&self.staging, bytes, "the timestamps")?;
        let period = f64::from(context.queue.get_timestamp_period()) * 1e-9;
        let seconds = ticks.chunks_exact(2).map(|pair| pair[1].saturating_sub(pair[0]) as f64 * period);
        Ok(self.passes.drain(..).zip(seconds).collect())
    }
}

/// The seconds of `passes`, added up by kernel: those of `plan` that ran.
pub(super) fn by_kernel(plan: &Plan, passes: &[(usize, f64)]) -> Vec<KernelSeconds> {
    let of_step = |(number, step): (usize, &Step)| {
        let own = passes.iter().filter(|(step, _)| *step == number);
        step.sums.then(|| KernelSeconds { name: step.template.name, seconds: own.map(|(_, s)| s).sum() })
    };
    plan.steps.iter().enumerate().filter_map(of_step).collect()
}
