//! [`Warning`]: what a fit ended in spite of, as a value. The library words it in neutral English; a front end may say
//! its remedies in terms of its own.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::engine::EngineKind;
use crate::error::{Error, Remedy, worded};

/// Most components named in a text.
const MOST_NAMED: usize = 5;

/// A component of too few samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Degenerate {
    /// Component, from 0.
    pub component: usize,
    /// Its weight in rows: weight · rows of positive sample weight.
    pub effective_count: f64,
}

/// Something to know about a fit that was done all the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Warning {
    /// The best restart ended before its log-likelihood changed by less than `tol`.
    NotConverged {
        /// Its iterations.
        n_iter: usize,
    },
    /// The observer ended the fit.
    Interrupted {
        /// Iterations of the restart that is kept.
        n_iter: usize,
    },
    /// Components of the result have too few samples for their covariances.
    Degenerate {
        /// Which, and how many samples they have.
        components: Vec<Degenerate>,
        /// Features of the samples.
        n_features: usize,
        /// Whether every component has a full covariance of its own.
        full_covariances: bool,
    },
    /// f32 sums leave fewer than three digits of components of the result.
    FewDigits {
        /// The component with the fewest, from 0.
        component: usize,
        /// How many components have fewer than three.
        n_components: usize,
        /// Estimated relative error of the worst one.
        error: f64,
    },
    /// f32 sums left fewer than three digits of a component on the way, but not of the result.
    FewDigitsPassed {
        /// Iteration, from 1.
        iteration: usize,
        /// Component, from 0, as numbered in that iteration.
        component: usize,
        /// Digits that were left.
        digits: f64,
        /// Estimated relative error.
        error: f64,
    },
    /// f32 sums left fewer than three digits, and sums are in f64 since.
    SwitchedToF64 {
        /// First iteration in f64, from 1.
        iteration: usize,
        /// Component with the fewest digits, from 0.
        component: usize,
        /// Components in that iteration.
        n_components: usize,
        /// Digits that f32 left.
        digits: f64,
        /// Estimated relative error of f32.
        error: f64,
        /// The engine that took over.
        engine: EngineKind,
    },
    /// The check of the result in f64 found it outside its bound.
    NotVerified {
        /// Samples that were looked at.
        n_samples: usize,
        /// How far the mean log-likelihood is off; absent if that is no finite number.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        difference: Option<f64>,
        /// How far it may be off.
        bound: f64,
    },
    /// The result could not be checked in f64.
    NotChecked {
        /// Why.
        error: String,
    },
    /// A restart failed, and others went on.
    RestartFailed {
        /// Restart, from 0.
        restart: usize,
        /// Why.
        error: String,
    },
    /// Collapsed components were removed.
    ComponentsDropped {
        /// Iteration, from 1.
        iteration: usize,
        /// How many were removed.
        n_dropped: usize,
        /// How many are left.
        n_left: usize,
    },
    /// The graphics device failed, and the cpu engine took over.
    EngineFailed {
        /// Why.
        error: String,
        /// The processor that took over.
        device: String,
    },
    /// The graphics device could not be opened, and the cpu engine is there instead.
    EngineNotOpened {
        /// Why.
        error: String,
        /// Whether no adapter was found, for which a driver may be missing.
        no_device: bool,
    },
    /// The graphics adapter is a program on the processor.
    SoftwareAdapter {
        /// Its name.
        adapter: String,
    },
    /// Rows with missing values were left out.
    DroppedRows {
        /// How many.
        n_rows: usize,
    },
    /// The checkpoint was written on another device, which may round otherwise.
    OtherDevice {
        /// That device.
        device: String,
    },
    /// A checkpoint could not be written.
    NoCheckpoint {
        /// Iteration after which it was due, from 1.
        iteration: usize,
        /// Why.
        error: String,
    },
    /// The first row of a CSV counts up like the names of columns, and is read as data.
    HeaderLikeData {
        /// The file.
        path: String,
        /// Line of the row, from 1.
        line: u64,
        /// Its first cells.
        first_cells: Vec<String>,
    },
}

/// Why digits are lost: a clause.
fn because(error: f64) -> String {
    format!(
        "it is so thin, or so small beside the spread of the data, that relative errors up to {error:.0e} are expected"
    )
}

impl Warning {
    /// The restart numbered `restart` ended in `error`.
    #[doc(hidden)]
    pub fn restart_failed(restart: usize, error: &Error) -> Self {
        Warning::RestartFailed { restart, error: error.facts() }
    }

    /// What is to be known, without the [remedies](Warning::remedies).
    #[doc(hidden)]
    pub fn facts(&self) -> String {
        match self {
            Warning::NotConverged { .. } => "Best performing initialization did not converge".into(),
            Warning::Interrupted { n_iter } => {
                format!("the fit was interrupted after {n_iter} iterations: this is the model so far")
            }
            Warning::Degenerate { components, n_features, full_covariances } => {
                let shown = components.iter().take(MOST_NAMED);
                let shown = shown.map(|d| format!("component {} {:.1}", d.component, d.effective_count));
                let shown = shown.collect::<Vec<_>>().join(", ");
                let more = match components.len().saturating_sub(MOST_NAMED) {
                    0 => String::new(),
                    n => format!(" and {n} more"),
                };
                let than = match *full_covariances && *n_features > 1 {
                    true => format!("for {n_features} features"),
                    false => "about one".into(),
                };
                format!(
                    "the fit has components of too few samples, {than} (effective count: {shown}{more}). Their covariance \
                     is little more than reg_covar, and likelihood, BIC and AIC look better than the fit is"
                )
            }
            Warning::FewDigits { component, n_components, error } => {
                let others = match n_components {
                    0 | 1 => String::new(),
                    n => format!(" and of {} more", n - 1),
                };
                let why = because(*error);
                format!("f32 sums leave fewer than 3 digits of component {component}{others}: {why}")
            }
            Warning::FewDigitsPassed { iteration, component, digits, error } => format!(
                "the fit passed where f32 sums leave {digits:.1} digits, fewer than 3, of component {component} (iteration \
                 {iteration}): {}. Its end is better, but may be another one than in f64",
                because(*error)
            ),
            Warning::SwitchedToF64 { iteration, component, n_components, digits, error, engine } => format!(
                "f32 sums leave {digits:.1} digits of component {component} in iteration {iteration} ({n_components} \
                 components): {}. From here on sums are in f64, on the {engine} engine, in this restart and in others that \
                 come to this",
                because(*error)
            ),
            Warning::NotVerified { n_samples, difference, bound } => {
                let off = difference.map_or("not a number".into(), |d| format!("off by {d:.1e}"));
                format!(
                    "THE RESULT IS NOT VERIFIED: the mean log-likelihood of {n_samples} samples is {off} against f64 \
                     arithmetic, {bound:.0e} is allowed. Do not use this model"
                )
            }
            Warning::NotChecked { error } => format!("the result could not be checked in f64: {error}"),
            Warning::RestartFailed { restart, error } => format!("restart {restart} failed: {error}"),
            Warning::ComponentsDropped { iteration, n_dropped, n_left } => format!(
                "{n_dropped} of {} components collapsed in iteration {iteration} and were dropped; {n_left} are left",
                n_dropped + n_left
            ),
            Warning::EngineFailed { error, device } => {
                format!("{error}. The work goes on with the cpu engine ({device})")
            }
            Warning::EngineNotOpened { error, .. } => error.clone(),
            Warning::SoftwareAdapter { adapter } => format!(
                "{adapter} is a software adapter: it computes on the processor, slower than the cpu engine does"
            ),
            Warning::DroppedRows { n_rows } => {
                let rows = if *n_rows == 1 { "1 row was" } else { &format!("{n_rows} rows were") };
                format!("{rows} left out for missing values")
            }
            Warning::OtherDevice { device } => format!(
                "the checkpoint was written on another device ({device}), which may round otherwise: the last bits of the \
                 model may differ"
            ),
            Warning::NoCheckpoint { iteration, error } => {
                format!("no checkpoint was written after iteration {iteration}: {error}")
            }
            Warning::HeaderLikeData { path, line, first_cells } => format!(
                "{path}: line {line} counts up ({}, ...) like the names of columns, and is read as data",
                first_cells.join(", ")
            ),
        }
    }

    /// What can be done about it, best first.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Warning::NotConverged { .. } => vec![Remedy::EasierConvergence],
            Warning::Degenerate { n_features, full_covariances, .. } => {
                vec![Remedy::FewerComponents { simpler_type: *full_covariances && *n_features > 1 }]
            }
            Warning::FewDigits { .. } | Warning::FewDigitsPassed { .. } => vec![Remedy::SumsInF64],
            Warning::SwitchedToF64 { .. } => vec![Remedy::SumsInF32],
            Warning::NotVerified { .. } => vec![Remedy::FitInF64, Remedy::ReportBug],
            Warning::RestartFailed { .. } => vec![Remedy::EasierFit, Remedy::OnCollapse],
            Warning::EngineNotOpened { no_device: true, .. } => vec![Remedy::InstallDriver],
            Warning::SoftwareAdapter { .. } => vec![Remedy::CpuEngine, Remedy::InstallDriver],
            Warning::HeaderLikeData { .. } => vec![Remedy::HeaderOrNot],
            Warning::Interrupted { .. }
            | Warning::NotChecked { .. }
            | Warning::ComponentsDropped { .. }
            | Warning::EngineFailed { .. }
            | Warning::EngineNotOpened { .. }
            | Warning::DroppedRows { .. }
            | Warning::OtherDevice { .. }
            | Warning::NoCheckpoint { .. } => Vec::new(),
        }
    }

    /// Its text with the remedies in the words of `word`; [`Display`](fmt::Display) takes their own.
    #[doc(hidden)]
    pub fn worded(&self, word: impl Fn(&Remedy) -> String) -> String {
        worded(self.facts(), &self.remedies(), word)
    }

    /// Whether it is told when it comes up; the others are known only at the end of a fit.
    #[doc(hidden)]
    pub const fn is_told_at_once(&self) -> bool {
        matches!(
            self,
            Warning::SwitchedToF64 { .. }
                | Warning::RestartFailed { .. }
                | Warning::ComponentsDropped { .. }
                | Warning::EngineFailed { .. }
                | Warning::EngineNotOpened { .. }
                | Warning::SoftwareAdapter { .. }
                | Warning::OtherDevice { .. }
                | Warning::NoCheckpoint { .. }
                | Warning::HeaderLikeData { .. }
        )
    }

    /// Tells it as an event of `tracing`, in the field `warning`: a subscriber may take the value out of the
    /// [error](tracing::field::Visit::record_error) that is recorded.
    #[doc(hidden)]
    pub fn tell(&self) {
        tracing::warn!(warning = self as &(dyn std::error::Error + 'static));
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.worded(ToString::to_string))
    }
}

/// As an error it passes through `tracing` with its type.
impl std::error::Error for Warning {}

#[cfg(test)]
mod tests {
    use super::*;

    fn few(n: usize) -> Vec<Degenerate> {
        (0..n).map(|component| Degenerate { component, effective_count: 1.25 }).collect()
    }

    #[test]
    fn json_keeps_every_fact() -> serde_json::Result<()> {
        let warnings = [
            Warning::NotConverged { n_iter: 3 },
            Warning::Degenerate { components: few(2), n_features: 4, full_covariances: true },
            Warning::FewDigits { component: 1, n_components: 2, error: 0.123456789012345 },
            Warning::NotVerified { n_samples: 9, difference: None, bound: 1e-5 },
            Warning::DroppedRows { n_rows: 2 },
        ];
        for warning in &warnings {
            let json = serde_json::to_string(warning)?;
            assert_eq!(&serde_json::from_str::<Warning>(&json)?, warning, "{json}");
        }
        let json = serde_json::to_string(&warnings[3])?;
        assert_eq!(json, r#"{"kind":"not-verified","n_samples":9,"bound":0.00001}"#);
        assert!(serde_json::from_str::<Warning>(r#"{"kind":"not_converged","n_iter":1}"#).is_err());
        Ok(())
    }

    #[test]
    fn texts_say_what_happened_and_what_to_do() {
        let degenerate = |n, n_features, full_covariances| {
            Warning::Degenerate { components: few(n), n_features, full_covariances }.to_string()
        };
        let text = degenerate(7, 4, true);
        assert!(text.contains("for 4 features (effective count: component 0 1.2, "), "{text}");
        assert!(text.contains("component 4 1.2 and 2 more)") && text.contains("type diag"), "{text}");
        let text = degenerate(1, 4, false);
        assert!(text.contains("about one (effective count: component 0 1.2)"), "{text}");
        assert!(!text.contains("diag") && text.ends_with("larger n_init"), "{text}");
        let text = Warning::FewDigits { component: 2, n_components: 3, error: 0.02 }.to_string();
        assert!(text.contains("component 2 and of 2 more: ") && text.contains("up to 2e-2"), "{text}");
        let alone = Warning::FewDigits { component: 2, n_components: 1, error: 0.02 }.to_string();
        assert!(alone.contains("component 2: "), "{alone}");
        let rows = |n_rows| Warning::DroppedRows { n_rows }.to_string();
        assert_eq!(rows(1), "1 row was left out for missing values");
        assert_eq!(rows(12), "12 rows were left out for missing values");
    }
}
