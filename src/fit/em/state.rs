//! What a fit has done so far: all that decides how it goes on.

use serde::{Deserialize, Serialize};

use super::degenerate;
use crate::data::Facts;
use crate::error::{Error, Result};
use crate::fit::options::{CheckedOptions, OnCollapse};
use crate::fit::update::Rescued;
use crate::mixture::Parameters;
use crate::model::GaussianMixture;
use crate::report::{EngineInfo, FitReport, Restart, StopReason, Warning, WorstRounding};

/// A fit that came to its end.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Fit {
    /// The mixture, with the names of the features.
    pub model: GaussianMixture,
    /// How it was found.
    pub report: FitReport,
}

impl Fit {
    /// The mixture with the report beside it, as a model file holds both.
    pub fn into_model(self) -> GaussianMixture {
        GaussianMixture { report: Some(self.report), ..self.model }
    }
}

/// What a fit has done up to the end of an iteration, see [`super::Step::state`]. [`super::resume`] goes on from
/// it with the same bits: a restart draws its random numbers from a stream of its own, so nothing else is needed.
/// (De)serialised by any format that keeps every f64 as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitState {
    /// Restarts that ended, in order.
    pub(super) ended: Vec<Ended>,
    /// The best of them.
    pub(super) best: Option<Best>,
    /// The restart after them, if it has done an iteration.
    pub(super) current: Option<Current>,
}

/// A restart that ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ended {
    pub(super) summary: Restart,
    pub(super) trace: Vec<f64>,
    /// Why it failed, if it did.
    pub(super) failure: Option<Failure>,
}

/// What is kept of the best restart beside its [`Ended`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Best {
    pub(super) restart: usize,
    #[serde(with = "arrays")]
    pub(super) parameters: Parameters,
    pub(super) log_likelihood: f64,
    pub(super) stop_reason: StopReason,
    pub(super) worst_rounding: Option<WorstRounding>,
}

/// A restart between two iterations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Current {
    /// Of the last M-step.
    #[serde(with = "arrays")]
    pub(super) parameters: Parameters,
    pub(super) trace: Vec<f64>,
    pub(super) rescued: Rescued,
    pub(super) worst_rounding: Option<WorstRounding>,
}

/// The errors that end a restart and not the fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Failure {
    Collapsed { component: usize, iteration: usize, effective_count: f64 },
    NotPositiveDefinite { component: usize, pivot: usize, value: f64, iteration: Option<usize> },
}

impl Failure {
    /// The failure of a restart; an error that ends the fit is given back.
    pub(super) fn of(error: Error) -> Result<Failure> {
        match error {
            Error::ComponentCollapsed { component, iteration, effective_count } => {
                Ok(Failure::Collapsed { component, iteration, effective_count })
            }
            Error::NotPositiveDefinite { component, pivot, value, iteration } => {
                Ok(Failure::NotPositiveDefinite { component, pivot, value, iteration })
            }
            other => Err(other),
        }
    }

    fn into_error(self) -> Error {
        match self {
            Failure::Collapsed { component, iteration, effective_count } => {
                Error::ComponentCollapsed { component, iteration, effective_count }
            }
            Failure::NotPositiveDefinite { component, pivot, value, iteration } => {
                Error::NotPositiveDefinite { component, pivot, value, iteration }
            }
        }
    }
}

impl FitState {
    /// Iterations of every restart so far: the mean log-likelihood before each M-step, nats per sample.
    #[doc(hidden)]
    pub fn traces(&self) -> impl Iterator<Item = &[f64]> {
        let ended = self.ended.iter().map(|ended| ended.trace.as_slice());
        ended.chain(self.current.iter().map(|current| current.trace.as_slice()))
    }

    /// Parameters of the last M-step; none before the first of a restart.
    pub fn parameters(&self) -> Option<&Parameters> {
        self.current.as_ref().map(|current| &current.parameters)
    }

    /// The next restart ended with `run`.
    pub(super) fn end(&mut self, trace: Vec<f64>, run: Run, total_weight: f64) {
        // scikit-learn's `lower_bound_`: the mean log-likelihood before the last M-step.
        let lower_bound = trace.last().copied().unwrap_or(run.log_likelihood / total_weight);
        let restart = self.ended.len();
        if self.best_bound().is_none_or(|best| lower_bound > best) {
            self.best = Some(Best {
                restart,
                parameters: run.parameters,
                log_likelihood: run.log_likelihood,
                stop_reason: run.stop_reason,
                worst_rounding: run.worst_rounding,
            });
        }
        let summary = Restart {
            n_iter: trace.len(),
            converged: run.stop_reason == StopReason::Converged,
            lower_bound: Some(lower_bound),
            error: None,
            collapses: run.rescued.collapses,
        };
        self.ended.push(Ended { summary, trace, failure: None });
    }

    /// The next restart failed.
    pub(super) fn fail(&mut self, trace: Vec<f64>, failure: Failure) {
        let error = failure.clone().into_error();
        Warning::restart_failed(self.ended.len(), &error).tell();
        let summary = Restart {
            n_iter: 0,
            converged: false,
            lower_bound: None,
            error: Some(error.facts()),
            collapses: Vec::new(),
        };
        self.ended.push(Ended { summary, trace, failure: Some(failure) });
    }

    /// The trace of the best restart.
    pub(super) fn worst_rounding(&self) -> Option<WorstRounding> {
        self.best.as_ref().and_then(|best| best.worst_rounding)
    }

    /// Whether all restarts ran, the last one until it converged.
    pub(super) fn is_whole(&self, options: &CheckedOptions) -> bool {
        self.ended.len() == options.n_init && self.ended.last().is_some_and(|ended| ended.summary.converged)
    }

    fn best_bound(&self) -> Option<f64> {
        self.best.as_ref().and_then(|best| self.ended.get(best.restart)?.summary.lower_bound)
    }

    /// The best restart.
    ///
    /// # Errors
    /// The first restart's if all failed.
    pub(super) fn into_fit(
        mut self,
        engine: EngineInfo,
        facts: &Facts,
        options: &CheckedOptions,
    ) -> Result<Fit> {
        let Some(best) = self.best else {
            let failure = self.ended.into_iter().find_map(|ended| ended.failure);
            return Err(failure.map_or_else(
                || Error::option("n_init", options.n_init, "a whole number of at least 1"),
                Failure::into_error,
            ));
        };
        let kept = &mut self.ended[best.restart];
        let trace = std::mem::take(&mut kept.trace);
        let collapses = kept.summary.collapses.clone();
        let mut model = GaussianMixture::from(best.parameters);
        model.feature_names.clone_from(&facts.feature_names);
        let total_weight = facts.total_weight;
        let degenerate = degenerate::find(&model.parameters, facts.n_effective);
        let report = FitReport {
            final_mean_log_likelihood: best.log_likelihood / total_weight,
            n_iter: trace.len(),
            converged: best.stop_reason == StopReason::Converged,
            stop_reason: best.stop_reason,
            n_samples: facts.n_samples,
            total_weight,
            dropped_rows: facts.dropped_rows.clone(),
            bic: model.bic(best.log_likelihood, total_weight),
            aic: model.aic(best.log_likelihood),
            log_likelihood_trace: trace,
            rounding_errors: Vec::new(),
            worst_rounding: best.worst_rounding,
            verification: None,
            collapses,
            degenerate,
            restarts: self.ended.into_iter().map(|ended| ended.summary).collect(),
            options: options.to_map(),
            engine,
            warnings: Vec::new(),
        };
        Ok(Fit { model, report })
    }

    /// Whether a fit of the data that `facts` tell of with `options` can have come to this state: sizes and counts.
    ///
    /// # Errors
    /// [`Error::Shape`] naming what does not fit.
    pub(super) fn check(&self, facts: &Facts, options: &CheckedOptions) -> Result<()> {
        let at_most = |what: &str, found: usize, most: usize| match found <= most {
            true => Ok(()),
            false => Err(Error::shape(what, format!("at most {most}"), found)),
        };
        at_most("restarts of the fit to go on with", self.ended.len(), options.n_init)?;
        for trace in self.traces() {
            at_most("iterations of the fit to go on with", trace.len(), options.max_iter)?;
        }
        let best = self.best.as_ref().map(|best| &best.parameters);
        for parameters in best.into_iter().chain(self.parameters()) {
            let (k, most) = (parameters.n_components(), options.n_components);
            let expected = (facts.n_features, options.covariance_type);
            let found = (parameters.n_features(), parameters.covariance_type());
            if found != expected || k > most || (k < most && options.on_collapse != OnCollapse::Drop) {
                let text =
                    |k, (d, covariance): (usize, _)| format!("{k} components of {d} features, {covariance}");
                let what = "parameters of the fit to go on with";
                return Err(Error::shape(what, text(most, expected), text(k, found)));
            }
        }
        if let Some(best) = &self.best
            && self.ended.get(best.restart).is_none_or(|ended| ended.summary.lower_bound.is_none())
        {
            return Err(Error::shape(
                "best restart of the fit to go on with",
                "one that ended",
                best.restart,
            ));
        }
        match &self.current {
            Some(current) if current.trace.is_empty() => {
                Err(Error::shape("iterations of the fit to go on with", "at least 1", 0))
            }
            Some(current) => current.rescued.check(options),
            None => Ok(()),
        }
    }
}

/// The outcome of one restart.
pub(super) struct Run {
    pub(super) parameters: Parameters,
    pub(super) log_likelihood: f64,
    pub(super) stop_reason: StopReason,
    pub(super) rescued: Rescued,
    pub(super) worst_rounding: Option<WorstRounding>,
}

/// Parameters as their arrays. Lengths are checked, values are not: an M-step may have made values that only the next
/// E-step finds wrong, and it must find them again.
mod arrays {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::mixture::Parameters;
    use crate::mixture::shape::CovarianceType;

    #[derive(Serialize)]
    struct Borrowed<'a> {
        covariance_type: CovarianceType,
        weights: &'a [f64],
        means: &'a [f64],
        covariances: &'a [f64],
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Owned {
        covariance_type: CovarianceType,
        weights: Vec<f64>,
        means: Vec<f64>,
        covariances: Vec<f64>,
    }

    pub(super) fn serialize<S: Serializer>(p: &Parameters, serializer: S) -> Result<S::Ok, S::Error> {
        let (weights, means, covariances) = (p.weights(), p.means(), p.covariances());
        Borrowed { covariance_type: p.covariance_type(), weights, means, covariances }.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Parameters, D::Error> {
        let Owned { covariance_type, weights, means, covariances } = Owned::deserialize(deserializer)?;
        let k = weights.len();
        let d = means.len().checked_div(k).unwrap_or(0);
        let whole = k.checked_mul(d) == Some(means.len()) && d > 0;
        if !whole
            || d.checked_mul(d).and_then(|dd| dd.checked_mul(k)).is_none()
            || covariances.len() != covariance_type.covariances_len(k, d)
        {
            return Err(D::Error::custom("the arrays of a mixture do not fit each other"));
        }
        Ok(Parameters::from_parts(covariance_type, d, weights, means, covariances))
    }
}
