//! Which engine computes: a request, and the engine that answers it with one line that says why.

use crate::data::Data;
use crate::engine::Engine;
use crate::engine::cpu::CpuEngine;
#[cfg(feature = "gpu")]
use crate::engine::fallback::FallbackEngine;
use crate::engine::reference::ReferenceEngine;
use crate::error::Result;
pub use crate::report::EngineKind;
#[cfg(feature = "gpu")]
use crate::report::Warning;

/// What happens when a graphics device fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// The work ends with the error.
    None,
    /// All cores go on from where it was ([`crate::engine::fallback::FallbackEngine`]), after a warning.
    Cpu,
}

named!(Fallback: "fallback" { None = "none", Cpu = "cpu" });

/// A request for an engine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineRequest {
    /// The kind.
    pub kind: EngineKind,
    /// Index or part of the name of a graphics adapter; with [`EngineKind::Auto`] it asks for that adapter.
    pub adapter: Option<String>,
    /// Threads of the CPU engine; none takes all cores.
    pub threads: Option<usize>,
    /// Most samples per chunk on a graphics device; none fills the adapter's binding limit.
    pub chunk_rows: Option<usize>,
    /// Kernel of the graphics device, by name (`gpu::plan::kernels_for`); none takes the best.
    pub kernel: Option<String>,
    /// Folder for the text of the shaders that a graphics device runs.
    pub dump_shaders: Option<std::path::PathBuf>,
    /// What happens when the graphics device fails; if not given, all cores go on after an automatic choice, and
    /// nothing does after an explicit one.
    pub fallback: Option<Fallback>,
    /// A fault of the device, for tests.
    #[cfg(feature = "gpu")]
    #[doc(hidden)]
    pub faults: crate::engine::gpu::Faults,
}

impl EngineRequest {
    /// What happens when the graphics device fails.
    #[doc(hidden)]
    pub fn fallback(&self) -> Fallback {
        let by_itself = if self.kind == EngineKind::Auto { Fallback::Cpu } else { Fallback::None };
        self.fallback.unwrap_or(by_itself)
    }

    /// The first option given that only a graphics card can follow, by its name: with one, an automatic choice
    /// takes a card.
    #[doc(hidden)]
    pub fn card_only_option(&self) -> Option<&'static str> {
        let options = [
            ("adapter", self.adapter.is_some()),
            ("kernel", self.kernel.is_some()),
            ("dump_shaders", self.dump_shaders.is_some()),
        ];
        options.iter().find(|(_, given)| *given).map(|(option, _)| *option)
    }

    /// Whether all cores take over from a graphics card where its f32 sums leave fewer than three digits of a
    /// component: after an automatic choice that allows a fallback. A card that was asked for by `gpu` stays.
    #[doc(hidden)]
    pub fn switches(&self) -> bool {
        self.kind == EngineKind::Auto && self.fallback() == Fallback::Cpu
    }
}

/// Opens the engine that `request` asks for over `samples`, for mixtures of up to `n_components`
/// components. The text is one line: what was chosen and why, and what to install where a driver is
/// missing. An automatic choice opens no device for a small problem, and falls back to all cores when
/// the device cannot take the problem.
///
/// # Errors
/// [`crate::Error::NoDevice`], [`crate::Error::LimitExceeded`], [`crate::Error::OutOfMemory`] for an explicit
/// graphics engine; a thread pool that cannot be started.
pub fn open_engine<'a>(
    data: impl Into<Data<'a>>,
    n_components: usize,
    request: &EngineRequest,
) -> Result<(Box<dyn Engine + 'a>, String)> {
    let data = data.into();
    match request.kind {
        EngineKind::Reference => {
            let line = "reference engine (f64, one core), as asked for".into();
            Ok((Box::new(ReferenceEngine::new(data)), line))
        }
        EngineKind::Cpu => cpu(data, request, "as asked for"),
        EngineKind::Gpu => gpu(data, request),
        EngineKind::Auto if request.card_only_option().is_some() => gpu(data, request),
        EngineKind::Auto => auto(data, n_components, request),
    }
}

fn cpu<'a>(data: Data<'a>, request: &EngineRequest, why: &str) -> Result<(Box<dyn Engine + 'a>, String)> {
    let engine = CpuEngine::new(data, request.threads)?;
    let line = format!("cpu engine (f64, {}): {why}", engine.info().device);
    Ok((Box::new(engine), line))
}

#[cfg(not(feature = "gpu"))]
fn auto<'a>(data: Data<'a>, _: usize, request: &EngineRequest) -> Result<(Box<dyn Engine + 'a>, String)> {
    cpu(data, request, "this build has no `gpu` feature")
}

#[cfg(not(feature = "gpu"))]
fn gpu<'a>(_: Data<'a>, request: &EngineRequest) -> Result<(Box<dyn Engine + 'a>, String)> {
    Err(crate::Error::NoDevice {
        requested: request.adapter.clone().unwrap_or_else(|| "gpu".into()),
        available: "none, because this program was built without the `gpu` feature".into(),
    })
}

#[cfg(feature = "gpu")]
fn auto<'a>(
    data: Data<'a>,
    n_components: usize,
    request: &EngineRequest,
) -> Result<(Box<dyn Engine + 'a>, String)> {
    use crate::engine::gpu;

    let facts = data.facts();
    if !gpu::is_worthwhile(facts.n_samples, facts.n_features, n_components) {
        return cpu(data, request, "the problem is too small to gain from a graphics card");
    }
    let adapters = gpu::adapters();
    if adapters.is_empty() {
        return cpu(data, request, &format!("no graphics adapter was found; {INSTALL_DRIVER}"));
    }
    if adapters.iter().all(|adapter| adapter.is_software) {
        let why = format!(
            "only a software graphics adapter was found ({}), which gains nothing; for a real card {INSTALL_DRIVER}",
            adapters[0].name
        );
        return cpu(data, request, &why);
    }
    match gpu::GpuEngine::new(data.clone(), &options(request, false)) {
        Ok(engine) => {
            let line = format!(
                "gpu engine (f32 sums, {}): a hardware adapter and a big problem",
                engine.info().device_line()
            );
            Ok((with_fallback(engine, data, request), line))
        }
        Err(error) => {
            cpu(data, request, &format!("the graphics card cannot take this problem: {}", error.facts()))
        }
    }
}

/// `request` for a graphics device.
#[cfg(feature = "gpu")]
pub(crate) fn options(request: &EngineRequest, allow_software: bool) -> crate::engine::gpu::GpuOptions {
    let testing = crate::engine::gpu::Testing { faults: request.faults.clone(), ..Default::default() };
    let EngineRequest { adapter, chunk_rows, kernel, dump_shaders, .. } = request.clone();
    crate::engine::gpu::GpuOptions { adapter, chunk_rows, allow_software, kernel, dump_shaders, testing }
}

#[cfg(feature = "gpu")]
fn with_fallback<'a>(
    engine: crate::engine::gpu::GpuEngine<'a>,
    data: Data<'a>,
    request: &EngineRequest,
) -> Box<dyn Engine + 'a> {
    match request.fallback() {
        Fallback::None => Box::new(engine),
        Fallback::Cpu => {
            let engine = FallbackEngine::new(Box::new(engine), data, request.threads);
            Box::new(if request.switches() { engine.switching() } else { engine })
        }
    }
}

#[cfg(feature = "gpu")]
fn gpu<'a>(data: Data<'a>, request: &EngineRequest) -> Result<(Box<dyn Engine + 'a>, String)> {
    let engine = match crate::engine::gpu::GpuEngine::new(data.clone(), &options(request, true)) {
        // An adapter asked for by a wrong name stays an error with `auto`: only a fallback that was asked for
        // covers a card that does not open.
        Err(error) if request.fallback == Some(Fallback::Cpu) => {
            let no_device = matches!(error, crate::error::Error::NoDevice { .. });
            Warning::EngineNotOpened { error: error.facts(), no_device }.tell();
            return cpu(data, request, "the graphics card failed");
        }
        outcome => outcome?,
    };
    if engine.adapter().is_software {
        Warning::SoftwareAdapter { adapter: engine.adapter().name.clone() }.tell();
    }
    let line = format!("gpu engine (f32 sums, {}), as asked for", engine.info().device_line());
    Ok((with_fallback(engine, data, request), line))
}

/// What to do on a machine without a usable adapter: a clause for messages.
#[cfg(feature = "gpu")]
pub const INSTALL_DRIVER: &str = "install its Vulkan driver (Debian/Ubuntu: `apt-get install mesa-vulkan-drivers libvulkan1`, \
                       or NVIDIA's driver package), or use Metal or DX12 where the system has them";
