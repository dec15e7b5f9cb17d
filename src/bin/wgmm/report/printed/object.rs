//! What `--json` printed, as an object of that kind; and what tells it from a model.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use wgmm::Error;
use wgmm::internals::data;

use crate::exit::{Failure, Outcome, shown};
use crate::output::short;

/// Differences that are named at most.
const MOST: usize = 4;

/// Reads what `wgmm COMMAND … --json` printed.
///
/// # Errors
/// Exit 3, naming the file, for anything else.
pub(super) fn read<T: DeserializeOwned>(path: &Path, command: &str) -> Outcome<T> {
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
pub(super) fn refused(path: &Path, command: &str, what: impl ToString) -> Failure {
    let what: String = what.to_string().chars().take(200).collect();
    let advice = match command {
        "fit" => "--fit takes what `wgmm fit DATA -k K -o MODEL --json` printed",
        _ => "--compare takes what `wgmm compare DATA --against MODEL --json` printed",
    };
    Error::format(shown(path), format!("cannot be used: {what}. {advice}")).into()
}

/// The size of a mixture, in the words of a model file.
pub(super) const SIZE: [&str; 3] = ["n_components", "n_features", "covariance_type"];
/// Its numbers.
const NUMBERS: [&str; 3] = ["weights", "means", "covariances"];

/// What tells `found` from a model file's fields: those of its size if they differ, else its numbers, else the others.
pub(super) fn differences(found: &Map<String, Value>, expected: &Map<String, Value>) -> Vec<String> {
    let others: Vec<&str> = expected.keys().map(String::as_str).collect();
    let groups = [&SIZE[..], &NUMBERS, &others].map(|names| differing(found, expected, names));
    let mut first = groups.into_iter().find(|group| !group.is_empty()).unwrap_or_default();
    let more = first.len().saturating_sub(MOST);
    if more > 0 {
        first.truncate(MOST);
        first.push(format!("and {more} more"));
    }
    first
}

/// Which of the fields `names` differ.
pub(super) fn differing(
    found: &Map<String, Value>,
    expected: &Map<String, Value>,
    names: &[&str],
) -> Vec<String> {
    let scalar = |value: Option<&Value>| match value {
        None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    let pairs = names.iter().map(|name| (name, found.get(*name), expected.get(*name)));
    let differing = pairs.filter(|(_, found, expected)| found != expected);
    let words = differing.map(|(name, found, expected)| match (scalar(found), scalar(expected)) {
        (Some(found), Some(expected)) => format!("{name} is {found}, not {expected}"),
        _ => format!("other {name}"),
    });
    words.collect()
}

/// A time in the unit that suits it.
pub(super) fn time(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 1e-3 => (s * 1e6, "µs"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    format!("{} {unit}", short(value))
}
