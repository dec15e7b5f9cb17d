//! What `wgmm fit` tells: the summary for people, the JSON object for programs, the trace.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use wgmm::GaussianMixture;
use wgmm::internals::fit::em::{FitState, Step};
use wgmm::internals::report::{CollapseAction, FitReport, StopReason, Verification};

use super::args::FitArgs;
use crate::exit::{Outcome, shown};
use crate::input::count;
use crate::output::{Align, align, bare_json, cut, short};

/// Most components and features in the summary.
const SHOWN_COMPONENTS: usize = 20;
const SHOWN_FEATURES: usize = 6;
/// Longest feature name in the summary.
const NAME_WIDTH: usize = 14;

/// One iteration.
#[derive(Debug, Serialize)]
pub(super) struct TraceRow {
    restart: usize,
    iteration: usize,
    mean_log_likelihood: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<f64>,
}

impl From<&Step<'_>> for TraceRow {
    fn from(step: &Step<'_>) -> Self {
        TraceRow {
            restart: step.restart,
            iteration: step.iteration,
            mean_log_likelihood: step.mean_log_likelihood,
            change: step.change,
        }
    }
}

impl TraceRow {
    /// Every iteration up to `state`.
    pub(super) fn of(state: &FitState) -> Vec<TraceRow> {
        let rows = state.traces().enumerate().flat_map(|(restart, trace)| {
            trace.iter().enumerate().map(move |(i, &mean_log_likelihood)| TraceRow {
                restart,
                iteration: i + 1,
                mean_log_likelihood,
                change: i.checked_sub(1).map(|last| mean_log_likelihood - trace[last]),
            })
        });
        rows.collect()
    }
}

/// The trace as CSV, or as one JSON object per line.
pub(super) fn trace(rows: &[TraceRow], json_lines: bool) -> String {
    let mut text = String::new();
    if !json_lines {
        text += "restart,iteration,mean_log_likelihood,change\n";
    }
    for row in rows {
        // Writing to a string never fails.
        let _ = if json_lines {
            writeln!(text, "{}", json!(row))
        } else {
            let change = row.change.map_or(String::new(), |change| format!("{change:?}"));
            writeln!(text, "{},{},{:?},{change}", row.restart, row.iteration, row.mean_log_likelihood)
        };
    }
    text
}

/// How long the parts took.
pub(super) struct Timings {
    pub(super) read: Duration,
    pub(super) fit: Duration,
    pub(super) total: Duration,
}

/// The object that `--json` prints. Only `timings` differs between two runs of the same fit.
pub(super) fn json(args: &FitArgs, model: &GaussianMixture, timings: &Timings) -> Outcome<Value> {
    let mut report = json!(model.report);
    let mut take = |field: &str| report.as_object_mut().and_then(|r| r.remove(field)).unwrap_or_default();
    let (engine, mut options) = (take("engine"), take("options"));
    // Some components may have been dropped on the way.
    options["n_components"] = json!(args.n_components);
    options["covariance_type"] = json!(model.parameters.covariance_type());
    let mut outputs = serde_json::Map::new();
    for (name, path) in [("model", &args.output), ("labels", &args.labels), ("trace", &args.trace)] {
        if let Some(path) = path {
            outputs.insert(name.into(), json!(path.display().to_string()));
        }
    }
    Ok(json!({
        "schema": "wgmm.fit/1",
        "version": env!("CARGO_PKG_VERSION"),
        "data": shown(&args.data),
        "engine": engine,
        "options": options,
        "report": report,
        "model": bare_json(model)?,
        "outputs": outputs,
        "timings": {
            "read_seconds": timings.read.as_secs_f64(),
            "fit_seconds": timings.fit.as_secs_f64(),
            "total_seconds": timings.total.as_secs_f64(),
        },
    }))
}

/// The summary for people.
pub(super) fn summary(args: &FitArgs, model: &GaussianMixture) -> String {
    let p = &model.parameters;
    let mut lines = Vec::new();
    if let Some(report) = &model.report {
        lines.push(format!(
            "{}: {}, {}; {}, {} covariance",
            shown(&args.data),
            count(report.n_samples, "sample"),
            count(p.n_features(), "feature"),
            count(p.n_components(), "component"),
            p.covariance_type()
        ));
        lines.push(String::new());
    }
    lines.push(components(model));
    let hidden = p.n_components().saturating_sub(SHOWN_COMPONENTS);
    if hidden > 0 {
        lines.push(format!("... and {} more", count(hidden, "component")));
    }
    lines.push(String::new());
    if let Some(report) = &model.report {
        let iterations = count(report.n_iter, "iteration");
        let how = match report.stop_reason {
            StopReason::MaxIter if report.n_iter == 0 => {
                "the start itself: no iteration was asked for".into()
            }
            StopReason::Converged => format!("converged after {iterations}"),
            StopReason::MaxIter => format!("stopped after {iterations}"),
            StopReason::Interrupted => format!("interrupted after {iterations}"),
            StopReason::DeviceFailed => format!("the graphics device failed after {iterations}"),
        };
        let restarts = match report.restarts.len() {
            0 | 1 => String::new(),
            n => format!(", best of {n} restarts"),
        };
        lines.push(format!("{how}{restarts}"));
        lines.extend(switched(report));
        lines.extend(collapses(report));
        lines.push(format!(
            "log-likelihood {} ({:.6} per sample)   BIC {}   AIC {}",
            short(report.log_likelihood()),
            report.final_mean_log_likelihood,
            short(report.bic),
            short(report.aic)
        ));
    }
    lines.extend(model.report.as_ref().and_then(|report| report.verification).map(verified));
    lines.push(match &args.output {
        Some(path) if !crate::output::is_stdout(path) => format!("model saved to {}", path.display()),
        Some(_) => "model written to stdout".into(),
        None => "no model was saved: -o MODEL.json writes one".into(),
    });
    lines.join("\n")
}

/// What the check in f64 found.
pub(crate) fn verified(v: Verification) -> String {
    let verdict = if v.within { "verified" } else { "NOT VERIFIED" };
    let off = v.difference.map_or("not finite".into(), |d| format!("off by {d:.1e}"));
    let rows = count(v.n_samples, "sample");
    format!("{verdict}: the mean log-likelihood of {rows} is {off} against f64, {:.0e} is allowed", v.bound)
}

/// The iteration from which sums were in f64, if they began in f32.
fn switched(report: &FitReport) -> Option<String> {
    let worst = report.worst_rounding.filter(|worst| worst.switched)?;
    Some(format!(
        "f64 on the {} engine from iteration {} on: f32 left {:.1} digits of component {}",
        report.engine.kind, worst.iteration, worst.digits, worst.component
    ))
}

/// How often components collapsed and what was done, if they did.
fn collapses(report: &FitReport) -> Option<String> {
    let times = |action| report.collapses.iter().filter(|c| c.action == action).count();
    let parts: Vec<String> = [
        (CollapseAction::Reseed, "reseeded"),
        (CollapseAction::Floor, "kept on the last good covariance"),
        (CollapseAction::Drop, "dropped"),
    ]
    .into_iter()
    .filter(|(action, _)| times(*action) > 0)
    .map(|(action, what)| format!("{} {what}", times(action)))
    .collect();
    (!parts.is_empty()).then(|| format!("collapsed components: {}", parts.join(", ")))
}

/// Weight, effective count and mean of every component.
fn components(model: &GaussianMixture) -> String {
    let p = &model.parameters;
    let counts = model.effective_counts().unwrap_or_default();
    let shown = p.n_features().min(SHOWN_FEATURES);
    let name = |feature: usize| match &model.feature_names {
        Some(names) => cut(&names[feature], NAME_WIDTH),
        None => format!("mean[{feature}]"),
    };
    let more = (p.n_features() > shown).then(|| "...".to_owned());
    let mut header: Vec<String> = ["component", "weight", "count"].map(str::to_owned).to_vec();
    header.extend((0..shown).map(name).chain(more.clone()));
    let mut rows = vec![header];
    for k in 0..p.n_components().min(SHOWN_COMPONENTS) {
        let mut row = vec![k.to_string(), format!("{:.4}", p.weights()[k])];
        row.push(counts.get(k).map_or(String::new(), |n| format!("{n:.1}")));
        row.extend(p.mean(k)[..shown].iter().map(|m| short(*m)).chain(more.clone()));
        rows.push(row);
    }
    align(&rows, Align::Right)
}
