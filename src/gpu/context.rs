//! The adapter, the device and their failures as typed errors.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pollster::block_on;

use super::AdapterSummary;
use super::plan::Limits;
use crate::error::{Error, Result};

/// How long a submission may take before it counts as hung.
const WAIT_SECONDS: u64 = 300;

/// Vulkan, Metal and DX12; OpenGL has no compute worth having.
const BACKENDS: wgpu::Backends = wgpu::Backends::PRIMARY;

fn instance() -> wgpu::Instance {
    wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: BACKENDS,
        flags: wgpu::InstanceFlags::empty(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    })
}

/// Hardware before software, discrete before integrated, then the driver's order.
fn sorted_adapters() -> Vec<wgpu::Adapter> {
    let mut adapters = block_on(instance().enumerate_adapters(BACKENDS));
    adapters.sort_by_key(|a| match a.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    });
    adapters
}

/// Every adapter there is, the best first.
pub(super) fn adapters() -> Vec<AdapterSummary> {
    sorted_adapters().iter().enumerate().map(|(i, a)| summary(i, a)).collect()
}

fn summary(index: usize, adapter: &wgpu::Adapter) -> AdapterSummary {
    let (info, limits) = (adapter.get_info(), adapter.limits());
    let device_type = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => "discrete",
        wgpu::DeviceType::IntegratedGpu => "integrated",
        wgpu::DeviceType::VirtualGpu => "virtual",
        wgpu::DeviceType::Cpu => "software",
        wgpu::DeviceType::Other => "other",
    };
    AdapterSummary {
        index,
        name: info.name,
        backend: info.backend.to_string(),
        device_type: device_type.into(),
        driver: [info.driver, info.driver_info].join(" ").trim().to_owned(),
        is_software: info.device_type == wgpu::DeviceType::Cpu,
        max_binding_bytes: limits.max_storage_buffer_binding_size,
        max_buffer_bytes: limits.max_buffer_size,
        workgroup_memory_bytes: limits.max_compute_workgroup_storage_size,
    }
}

/// An open device.
pub(super) struct Context {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) adapter: AdapterSummary,
    pub(super) limits: Limits,
    failure: Arc<Mutex<Option<Failure>>>,
}

/// What the device reported outside any call.
#[derive(Debug, Clone)]
enum Failure {
    Lost(String),
    Uncaptured(String),
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("adapter", &self.adapter).field("limits", &self.limits).finish()
    }
}

impl Context {
    /// Opens the adapter asked for: by index or part of its name, else the best; a software adapter
    /// only by name or with `allow_software`.
    pub(super) fn open(requested: Option<&str>, allow_software: bool) -> Result<Context> {
        let adapters = sorted_adapters();
        let summaries: Vec<AdapterSummary> =
            adapters.iter().enumerate().map(|(i, a)| summary(i, a)).collect();
        let index = match requested {
            Some(text) => match text.parse::<usize>() {
                Ok(index) => summaries.get(index).map(|s| s.index),
                Err(_) => {
                    let wanted = text.to_lowercase();
                    summaries.iter().position(|s| s.name.to_lowercase().contains(&wanted))
                }
            },
            None => summaries.iter().position(|s| allow_software || !s.is_software),
        };
        let Some(index) = index else {
            let names: Vec<String> = summaries.iter().map(|s| format!("{} {}", s.index, s.name)).collect();
            return Err(Error::NoDevice {
                requested: requested.unwrap_or("a graphics card").into(),
                available: if names.is_empty() { "none".into() } else { names.join(", ") },
            });
        };
        let adapter = &adapters[index];
        let (device, queue) = block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("wgmm"),
            required_features: adapter.features() & wgpu::Features::TIMESTAMP_QUERY,
            required_limits: adapter.limits(),
            ..Default::default()
        }))
        .map_err(|e| Error::NoDevice {
            requested: summaries[index].name.clone(),
            available: format!("it refused to open: {e}"),
        })?;
        let failure = Arc::new(Mutex::new(None));
        let store = |failure: &Arc<Mutex<Option<Failure>>>, new: Failure| {
            if let Ok(mut slot) = failure.lock() {
                slot.get_or_insert(new);
            }
        };
        let lost = Arc::clone(&failure);
        device.set_device_lost_callback(move |reason, message| {
            // Dropping the device reports itself this way, too.
            if reason != wgpu::DeviceLostReason::Destroyed {
                store(&lost, Failure::Lost(message));
            }
        });
        let uncaptured = Arc::clone(&failure);
        device.on_uncaptured_error(Arc::new(move |e: wgpu::Error| {
            store(&uncaptured, Failure::Uncaptured(e.to_string()));
        }));
        let limits = device.limits();
        let limits = Limits {
            binding_bytes: limits.max_storage_buffer_binding_size,
            buffer_bytes: limits.max_buffer_size,
            workgroup_bytes: limits.max_compute_workgroup_storage_size as usize,
            invocations: limits.max_compute_invocations_per_workgroup as usize,
            workgroups: limits.max_compute_workgroups_per_dimension as usize,
        };
        Ok(Context { device, queue, adapter: summaries[index].clone(), limits, failure })
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
        if block_on(memory.pop()).is_some() {
            return Err(Error::OutOfMemory { label: stage.into(), bytes });
        }
        match internal.or(validation) {
            Some(error) => Err(Error::Shader { stage: stage.into(), message: error.to_string() }),
            None => self.check(stage).map(|()| value),
        }
    }

    /// Fails if the device was lost or reported an error outside any scope.
    pub(super) fn check(&self, stage: &str) -> Result<()> {
        match self.failure.lock().ok().and_then(|f| f.clone()) {
            None => Ok(()),
            Some(Failure::Lost(message)) => Err(Error::DeviceLost { stage: stage.into(), message }),
            Some(Failure::Uncaptured(message)) => Err(Error::Shader { stage: stage.into(), message }),
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
        self.scoped(label, size, || {
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
        })
    }

    /// Waits until everything submitted so far is done.
    pub(super) fn wait(&self, stage: &str) -> Result<()> {
        let timeout = Some(Duration::from_secs(WAIT_SECONDS));
        match self.device.poll(wgpu::PollType::Wait { submission_index: None, timeout }) {
            Ok(_) => self.check(stage),
            Err(wgpu::PollError::Timeout) => {
                Err(Error::Timeout { stage: stage.into(), seconds: WAIT_SECONDS })
            }
            Err(error) => {
                self.check(stage)?;
                Err(Error::DeviceLost { stage: stage.into(), message: error.to_string() })
            }
        }
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
