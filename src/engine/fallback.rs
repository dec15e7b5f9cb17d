//! A graphics engine that is replaced by all cores when its device fails, or when f32 leaves too few digits.

use std::ops::Range;

use super::Engine;
use super::cpu::CpuEngine;
use super::parts::PartSums;
use super::rounding::RoundingError;
use crate::data::{Data, Dataset};
use crate::error::Result;
use crate::mixture::Parameters;
use crate::mixture::moments::{COUNT_TOLERANCE, Moments};
use crate::report::{EngineInfo, FailedEngine, FirstEngine, Precision, Warning};

/// An engine that goes on with [`CpuEngine`] when the first one's device fails
/// ([`is_device_failure`](crate::Error::is_device_failure)): it warns once and repeats the work that failed.
/// [`Engine::info`] tells both.
pub struct FallbackEngine<'a> {
    current: Box<dyn Engine + 'a>,
    /// The first engine, while sums are in f64 as [`Engine::use_f64`] asked.
    resting: Option<Box<dyn Engine + 'a>>,
    data: Data<'a>,
    threads: Option<usize>,
    /// Whether sums may be in f64 without a failure.
    may_switch: bool,
    failed: Option<FailedEngine>,
}

impl<'a> FallbackEngine<'a> {
    /// Computes with `engine`, which holds `data`, and after a failure with `threads` threads (all cores if
    /// none is given).
    pub fn new(engine: Box<dyn Engine + 'a>, data: impl Into<Data<'a>>, threads: Option<usize>) -> Self {
        FallbackEngine {
            current: engine,
            resting: None,
            data: data.into(),
            threads,
            may_switch: false,
            failed: None,
        }
    }

    /// Goes on with all cores also when [`Engine::use_f64`] asks for it: a fit asks when f32 leaves fewer than
    /// three digits of a component.
    #[must_use]
    pub fn switching(self) -> Self {
        FallbackEngine { may_switch: true, ..self }
    }

    /// Runs `work` on the present engine, and once more on all cores if the device failed in it.
    fn run<T>(&mut self, work: impl Fn(&mut dyn Engine) -> Result<T>) -> Result<T> {
        let is_first = self.failed.is_none() && self.resting.is_none();
        match work(self.current.as_mut()) {
            Err(error) if is_first && error.is_device_failure() => {
                let EngineInfo { kind, device, .. } = self.current.info();
                // The old engine goes at once, and with it what it holds of the device.
                self.current = Box::new(CpuEngine::new(self.data.clone(), self.threads)?);
                let error = error.facts();
                Warning::EngineFailed { error: error.clone(), device: self.current.info().device }.tell();
                self.failed = Some(FailedEngine { kind, device, error });
                work(self.current.as_mut())
            }
            outcome => outcome,
        }
    }

    fn precision(&self) -> Precision {
        self.current.info().precision
    }
}

impl Engine for FallbackEngine<'_> {
    fn data(&self) -> &dyn Dataset {
        &*self.data
    }

    fn e_step(&mut self, parameters: &Parameters) -> Result<Moments> {
        let facts = self.data.facts();
        // Only of all rows is it known what the counts must sum to.
        let is_whole = self.data.rows().len() == facts.n_samples;
        let total_weight = facts.total_weight;
        self.run(|engine| {
            let moments = engine.e_step(parameters)?;
            if is_whole {
                // Sums that cannot be right are a failure like any other.
                moments.check(total_weight, COUNT_TOLERANCE)?;
            }
            Ok(moments)
        })
    }

    fn part_sums(&mut self, parameters: &Parameters) -> Result<PartSums> {
        self.run(|engine| {
            let sums = engine.part_sums(parameters)?;
            sums.check_finite()?;
            Ok(sums)
        })
    }

    fn weighted_log_densities(&mut self, parameters: &Parameters, rows: Range<usize>) -> Result<Vec<f64>> {
        self.run(|engine| engine.weighted_log_densities(parameters, rows.clone()))
    }

    fn rounding_errors(&mut self, parameters: &Parameters) -> Result<Vec<RoundingError>> {
        self.run(|engine| engine.rounding_errors(parameters))
    }

    fn use_f64(&mut self, on: bool) -> Result<bool> {
        if on && self.precision() == Precision::F32 && self.may_switch {
            let cores = Box::new(CpuEngine::new(self.data.clone(), self.threads)?);
            self.resting = Some(std::mem::replace(&mut self.current, cores));
        } else if !on && let Some(first) = self.resting.take() {
            self.current = first;
        }
        Ok(self.precision() == Precision::F64)
    }

    fn info(&self) -> EngineInfo {
        let began_on = self.resting.as_ref().map(|first| {
            let EngineInfo { kind, device, .. } = first.info();
            FirstEngine { kind, device }
        });
        EngineInfo { failed: self.failed.clone(), began_on, ..self.current.info() }
    }
}
