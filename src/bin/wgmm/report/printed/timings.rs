//! How long a fit took, as `wgmm fit --json` told.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use wgmm::GaussianMixture;
use wgmm::internals::plot::Section;
use wgmm::internals::report::FitReport;

use super::{object, refused, shape_differences, time};
use crate::exit::{Failure, Outcome, shown};
use crate::words::quoted;

/// Differences that are named at most.
const MOST: usize = 4;

#[derive(Deserialize)]
struct Fit {
    version: String,
    engine: Box<RawValue>,
    options: Box<RawValue>,
    report: Box<RawValue>,
    model: Box<RawValue>,
    timings: Timings,
}

#[derive(Deserialize)]
struct Timings {
    read_seconds: f64,
    fit_seconds: f64,
    total_seconds: f64,
}

impl Fit {
    /// The model that was fitted, as its file holds it.
    fn model(&self, path: &Path) -> Outcome<GaussianMixture> {
        let model = GaussianMixture::from_json(self.model.get(), &shown(path))?;
        // `--json` tells engine and options beside the report.
        let fields = self.report.get().trim_start_matches('{');
        let text = format!("{{\"engine\":{},\"options\":{},{fields}", self.engine.get(), self.options.get());
        let report: FitReport = serde_json::from_str(&text).map_err(|e| refused(path, "fit", e))?;
        Ok(GaussianMixture { report: Some(report), ..model })
    }
}

/// The section of times in `path`. A model that tells nothing of its fit takes it from there.
///
/// # Errors
/// Exit 3 for what is no such file, or speaks of another model than `model`.
pub(super) fn read(path: &Path, (model_path, model): (&Path, &mut GaussianMixture)) -> Outcome<Section> {
    let fit: Fit = object(path, "fit")?;
    let found = fit.model(path)?;
    let mut differences = differences(&found, model);
    if !differences.is_empty() {
        let more = differences.len().saturating_sub(MOST);
        differences.truncate(MOST);
        if more > 0 {
            differences.push(format!("and {more} more"));
        }
        let [file, model] = [path, model_path].map(shown);
        return Err(Failure::input(format!(
            "{file}: tells of another fit than that of {model}: {}. Give what `wgmm fit` printed as it wrote {model}, or \
             write both anew: `wgmm fit DATA -k K -o {} --json > {}`",
            differences.join(", "),
            quoted(&model),
            quoted(&file)
        )));
    }
    if model.report.is_none() {
        model.report = found.report;
    }
    let mut section = Section::new("timings", "Timings");
    let mut fact = |name: &str, value: String| section.facts.push((name.into(), value));
    let times = fit.timings;
    fact("reading the data", time(times.read_seconds));
    fact("fit", time(times.fit_seconds));
    fact("whole command", time(times.total_seconds));
    fact("on", model.report.as_ref().map_or_else(String::new, |report| report.engine.device.clone()));
    fact("by", format!("wgmm {}", fit.version));
    Ok(section)
}

/// What tells `found` from `model`.
fn differences(found: &GaussianMixture, model: &GaussianMixture) -> Vec<String> {
    let (p, q) = (&found.parameters, &model.parameters);
    let mut differences = shape_differences((p.n_components(), p.n_features(), p.covariance_type()), model);
    let same = [
        ("weights", p.weights() == q.weights()),
        ("means", p.means() == q.means()),
        ("covariances", p.covariances() == q.covariances()),
    ];
    if differences.is_empty() {
        differences.extend(same.iter().filter(|(_, same)| !same).map(|(name, _)| format!("{name} differ")));
    }
    let (Some(found), Some(expected)) = (&found.report, &model.report) else { return differences };
    // More options are told than a model file holds.
    let told =
        expected.options.keys().filter_map(|name| Some((name.clone(), found.options.get(name)?.clone())));
    let found = FitReport { options: told.collect(), ..found.clone() };
    let fields = |report: &FitReport| serde_json::to_value(report).unwrap_or_default();
    let (found, expected) = (fields(&found), fields(expected));
    for (name, expected) in expected.as_object().into_iter().flatten() {
        let found = found.get(name).unwrap_or(&Value::Null);
        if found != expected {
            let scalar = !(found.is_object() || found.is_array() || found.is_null());
            differences.push(if scalar {
                format!("{name} is {found}, not {expected}")
            } else {
                format!("{name} differs")
            });
        }
    }
    differences
}
