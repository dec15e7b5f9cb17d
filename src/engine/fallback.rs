//! A graphics engine that is replaced by all cores when its device fails, or where f32 leaves too few digits.

use std::ops::Range;

use crate::data::{Samples, Scaling};
use crate::engine::Engine;
use crate::engine::cpu::CpuEngine;
use crate::error::Result;
use crate::mixture::Parameters;
use crate::mixture::moments::COUNT_TOLERANCE;
use crate::mixture::moments::Moments;
use crate::report::{EngineInfo, FailedEngine, FirstEngine, Warning};

/// An engine that goes on with [`CpuEngine`] where the first one's device fails
/// ([`is_device_failure`](crate::Error::is_device_failure)): it warns once and repeats the work that failed.
/// [`Engine::info`] tells both.
pub struct FallbackEngine<'a> {
    current: Box<dyn Engine + 'a>,
    /// The first engine, while sums are in f64 as [`Engine::use_f64`] asked.
    resting: Option<Box<dyn Engine + 'a>>,
    samples: &'a Samples<'a>,
    threads: Option<usize>,
    /// Whether sums may be in f64 without a failure.
    switches: bool,
    /// The one that a fit is in.
    iteration: usize,
    failed: Option<FailedEngine>,
}

impl<'a> FallbackEngine<'a> {
    /// Computes with `engine`, which holds `samples`, and after a failure with `threads` threads (all cores if
    /// none is given).
    pub fn new(engine: Box<dyn Engine + 'a>, samples: &'a Samples<'a>, threads: Option<usize>) -> Self {
        let (resting, failed) = (None, None);
        FallbackEngine { current: engine, resting, samples, threads, switches: false, iteration: 0, failed }
    }

    /// Goes on with all cores also where [`Engine::use_f64`] asks for it: a fit does where f32 leaves fewer than
    /// three digits of a component.
    #[must_use]
    pub fn switching(self) -> Self {
        FallbackEngine { switches: true, ..self }
    }

    /// Runs `work` on the present engine, and once more on all cores if the device failed in it.
    fn run<T>(&mut self, work: impl Fn(&mut dyn Engine) -> Result<T>) -> Result<T> {
        let is_first = self.failed.is_none() && self.resting.is_none();
        match work(self.current.as_mut()) {
            Err(error) if is_first && error.is_device_failure() => {
                let EngineInfo { kind, device, .. } = self.current.info();
                // The old engine goes at once, and with it what it holds of the device.
                self.current = Box::new(CpuEngine::new(self.samples, self.threads)?);
                let error = error.facts();
                Warning::EngineFailed { error: error.clone(), device: self.current.info().device }.tell();
                self.failed = Some(FailedEngine { kind, device, error });
                work(self.current.as_mut())
            }
            outcome => outcome,
        }
    }
}

impl Engine for FallbackEngine<'_> {
    fn n_samples(&self) -> usize {
        self.current.n_samples()
    }

    fn n_features(&self) -> usize {
        self.current.n_features()
    }

    fn total_weight(&self) -> f64 {
        self.current.total_weight()
    }

    fn e_step(&mut self, parameters: &Parameters) -> Result<Moments> {
        let (iteration, total_weight) = (self.iteration, self.total_weight());
        self.run(|engine| {
            let moments = engine.e_step(parameters)?;
            // Sums that cannot be right are a failure like any other.
            moments.check(total_weight, COUNT_TOLERANCE, iteration)?;
            Ok(moments)
        })
    }

    fn weighted_log_densities(&mut self, parameters: &Parameters, rows: Range<usize>) -> Result<Vec<f64>> {
        self.run(|engine| engine.weighted_log_densities(parameters, rows.clone()))
    }

    fn scaling(&self) -> Option<&Scaling> {
        self.current.scaling()
    }

    fn rounding_errors(&mut self, parameters: &Parameters) -> Result<Vec<f64>> {
        self.run(|engine| engine.rounding_errors(parameters))
    }

    fn use_f64(&mut self, on: bool) -> Result<bool> {
        let is_f64 = self.info().precision == "f64";
        if on && !is_f64 && self.switches {
            let cores = Box::new(CpuEngine::new(self.samples, self.threads)?);
            self.resting = Some(std::mem::replace(&mut self.current, cores));
        } else if !on && let Some(first) = self.resting.take() {
            self.current = first;
        }
        Ok(self.info().precision == "f64")
    }

    fn begin_iteration(&mut self, iteration: usize) {
        self.iteration = iteration;
        self.current.begin_iteration(iteration);
    }

    fn info(&self) -> EngineInfo {
        let began_on = self.resting.as_ref().map(|first| {
            let EngineInfo { kind, device, .. } = first.info();
            FirstEngine { kind, device }
        });
        EngineInfo { failed: self.failed.clone(), began_on, ..self.current.info() }
    }
}
