//! The EM loop: restarts, convergence, observer. It knows the [`Engine`] trait and nothing of devices.

use std::ops::{ControlFlow, Range};

use crate::collapse::Rescue;
use crate::data::Samples;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::infer;
use crate::init;
use crate::model::{GaussianMixture, Parameters};
use crate::options::CheckedOptions;
use crate::report::{Collapse, FitReport, Restart, StopReason};

/// Largest relative gap between Σ effective counts and Σ sample weights. An f32 engine stays below
/// 1e-5; a device that drops one dispatch in a thousand does not.
pub(crate) const COUNT_TOLERANCE: f64 = 1e-4;

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
    engine: &'a mut dyn Engine,
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
}

/// Watches a fit: the notebook's `diagnostics` hook.
pub trait Observer {
    /// Called after every M-step. [`ControlFlow::Break`] ends the fit and keeps the model with
    /// [`StopReason::Interrupted`].
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

/// Fits a mixture: seed; repeat E, M, tell the observer, converged?; one more E for the final
/// log-likelihood. The best of `n_init` restarts is kept; one that fails is reported and skipped
/// unless all fail.
///
/// # Errors
/// The first restart's error if every restart failed; a device's failure at once.
pub fn fit(
    engine: &mut dyn Engine,
    samples: &Samples<'_>,
    options: &CheckedOptions,
    observer: &mut dyn Observer,
) -> Result<GaussianMixture> {
    let mut best: Option<Run> = None;
    let mut restarts = Vec::new();
    let mut first_error = None;
    for restart in 0..options.n_init {
        match iterate(engine, samples, options, observer, restart) {
            Ok(run) => {
                restarts.push(run.summary());
                let interrupted = run.stop_reason == StopReason::Interrupted;
                if best.as_ref().is_none_or(|b| run.lower_bound() > b.lower_bound()) {
                    best = Some(run);
                }
                if interrupted {
                    break;
                }
            }
            Err(error @ (Error::ComponentCollapsed { .. } | Error::NotPositiveDefinite { .. })) => {
                tracing::warn!("restart {restart} failed: {error}");
                restarts.push(Restart {
                    n_iter: 0,
                    converged: false,
                    lower_bound: None,
                    error: Some(error.to_string()),
                    collapses: Vec::new(),
                });
                first_error.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    match (best, first_error) {
        (Some(run), _) => run.into_model(engine, samples, options, restarts),
        (None, Some(error)) => Err(error),
        (None, None) => Err(Error::option("n_init", options.n_init, "a whole number of at least 1")),
    }
}

/// One restart from its start to its end.
fn iterate(
    engine: &mut dyn Engine,
    samples: &Samples<'_>,
    options: &CheckedOptions,
    observer: &mut dyn Observer,
    restart: usize,
) -> Result<Run> {
    let total_weight = engine.total_weight();
    let mut rescue = Rescue::new(engine, samples, options);
    let mut parameters = rescue.start(engine, init::seed(samples, options, restart)?)?;
    let mut trace: Vec<f64> = Vec::new();
    let mut stop_reason = StopReason::MaxIter;
    for iteration in 1..=options.max_iter {
        let moments = engine.e_step(&parameters).map_err(|e| e.in_iteration(iteration - 1))?;
        moments.check(total_weight, COUNT_TOLERANCE, iteration)?;
        let mean_log_likelihood = moments.log_likelihood / total_weight;
        let change = trace.last().map(|last| mean_log_likelihood - last);
        trace.push(mean_log_likelihood);
        let new_parameters = rescue.m_step(engine, &moments, &parameters, iteration)?;
        let flow = observer.on_step(&mut Step {
            restart,
            iteration,
            parameters: &parameters,
            new_parameters: &new_parameters,
            mean_log_likelihood,
            change,
            effective_counts: &moments.effective_counts,
            engine: &mut *engine,
        });
        parameters = new_parameters;
        // A component that was just reseeded or dropped has yet to show what it changes.
        if change.is_some_and(|c| c.abs() < options.tol) && !rescue.interfered(iteration) {
            stop_reason = StopReason::Converged;
            break;
        }
        if flow.is_break() {
            stop_reason = StopReason::Interrupted;
            break;
        }
    }
    let moments = engine.e_step(&parameters).map_err(|e| e.in_iteration(trace.len()))?;
    moments.check(total_weight, COUNT_TOLERANCE, trace.len() + 1)?;
    let (log_likelihood, collapses) = (moments.log_likelihood, rescue.into_collapses());
    Ok(Run { parameters, trace, log_likelihood, total_weight, stop_reason, collapses })
}

/// The outcome of one restart.
struct Run {
    parameters: Parameters,
    trace: Vec<f64>,
    log_likelihood: f64,
    total_weight: f64,
    stop_reason: StopReason,
    collapses: Vec<Collapse>,
}

impl Run {
    /// scikit-learn's `lower_bound_`: the mean log-likelihood before the last M-step.
    fn lower_bound(&self) -> f64 {
        self.trace.last().copied().unwrap_or(self.log_likelihood / self.total_weight)
    }

    fn summary(&self) -> Restart {
        Restart {
            n_iter: self.trace.len(),
            converged: self.stop_reason == StopReason::Converged,
            lower_bound: Some(self.lower_bound()),
            error: None,
            collapses: self.collapses.clone(),
        }
    }

    fn into_model(
        self,
        engine: &dyn Engine,
        samples: &Samples<'_>,
        options: &CheckedOptions,
        restarts: Vec<Restart>,
    ) -> Result<GaussianMixture> {
        let mut model = GaussianMixture::from(self.parameters);
        model.feature_names = samples.feature_names().map(<[String]>::to_vec);
        model.report = Some(FitReport {
            final_mean_log_likelihood: self.log_likelihood / self.total_weight,
            n_iter: self.trace.len(),
            converged: self.stop_reason == StopReason::Converged,
            stop_reason: self.stop_reason,
            n_samples: samples.n_samples(),
            total_weight: self.total_weight,
            dropped_rows: Vec::new(),
            bic: model.bic(self.log_likelihood, self.total_weight),
            aic: model.aic(self.log_likelihood),
            log_likelihood_trace: self.trace,
            collapses: self.collapses,
            restarts,
            options: options.to_map(),
            engine: engine.info(),
        });
        Ok(model)
    }
}
