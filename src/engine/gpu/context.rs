//! The device and its failures as typed errors.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pollster::block_on;

use super::adapter::{self, AdapterSummary};
use super::plan::Limits;
use super::testing::{Faults, Testing};
use crate::error::{Error, Result};

/// How long one submission may take before it counts as hung: they are cut to about half a second.
const WAIT: Duration = Duration::from_secs(300);

/// An open device.
pub(super) struct Context {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) adapter: AdapterSummary,
    pub(super) limits: Limits,
    /// What went wrong outside any call, the first of its kind.
    failure: Arc<Mutex<Option<Failure>>>,
    timeout: Duration,
    pub(super) faults: Faults,
}

/// What the device reported outside any call.
#[derive(Debug, Clone)]
enum Failure {
    Lost(String),
    Hung,
    Uncaptured(String),
}

/// Keeps the first failure, but for one that explains it: a lost device refuses everything.
fn note(slot: &Mutex<Option<Failure>>, new: Failure) {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if slot.is_none() || matches!((&*slot, &new), (Some(Failure::Uncaptured(_)), Failure::Lost(_))) {
        *slot = Some(new);
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("adapter", &self.adapter).field("limits", &self.limits).finish()
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // Dropping a queue waits for it without end: that of a device that hangs must never be dropped.
        if matches!(self.failure(), Some(Failure::Lost(_) | Failure::Hung)) {
            std::mem::forget(self.queue.clone());
        }
    }
}

/// The limits that plans know, of `limits`.
fn limits_of(limits: &wgpu::Limits) -> Limits {
    Limits {
        binding_bytes: limits.max_storage_buffer_binding_size,
        buffer_bytes: limits.max_buffer_size,
        workgroup_bytes: limits.max_compute_workgroup_storage_size as usize,
        invocations: limits.max_compute_invocations_per_workgroup as usize,
        workgroups: limits.max_compute_workgroups_per_dimension as usize,
    }
}

/// Makes a device of a lesser adapter: one that enforces `lower` where it is below `limits`.
fn lower(limits: &mut wgpu::Limits, lower: &Limits) {
    let lower = limits_of(limits).at_most(lower);
    limits.max_storage_buffer_binding_size = lower.binding_bytes;
    limits.max_buffer_size = lower.buffer_bytes;
    limits.max_compute_workgroup_storage_size = lower.workgroup_bytes as u32;
    limits.max_compute_invocations_per_workgroup = lower.invocations as u32;
    limits.max_compute_workgroups_per_dimension = lower.workgroups as u32;
}

impl Context {
    /// Opens the adapter asked for ([`adapter::pick`]).
    pub(super) fn open(requested: Option<&str>, allow_software: bool, testing: &Testing) -> Result<Context> {
        let (adapter, summary) = adapter::pick(requested, allow_software)?;
        let mut required_limits = adapter.limits();
        if let Some(limits) = &testing.limits {
            lower(&mut required_limits, limits);
        }
        let (device, queue) = block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("wgmm"),
            required_features: adapter.features() & wgpu::Features::TIMESTAMP_QUERY,
            required_limits,
            ..Default::default()
        }))
        .map_err(|e| Error::NoDevice {
            requested: summary.name.clone(),
            available: format!("it refused to open: {e}"),
        })?;
        let failure = Arc::new(Mutex::new(None));
        let lost = Arc::clone(&failure);
        device.set_device_lost_callback(move |reason, message| {
            let message = if message.is_empty() { format!("{reason:?}").to_lowercase() } else { message };
            note(&lost, Failure::Lost(message));
        });
        let uncaptured = Arc::clone(&failure);
        device.on_uncaptured_error(Arc::new(move |e: wgpu::Error| {
            note(&uncaptured, Failure::Uncaptured(e.to_string()));
        }));
        let limits = limits_of(&device.limits());
        let (timeout, faults) = (testing.timeout.unwrap_or(WAIT), testing.faults.clone());
        Ok(Context { device, queue, adapter: summary, limits, failure, timeout, faults })
    }

    fn failure(&self) -> Option<Failure> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs `work` inside error scopes: whatever the device refuses becomes an error that names `stage`
    /// (and `bytes`, when memory ran out).
    pub(super) fn scoped<T>(&self, stage: &str, bytes: u64, work: impl FnOnce() -> T) -> Result<T> {
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let value = work();
        let internal = block_on(internal.pop());
        let validation = block_on(validation.pop());
        let memory = block_on(memory.pop());
        let refused = internal.or(validation);
        if refused.is_some() || memory.is_some() {
            // A device that is gone refuses everything, and tells when it is asked.
            self.poll(stage, wgpu::PollType::Poll)?;
        }
        self.check(stage)?;
        match refused {
            _ if memory.is_some() => Err(Error::OutOfMemory { label: stage.into(), bytes }),
            Some(error) => Err(Error::Shader { stage: stage.into(), message: error.to_string() }),
            None => Ok(value),
        }
    }

    /// Fails if the device was lost or reported an error outside any scope.
    pub(super) fn check(&self, stage: &str) -> Result<()> {
        let stage = stage.to_owned();
        match self.failure() {
            None => Ok(()),
            Some(Failure::Lost(message)) => Err(Error::DeviceLost { stage, message }),
            Some(Failure::Hung) => Err(Error::Timeout { stage, seconds: self.timeout.as_secs() }),
            Some(Failure::Uncaptured(message)) => Err(Error::Shader { stage, message }),
        }
    }

    /// A buffer for `label`; `poison` fills it with NaN bits so that a missing write shows.
    pub(super) fn buffer(
        &self,
        label: &str,
        bytes: u64,
        usage: wgpu::BufferUsages,
        poison: bool,
    ) -> Result<wgpu::Buffer> {
        let size = bytes.next_multiple_of(16).max(16);
        let buffer = self.scoped(label, size, || {
            let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size,
                usage: usage | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            if poison {
                self.queue.write_buffer(&buffer, 0, &vec![0xff; size as usize]);
            }
            buffer
        })?;
        if self.faults.no_memory(size) {
            return Err(Error::OutOfMemory { label: label.into(), bytes: size });
        }
        Ok(buffer)
    }

    /// Queues `bytes` that `fill` writes for `offset` of `buffer`, straight into memory that the device reads.
    pub(super) fn write(
        &self,
        label: &str,
        (buffer, offset): (&wgpu::Buffer, usize),
        bytes: usize,
        fill: impl FnOnce(wgpu::WriteOnly<'_, [u8]>),
    ) -> Result<()> {
        self.scoped(label, bytes as u64, || {
            let size = wgpu::BufferSize::new(bytes as u64);
            // None where there is no memory, which the scope tells.
            let view = size.and_then(|size| self.queue.write_buffer_with(buffer, offset as u64, size));
            if let Some(mut view) = view {
                fill(view.slice(..));
            }
        })
    }

    /// Submits what `encoder` recorded and all writes that are queued.
    pub(super) fn submit(&self, encoder: Option<wgpu::CommandEncoder>) -> wgpu::SubmissionIndex {
        let is_dropped = encoder.is_some() && self.faults.drops_submission();
        let work = encoder.filter(|_| !is_dropped).map(wgpu::CommandEncoder::finish);
        let index = self.queue.submit(work);
        if self.faults.loses_device() {
            self.device.destroy();
        }
        index
    }

    /// Waits until everything submitted so far is done.
    pub(super) fn wait(&self, stage: &str) -> Result<()> {
        self.wait_for(stage, None)
    }

    /// Waits until `submission` is done, or everything.
    pub(super) fn wait_for(&self, stage: &str, submission: Option<wgpu::SubmissionIndex>) -> Result<()> {
        self.poll(stage, wgpu::PollType::Wait { submission_index: submission, timeout: Some(self.timeout) })
    }

    /// Lets the device report. wgpu 30 panics where the driver says during a poll that the device is lost
    /// (`Device::poll` knows no such error).
    fn poll(&self, stage: &str, kind: wgpu::PollType) -> Result<()> {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            self.faults.panic_in_driver();
            match kind {
                wgpu::PollType::Wait { .. } if self.faults.hangs() => {
                    std::thread::sleep(self.timeout);
                    Err(wgpu::PollError::Timeout)
                }
                kind => self.device.poll(kind),
            }
        }));
        match polled {
            Ok(Ok(_)) => {}
            Ok(Err(wgpu::PollError::Timeout)) => note(&self.failure, Failure::Hung),
            Ok(Err(error)) => note(&self.failure, Failure::Lost(error.to_string())),
            Err(panic) => {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or_else(|| panic.downcast_ref().copied()).unwrap_or("no reason given");
                // The driver's words stand at the end of wgpu's.
                let message = said.lines().map(str::trim).rfind(|l| !l.is_empty()).unwrap_or(said);
                note(&self.failure, Failure::Lost(message.to_owned()));
            }
        }
        self.check(stage)
    }

    /// The first `bytes` of a MAP_READ buffer, after everything submitted is done.
    pub(super) fn read<T: bytemuck::AnyBitPattern + bytemuck::NoUninit>(
        &self,
        staging: &wgpu::Buffer,
        bytes: u64,
        stage: &str,
    ) -> Result<Vec<T>> {
        let outcome = Arc::new(Mutex::new(None));
        let told = Arc::clone(&outcome);
        let slice = staging.slice(..bytes);
        slice.map_async(wgpu::MapMode::Read, move |result| {
            if let Ok(mut slot) = told.lock() {
                *slot = Some(result);
            }
        });
        self.wait(stage)?;
        let lost = |message: String| Error::DeviceLost { stage: stage.into(), message };
        match outcome.lock().ok().and_then(|mut o| o.take()) {
            Some(Ok(())) => {}
            Some(Err(e)) => return Err(lost(e.to_string())),
            None => return Err(lost("the readback was never answered".into())),
        }
        let view = slice.get_mapped_range().map_err(|e| lost(e.to_string()))?;
        let values = bytemuck::pod_collect_to_vec(&view);
        drop(view);
        staging.unmap();
        Ok(values)
    }
}
