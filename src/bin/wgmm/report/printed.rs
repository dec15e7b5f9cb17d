//! Reads what other commands printed with `--json` about the model of the page. Output about another model is refused.

mod comparison;
mod timings;

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use wgmm::internals::data;
use wgmm::internals::plot::Section;
use wgmm::{CovarianceType, Error, GaussianMixture, Samples};

use crate::exit::{Failure, Outcome, shown};
use crate::output::short;
use comparison::Comparison;

/// What was printed about one model.
pub(super) struct Printed<'p> {
    timings: Option<Section>,
    comparison: Option<(&'p Path, Comparison)>,
}

impl<'p> Printed<'p> {
    /// Reads the files of `--fit` and `--compare`. A model that tells nothing of its fit takes it from the first.
    ///
    /// # Errors
    /// Exit 3 for files of another kind, or about another model.
    pub(super) fn read(
        fit: Option<&Path>,
        compare: Option<&'p Path>,
        (model_path, model): (&Path, &mut GaussianMixture),
    ) -> Outcome<Self> {
        let timings = fit.map(|path| timings::read(path, (model_path, model))).transpose()?;
        let compared = |path| Comparison::read(path, (model_path, model)).map(|found| (path, found));
        Ok(Printed { timings, comparison: compare.map(compared).transpose()? })
    }

    /// The sections of a page about the `samples` of `data`.
    ///
    /// # Errors
    /// Exit 3 for a comparison over other data.
    pub(super) fn sections(self, data: &Path, samples: &Samples<'_>) -> Outcome<Vec<Section>> {
        let comparison = self.comparison.map(|(path, found)| found.section(path, (data, samples)));
        Ok(self.timings.into_iter().chain(comparison.transpose()?).collect())
    }
}

/// Reads what `wgmm COMMAND … --json` printed.
///
/// # Errors
/// Exit 3, naming the file, for anything else.
fn object<T: DeserializeOwned>(path: &Path, command: &str) -> Outcome<T> {
    #[derive(Deserialize)]
    struct Kind {
        schema: Option<String>,
        format: Option<String>,
    }

    let bytes = data::read_json(path)?;
    let schema = format!("wgmm.{command}/1");
    let kind: Kind = serde_json::from_slice(&bytes).map_err(|e| refused(path, command, e))?;
    match (kind.schema, kind.format) {
        (Some(found), _) if found == schema => {}
        (Some(found), _) => {
            return Err(refused(path, command, format!("it says that it is {found:?}, not {schema:?}")));
        }
        (None, Some(_)) => return Err(refused(path, command, "it is a model file")),
        (None, None) => return Err(refused(path, command, format!("it does not say that it is {schema:?}"))),
    }
    serde_json::from_slice(&bytes).map_err(|e| refused(path, command, e))
}

/// The error of a file that `wgmm COMMAND … --json` did not print.
fn refused(path: &Path, command: &str, what: impl ToString) -> Failure {
    let what: String = what.to_string().chars().take(200).collect();
    let advice = match command {
        "fit" => "--fit takes what `wgmm fit DATA -k K -o MODEL --json` printed",
        _ => "--compare takes what `wgmm compare DATA --against MODEL --json` printed",
    };
    Error::format(shown(path), format!("cannot be used: {what}. {advice}")).into()
}

/// How the shape of `model` differs from the K, D and type in a file; empty if it does not.
fn shape_differences(found: (usize, usize, CovarianceType), model: &GaussianMixture) -> Vec<String> {
    let p = &model.parameters;
    let differ = |name, found: String, expected: String| {
        (found != expected).then(|| format!("{name} is {found}, not {expected}"))
    };
    let parts = [
        differ("n_components", found.0.to_string(), p.n_components().to_string()),
        differ("n_features", found.1.to_string(), p.n_features().to_string()),
        differ("covariance_type", found.2.to_string(), p.covariance_type().to_string()),
    ];
    parts.into_iter().flatten().collect()
}

/// A time in the unit that suits it.
fn time(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 1e-3 => (s * 1e6, "µs"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    format!("{} {unit}", short(value))
}
