//! Timing on a graphics device: an idle card runs at a fraction of its clock, so every timing starts
//! warm and shows that it ended so.

use std::time::{Duration, Instant};

use super::measure::{first_iteration, measure};
use super::problem::{Problem, Settings};
use super::report::{CaseReport, Ceiling, DeviceTimes, KernelTime, Memory, Setup};
use super::timing::{Spread, median};
use super::{machine, oracle};
use crate::compare::judge::Tier;
use crate::data::Samples;
use crate::engine::Engine;
use crate::engine::choose::EngineKind;
use crate::engine::gpu::GpuEngine;
use crate::engine::gpu::instruments::{Instruments, copy_rate};
use crate::error::Result;
use crate::mixture::Parameters;

/// Share of the ceiling that counts as warm.
const WARM: f64 = 0.95;
/// Burning to find the ceiling, before the first case.
const FIRST_BURN: Duration = Duration::from_millis(1500);
/// Burning before every other timing, at least.
const BURN: Duration = Duration::from_millis(50);
/// Burning at most; a card still below is marked cold.
const MOST_BURN: Duration = Duration::from_secs(10);
/// Fewest E-steps with timestamps.
const FEWEST_TIMED: usize = 3;

/// Ceilings of the card, measured in this run.
#[derive(Debug, Default)]
pub(super) struct Card {
    /// Fused multiply-adds, operations per second; 0 before the first burn.
    fma: f64,
    copy: Option<f64>,
}

impl Card {
    /// Warms the clocks: the rate reached and whether it is warm. A software adapter has none to warm.
    fn warm(&mut self, engine: &GpuEngine<'_>, on: &mut Instruments) -> Result<(f64, bool)> {
        if engine.adapter().is_software {
            let rate = on.fma_rate(engine)?;
            self.fma = self.fma.max(rate);
            return Ok((rate, true));
        }
        let known = self.fma > 0.0;
        let floor = known.then_some(WARM * self.fma);
        let (rate, best) = on.warm_up(engine, floor, if known { BURN } else { FIRST_BURN }, MOST_BURN)?;
        self.fma = self.fma.max(best);
        Ok((rate, rate >= WARM * self.fma))
    }

    /// The rate just after a timing, and whether the clocks held.
    fn after(&mut self, engine: &GpuEngine<'_>, on: &mut Instruments) -> Result<(f64, bool)> {
        let rate = on.fma_rate(engine)?;
        self.fma = self.fma.max(rate);
        Ok((rate, engine.adapter().is_software || rate >= WARM * self.fma))
    }
}

/// Times `problem` on the adapter that was asked for.
pub(super) fn run(card: &mut Card, settings: &Settings, problem: &Problem<'_>) -> Result<CaseReport> {
    let options = crate::engine::choose::options(&settings.engine, true);
    let resident = machine::resident_bytes();
    machine::reset_peak();
    let mut engine = GpuEngine::new(&problem.samples, &options)?;
    let mut setup = Setup { data: problem.seconds, ..Setup::default() };
    // This compiles everything, and the clocks fall meanwhile.
    setup.first_iteration = first_iteration(&mut engine, problem, settings)?;
    let host = engine.host_seconds();
    (setup.open, setup.scaling) = (host.open, host.scaling);
    (setup.upload, setup.prepare) = (host.upload, host.prepare);

    let mut instruments = Instruments::new(&engine)?;
    let mut marks: Vec<String> = Vec::new();
    let is_software = engine.adapter().is_software;
    if is_software {
        marks.push("smoke, not speed".into());
    }
    let (mut before, mut warm) = card.warm(&engine, &mut instruments)?;
    if card.copy.is_none() {
        // A card without room for two more buffers is timed all the same.
        card.copy = copy_rate(&engine).ok();
        (before, warm) = card.warm(&engine, &mut instruments)?;
    }
    let mut timed = measure(&mut engine, problem, settings)?;
    let (mut after, mut held) = card.after(&engine, &mut instruments)?;
    if !held {
        (before, warm) = card.warm(&engine, &mut instruments)?;
        timed = measure(&mut engine, problem, settings)?;
        (after, held) = card.after(&engine, &mut instruments)?;
    }
    let host = engine.host_seconds();
    let steps = settings.iters.max(FEWEST_TIMED);
    let (_, warm_again) = card.warm(&engine, &mut instruments)?;
    let device = device_times(&mut engine, &timed.outcome.parameters, steps)?;
    let (_, held_again) = card.after(&engine, &mut instruments)?;
    if !(warm && warm_again) {
        marks.push("cold".into());
    }
    if !(held && held_again) {
        marks.push("clocks fell".into());
    }
    let device =
        device.map(|device| DeviceTimes { parameters: host.parameters, unpack: host.unpack, ..device });
    let memory = Memory::since(resident);
    let info = engine.info();
    // Its memory may be needed for the check.
    drop((instruments, engine));

    let e_step = |samples: &Samples<'_>, p: &Parameters| GpuEngine::new(samples, &options)?.e_step(p);
    let started = Instant::now();
    let yardstick = (EngineKind::Cpu, &Tier::FLOAT32);
    let check = oracle::check(settings, problem, &timed.outcome, yardstick, e_step)?;
    setup.check = started.elapsed().as_secs_f64();
    let ceiling = Ceiling {
        fma: card.fma,
        fma_before: Some(before),
        fma_after: Some(after),
        copy: card.copy,
        ..Ceiling::default()
    };
    let report = CaseReport { setup, memory, marks, device, ..timed.report(problem, info, check) };
    Ok(report.with_ceiling(ceiling))
}

/// Device times of `steps` E-steps under `parameters`; none without timestamps.
fn device_times(
    engine: &mut GpuEngine<'_>,
    parameters: &Parameters,
    steps: usize,
) -> Result<Option<DeviceTimes>> {
    let (mut totals, mut readbacks) = (Vec::new(), Vec::new());
    let mut kernels: Vec<(&str, Vec<f64>)> = Vec::new();
    for _ in 0..steps {
        let (_, Some(seconds)) = engine.e_step_timed(parameters)? else { return Ok(None) };
        let total: f64 = seconds.iter().map(|kernel| kernel.seconds).sum();
        readbacks.push(engine.host_seconds().submit_and_read - total);
        totals.push(total);
        kernels.resize_with(seconds.len(), Default::default);
        for ((name, all), kernel) in kernels.iter_mut().zip(seconds) {
            *name = kernel.name;
            all.push(kernel.seconds);
        }
    }
    let kernels = kernels.into_iter();
    let kernels = kernels.map(|(name, seconds)| KernelTime { name: name.into(), median: median(seconds) });
    Ok(Some(DeviceTimes {
        total: Spread::of(&totals),
        kernels: kernels.collect(),
        readback: median(readbacks),
        parameters: 0.0,
        unpack: 0.0,
    }))
}
