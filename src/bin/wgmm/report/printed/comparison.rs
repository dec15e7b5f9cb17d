//! Reads the output of `wgmm compare --json`.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};
use wgmm::internals::plot::{Section, SectionTable};
use wgmm::internals::report::EngineInfo;
use wgmm::{GaussianMixture, Samples};

use super::object::{SIZE, differing, read, refused, time};
use crate::exit::{Failure, Outcome, shown};
use crate::output::model_json;
use crate::words::quoted;

/// What is used of the object.
#[derive(Deserialize)]
struct Comparison {
    data: String,
    n_samples: usize,
    total_weight: f64,
    expected: Expected,
    comparisons: Vec<Compared>,
    /// The size of the mixtures, among the others.
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// The run or model that the others are compared with.
#[derive(Deserialize)]
struct Expected {
    name: String,
    engine: Option<EngineInfo>,
    final_mean_log_likelihood: Option<f64>,
    parameters_checksum: String,
    seconds_per_iteration: Option<f64>,
}

#[derive(Deserialize)]
struct Compared {
    engine: EngineInfo,
    n_iter: usize,
    final_mean_log_likelihood: Option<f64>,
    parameters_checksum: String,
    distances: Parts,
    bound: Parts,
    labels: Labels,
    failures: Vec<String>,
    seconds_per_iteration: Option<f64>,
}

/// [`wgmm::internals::compare::Distances`]; what is no number is null in JSON.
#[derive(Deserialize)]
struct Parts {
    weights: Option<f64>,
    means: Option<f64>,
    covariances: Option<f64>,
    mean_log_likelihood: Option<f64>,
}

impl Parts {
    fn list(&self) -> [Option<f64>; 4] {
        [self.weights, self.means, self.covariances, self.mean_log_likelihood]
    }
}

#[derive(Deserialize)]
struct Labels {
    differing: usize,
}

/// The section of the comparison in `path`, which must be one of `model` over the `samples` of `data`.
///
/// # Errors
/// Exit 3 for what is no such file, and for other mixtures or data.
pub(super) fn section(
    path: &Path,
    (model_path, model): (&Path, &GaussianMixture),
    (data, samples): (&Path, &Samples<'_>),
) -> Outcome<Section> {
    let found: Comparison = read(path, "compare")?;
    if found.comparisons.is_empty() {
        return Err(refused(path, "compare", "it compares nothing"));
    }
    let [file, data, model_path] = [path, data, model_path].map(shown);
    let mut differences = differing(&found.others, &model_json(model)?, &SIZE);
    let checksum = model.parameters.checksum();
    let is_there = std::iter::once(&found.expected.parameters_checksum)
        .chain(found.comparisons.iter().map(|compared| &compared.parameters_checksum))
        .any(|found| *found == checksum);
    if differences.is_empty() && !is_there {
        differences.push("none of its mixtures has the numbers of that model".into());
    }
    if !differences.is_empty() {
        return Err(Failure::input(format!(
            "{file}: compares other mixtures than that of {model_path}: {}. Compare this one: `wgmm compare DATA \
             --against {} --json > {}`",
            differences.join(", "),
            quoted(&model_path),
            quoted(&file)
        )));
    }
    let (n_samples, total_weight) = (samples.n_samples(), samples.total_weight());
    if (found.n_samples, found.total_weight) != (n_samples, total_weight) {
        return Err(Failure::input(format!(
            "{file}: compares over {} samples of total weight {}, but {data} has {n_samples} of {total_weight}. Compare \
             over these: `wgmm compare {} --against MODEL --json > {}`, with the same --weights and --missing",
            found.n_samples,
            found.total_weight,
            quoted(&data),
            quoted(&file)
        )));
    }
    Ok(found.section())
}

impl Comparison {
    fn section(&self) -> Section {
        let mut section = Section::new("comparison", "Comparison");
        let name = |compared: &'_ Compared| compared.engine.kind;
        let failures = self.comparisons.iter().flat_map(|compared| {
            compared.failures.iter().map(move |failure| format!("{}: {failure}", name(compared)))
        });
        let failures: Vec<String> = failures.collect();
        let verdict = if failures.is_empty() { "within the bounds" } else { "outside the bounds" };
        section.verdict = Some((failures.is_empty(), verdict.into()));
        section.facts = vec![
            ("data".into(), self.data.clone()),
            ("samples".into(), self.n_samples.to_string()),
            ("held against".into(), self.expected.name.clone()),
        ];
        section.facts.extend(failures.into_iter().map(|failure| ("outside".into(), failure)));
        section.tables = vec![self.runs(), self.distances()];
        section
    }

    /// Every engine's run.
    fn runs(&self) -> SectionTable {
        let number = |value: Option<f64>| value.map_or("–".into(), |value| minus(format!("{value:.6}")));
        let seconds = |value: Option<f64>| value.map_or("–".into(), time);
        let expected = &self.expected;
        let device = |engine: &EngineInfo| format!("{} ({})", engine.kind, engine.device);
        // All engines ran for as many.
        let iterations = expected.engine.as_ref().and(self.comparisons.first()).map(|first| first.n_iter);
        let mut rows = vec![vec![
            expected.engine.as_ref().map_or_else(|| expected.name.clone(), device),
            iterations.map_or("–".into(), |n| n.to_string()),
            number(expected.final_mean_log_likelihood),
            "–".into(),
            seconds(expected.seconds_per_iteration),
        ]];
        rows.extend(self.comparisons.iter().map(|compared| {
            vec![
                device(&compared.engine),
                compared.n_iter.to_string(),
                number(compared.final_mean_log_likelihood),
                compared.labels.differing.to_string(),
                seconds(compared.seconds_per_iteration),
            ]
        }));
        let header =
            ["engine", "iterations", "mean log-likelihood", "labels that differ", "time per iteration"];
        SectionTable { header: header.map(str::to_owned).to_vec(), rows }
    }

    /// How far every engine is off, and how far it may be.
    fn distances(&self) -> SectionTable {
        let number =
            |value: Option<f64>| value.map_or("not finite".into(), |value| minus(format!("{value:.1e}")));
        let row = |compared: &Compared| {
            let parts = compared.distances.list().into_iter().zip(compared.bound.list());
            let cells = parts.map(|(found, bound)| format!("{} ({})", number(found), number(bound)));
            std::iter::once(compared.engine.kind.to_string()).chain(cells).collect()
        };
        let header = ["off by (allowed)", "weights", "means (sd)", "covariances", "mean log-likelihood"];
        SectionTable {
            header: header.map(str::to_owned).to_vec(),
            rows: self.comparisons.iter().map(row).collect(),
        }
    }
}

/// The sign as the rest of the page has it.
fn minus(number: String) -> String {
    number.replace('-', "−")
}
