//! A fit with all that surrounds the EM loop: what it goes on from, what it leaves on the way and what becomes of it at
//! its end. The command, a sweep and a binding all come through here.

use std::ops::ControlFlow;

use crate::data::Data;
use crate::engine::Engine;
use crate::engine::cpu::CpuEngine;
use crate::error::{Error, Result};
use crate::fit::checkpoint::{Checkpoint, Identity, Writer};
use crate::fit::em::{self, Fit, FitState, NoObserver, Observer, Step};
use crate::fit::judge::judge;
use crate::fit::options::FitOptions;
use crate::fit::verify::{VerifyOptions, verify};
use crate::report::{EngineKind, Precision, StopReason, Warning};

/// What surrounds a fit.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Surroundings {
    /// How the result is checked in f64.
    pub verify: VerifyOptions,
    /// Keeps the state of the fit in a file.
    pub checkpoints: Option<Writer>,
    /// Where the fit goes on from; none begins anew.
    pub resume: Option<Checkpoint>,
    /// Whether the engine may go on in f64 by itself, which belongs to a checkpoint's identity
    /// ([`EngineRequest::switches`](crate::engine::choose::EngineRequest::switches)).
    pub may_switch: bool,
    /// Whether the model of the last M-step is given if a graphics device fails; each step is then copied.
    pub salvage: bool,
}

/// A fit that is ready to run.
pub struct Begun<'e> {
    engine: &'e mut dyn Engine,
    options: FitOptions,
    verify: VerifyOptions,
    keeper: Option<Keeper>,
    salvage: bool,
    state: FitState,
}

/// A fit that came to an end.
#[derive(Debug)]
pub struct Finished {
    /// The mixture and the report.
    pub fit: Fit,
    /// Why it ended early: the failure of the device, after which `fit` holds the last M-step's mixture.
    pub failure: Option<Error>,
}

/// Prepares a fit with `options` to the data of `engine`.
///
/// # Errors
/// As [`FitOptions::check`]; [`Error::Checkpoint`] for one of another fit.
pub fn begin<'e>(
    engine: &'e mut dyn Engine,
    options: &FitOptions,
    surroundings: Surroundings,
) -> Result<Begun<'e>> {
    options.check(engine.data().facts())?;
    let Surroundings { verify, checkpoints, resume, may_switch, salvage } = surroundings;
    let (mut state, mut keeper) = (FitState::default(), None);
    if checkpoints.is_some() || resume.is_some() {
        let info = engine.info();
        let mut identity = Identity::new(engine.data(), options, &info)?;
        if may_switch && info.precision == Precision::F32 {
            identity = identity.switching();
        }
        if let Some(checkpoint) = resume {
            if let Some(other) = checkpoint.other_device(&identity) {
                Warning::OtherDevice { device: other.into() }.tell();
            }
            state = checkpoint.state_of(&identity)?;
        }
        keeper = checkpoints.map(|writer| Keeper { writer, identity, failing: false });
    }
    let salvage = salvage && engine.info().kind == EngineKind::Gpu;
    Ok(Begun { engine, options: options.clone(), verify, keeper, salvage, state })
}

/// [`begin`] and [`Begun::run`] with nothing around but the check of the result.
///
/// # Errors
/// As both.
pub fn run(engine: &mut dyn Engine, options: &FitOptions, verify: VerifyOptions) -> Result<Fit> {
    let surroundings = Surroundings { verify, ..Surroundings::default() };
    Ok(begin(engine, options, surroundings)?.run(&mut NoObserver)?.fit)
}

impl Begun<'_> {
    /// What was done before, if the fit goes on from a checkpoint.
    pub fn state(&self) -> &FitState {
        &self.state
    }

    /// Fits, shown to `observer` step by step; keeps checkpoints, and the last of them if the observer ends the fit;
    /// checks the result.
    ///
    /// # Errors
    /// As [`em::resume`].
    pub fn run(self, observer: &mut dyn Observer) -> Result<Finished> {
        let Begun { engine, options, verify, keeper, salvage, state } = self;
        let has_begun = state.traces().next().is_some();
        let kept = (salvage && has_begun).then(|| state.clone());
        let mut keep = Keep { observer, keeper, salvage, kept };
        match em::resume(engine, &options, &mut keep, state) {
            Ok(mut fit) => {
                conclude(engine, &mut fit, &options, &verify);
                Ok(Finished { fit, failure: None })
            }
            Err(error) if error.is_device_failure() => {
                let Some(state) = keep.kept else { return Err(error) };
                let saved = || {
                    let mut cores = CpuEngine::new(Data::Borrowed(engine.data()), verify.threads)?;
                    em::finish(&mut cores, &options, state, StopReason::DeviceFailed)
                };
                match saved() {
                    Ok(mut fit) => {
                        fit.report.engine = engine.info();
                        fit.report.warnings = judge(&fit.report, &options, fit.model.parameters.n_features());
                        Ok(Finished { fit, failure: Some(error) })
                    }
                    // What ended the fit is to be known, not what the attempt to save it ran into.
                    Err(other) => {
                        tracing::warn!("the model of the last step could not be saved: {}", other.facts());
                        Err(error)
                    }
                }
            }
            Err(error) => Err(error),
        }
    }
}

/// The end of a fit of `options` that `engine` made: its result is checked in f64, and its report gets all warnings that
/// there is reason for. A check that cannot be made costs no model.
pub fn conclude(engine: &mut dyn Engine, fit: &mut Fit, options: &FitOptions, how: &VerifyOptions) {
    let checked = verify(engine, &fit.model.parameters, &mut fit.report, how);
    fit.report.warnings = judge(&fit.report, options, fit.model.parameters.n_features());
    if let Err(error) = checked {
        fit.report.warnings.push(Warning::NotChecked { error: error.facts() });
    }
}

/// The observer of a fit, with what else is kept of every step.
struct Keep<'o> {
    observer: &'o mut dyn Observer,
    keeper: Option<Keeper>,
    salvage: bool,
    kept: Option<FitState>,
}

impl Observer for Keep<'_> {
    fn on_step(&mut self, step: &mut Step<'_>) -> ControlFlow<()> {
        if self.salvage {
            self.kept = Some(step.state());
        }
        let flow = self.observer.on_step(step);
        if let Some(keeper) = &mut self.keeper {
            keeper.on_step(step, flow.is_break());
        }
        flow
    }
}

/// Writes the checkpoints of a fit.
struct Keeper {
    writer: Writer,
    identity: Identity,
    /// Whether the last attempt failed, which is told once.
    failing: bool,
}

impl Keeper {
    /// Writes a checkpoint if it is time to. A fit does not end because its checkpoint cannot be written.
    fn on_step(&mut self, step: &Step<'_>, last: bool) {
        // Another engine may have taken over from one that failed.
        self.identity.set_engine(&step.engine());
        match self.writer.on_step(&self.identity, step, last) {
            Ok(written) => self.failing &= !written,
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    Warning::NoCheckpoint { iteration: step.iteration, error: error.facts() }.tell();
                }
            }
        }
    }
}
