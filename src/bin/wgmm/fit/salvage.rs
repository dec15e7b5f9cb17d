//! A graphics device that fails does not take the fit with it: the model of the last M-step is saved.

use std::ops::ControlFlow;

use wgmm::internals::engine::cpu::CpuEngine;
use wgmm::internals::fit::em::{self, FitState, Observer, Step};
use wgmm::internals::fit::options::CheckedOptions;
use wgmm::internals::report::{FitReport, StopReason};
use wgmm::{Engine, Error, Samples};

use super::FitArgs;
use super::files::Files;
use super::report::TraceRow;
use crate::exit::{Failure, shown};
use crate::words::quoted;

/// An observer that also keeps what the fit has done, where that may be needed.
pub(super) struct Keep<'o> {
    observer: &'o mut dyn Observer,
    /// Whether the engine has a device that can fail, and a model is to be saved.
    is_needed: bool,
    pub(super) state: Option<FitState>,
}

impl<'o> Keep<'o> {
    /// For a fit that goes on from `state`.
    pub(super) fn new(
        observer: &'o mut dyn Observer,
        args: &FitArgs,
        engine: &dyn Engine,
        state: &FitState,
    ) -> Self {
        let is_needed = args.output.is_some() && engine.info().kind == "gpu";
        let has_begun = state.traces().next().is_some();
        Keep { observer, is_needed, state: (is_needed && has_begun).then(|| state.clone()) }
    }
}

impl Observer for Keep<'_> {
    fn on_step(&mut self, step: &mut Step<'_>) -> ControlFlow<()> {
        if self.is_needed {
            self.state = Some(step.state());
        }
        self.observer.on_step(step)
    }
}

/// Saves the fit that `error` ended after `state`; the failure that the command ends with tells what was done.
pub(super) fn save(
    args: &FitArgs,
    samples: &Samples<'_>,
    options: &CheckedOptions,
    (error, state): (Error, Option<FitState>),
    (files, trace): (Files, &[TraceRow]),
    describe: impl FnOnce(&mut FitReport),
) -> Failure {
    let failure = Failure::about(&args.data, error);
    let (Some(state), Some(path)) = (state, &args.output) else {
        return failure.and("No model was saved");
    };
    let iterations: usize = state.traces().map(<[f64]>::len).sum();
    let saved = || {
        let mut engine = CpuEngine::new(samples, None)?;
        let mut model = em::finish(&mut engine, samples, options, state, StopReason::DeviceFailed)?;
        if let Some(report) = &mut model.report {
            describe(report);
        }
        files.write(args, &model, &mut engine, trace)
    };
    match saved() {
        Ok(()) => failure.and(format!(
            "The model after {iterations} iterations is saved to {}: `--init {}` goes on from it",
            shown(path),
            quoted(&path.display().to_string())
        )),
        Err(other) => failure.and(format!("Its model could not be saved: {}", other.message())),
    }
}
