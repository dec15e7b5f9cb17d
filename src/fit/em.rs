//! The EM loop: restarts, convergence, observer. It knows the [`Engine`] trait and nothing of devices.

mod degenerate;
mod digits;
mod state;
pub mod steps;

use std::ops::{ControlFlow, Range};

use crate::data::Facts;
use crate::engine::rounding;
use crate::engine::{Engine, all_rows};
use crate::error::{Error, Result};
use crate::fit::judge::judge;
use crate::fit::options::{CheckedOptions, FitOptions};
use crate::fit::update::Rescued;
use crate::fit::{collapse, init};
use crate::infer;
use crate::mixture::Parameters;
use crate::mixture::moments::{COUNT_TOLERANCE, Moments};
use crate::report::{EngineInfo, StopReason, WorstRounding};
use state::{Current, Failure, Run};
pub use state::{Fit, FitState};

/// What an [`Observer`] is shown after every M-step.
pub struct Step<'a> {
    /// Restart, from 0.
    pub restart: usize,
    /// Iteration, from 1.
    pub iteration: usize,
    /// Parameters the E-step used.
    pub parameters: &'a Parameters,
    /// Parameters of the M-step; of fewer components where some were dropped.
    pub new_parameters: &'a Parameters,
    /// Mean log-likelihood under `parameters`, nats per sample.
    pub mean_log_likelihood: f64,
    /// Its change since the last iteration; none in the first.
    pub change: Option<f64>,
    /// N_k of the E-step, `[K]`.
    pub effective_counts: &'a [f64],
    /// Estimated rounding errors of f32 sums under `parameters`, as [`Engine::rounding_errors`], `[K]`; empty where
    /// sums were in f64.
    pub rounding_errors: &'a [f64],
    engine: &'a mut dyn Engine,
    /// The restarts before this one.
    past: &'a FitState,
    trace: &'a [f64],
    rescued: &'a Rescued,
    worst_rounding: Option<WorstRounding>,
}

impl Step<'_> {
    /// Responsibilities of the samples `rows` under [`Step::parameters`], row-major `[rows, K]`; rows
    /// sum to 1. Costs an E-step over these rows.
    ///
    /// # Errors
    /// As [`Engine::weighted_log_densities`].
    pub fn responsibilities(&mut self, rows: Range<usize>) -> Result<Vec<f64>> {
        infer::responsibilities(self.engine, self.parameters, rows)
    }

    /// What computes: another one than in the step before where its device failed and a fallback took over.
    pub fn engine(&self) -> EngineInfo {
        self.engine.info()
    }

    /// What the fit has done up to and with this step: [`resume`] goes on from it. Copies the parameters.
    pub fn state(&self) -> FitState {
        let current = Current {
            parameters: self.new_parameters.clone(),
            trace: self.trace.to_vec(),
            rescued: self.rescued.clone(),
            worst_rounding: self.worst_rounding,
        };
        FitState { current: Some(current), ..self.past.clone() }
    }
}

/// Watches a fit: the notebook's `diagnostics` hook.
pub trait Observer {
    /// Called after every M-step. [`ControlFlow::Break`] ends the fit, restarts to come included, and keeps the
    /// model so far, with [`StopReason::Interrupted`] unless this step converged.
    fn on_step(&mut self, step: &mut Step<'_>) -> ControlFlow<()>;
}

impl<F: FnMut(&mut Step<'_>) -> ControlFlow<()>> Observer for F {
    fn on_step(&mut self, step: &mut Step<'_>) -> ControlFlow<()> {
        self(step)
    }
}

/// An observer that watches nothing.
pub struct NoObserver;

impl Observer for NoObserver {
    fn on_step(&mut self, _: &mut Step<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Fits a mixture to the data of `engine`: seed; repeat E, M, tell the observer, converged?; one more E for the final
/// log-likelihood. The best of `n_init` restarts is kept; one that fails is reported and skipped
/// unless all fail.
///
/// # Errors
/// As [`FitOptions::check`]; the first restart's error if every restart failed; a device's failure at once.
pub fn fit(engine: &mut dyn Engine, options: &FitOptions, observer: &mut dyn Observer) -> Result<Fit> {
    resume(engine, options, observer, FitState::default())
}

/// Goes on with a fit of the same data and options from where [`Step::state`] was taken: the same engine ends
/// in the same bits as if it had never stopped.
///
/// # Errors
/// As [`fit`]; [`crate::Error::Shape`] for a state that a fit of these data and options cannot come to.
pub fn resume(
    engine: &mut dyn Engine,
    options: &FitOptions,
    observer: &mut dyn Observer,
    mut state: FitState,
) -> Result<Fit> {
    let mut em = Em::new(engine, options, observer)?;
    state.check(&em.facts, &em.options)?;
    while state.ended.len() < em.options.n_init && !em.interrupted {
        let (mut trace, current) = (Vec::new(), state.current.take());
        match em.restart(&state, current, &mut trace) {
            Ok(run) => state.end(trace, run, em.facts.total_weight),
            Err(error) => state.fail(trace, Failure::of(error)?),
        }
    }
    let cut_short = em.interrupted && !state.is_whole(&em.options);
    // What is asked of the engine from here on is about the restart that is kept.
    digits::restore(em.engine, state.worst_rounding())?;
    let mut fit = state.into_fit(em.engine.info(), &em.facts, &em.options)?;
    if cut_short {
        // The restart that is kept may have ended well, the fit did not.
        fit.report.stop_reason = StopReason::Interrupted;
    }
    fit.report.rounding_errors = rounding::largest(&em.engine.rounding_errors(&fit.model.parameters)?);
    fit.report.warnings = judge(&fit.report, options, fit.model.parameters.n_features());
    Ok(fit)
}

/// Ends the fit that `state` was taken of ([`Step::state`]), for `reason` and without another step: one E-step on
/// `engine`, which may be another one than that of the fit, for the likelihood of the last parameters.
///
/// # Errors
/// As [`resume`].
#[doc(hidden)]
pub fn finish(
    engine: &mut dyn Engine,
    options: &FitOptions,
    mut state: FitState,
    stop_reason: StopReason,
) -> Result<Fit> {
    let mut observer = NoObserver;
    let mut em = Em::new(engine, options, &mut observer)?;
    state.check(&em.facts, &em.options)?;
    if let Some(Current { parameters, trace, rescued, mut worst_rounding }) = state.current.take() {
        match em.e_step(&parameters, trace.len(), &mut worst_rounding) {
            Ok((moments, _)) => {
                let log_likelihood = moments.log_likelihood;
                let run = Run { parameters, log_likelihood, stop_reason, rescued, worst_rounding };
                state.end(trace, run, em.facts.total_weight);
            }
            Err(error) => state.fail(trace, Failure::of(error)?),
        }
    }
    let mut fit = state.into_fit(em.engine.info(), &em.facts, &em.options)?;
    fit.report.stop_reason = stop_reason;
    fit.report.warnings = judge(&fit.report, options, fit.model.parameters.n_features());
    Ok(fit)
}

/// What all restarts of a fit share.
struct Em<'a> {
    engine: &'a mut dyn Engine,
    facts: Facts,
    options: CheckedOptions,
    observer: &'a mut dyn Observer,
    /// Whether the observer asked to stop.
    interrupted: bool,
    /// Whether the user was warned of a change to f64.
    warned: bool,
}

impl<'a> Em<'a> {
    fn new(engine: &'a mut dyn Engine, options: &FitOptions, observer: &'a mut dyn Observer) -> Result<Self> {
        all_rows(engine)?;
        let facts = engine.data().facts().clone();
        let options = options.check(&facts)?;
        Ok(Em { engine, facts, options, observer, interrupted: false, warned: false })
    }

    /// Runs one restart, after those of `past`, to its end: from a new start, or from `current`. `trace` is filled even
    /// if the restart fails.
    fn restart(&mut self, past: &FitState, current: Option<Current>, trace: &mut Vec<f64>) -> Result<Run> {
        let options = self.options.clone();
        let restart = past.ended.len();
        let mut worst_rounding = current.as_ref().and_then(|current| current.worst_rounding);
        // A restart owes nothing to those before it. Components are judged by the precision that it begins with, which
        // is another one if a device failed in between.
        self.engine.use_f64(false)?;
        let precision = self.engine.info().precision;
        digits::restore(self.engine, worst_rounding)?;
        let rescued = current.as_ref().map(|current| current.rescued.clone());
        let mut update = collapse::update(self.engine, precision, &options, rescued)?;
        let mut parameters = match current {
            Some(current) => {
                *trace = current.trace;
                current.parameters
            }
            None => {
                let start = init::seed(self.engine.data(), &options, restart)?;
                update.start(self.engine, start)?
            }
        };
        // Those of the last good E-step.
        let mut previous = None;
        let stop_reason = loop {
            if let Some(reason) = self.verdict(trace, update.rescued()) {
                break reason;
            }
            let iteration = trace.len() + 1;
            let step = self.e_step(&parameters, trace.len(), &mut worst_rounding);
            let (moments, errors) = step.inspect_err(|error| self.explain(error, previous.as_ref()))?;
            let mean_log_likelihood = update.objective(&moments) / self.facts.total_weight;
            let change = trace.last().map(|last| mean_log_likelihood - last);
            trace.push(mean_log_likelihood);
            let new_parameters = update.m_step(self.engine, &moments, &parameters, iteration)?;
            let flow = self.observer.on_step(&mut Step {
                restart,
                iteration,
                parameters: &parameters,
                new_parameters: &new_parameters,
                mean_log_likelihood,
                change,
                effective_counts: &moments.effective_counts,
                rounding_errors: &errors,
                engine: &mut *self.engine,
                past,
                trace,
                rescued: update.rescued(),
                worst_rounding,
            });
            self.interrupted = flow.is_break();
            previous = Some(std::mem::replace(&mut parameters, new_parameters));
        };
        let step = self.e_step(&parameters, trace.len(), &mut worst_rounding);
        let (moments, _) = step.inspect_err(|error| self.explain(error, previous.as_ref()))?;
        let log_likelihood = update.objective(&moments);
        let rescued = update.rescued().clone();
        Ok(Run { parameters, log_likelihood, stop_reason, rescued, worst_rounding })
    }

    /// Whether a restart is over after the iterations of `trace`. It depends on nothing but what was done, so
    /// that a fit that is resumed ends where it would have ended.
    fn verdict(&self, trace: &[f64], rescued: &Rescued) -> Option<StopReason> {
        let change = trace.windows(2).last().map(|pair| pair[1] - pair[0]);
        // A component that was just reseeded or dropped has yet to show what it changes.
        if change.is_some_and(|c| c.abs() < self.options.tol) && !rescued.interfered(trace.len()) {
            Some(StopReason::Converged)
        } else if self.interrupted {
            Some(StopReason::Interrupted)
        } else {
            (trace.len() >= self.options.max_iter).then_some(StopReason::MaxIter)
        }
    }

    /// A covariance that is not positive definite may be the fault of f32 sums, not of the data.
    fn explain(&mut self, error: &Error, previous: Option<&Parameters>) {
        if let (Error::NotPositiveDefinite { .. }, Some(parameters)) = (error, previous)
            && let Ok(errors) = self.engine.rounding_errors(parameters)
            && let Some(warning) = rounding::few_digits(&rounding::largest(&errors))
        {
            warning.tell();
        }
    }

    /// The moments under `parameters`, which iteration `found` gave, checked, and the rounding errors to expect of
    /// them, of which the largest of the restart is kept.
    fn e_step(
        &mut self,
        parameters: &Parameters,
        found: usize,
        worst_rounding: &mut Option<WorstRounding>,
    ) -> Result<(Moments, Vec<f64>)> {
        let (engine, warned) = (&mut *self.engine, &mut self.warned);
        let mut work = || {
            let errors = digits::look(engine, parameters, found + 1, worst_rounding, warned)?;
            let moments = engine.e_step(parameters)?;
            moments.check(self.facts.total_weight, COUNT_TOLERANCE)?;
            Ok((moments, errors))
        };
        work().map_err(|error: Error| error.in_iteration(found))
    }
}
