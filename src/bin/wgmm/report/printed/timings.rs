//! How long a fit took, as `wgmm fit --json` told.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};
use wgmm::GaussianMixture;
use wgmm::internals::plot::Section;

use super::object::{differences, read, refused, time};
use crate::exit::{Failure, Outcome, shown};
use crate::output::model_json;
use crate::words::quoted;

#[derive(Deserialize)]
struct Fit {
    version: String,
    engine: Value,
    options: Map<String, Value>,
    report: Map<String, Value>,
    model: Map<String, Value>,
    timings: Timings,
}

#[derive(Deserialize)]
struct Timings {
    read_seconds: f64,
    fit_seconds: f64,
    total_seconds: f64,
}

/// The section of times in `path`. A model that tells nothing of its fit takes it from there.
///
/// # Errors
/// Exit 3 for a file of another kind, or one about another model than `model`.
pub(super) fn section(path: &Path, (model_path, model): (&Path, &mut GaussianMixture)) -> Outcome<Section> {
    let fit: Fit = read(path, "fit")?;
    // `--json` prints the fields of the model file in four parts.
    let mut fields = fit.model;
    fields.extend(fit.report);
    fields.insert("engine".into(), fit.engine);
    let expected = model_json(model)?;
    let mut options = fit.options;
    if let Some(kept) = expected.get("options").and_then(Value::as_object) {
        // More options are printed than a model file holds.
        options.retain(|name, _| kept.contains_key(name));
    }
    fields.insert("options".into(), options.into());
    let differences = differences(&fields, &expected);
    let found = GaussianMixture::from_json(&Value::from(fields).to_string(), &shown(path))?;
    let report = found.report.ok_or_else(|| refused(path, "fit", "its report is not whole"))?;
    if !differences.is_empty() {
        let [file, model] = [path, model_path].map(shown);
        return Err(Failure::input(format!(
            "{file}: tells of another fit than that of {model}: {}. Give what `wgmm fit` printed as it wrote {model}, or \
             write both anew: `wgmm fit DATA -k K -o {} --json > {}`",
            differences.join(", "),
            quoted(&model),
            quoted(&file)
        )));
    }
    let mut section = Section::new("timings", "Timings");
    let mut fact = |name: &str, value: String| section.facts.push((name.into(), value));
    let times = fit.timings;
    fact("reading the data", time(times.read_seconds));
    fact("fit", time(times.fit_seconds));
    fact("whole command", time(times.total_seconds));
    fact("on", report.engine.device.clone());
    fact("by", format!("wgmm {}", fit.version));
    model.report.get_or_insert(report);
    Ok(section)
}
