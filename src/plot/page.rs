//! [`page`]: one HTML page about a fit that needs no network, no script and no other file.

use minijinja::Environment;
use minijinja::value::{Serde, Value};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::axis::signed;
use super::palette::{colour, hex};
use super::{Figure, PlotOptions, mixture, trace};
use crate::data::Samples;
use crate::engine::Engine;
use crate::engine::rounding::POOR;
use crate::error::{Error, Result};
use crate::infer;
use crate::infer::agreement::Contingency;
use crate::mixture::linalg;
use crate::model::GaussianMixture;
use crate::report::{FitReport, Verification};

/// Components in the table at most.
const MOST_ROWS: usize = 256;

/// What a page says that the model does not know.
#[derive(Debug, Clone, Default)]
pub struct PageOptions<'a> {
    /// The heading.
    pub title: String,
    /// The source of the samples.
    pub data: String,
    /// The command that fits this model.
    pub command: String,
    /// What stands below the command.
    pub caveats: Vec<String>,
    /// Features and true labels of the figure.
    pub plot: PlotOptions<'a>,
    /// Sections about what the model does not know: times, comparisons.
    pub sections: Vec<Section>,
}

/// A section of a page.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Section {
    /// Its anchor. The anchors of the sections that every page has are taken.
    pub id: String,
    /// Its heading.
    pub heading: String,
    /// Whether all is well, and how that is said.
    pub verdict: Option<(bool, String)>,
    /// Names and values.
    pub facts: Vec<(String, String)>,
    /// What has columns.
    pub tables: Vec<SectionTable>,
}

impl Section {
    /// A section without content.
    pub fn new(id: impl Into<String>, heading: impl Into<String>) -> Self {
        Section { id: id.into(), heading: heading.into(), ..Section::default() }
    }
}

/// A table of a [`Section`].
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SectionTable {
    /// The heads of the columns.
    pub header: Vec<String>,
    /// Rows of as many cells.
    pub rows: Vec<Vec<String>>,
}

/// A report about `model` and `samples`, `[N, D]`, which `engine` holds, as one HTML page: summary, [`mixture`],
/// a table of the components, [`trace`], engine, verification if the model has one, the sections of `options`, command.
/// The same inputs give the same bytes.
///
/// # Errors
/// As [`mixture`] and [`infer::log_likelihood`].
pub fn page(
    engine: &mut dyn Engine,
    samples: &Samples<'_>,
    model: &GaussianMixture,
    options: &PageOptions<'_>,
) -> Result<String> {
    let figure = mixture(engine, samples, &model.parameters, &options.plot)?;
    let report = model.report.as_ref();
    let size = PlotOptions { size: Some((800, 400)), ..PlotOptions::default() };
    let trace = report.map(|report| trace(report, &size)).transpose()?;
    let fields = report.map(|report| serde_json::to_value(report).unwrap_or_default());
    let sections: Vec<Section> = report
        .and_then(|report| report.verification)
        .map(verification)
        .into_iter()
        .chain(options.sections.clone())
        .collect();
    let p = &model.parameters;
    let hidden = p.n_components().saturating_sub(MOST_ROWS);
    let shown = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "title": options.title,
        "summary": summary(engine, samples, model, options)?,
        "notes": report.map(notes),
        "mixture": figure.svg(),
        "trace": trace.as_ref().map(Figure::svg),
        "features": names(samples, model),
        "components": components(samples, model),
        "hidden": (hidden > 0).then(|| format!("{hidden} lighter components are left out.")),
        "restarts": report.filter(|report| report.restarts.len() > 1).map(restarts),
        "engine": fields.as_ref().map(|fields| pairs(&fields["engine"])),
        "sections": sections,
        "options": report.map(|report| pairs(&Json::Object(report.options.clone()))),
        "command": options.command,
        "caveats": options.caveats,
    });
    render(shown).map_err(|e| Error::Io {
        path: "the report".into(),
        action: "write",
        source: std::io::Error::other(e.to_string()),
        hint: "Please report this",
    })
}

fn render(shown: Json) -> std::result::Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    // The name makes minijinja escape everything that is not marked as safe.
    environment.add_template("page.html", include_str!("page.html"))?;
    environment.get_template("page.html")?.render(Value::from(Serde(shown)))
}

type Pairs = Vec<(String, String)>;

fn summary(
    engine: &mut dyn Engine,
    samples: &Samples<'_>,
    model: &GaussianMixture,
    options: &PageOptions<'_>,
) -> Result<Pairs> {
    let p = &model.parameters;
    let total_weight = samples.total_weight();
    let log_likelihood = infer::log_likelihood(engine, p)?;
    let mut list: Pairs = Vec::new();
    let mut say = |name: &str, value: String| list.push((name.into(), value));
    say("data", options.data.clone());
    say("samples", samples.n_samples().to_string());
    if samples.sample_weights().is_some() {
        say("sum of sample weights", short(total_weight, 8));
    }
    say("features", p.n_features().to_string());
    say("components", p.n_components().to_string());
    say("covariance", p.covariance_type().to_string());
    if let Some(report) = &model.report {
        say(
            "fit",
            match report.n_iter {
                0 => "the start itself".into(),
                n => format!("{} after {n} iterations", report.stop_reason.name()),
            },
        );
    }
    say("log-likelihood", short(log_likelihood, 8));
    say("per sample", signed(log_likelihood / total_weight, 6));
    say("BIC", short(model.bic(log_likelihood, total_weight), 8));
    say("AIC", short(model.aic(log_likelihood), 8));
    if let Some(truth) = options.plot.truth {
        let contingency = Contingency::new(truth, &infer::predict(engine, p)?)?;
        say("adjusted Rand index", signed(contingency.adjusted_rand_index(), 4));
        say("accuracy, best matching", signed(contingency.matching_accuracy()?, 4));
    }
    Ok(list)
}

/// Facts about the fit that a reader may not expect.
fn notes(report: &FitReport) -> Vec<String> {
    let mut notes = Vec::new();
    if !report.converged && report.n_iter > 0 {
        notes.push(
            "The fit did not converge: more iterations, another start or a larger tolerance may help.".into(),
        );
    }
    if !report.dropped_rows.is_empty() {
        notes.push(format!("Rows left out for missing values: {}.", report.dropped_rows.len()));
    }
    if let Some(worst) = report.worst_rounding.filter(|worst| worst.switched || worst.error > POOR) {
        let left = format!("f32 left {:.1} digits of component {}", worst.digits, worst.component);
        notes.push(match worst.switched {
            true => format!("Iteration {}: {left}; sums were in f64 from there on.", worst.iteration),
            false => format!(
                "Iteration {}: {left}; a fit in f64 (on the cpu engine) may end elsewhere.",
                worst.iteration
            ),
        });
    }
    for few in report.degenerate.iter().take(20) {
        notes.push(format!(
            "Component {} has too few samples for its covariance (effective count {:.1}): likelihood, BIC and AIC look \
             better than the fit is.",
            few.component, few.effective_count
        ));
    }
    for collapse in report.collapses.iter().take(20) {
        let which = collapse.component.map_or("the shared covariance".into(), |k| format!("component {k}"));
        let (when, what) = (collapse.iteration, collapse.action.name());
        notes.push(format!("Iteration {when}: {which} collapsed ({what})."));
    }
    if report.collapses.len() > 20 {
        notes.push(format!("Components collapsed {} times in all.", report.collapses.len()));
    }
    notes
}

fn names(samples: &Samples<'_>, model: &GaussianMixture) -> Vec<String> {
    let known = samples.feature_names().or(model.feature_names.as_deref());
    known.map_or_else(
        || (1..=model.parameters.n_features()).map(|feature| format!("feature {feature}")).collect(),
        <[String]>::to_vec,
    )
}

fn components(samples: &Samples<'_>, model: &GaussianMixture) -> Vec<Json> {
    let (p, d) = (&model.parameters, model.parameters.n_features());
    let counts = model
        .effective_counts()
        .unwrap_or_else(|| p.weights().iter().map(|w| w * samples.total_weight()).collect());
    let mut shown: Vec<usize> = (0..p.n_components()).collect();
    // The heaviest, in their order.
    shown.sort_by(|&a, &b| p.weights()[b].total_cmp(&p.weights()[a]).then(a.cmp(&b)));
    shown.truncate(MOST_ROWS);
    shown.sort_unstable();
    let row = |k: usize| {
        let matrix = p.covariance_matrix(k);
        let cell = |i: usize| format!("{} ± {}", short(p.mean(k)[i], 4), short(matrix[i * d + i].sqrt(), 3));
        json!({
            "colour": hex(colour(k)),
            "number": k,
            "weight": format!("{:.4}", p.weights()[k]),
            "count": format!("{:.1}", counts[k]),
            "condition": linalg::condition(&matrix, d).map_or("–".to_owned(), |c| short(c, 2)),
            "cells": (0..d).map(cell).collect::<Vec<String>>(),
        })
    };
    shown.into_iter().map(row).collect()
}

fn restarts(report: &FitReport) -> Vec<Vec<String>> {
    let row = |(n, restart): (usize, &crate::report::Restart)| {
        let outcome = match (&restart.error, restart.converged) {
            (Some(error), _) => error.clone(),
            (None, true) => "converged".into(),
            (None, false) => "not converged".into(),
        };
        let mean = restart.lower_bound.map_or("–".into(), |bound| signed(bound, 6));
        vec![(n + 1).to_string(), restart.n_iter.to_string(), mean, outcome]
    };
    report.restarts.iter().enumerate().map(row).collect()
}

/// The fields of an object as words; objects in it are left as JSON.
fn pairs(object: &Json) -> Pairs {
    let empty = Map::new();
    let words = |value: &Json| match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let fields = object.as_object().unwrap_or(&empty);
    fields.iter().map(|(name, value)| (name.replace('_', " "), words(value))).collect()
}

/// What the check in f64 found.
fn verification(found: Verification) -> Section {
    let number = |value: Option<f64>| value.map_or("not finite".into(), |value| signed(value, 8));
    let size = |value: f64| format!("{value:.1e}").replace('-', "−");
    let facts = [
        ("samples", found.n_samples.to_string()),
        ("mean log-likelihood", number(found.mean_log_likelihood)),
        ("the same in f64", number(Some(found.expected_mean_log_likelihood))),
        ("difference", found.difference.map_or("not finite".into(), size)),
        ("allowed", size(found.bound)),
    ];
    Section {
        verdict: Some((found.within, if found.within { "verified" } else { "not verified" }.into())),
        facts: facts.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        ..Section::new("verification", "Verification")
    }
}

/// A number to `digits` significant digits: decimal if that is short, else with an exponent.
fn short(value: f64, digits: i32) -> String {
    let magnitude = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    if (-4..=9).contains(&magnitude) {
        return signed(value, (digits - 1 - magnitude).max(0) as usize);
    }
    format!("{value:.*e}", (digits - 1).max(0) as usize).replace('-', "−")
}
