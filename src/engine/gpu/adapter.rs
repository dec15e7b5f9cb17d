//! The graphics adapters there are, the best first, and the one that a request means.

use std::sync::LazyLock;

use pollster::block_on;

use crate::error::{Error, Result};

/// One adapter as `wgmm devices` lists it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct AdapterSummary {
    /// Position, for `--adapter`.
    pub index: usize,
    /// Name the driver gives.
    pub name: String,
    /// Vulkan, Metal or DX12.
    pub backend: String,
    /// Discrete, integrated, virtual, software or other.
    pub device_type: String,
    /// Driver and its version.
    pub driver: String,
    /// Whether it computes on the processor.
    pub is_software: bool,
    /// Largest storage binding, bytes.
    pub max_binding_bytes: u64,
    /// Largest buffer, bytes.
    pub max_buffer_bytes: u64,
    /// Workgroup memory, bytes.
    pub workgroup_memory_bytes: u32,
}

/// Vulkan, Metal and DX12; OpenGL has no compute worth having.
const BACKENDS: wgpu::Backends = wgpu::Backends::PRIMARY;

/// The instance of this process. It is kept: NVIDIA's driver (580.159, Linux) can be loaded and unloaded 29 times,
/// then it shows no adapter any more.
static INSTANCE: LazyLock<wgpu::Instance> = LazyLock::new(|| {
    wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: BACKENDS,
        flags: wgpu::InstanceFlags::empty(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    })
});

/// Hardware before software, discrete before integrated, then the driver's order.
fn sorted_adapters() -> Vec<wgpu::Adapter> {
    let mut adapters = block_on(INSTANCE.enumerate_adapters(BACKENDS));
    adapters.sort_by_key(|a| match a.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    });
    adapters
}

/// Every adapter there is, the best first; empty without a driver.
pub fn adapters() -> Vec<AdapterSummary> {
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

/// The adapter asked for: by index or part of its name, else the best; a software adapter only by name or
/// with `allow_software`.
pub(super) fn pick(requested: Option<&str>, allow_software: bool) -> Result<(wgpu::Adapter, AdapterSummary)> {
    let adapters = sorted_adapters();
    let summaries: Vec<AdapterSummary> = adapters.iter().enumerate().map(|(i, a)| summary(i, a)).collect();
    let is_meant = |summary: &AdapterSummary| match requested {
        Some(text) => match text.parse::<usize>() {
            Ok(index) => summary.index == index,
            Err(_) => summary.name.to_lowercase().contains(&text.to_lowercase()),
        },
        None => allow_software || !summary.is_software,
    };
    adapters.into_iter().zip(summaries.clone()).find(|(_, summary)| is_meant(summary)).ok_or_else(|| {
        let names: Vec<String> = summaries.iter().map(|s| format!("{} {}", s.index, s.name)).collect();
        Error::NoDevice {
            requested: requested.unwrap_or("a graphics card").into(),
            available: if names.is_empty() { "none".into() } else { names.join(", ") },
        }
    })
}
