//! What a fit tells about itself. Everything here is the same on every run of the same inputs on the
//! same device: times are not part of it.

mod engine;
mod warning;

use serde::{Deserialize, Serialize};

pub use engine::{EngineInfo, EngineKind, FailedEngine, FirstEngine, Precision};
pub use warning::{Degenerate, Warning};

/// Why a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The mean log-likelihood changed by less than `tol`.
    Converged,
    /// `max_iter` iterations were done.
    MaxIter,
    /// The observer asked to stop.
    Interrupted,
    /// The graphics device failed; the parameters are those of the last M-step before.
    DeviceFailed,
}

named!(StopReason: "stop_reason" {
    Converged = "converged",
    MaxIter = "max-iter",
    Interrupted = "interrupted",
    DeviceFailed = "device-failed",
});

/// How a fit went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FitReport {
    /// Mean log-likelihood before each M-step, nats per sample (scikit-learn's `lower_bounds_`).
    pub log_likelihood_trace: Vec<f64>,
    /// Mean log-likelihood under the returned parameters (scikit-learn's `score`), nats per sample.
    pub final_mean_log_likelihood: f64,
    /// M-steps done.
    pub n_iter: usize,
    /// Whether `tol` was reached.
    pub converged: bool,
    /// Why the fit ended.
    pub stop_reason: StopReason,
    /// Samples used.
    pub n_samples: usize,
    /// Σ sample weights (N without weights).
    pub total_weight: f64,
    /// Rows of the data file that were left out for missing values: line numbers (CSV) or row indices (NPY).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub dropped_rows: Vec<u64>,
    /// Bayesian information criterion.
    pub bic: f64,
    /// Akaike information criterion.
    pub aic: f64,
    /// Estimated rounding errors of f32 sums for every component of the returned mixture, `[K]`: of its mean in
    /// standard deviations and of its covariance, relative ([`crate::engine::rounding`]). Empty where sums are in f64.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub rounding_errors: Vec<f64>,
    /// Where f32 sums left the fewest digits in the restart that was kept, whatever came after. None where all sums
    /// were in f64.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub worst_rounding: Option<WorstRounding>,
    /// How the result was checked in f64, where it was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verification: Option<Verification>,
    /// Components that collapsed in the restart that was kept, in order of time.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub collapses: Vec<Collapse>,
    /// Components of the returned mixture with so few samples (about one; for full covariances about D) that their
    /// covariance is little more than `reg_covar`. Their density is a spike that can make the likelihood, and with it
    /// every criterion, look good.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub degenerate: Vec<Degenerate>,
    /// One entry per restart.
    pub restarts: Vec<Restart>,
    /// The options of the fit, by name.
    pub options: serde_json::Map<String, serde_json::Value>,
    /// What computed it.
    pub engine: EngineInfo,
    /// What is to be known about the fit, in order of time.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub warnings: Vec<Warning>,
}

impl FitReport {
    /// Total log-likelihood under the returned parameters, nats.
    pub fn log_likelihood(&self) -> f64 {
        self.final_mean_log_likelihood * self.total_weight
    }
}

/// The iteration and component of a restart with the largest estimated rounding error of f32 sums.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WorstRounding {
    /// Iteration whose E-step it was, from 1; `n_iter` + 1 is the one for the final log-likelihood.
    pub iteration: usize,
    /// Component, from 0, as numbered in that iteration.
    pub component: usize,
    /// The estimate, as in [`FitReport::rounding_errors`].
    pub error: f64,
    /// Digits it leaves: −log10 of it, at least 0.
    pub digits: f64,
    /// Whether sums were in f64 from this E-step on, this one included.
    pub switched: bool,
}

/// The mean log-likelihood of some samples under the returned parameters: by the engine that fitted, and in f64.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// Samples that were looked at.
    pub n_samples: usize,
    /// By the engine that fitted, nats per sample; absent where it is no finite number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mean_log_likelihood: Option<f64>,
    /// In f64, nats per sample.
    pub expected_mean_log_likelihood: f64,
    /// How far they are apart; absent where that is no finite number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub difference: Option<f64>,
    /// What was allowed.
    pub bound: f64,
    /// Whether the difference is within the bound.
    #[serde(alias = "verified")]
    pub within: bool,
}

/// One of `n_init` restarts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Restart {
    /// M-steps done.
    pub n_iter: usize,
    /// Whether `tol` was reached.
    pub converged: bool,
    /// Mean log-likelihood before the last M-step; absent when the restart failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lower_bound: Option<f64>,
    /// Why the restart failed, where it did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// Components that collapsed, in order of time.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub collapses: Vec<Collapse>,
}

/// A component that collapsed and what was done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collapse {
    /// Iteration whose M-step found it, from 1; 0 is the start.
    pub iteration: usize,
    /// Component, from 0, as numbered before this iteration's drops; absent where it is the one
    /// covariance that tied components share.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub component: Option<usize>,
    /// What was done.
    pub action: CollapseAction,
}

/// What was done about a component that collapsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollapseAction {
    /// It started again at a badly explained sample.
    Reseed,
    /// It kept its last good covariance, in this iteration and those that follow without a break.
    Floor,
    /// It was removed.
    Drop,
}

named!(CollapseAction: "action" { Reseed = "reseed", Floor = "floor", Drop = "drop" });
