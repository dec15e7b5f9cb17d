//! The WGSL engine: f32 sums on any Vulkan, Metal or DX12 adapter, finished in f64 on the host.
//!
//! Layers, lowest first: `problem`, [`layout`], [`shader`] text; `packing` of parameters, [`step`], `lead`;
//! [`kernels`], a file for each; [`plan`], which is pure. Then with a device: `adapter`, `context`, `resident`
//! samples, `pipeline`, `buffers`, `compiled`, `cut`, `submit`, `scratch`, `prepared`, and the engine here.
//!
//! A device that has no room for a buffer gets smaller ones, which changes no bit of any result, or the
//! error says what had no room. A device that is lost, hangs or loses work is an error that says so.

mod adapter;
mod blocks;
mod buffers;
mod compiled;
mod context;
mod cut;
mod dump;
pub mod instruments;
pub mod kernels;
pub mod layout;
mod lead;
mod loaded;
mod options;
mod packing;
mod pipeline;
pub mod plan;
mod prepared;
mod problem;
mod resident;
mod room;
mod scratch;
mod sections;
pub mod shader;
pub mod step;
mod submit;
mod testing;
pub mod timing;
mod unpack;

use std::ops::Range;
use std::time::Instant;

use context::Context;
use plan::{Plan, Problem};
use prepared::Prepared;
use resident::Resident;
use room::Room;
use timing::{HostSeconds, KernelSeconds, Timing, lap};
use unpack::SumsLayout;

use super::{Engine, check_features};
use crate::data::{Data, Dataset};
use crate::engine::parts::PartSums;
use crate::engine::rounding::RoundingError;
use crate::error::{Error, Result};
use crate::mixture::Parameters;
use crate::mixture::moments::Moments;
use crate::report::{EngineInfo, EngineKind, Precision};

pub use adapter::{AdapterSummary, adapters};
pub use options::GpuOptions;
#[doc(hidden)]
pub use testing::{Fault, Faults, Testing};

/// The release of wgpu this crate is built with (a test compares it with Cargo.lock).
pub const WGPU_VERSION: &str = "30.0.2";

/// Dispatches aim at this much device time, well below every watchdog and a display's patience.
const DISPATCH_SECONDS: f64 = 0.025;

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
    options: GpuOptions,
    resident: Resident,
    prepared: Option<Prepared>,
    /// Useful operations per second, as seen in the last E-step.
    rate: f64,
    room: Room,
    host_seconds: HostSeconds,
}

impl<'a> GpuEngine<'a> {
    /// Opens an adapter and uploads the rows of `data`, centred and scaled in f64.
    ///
    /// # Errors
    /// [`Error::NoDevice`], [`Error::LimitExceeded`], [`Error::OutOfMemory`].
    pub fn new(data: impl Into<Data<'a>>, options: &GpuOptions) -> Result<Self> {
        let data = data.into();
        let mut host_seconds = HostSeconds::default();
        let resident = Resident::new(&*data, options, &mut host_seconds)?;
        let options = options.clone();
        let rate = match resident.context.adapter.device_type.as_str() {
            "discrete" => 1e12,
            "software" => 2e9,
            _ => 1e11,
        };
        Ok(GpuEngine { data, options, resident, prepared: None, rate, room: Room::default(), host_seconds })
    }

    /// The adapter that was opened.
    #[doc(hidden)]
    pub fn adapter(&self) -> &AdapterSummary {
        &self.resident.context.adapter
    }

    /// The open device.
    fn context(&self) -> &Context {
        &self.resident.context
    }

    /// Plans, compiles and allocates for this kind of mixture unless it is done, and packs the parameters
    /// unless the device has them.
    fn load(&mut self, parameters: &Parameters) -> Result<(&Resident, &mut Prepared)> {
        check_features(&*self.data, parameters)?;
        let problem = Problem {
            n_samples: self.data.facts().n_samples,
            n_features: self.data.facts().n_features,
            n_components: parameters.n_components(),
            covariance_type: parameters.covariance_type(),
            weighted: self.data.facts().is_weighted,
        };
        // Free the old scratch first: it may be as large as the new one.
        let present = self.prepared.take().filter(|p| p.plan.problem == problem);
        let mut clock = Instant::now();
        let prepared = match present {
            Some(prepared) => prepared,
            None => {
                let rows = self.data.rows().len();
                let prepared = Prepared::new(&self.resident, &self.options, (problem, rows), &mut self.room)?;
                self.host_seconds.prepare = lap(&mut clock);
                prepared
            }
        };
        let prepared = self.prepared.insert(prepared);
        if prepared.load(parameters, &self.resident.scaling)? {
            self.host_seconds.parameters = lap(&mut clock);
        }
        Ok((&self.resident, prepared))
    }

    /// Runs `work`. If the device has no room for it, runs it again with slabs of half the size.
    fn in_room<T>(&mut self, mut work: impl FnMut(&mut Self) -> Result<T>) -> Result<T> {
        loop {
            match work(self) {
                Err(Error::OutOfMemory { label, bytes }) if self.room.halve() => {
                    let rows = self.room.most;
                    tracing::info!("no room for {label} ({bytes} bytes): on with {rows} samples at a time");
                    // What was allocated is free once the device has been asked.
                    self.prepared = None;
                    self.resident.context.wait("freeing memory")?;
                }
                outcome => return outcome,
            }
        }
    }

    /// One E-step; with `timed` also the device time of each kernel, if the adapter has timestamps.
    fn run(
        &mut self,
        parameters: &Parameters,
        timed: bool,
    ) -> Result<(PartSums, Option<Vec<KernelSeconds>>)> {
        let (slab, rate, rows) = (self.options.testing.slab, self.rate, self.data.rows());
        let (resident, Prepared { plan, scratch, loaded }) = self.load(parameters)?;
        let part = plan.part_rows();
        if !rows.start.is_multiple_of(part) {
            return Err(Error::shape(
                "first row of a graphics engine",
                format!("a multiple of {part}"),
                rows.start,
            ));
        }
        let context = &resident.context;
        let slabs = scratch.cut(context, plan, &resident.chunks, slab_rows(plan, slab, rate))?;
        let mut timing = if timed { Timing::new(context, slabs * plan.steps.len())? } else { None };
        let mut clock = Instant::now();
        let read = scratch.e_step(context, plan, timing.as_mut())?;
        let submit_and_read = lap(&mut clock);
        let device = timing.as_mut().map(|t| t.read(context)).transpose()?;
        let device = device.map(|seconds| timing::by_kernel(plan, &seconds));
        clock = Instant::now();
        let layout = SumsLayout::new(plan, &resident.scaling, &loaded.kept);
        let sums = unpack::part_sums(plan, layout, rows.start, |rows| resident.weight(rows), &read);
        // The first iteration may hold the driver's compilation: the next ones correct the rate.
        self.rate = plan.flops_per_sample * rows.len() as f64 / submit_and_read.max(1e-6);
        self.host_seconds.submit_and_read = submit_and_read;
        self.host_seconds.unpack = lap(&mut clock);
        Ok((sums, device))
    }

    /// The moments of `sums`.
    fn total(&mut self, sums: PartSums, parameters: &Parameters) -> Result<Moments> {
        let mut clock = Instant::now();
        let moments = super::total(sums, parameters);
        self.host_seconds.unpack += lap(&mut clock);
        moments
    }

    /// [`Engine::e_step`] with the device time of each kernel (none without timestamp queries).
    ///
    /// # Errors
    /// As [`Engine::e_step`].
    #[doc(hidden)]
    pub fn e_step_timed(&mut self, parameters: &Parameters) -> Result<(Moments, Option<Vec<KernelSeconds>>)> {
        let (sums, device) = self.in_room(|engine| engine.run(parameters, true))?;
        Ok((self.total(sums, parameters)?, device))
    }

    /// Wall time of the host's parts of the work.
    #[doc(hidden)]
    pub fn host_seconds(&self) -> HostSeconds {
        self.host_seconds
    }

    /// ln π_k + ln N(x_n | μ_k, Σ_k) of `rows`, `[rows, K]`.
    fn densities(&mut self, parameters: &Parameters, rows: Range<usize>) -> Result<Vec<f64>> {
        let k = parameters.n_components();
        let mut chunk_start = self.data.rows().start;
        let (Resident { context, chunks, .. }, Prepared { plan, scratch, loaded }) = self.load(parameters)?;
        let mut densities = Vec::with_capacity(rows.len() * k);
        for chunk in chunks {
            let (mut start, end) = (
                rows.start.clamp(chunk_start, chunk_start + chunk.rows) - chunk_start,
                rows.end.clamp(chunk_start, chunk_start + chunk.rows) - chunk_start,
            );
            while start < end {
                // The aligned range must fit the scratch.
                let unit = plan.predicted_unit();
                let stop = end.min((start / unit + plan.scratch_rows() / unit) * unit);
                let (stride, skipped, bits) = scratch.densities(context, plan, chunk, start..stop)?;
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
        let sums = self.part_sums(parameters)?;
        self.total(sums, parameters)
    }

    fn part_sums(&mut self, parameters: &Parameters) -> Result<PartSums> {
        self.in_room(|engine| engine.run(parameters, false)).map(|(sums, _)| sums)
    }

    fn weighted_log_densities(&mut self, parameters: &Parameters, rows: Range<usize>) -> Result<Vec<f64>> {
        self.in_room(|engine| engine.densities(parameters, rows.clone()))
    }

    fn rounding_errors(&mut self, parameters: &Parameters) -> Result<Vec<RoundingError>> {
        self.in_room(|engine| Ok(engine.load(parameters)?.1.loaded.rounding_errors.clone()))
    }

    fn info(&self) -> EngineInfo {
        let adapter = self.adapter();
        EngineInfo {
            driver: Some(adapter.driver.clone()),
            backend: Some(adapter.backend.clone()),
            kernels: self.prepared.as_ref().map(|p| p.plan.kernels()),
            ..EngineInfo::new(EngineKind::Gpu, adapter.name.clone(), Precision::F32)
        }
    }
}
