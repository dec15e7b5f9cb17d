//! What computed the sums of a fit.

use serde::{Deserialize, Serialize};

/// The precision of sums over samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// Single, finished in double.
    F32,
    /// Double.
    F64,
}

named!(Precision: "precision" { F32 = "f32", F64 = "f64" });

impl Precision {
    /// Half of it is what one rounding may take from a number.
    pub const fn epsilon(self) -> f64 {
        match self {
            Precision::F32 => f32::EPSILON as f64,
            Precision::F64 => f64::EPSILON,
        }
    }
}

/// A kind of engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineKind {
    /// Only in a request: a hardware graphics adapter if there is one and the problem is big enough to gain from it,
    /// else all cores. Never a software adapter.
    #[default]
    Auto,
    /// The best graphics adapter there is, software included.
    Gpu,
    /// All cores, f64.
    Cpu,
    /// The sequential f64 oracle.
    Reference,
}

named!(EngineKind: "engine" { Auto = "auto", Gpu = "gpu", Cpu = "cpu", Reference = "reference" });

/// What computed the sums of a fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineInfo {
    /// What kind of engine; never [`EngineKind::Auto`].
    pub kind: EngineKind,
    /// Name of the adapter or processor.
    pub device: String,
    /// Driver and its version, for a graphics adapter.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub driver: Option<String>,
    /// Vulkan, Metal or DX12, for a graphics adapter.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub backend: Option<String>,
    /// The precision of the sums over samples.
    pub precision: Precision,
    /// Kernel variants in use, for a graphics adapter.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kernels: Option<String>,
    /// The engine that computed before and failed, where one did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failed: Option<FailedEngine>,
    /// The engine in f32 that this one took over from because too few digits were left, where one did
    /// ([`FitReport::worst_rounding`] tells when).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub began_on: Option<FirstEngine>,
}

impl EngineInfo {
    /// An engine of this kind on `device`, of which nothing else is to be said.
    pub fn new(kind: EngineKind, device: impl Into<String>, precision: Precision) -> Self {
        EngineInfo {
            kind,
            device: device.into(),
            driver: None,
            backend: None,
            precision,
            kernels: None,
            failed: None,
            began_on: None,
        }
    }

    /// The device, its interface and its driver.
    pub fn device_line(&self) -> String {
        let parts = [Some(&self.device), self.backend.as_ref(), self.driver.as_ref()];
        parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// An engine whose sums in f32 left too few digits, see [`crate::engine::fallback`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstEngine {
    /// What kind of engine.
    pub kind: EngineKind,
    /// Name of the adapter.
    pub device: String,
}

/// An engine whose device failed, see [`crate::engine::fallback`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedEngine {
    /// What kind of engine.
    pub kind: EngineKind,
    /// Name of the adapter.
    pub device: String,
    /// What happened.
    pub error: String,
}
