//! The WGSL engine: f32 sums on any Vulkan, Metal or DX12 adapter, finished in f64 on the host.
//!
//! Layers, lowest first: [`shader`] text, [`plan`] (pure), `adapter`, `context`, [`resident`] samples,
//! [`layout`] of every number, `pack` and `unpack`, `loaded` parameters, `pipeline`, `buffers`, `stage`,
//! `scratch`, and the engine here.
//!
//! A device that has no room for a buffer gets smaller ones, which changes no bit of any result, or the
//! error says what had no room. A device that is lost, hangs or loses work is an error that says so.

mod adapter;
mod buffers;
mod context;
mod dump;
pub mod layout;
mod loaded;
mod pack;
pub mod pipeline;
pub mod plan;
pub mod probe;
pub mod resident;
mod room;
mod scratch;
pub mod shader;
mod stage;
mod testing;
pub mod timing;
mod unpack;

use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use context::Context;
use loaded::Loaded;
use plan::{Plan, Problem, Tuning};
use probe::Burner;
use resident::{Chunk, Scaling};
use room::Room;
use scratch::Scratch;
use timing::{DeviceSeconds, HostSeconds, Timing, lap};

use super::{Engine, check_features};
use crate::data::{Data, Dataset};
use crate::engine::rounding::RoundingError;
use crate::error::{Error, Result};
use crate::mixture::Parameters;
use crate::mixture::moments::Moments;
use crate::report::{EngineInfo, EngineKind, Precision};

pub use adapter::{AdapterSummary, adapters};
#[doc(hidden)]
pub use testing::{Fault, Faults, Testing};

/// The release of wgpu this crate is built with (a test compares it with Cargo.lock).
pub const WGPU_VERSION: &str = "30.0.2";

/// Dispatches aim at this much device time, well below every watchdog and a display's patience.
const DISPATCH_SECONDS: f64 = 0.025;

/// Which adapter to open and how to cut the work.
#[derive(Debug, Clone, Default)]
pub struct GpuOptions {
    /// Index in [`adapters`], or a case-insensitive part of the name; none takes the best.
    pub adapter: Option<String>,
    /// Most samples per resident chunk (rounded up to 4096); none fills the adapter's binding limit.
    pub chunk_rows: Option<usize>,
    /// Whether a software adapter may be taken when no name asks for one.
    pub allow_software: bool,
    /// The kernel that serves the densities ([`plan::kernels_for`]); none takes the table's.
    pub kernel: Option<String>,
    /// Folder for the text of every shader that is used, written before it runs.
    pub dump_shaders: Option<PathBuf>,
    /// Hooks for tests.
    #[doc(hidden)]
    pub testing: Testing,
}

/// Multiplications per E-step and core from which a card is worth opening: below, all cores have finished
/// a whole fit before a driver has started and compiled the kernels (benches/README.md: 0.4 s and more).
const WORTHWHILE: f64 = 1e8;

/// Whether a fit of this size gains from a graphics card. Every density costs about D² multiplications
/// and an exponential.
pub fn is_worthwhile(n_samples: usize, n_features: usize, n_components: usize) -> bool {
    let (n, d, k) = (n_samples as f64, n_features as f64, n_components as f64);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    n * k * (d * d + 8.0) > WORTHWHILE * cores as f64
}

/// Samples resident on a graphics device.
#[derive(Debug)]
pub struct GpuEngine<'a> {
    data: Data<'a>,
    context: Context,
    scaling: Scaling,
    chunks: Vec<Chunk>,
    /// Σ weights of its rows.
    total_weight: f64,
    kernel: Option<String>,
    dump_shaders: Option<PathBuf>,
    testing: Testing,
    /// Useful operations per second, as seen in the last E-step.
    rate: f64,
    prepared: Option<Prepared>,
    room: Room,
    burner: Option<Burner>,
    host_seconds: HostSeconds,
}

/// What one kind of mixture (K, covariance type) needs on the device.
#[derive(Debug)]
struct Prepared {
    plan: Plan,
    scratch: Scratch,
    /// What is on the device.
    loaded: Loaded,
}

impl<'a> GpuEngine<'a> {
    /// Opens an adapter and uploads the rows of `data`, centred and scaled in f64.
    ///
    /// # Errors
    /// [`Error::NoDevice`], [`Error::LimitExceeded`], [`Error::OutOfMemory`].
    pub fn new(data: impl Into<Data<'a>>, options: &GpuOptions) -> Result<Self> {
        let data = data.into();
        let mut clock = Instant::now();
        let context = Context::open(options.adapter.as_deref(), options.allow_software, &options.testing)?;
        let open = lap(&mut clock);
        let scaling = Scaling::of(&*data)?.clone();
        let scaling_seconds = lap(&mut clock);
        let (chunks, total_weight) = resident::upload(&context, &*data, &scaling, options.chunk_rows)?;
        let upload = lap(&mut clock);
        let rate = match context.adapter.device_type.as_str() {
            "discrete" => 1e12,
            "software" => 2e9,
            _ => 1e11,
        };
        Ok(GpuEngine {
            data,
            context,
            scaling,
            chunks,
            total_weight,
            kernel: options.kernel.clone(),
            dump_shaders: options.dump_shaders.clone(),
            testing: options.testing.clone(),
            rate,
            prepared: None,
            room: Room::default(),
            burner: None,
            host_seconds: HostSeconds { open, scaling: scaling_seconds, upload, ..HostSeconds::default() },
        })
    }

    /// The adapter that was opened.
    pub fn adapter(&self) -> &AdapterSummary {
        &self.context.adapter
    }

    /// Plans, compiles and allocates for this kind of mixture unless it is done, and uploads the
    /// parameters unless they are there.
    fn load(&mut self, parameters: &Parameters) -> Result<()> {
        check_features(&*self.data, parameters)?;
        let problem = Problem {
            n_samples: self.data.rows().len(),
            n_features: self.data.facts().n_features,
            n_components: parameters.n_components(),
            covariance_type: parameters.covariance_type(),
            weighted: self.chunks.iter().any(|c| c.weights.is_some()),
        };
        if self.prepared.as_ref().is_none_or(|p| p.plan.problem != problem) {
            let mut clock = Instant::now();
            // Free the old scratch first: it may be as large as the new one.
            self.prepared = None;
            let tuning = match (&self.testing.tuning, &self.kernel) {
                (Some(tuning), _) => *tuning,
                (None, Some(name)) => Tuning::with_kernel(&problem, name)?,
                (None, None) => Tuning::new(&problem),
            };
            let mut plan = Plan::tuned(problem, &self.context.limits, &tuning)?;
            tracing::info!("kernels: {}", plan.kernels());
            if let Some(folder) = &self.dump_shaders {
                dump::dump(&plan, folder)?;
            }
            self.room.fit(&mut plan);
            let scratch = Scratch::new(&self.context, &plan, &self.chunks, &self.testing)?;
            self.prepared = Some(Prepared { plan, scratch, loaded: Loaded::default() });
            self.host_seconds.prepare = lap(&mut clock);
        }
        let Some(Prepared { plan, scratch, loaded }) = &mut self.prepared else { return Ok(()) };
        let mut clock = Instant::now();
        let Some(upload) = loaded.replace(plan, parameters, &self.scaling)? else { return Ok(()) };
        scratch.set(upload);
        self.host_seconds.parameters = lap(&mut clock);
        Ok(())
    }

    /// Runs `work`; where the device has no room for it, again with slabs of half the size.
    fn in_room<T>(&mut self, mut work: impl FnMut(&mut Self) -> Result<T>) -> Result<T> {
        loop {
            match work(self) {
                Err(Error::OutOfMemory { label, bytes }) if self.room.halve() => {
                    let rows = self.room.most;
                    tracing::info!("no room for {label} ({bytes} bytes): on with {rows} samples at a time");
                    // What was allocated is free once the device has been asked.
                    self.prepared = None;
                    self.context.wait("freeing memory")?;
                }
                outcome => return outcome,
            }
        }
    }

    /// One E-step; with `timed` also the device time of each kernel, where the adapter has timestamps.
    fn run(&mut self, parameters: &Parameters, timed: bool) -> Result<(Moments, Option<DeviceSeconds>)> {
        self.load(parameters)?;
        let Some(Prepared { plan, scratch, loaded }) = &mut self.prepared else {
            return Err(Error::shape("prepared plan", "one", "none"));
        };
        let slab_rows = slab_rows(plan, self.testing.slab, self.rate);
        scratch.cut(&self.context, plan, &self.chunks, slab_rows)?;
        let mut timing =
            if timed { Timing::new(&self.context, scratch.n_slabs() * timing::KERNELS)? } else { None };
        let mut clock = Instant::now();
        let (totals, log_likelihoods) = scratch.e_step(&self.context, plan, timing.as_mut())?;
        let seconds = lap(&mut clock);
        self.host_seconds.submit_and_read = seconds;
        let seconds = seconds.max(1e-6);
        // The first iteration may hold the driver's compilation: the next ones correct the rate.
        self.rate = plan.flops_per_sample * self.data.rows().len() as f64 / seconds;
        let device = timing.as_mut().map(|t| t.read(&self.context)).transpose()?;
        let total = self.total_weight;
        clock = Instant::now();
        let moments = unpack::unpack(plan, &self.scaling, &loaded.kept, total, &totals, &log_likelihoods);
        self.host_seconds.unpack = lap(&mut clock);
        Ok((moments, device))
    }

    /// [`Engine::e_step`] with the device time of each kernel (none without timestamp queries).
    ///
    /// # Errors
    /// As [`Engine::e_step`].
    pub fn e_step_timed(&mut self, parameters: &Parameters) -> Result<(Moments, Option<DeviceSeconds>)> {
        self.in_room(|engine| engine.run(parameters, true))
    }

    /// Wall time of the host's parts of the work.
    pub fn host_seconds(&self) -> HostSeconds {
        self.host_seconds
    }

    /// Runs fused multiply-adds until the clocks are steady (at most `limit`): the last rate and the best
    /// seen by this engine, floating-point operations per second.
    ///
    /// # Errors
    /// A failure of the device.
    pub fn warm_up(&mut self, limit: Duration) -> Result<(f64, f64)> {
        self.warm_up_to(None, Duration::ZERO, limit)
    }

    /// [`GpuEngine::warm_up`] for at least `least`, until the rate is steadily at least `floor`.
    ///
    /// # Errors
    /// A failure of the device.
    pub fn warm_up_to(&mut self, floor: Option<f64>, least: Duration, limit: Duration) -> Result<(f64, f64)> {
        self.with_burner(|burner, context| burner.warm_up(context, floor, least, limit))
    }

    /// The rate of a few bursts of fused multiply-adds just now, floating-point operations per second.
    ///
    /// # Errors
    /// A failure of the device.
    pub fn fma_rate(&mut self) -> Result<f64> {
        self.with_burner(Burner::rate)
    }

    fn with_burner<T>(&mut self, work: impl FnOnce(&mut Burner, &Context) -> Result<T>) -> Result<T> {
        let mut burner = match self.burner.take() {
            Some(burner) => burner,
            None => Burner::new(&self.context)?,
        };
        let outcome = work(&mut burner, &self.context);
        self.burner = Some(burner);
        outcome
    }

    /// Bytes per second, read and written, of a plain copy in the device's memory, at best.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if there is no room for it, or a failure of the device.
    pub fn copy_rate(&self) -> Result<f64> {
        probe::copy_rate(&self.context)
    }

    /// ln π_k + ln N(x_n | μ_k, Σ_k) of `rows`, `[rows, K]`.
    fn densities(&mut self, parameters: &Parameters, rows: Range<usize>) -> Result<Vec<f64>> {
        self.load(parameters)?;
        let Some(Prepared { plan, scratch, loaded }) = &mut self.prepared else {
            return Err(Error::shape("prepared plan", "one", "none"));
        };
        let k = parameters.n_components();
        let mut densities = Vec::with_capacity(rows.len() * k);
        let mut chunk_start = self.data.rows().start;
        for chunk in &self.chunks {
            let (mut start, end) = (
                rows.start.clamp(chunk_start, chunk_start + chunk.rows) - chunk_start,
                rows.end.clamp(chunk_start, chunk_start + chunk.rows) - chunk_start,
            );
            while start < end {
                // The aligned range must fit the scratch.
                let unit = plan.density.rows;
                let stop = end.min((start / unit + plan.scratch_rows() / unit) * unit);
                let (stride, skipped, bits) = scratch.densities(&self.context, plan, chunk, start..stop)?;
                for row in 0..stop - start {
                    densities.extend((0..k).map(|c| {
                        (f64::from(bits[c * stride + skipped + row]) + loaded.kept.offset)
                            * std::f64::consts::LN_2
                    }));
                }
                start = stop;
            }
            chunk_start += chunk.rows;
        }
        Ok(densities)
    }
}

/// Samples per slab: as `asked`, or such that a dispatch takes about [`DISPATCH_SECONDS`] at `rate`.
fn slab_rows(plan: &Plan, asked: Option<usize>, rate: f64) -> usize {
    let unit = plan.slab_unit();
    let wanted = asked.unwrap_or((rate * DISPATCH_SECONDS / plan.flops_per_sample) as usize);
    (wanted / unit * unit).clamp(unit, plan.max_slab)
}

impl Engine for GpuEngine<'_> {
    fn data(&self) -> &dyn Dataset {
        &*self.data
    }

    fn e_step(&mut self, parameters: &Parameters) -> Result<Moments> {
        self.in_room(|engine| engine.run(parameters, false)).map(|(moments, _)| moments)
    }

    fn weighted_log_densities(&mut self, parameters: &Parameters, rows: Range<usize>) -> Result<Vec<f64>> {
        self.in_room(|engine| engine.densities(parameters, rows.clone()))
    }

    fn rounding_errors(&mut self, parameters: &Parameters) -> Result<Vec<RoundingError>> {
        self.in_room(|engine| engine.load(parameters))?;
        Ok(self.prepared.as_ref().map(|p| p.loaded.rounding_errors.clone()).unwrap_or_default())
    }

    fn info(&self) -> EngineInfo {
        let adapter = &self.context.adapter;
        EngineInfo {
            driver: Some(adapter.driver.clone()),
            backend: Some(adapter.backend.clone()),
            kernels: self.prepared.as_ref().map(|p| p.plan.kernels()),
            ..EngineInfo::new(EngineKind::Gpu, adapter.name.clone(), Precision::F32)
        }
    }
}
