//! A graphics engine that is replaced by all cores when its device fails.

use std::ops::Range;

use crate::cpu::CpuEngine;
use crate::data::{Samples, Scaling};
use crate::em::COUNT_TOLERANCE;
use crate::engine::Engine;
use crate::error::Result;
use crate::model::Parameters;
use crate::moments::Moments;
use crate::report::{EngineInfo, FailedEngine};

/// An engine that goes on with [`CpuEngine`] where the first one's device fails
/// ([`is_device_failure`](crate::Error::is_device_failure)): it warns once and repeats the work that failed.
/// [`Engine::info`] tells both.
pub struct FallbackEngine<'a> {
    current: Box<dyn Engine + 'a>,
    samples: &'a Samples<'a>,
    threads: Option<usize>,
    /// E-steps begun.
    e_steps: usize,
    failed: Option<FailedEngine>,
}

impl<'a> FallbackEngine<'a> {
    /// Computes with `engine`, which holds `samples`, and after a failure with `threads` threads (all cores if
    /// none is given).
    pub fn new(engine: Box<dyn Engine + 'a>, samples: &'a Samples<'a>, threads: Option<usize>) -> Self {
        FallbackEngine { current: engine, samples, threads, e_steps: 0, failed: None }
    }

    /// Runs `work` on the present engine, and once more on all cores if the device failed in it.
    fn run<T>(&mut self, work: impl Fn(&mut dyn Engine) -> Result<T>) -> Result<T> {
        match work(self.current.as_mut()) {
            Err(error) if self.failed.is_none() && error.is_device_failure() => {
                let EngineInfo { kind, device, .. } = self.current.info();
                // The old engine goes at once, and with it what it holds of the device.
                self.current = Box::new(CpuEngine::new(self.samples, self.threads)?);
                tracing::warn!(
                    "{error}. The work goes on with the cpu engine ({})",
                    self.current.info().device
                );
                self.failed = Some(FailedEngine { kind, device, error: error.to_string() });
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
        self.e_steps += 1;
        let (e_step, total_weight) = (self.e_steps, self.total_weight());
        self.run(|engine| {
            let moments = engine.e_step(parameters)?;
            // Sums that cannot be right are a failure like any other.
            moments.check(total_weight, COUNT_TOLERANCE, e_step)?;
            Ok(moments)
        })
    }

    fn weighted_log_densities(&mut self, parameters: &Parameters, rows: Range<usize>) -> Result<Vec<f64>> {
        self.run(|engine| engine.weighted_log_densities(parameters, rows.clone()))
    }

    fn scaling(&self) -> Option<&Scaling> {
        self.current.scaling()
    }

    fn info(&self) -> EngineInfo {
        EngineInfo { failed: self.failed.clone(), ..self.current.info() }
    }
}
