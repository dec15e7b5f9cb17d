//! What `wgmm compare` tells.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};
use wgmm::Samples;
use wgmm::internals::compare::judge::BoundSource;
use wgmm::internals::fit::options::CheckedOptions;

use super::comparison::{Comparison, Yardstick, seconds_per_iteration};
use crate::exit::shown;
use crate::input::count;
use crate::output::{Align, align, short};

/// Everything for people: iterations, then each engine's components, labels, speed and verdict.
pub(super) fn text(
    data: &Path,
    samples: &Samples<'_>,
    yardstick: &Yardstick<'_>,
    comparisons: &[Comparison],
) -> String {
    let p = &yardstick.run.parameters;
    let mut text = format!(
        "{}: {}, {}; {}, {} covariance\n\n",
        shown(data),
        count(samples.n_samples(), "sample"),
        count(p.n_features(), "feature"),
        count(p.n_components(), "component"),
        p.covariance_type()
    );
    text += &iterations(yardstick, comparisons);
    for comparison in comparisons {
        // Writing to a string never fails.
        let _ = write!(text, "\n{}", one(comparison, yardstick));
    }
    text
}

/// The mean log-likelihood before every M-step and at the end, and how far each engine is from it.
fn iterations(yardstick: &Yardstick<'_>, comparisons: &[Comparison]) -> String {
    let name = |c: &Comparison| c.engine.kind;
    let mut header = vec!["iteration".to_owned()];
    let mut rows = Vec::new();
    match &yardstick.followed {
        Some(followed) => {
            header.push(format!("{}: mean log-likelihood", yardstick.name));
            header.extend(comparisons.iter().map(|c| format!("{} - {}", name(c), yardstick.name)));
            for (i, value) in followed.trace.iter().enumerate() {
                let mut row = vec![(i + 1).to_string(), format!("{value:.6}")];
                row.extend(comparisons.iter().map(|c| gap(c.followed.trace.get(i).map(|v| v - value))));
                rows.push(row);
            }
        }
        None => {
            header.extend(comparisons.iter().map(|c| format!("{}: mean log-likelihood", name(c))));
            let longest = comparisons.iter().map(|c| c.followed.trace.len()).max().unwrap_or(0);
            for i in 0..longest {
                let value =
                    |c: &Comparison| c.followed.trace.get(i).map_or("-".into(), |v| format!("{v:.6}"));
                rows.push(
                    std::iter::once((i + 1).to_string()).chain(comparisons.iter().map(value)).collect(),
                );
            }
        }
    }
    let expected = yardstick.run.mean_log_likelihood;
    let mut last = vec!["final".to_owned()];
    if yardstick.followed.is_some() {
        last.push(format!("{expected:.6}"));
        last.extend(comparisons.iter().map(|c| gap(Some(c.followed.outcome.mean_log_likelihood - expected))));
    } else {
        last.extend(comparisons.iter().map(|c| format!("{:.6}", c.followed.outcome.mean_log_likelihood)));
    }
    rows.push(last);
    rows.insert(0, header);
    align(&rows, Align::Right) + "\n"
}

fn gap(value: Option<f64>) -> String {
    value.map_or("-".into(), |v| format!("{v:+.1e}"))
}

/// One engine: components, labels, speed, verdict.
fn one(comparison: &Comparison, yardstick: &Yardstick<'_>) -> String {
    let Comparison { engine, followed, check, components, solid, labels } = comparison;
    let expected = &yardstick.run;
    let header = ["component", "weight", "least count", "d weight", "d mean (sd)", "d covariance", ""];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for (k, d) in components.iter().enumerate() {
        let note = if solid[k] { "" } else { "thin" };
        let mut row = vec![k.to_string(), format!("{:.4}", expected.parameters.weights()[k])];
        row.push(format!("{:.1}", expected.least_counts[k]));
        row.extend([d.weight, d.mean, d.covariance].map(|v| format!("{v:.1e}")));
        row.push(note.into());
        rows.push(row);
    }
    let mut lines = vec![format!("{} against {}", engine.kind, yardstick.name), align(&rows, Align::Right)];
    if solid.contains(&false) {
        lines.push(
            "thin: fewer than 4 samples per feature in some iteration; held to the mean log-likelihood alone"
                .into(),
        );
    }
    lines.push(match labels.differing {
        0 => "labels: all the same".into(),
        n => format!(
            "labels: {} differ ({:.2e} of all); between their two best components there are at most {:.1e}, in the \
             median {:.1e} nats",
            count(n, "sample"),
            labels.share,
            labels.largest_margin,
            labels.median_margin
        ),
    });
    let time = |seconds: Option<f64>| seconds.map_or("?".into(), |s| format!("{} ms", short(s * 1e3)));
    let mut speed = format!("time per iteration: {} {}", engine.kind, time(seconds_per_iteration(followed)));
    if let Some(other) = &yardstick.followed {
        speed += &format!(", {} {}", yardstick.name, time(seconds_per_iteration(other)));
    }
    lines.push(speed);
    let parts = check.distances.parts().into_iter().zip(check.bound.parts());
    let parts: Vec<String> =
        parts.map(|((name, found), (_, bound))| format!("{name} {found:.1e} of {bound:.0e}")).collect();
    let source = match check.bound_source {
        BoundSource::Contract => "the bound",
        BoundSource::Conditioning => "the bound, which follows the conditioning",
    };
    let verdict = if check.within { "WITHIN" } else { "OUTSIDE" };
    lines.push(format!("{verdict} {source}: {}", parts.join(", ")));
    lines.join("\n") + "\n"
}

/// The quantities that are outside, for the error message; empty if none is.
pub(super) fn outside(comparison: &Comparison, yardstick: &Yardstick<'_>) -> Option<String> {
    let failures = &comparison.check.failures;
    (!failures.is_empty())
        .then(|| format!("{} against {}: {}", comparison.engine.kind, yardstick.name, failures.join(", ")))
}

/// The object that `--json` prints. Only times differ between two runs.
pub(super) fn json(
    data: &Path,
    samples: &Samples<'_>,
    options: &CheckedOptions,
    yardstick: &Yardstick<'_>,
    comparisons: &[Comparison],
    seconds: f64,
) -> Value {
    let p = &yardstick.run.parameters;
    let mut expected = json!({
        "name": yardstick.name,
        "final_mean_log_likelihood": yardstick.run.mean_log_likelihood,
        "parameters_checksum": p.checksum(),
    });
    if let Some(followed) = &yardstick.followed {
        expected["engine"] = json!(yardstick.engine.info());
        expected["log_likelihood_trace"] = json!(followed.trace);
        expected["converged"] = json!(followed.fit.report.converged);
        if let Some(seconds) = seconds_per_iteration(followed) {
            expected["seconds_per_iteration"] = json!(seconds);
        }
    }
    json!({
        "schema": "wgmm.compare/1",
        "version": env!("CARGO_PKG_VERSION"),
        "data": shown(data),
        "n_samples": samples.n_samples(),
        "total_weight": samples.total_weight(),
        "n_features": p.n_features(),
        "n_components": p.n_components(),
        "covariance_type": p.covariance_type(),
        "options": options.to_map(),
        "expected": expected,
        "comparisons": comparisons.iter().map(|c| object(c, yardstick)).collect::<Vec<_>>(),
        "within": comparisons.iter().all(|c| c.check.within),
        "timings": {"total_seconds": seconds},
    })
}

fn object(comparison: &Comparison, yardstick: &Yardstick<'_>) -> Value {
    let Comparison { engine, followed, check, components, solid, labels } = comparison;
    let components = components.iter().enumerate().map(|(k, distances)| {
        json!({
            "weight": yardstick.run.parameters.weights()[k],
            "least_count": yardstick.run.least_counts[k],
            "solid": solid[k],
            "distances": distances,
        })
    });
    let mut object = json!({
        "engine": engine,
        "n_iter": followed.trace.len(),
        "log_likelihood_trace": followed.trace,
        "final_mean_log_likelihood": followed.outcome.mean_log_likelihood,
        "parameters_checksum": followed.outcome.parameters.checksum(),
        "distances": check.distances,
        "bound": check.bound,
        "bound_source": check.bound_source,
        "solid_components": check.solid_components,
        "components": components.collect::<Vec<_>>(),
        "labels": labels,
        "failures": check.failures,
        "within": check.within,
    });
    if let Some(expected) = &yardstick.followed {
        let gaps = followed.trace.iter().zip(&expected.trace).map(|(a, b)| a - b);
        object["log_likelihood_differences"] = json!(gaps.collect::<Vec<f64>>());
    }
    if let Some(seconds) = seconds_per_iteration(followed) {
        object["seconds_per_iteration"] = json!(seconds);
    }
    object
}
