//! Values of options: every refusal names the allowed range or choices.

use std::ffi::OsStr;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{PathBufValueParser, PossibleValuesParser, TypedValueParser};
use wgmm::Init;
use wgmm::internals::fit::checkpoint::Interval;
use wgmm::internals::fit::options::MAX_REG_COVAR;
use wgmm::internals::names::{self, Named};

/// Components of a mixture: the most that is not a typing error.
pub(crate) const COMPONENTS: RangeInclusive<u64> = 1..=1_000_000;
/// Iterations and restarts.
pub(crate) const MAX_COUNT: u64 = 1_000_000_000;

/// A whole number in `range`.
pub(crate) fn whole<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let value = text.parse::<u64>().ok().filter(|value| range.contains(value));
        value
            .and_then(|value| T::try_from(value).ok())
            .ok_or_else(|| format!("a whole number from {} to {} is needed", range.start(), range.end()))
    }
}

/// A finite number of at least 0.
pub(crate) fn non_negative(text: &str) -> Result<f64, String> {
    bounded(text, f64::MAX).ok_or_else(|| "a finite number of at least 0 is needed".into())
}

/// A diagonal term: at least 0, and small enough to be multiplied.
pub(crate) fn reg_covar(text: &str) -> Result<f64, String> {
    bounded(text, MAX_REG_COVAR).ok_or_else(|| format!("a number from 0 to {MAX_REG_COVAR:e} is needed"))
}

fn bounded(text: &str, most: f64) -> Option<f64> {
    // −0 would print as such; it means 0.
    text.parse::<f64>().ok().filter(|value| (0.0..=most).contains(value)).map(f64::abs)
}

/// So many iterations (`5`), or so much time (`30s`, `5m`, `1h`).
pub(crate) fn interval(text: &str) -> Result<Interval, String> {
    let advice = "a number of iterations as 5, or a time as 30s, 5m or 1h, is needed: at least 1";
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let number = digits.parse::<u64>().ok().filter(|n| (1..=MAX_COUNT).contains(n)).ok_or(advice)?;
    match &text[digits.len()..] {
        "" => usize::try_from(number).map(Interval::Iterations).map_err(|_| advice.into()),
        "s" => Ok(Interval::Time(Duration::from_secs(number))),
        "m" => Ok(Interval::Time(Duration::from_secs(60 * number))),
        "h" => Ok(Interval::Time(Duration::from_secs(3600 * number))),
        _ => Err(advice.into()),
    }
}

/// A choice by its name.
pub(crate) fn named<T: Named + Send + Sync>() -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(T::NAMES).try_map(|given| names::parse::<T>(&given))
}

/// A choice by its name, except `value`.
pub(crate) fn named_but<T: Named + PartialEq + Send + Sync>(value: T) -> impl TypedValueParser<Value = T> {
    let others = T::NAMES.iter().zip(T::VALUES).filter(|(_, other)| **other != value);
    let names: Vec<&'static str> = others.map(|(name, _)| *name).collect();
    PossibleValuesParser::new(names).try_map(|given| names::parse::<T>(&given))
}

/// Names separated by commas; a name with a comma is quoted as in CSV.
#[derive(Debug, Clone, Default)]
pub(crate) struct Columns(pub(crate) Vec<String>);

/// At least one column, none of them empty or given twice.
pub(crate) fn columns(text: &str) -> Result<Columns, String> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(text.as_bytes());
    let row = match reader.records().next() {
        Some(Ok(row)) => row,
        _ => return Err("column names or numbers (from 1), separated by commas, are needed".into()),
    };
    let names: Vec<String> = row.iter().map(str::to_owned).collect();
    if names.iter().any(String::is_empty) {
        return Err("a column name is empty; give names or numbers (from 1), separated by commas".into());
    }
    if let Some(i) = (1..names.len()).find(|&i| names[..i].contains(&names[i])) {
        return Err(format!("the column {:?} is named twice; name every column once", names[i]));
    }
    Ok(Columns(names))
}

/// Most fits that one sweep tries: more is a typing error.
const MOST_COUNTS: usize = 10_000;

/// Numbers of components to try, ascending.
#[derive(Debug, Clone)]
pub(crate) struct Counts(pub(crate) Vec<usize>);

/// `1..10` (inclusive), `1,2,4`, or both mixed.
pub(crate) fn counts(text: &str) -> Result<Counts, String> {
    let (least, most) = (*COMPONENTS.start(), *COMPONENTS.end());
    let advice =
        format!("a range as 1..10 (inclusive) or a list as 1,2,4, from {least} to {most}, is needed");
    let number = |text: &str| text.trim().parse::<u64>().ok().filter(|n| COMPONENTS.contains(n));
    let mut counts = std::collections::BTreeSet::new();
    for part in text.split(',') {
        let (first, last) = match part.split_once("..") {
            Some((first, last)) => (number(first), number(last.strip_prefix('=').unwrap_or(last))),
            None => (number(part), number(part)),
        };
        let (Some(first), Some(last)) = (first, last) else { return Err(advice) };
        if first > last {
            return Err(format!("{first}..{last} runs backwards; {advice}"));
        }
        if last - first >= MOST_COUNTS as u64 || counts.len() >= MOST_COUNTS {
            return Err(format!("more than {MOST_COUNTS} numbers of components; {advice}"));
        }
        counts.extend((first..=last).map(|n| n as usize));
    }
    Ok(Counts(counts.into_iter().collect()))
}

/// Features with their values, in the order given.
#[derive(Debug, Clone)]
pub(crate) struct Given(pub(crate) Vec<(String, f64)>);

/// `a=1.5,b=2`: names or numbers from 1, each with a finite value; quoted as in CSV.
pub(crate) fn given(text: &str) -> Result<Given, String> {
    const ADVICE: &str = "features with their values, as a=1.5,b=2, are needed";
    let mut given: Vec<(String, f64)> = Vec::new();
    for part in columns(text).map_err(|_| ADVICE.to_owned())?.0 {
        // A name may hold `=`; a number does not.
        let (name, value) = part.rsplit_once('=').ok_or(ADVICE)?;
        let (name, value) = (name.trim(), value.trim());
        let value = value.parse::<f64>().ok().filter(|v| v.is_finite());
        let value = value.ok_or_else(|| format!("the value of {name:?} is no finite number; {ADVICE}"))?;
        if name.is_empty() || given.iter().any(|(other, _)| other == name) {
            return Err(format!("the feature {name:?} is empty or named twice; {ADVICE}"));
        }
        given.push((name.into(), value));
    }
    Ok(Given(given))
}

/// A share: from 0 to 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    bounded(text, 1.0).ok_or_else(|| "a number from 0 to 1 is needed".into())
}

/// How a start is given on the command line.
#[derive(Debug, Clone)]
pub(crate) enum InitArg {
    /// Computed from the data.
    Method(Init),
    /// Read from a JSON file.
    File(PathBuf),
}

/// A method's name, or the path of a JSON file. A word that is neither is taken for a misspelt name.
pub(crate) fn init() -> impl TypedValueParser<Value = InitArg> {
    PathBufValueParser::new().try_map(|path| {
        if let Some(method) = path.to_str().and_then(|text| text.parse().ok()) {
            return Ok(InitArg::Method(method));
        }
        let has_folder = path.parent().is_some_and(|folder| !folder.as_os_str().is_empty());
        if path.exists() || path.extension().is_some() || has_folder {
            return Ok(InitArg::File(path));
        }
        let names = Init::METHODS.map(|method| method.name()).join(", ");
        Err(format!(
            "one of {names}, or the path of a JSON file with some of weights, means, and covariances or precisions, is needed"
        ))
    })
}

/// Names that promise a format which is not written.
const FOREIGN: [&str; 10] = ["npz", "parquet", "arrow", "feather", "h5", "hdf5", "xlsx", "gz", "zst", "zip"];

/// A table, vector or labels to write: `.npy`, or CSV under any other name that does not promise another format.
pub(crate) fn table_output() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| {
        let foreign = |given: &OsStr| FOREIGN.iter().any(|e| given.eq_ignore_ascii_case(e));
        match path.extension().is_some_and(foreign) {
            true => Err("a file name that ends in .npy or .csv is needed: it tells the format"),
            false => Ok(path),
        }
    })
}

/// A trace to write: the name tells the format. `-` and devices get CSV.
pub(crate) fn trace_output() -> impl TypedValueParser<Value = PathBuf> {
    named_output(
        &["csv", "jsonl"],
        true,
        "a file name that ends in .csv or .jsonl is needed: it tells the format",
    )
}

/// A file to write whose ending tells the format and must be in `known`. If `devices` is set, `-` and devices are
/// allowed.
fn named_output(
    known: &'static [&'static str],
    devices: bool,
    advice: &'static str,
) -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(move |path| {
        let extension = path.extension().unwrap_or_default();
        let is_known = known.iter().any(|known| extension.eq_ignore_ascii_case(known));
        let is_device = path == Path::new("-") || path.starts_with("/dev");
        match is_known || devices && is_device {
            true => Ok(path),
            false => Err(advice),
        }
    })
}

/// A figure to write. `-` and devices get SVG.
pub(crate) fn figure_output() -> impl TypedValueParser<Value = PathBuf> {
    let advice = "a file name that ends in .svg or .png is needed: it tells the format";
    named_output(&["svg", "png"], true, advice)
}

/// A page to write.
pub(crate) fn page_output() -> impl TypedValueParser<Value = PathBuf> {
    named_output(&["html", "htm"], true, "a file name that ends in .html is needed")
}

/// An animation to write.
pub(crate) fn gif_output() -> impl TypedValueParser<Value = PathBuf> {
    named_output(&["gif"], false, "a file name that ends in .gif is needed")
}

/// Width and height of a figure in pixels, as `800x600`.
pub(crate) fn size(text: &str) -> Result<(u32, u32), String> {
    let sizes = wgmm::internals::plot::SIZES;
    let side = |text: &str| text.parse::<u32>().ok().filter(|side| sizes.contains(side));
    text.split_once('x').and_then(|(width, height)| Some((side(width)?, side(height)?))).ok_or_else(|| {
        format!("width and height from {} to {} pixels, as 800x600, are needed", sizes.start(), sizes.end())
    })
}

/// Text that is not empty.
pub(crate) fn not_empty(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("a name or number is needed".into()) } else { Ok(text.into()) }
}

/// A list as messages show it.
pub(crate) fn list<T: Display>(items: &[T], most: usize) -> String {
    let mut text = items.iter().take(most).map(T::to_string).collect::<Vec<_>>().join(", ");
    if items.len() > most {
        text += &format!(" and {} more", items.len() - most);
    }
    text
}
