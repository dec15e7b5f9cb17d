//! Timed runs of a problem, and their report.

use std::time::{Duration, Instant};

use super::machine;
use super::problem::{Problem, Settings};
use super::report::{CaseReport, Ceiling, Memory, Setup};
use super::timing::{Clock, Spread, run};
use crate::compare::judge::Check;
use crate::engine::Engine;
use crate::error::Result;
use crate::fit::em::steps::{Outcome, Plain, steps};
use crate::mixture::moments::MStep;
use crate::report::EngineInfo;

/// Runs of short iterations are repeated for this long, from the same start to the same end.
const ENOUGH: Duration = Duration::from_millis(300);
/// Repeats at most.
const MOST_REPEATS: usize = 1000;

/// Timed runs and where they ended.
pub(super) struct Timed {
    clock: Clock,
    pub(super) outcome: Outcome,
    repeats: usize,
}

/// Seconds of the first iteration of an engine.
pub(super) fn first_iteration(
    engine: &mut dyn Engine,
    problem: &Problem<'_>,
    settings: &Settings,
) -> Result<f64> {
    let mut update = Plain::from(MStep { reg_covar: settings.reg_covar, ..MStep::default() });
    let mut seconds = 0.0;
    steps(engine, &mut update, &problem.start, 1, |_, lap| {
        seconds = (lap.e_step + lap.m_step).as_secs_f64()
    })?;
    Ok(seconds)
}

/// Timed runs, repeated where they are short.
pub(super) fn measure(engine: &mut dyn Engine, problem: &Problem<'_>, settings: &Settings) -> Result<Timed> {
    let mut clock = Clock::default();
    let started = Instant::now();
    let mut repeats = 0;
    loop {
        let (n_iter, warmup) = (settings.n_iter(), settings.warmup);
        let outcome = run(engine, &problem.start, n_iter, warmup, settings.reg_covar, &mut clock)?;
        repeats += 1;
        let elapsed = started.elapsed();
        // Another run must fit into the time, too.
        if elapsed + elapsed / repeats as u32 > ENOUGH || repeats == MOST_REPEATS {
            return Ok(Timed { clock, outcome, repeats });
        }
    }
}

impl Timed {
    /// The report of `problem`, without set-up, memory, device times and ceilings.
    pub(super) fn report(self, problem: &Problem<'_>, engine: EngineInfo, check: Check) -> CaseReport {
        let case = problem.case.clone();
        let iteration = Spread::of(&self.clock.iterations);
        let samples_per_second = case.n_samples as f64 / iteration.median;
        let flops_per_sample = case.flops_per_sample();
        CaseReport {
            data: problem.data.clone(),
            engine,
            marks: Vec::new(),
            repeats: self.repeats,
            iteration,
            e_step: Spread::of(&self.clock.e_steps),
            m_step: Spread::of(&self.clock.m_steps),
            device: None,
            setup: Setup::default(),
            samples_per_second,
            flops_per_sample,
            flops: samples_per_second * flops_per_sample,
            ceiling: Ceiling::default(),
            memory: Memory::default(),
            mean_log_likelihood: self.outcome.mean_log_likelihood,
            check,
            case,
        }
    }
}

impl Memory {
    /// The peak since it was reset, and what of it is more than `before`.
    pub(super) fn since(before: Option<u64>) -> Memory {
        let peak = machine::peak_bytes();
        let beyond_data = peak.zip(before).map(|(peak, before)| peak.saturating_sub(before));
        Memory { peak, beyond_data }
    }
}
