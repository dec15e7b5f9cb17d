//! Writing to stdout and to files, and small tables for people.

use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value};
use wgmm::internals::error::printable;
use wgmm::internals::output::OutputFile;
use wgmm::internals::plot::Figure;
use wgmm::{Error, GaussianMixture};

use crate::exit::{Failure, Outcome};
use crate::progress::is_utf8;

/// Prints text; a reader that went away is a quiet success.
pub(crate) fn print(text: &[u8]) -> Outcome {
    let mut out = std::io::stdout().lock();
    out.write_all(text).and_then(|()| out.flush()).map_err(Failure::stdout)
}

/// Prints one JSON object on one line.
pub(crate) fn print_json(value: &Value) -> Outcome {
    print(format!("{value}\n").as_bytes())
}

/// A model as JSON: what its file holds.
pub(crate) fn model_json(model: &GaussianMixture) -> Outcome<Map<String, Value>> {
    let mut text = Vec::new();
    let unreadable = |e: std::io::Error| Error::write("standard output", e);
    model.write_json(&mut text).map_err(unreadable)?;
    Ok(serde_json::from_slice(&text).map_err(|e| unreadable(e.into()))?)
}

/// A model without the report of its fit as JSON: it is a model file, too.
pub(crate) fn bare_json(model: &GaussianMixture) -> Outcome<Value> {
    model_json(&GaussianMixture { report: None, ..model.clone() }).map(Value::from)
}

/// Writes a figure in the format that the name of the file tells.
pub(crate) fn write_figure(figure: &Figure, file: OutputFile) -> wgmm::Result<()> {
    if file.path().extension().is_some_and(|e| e.eq_ignore_ascii_case("png")) {
        write_bytes(&figure.to_png()?, file)
    } else {
        write_bytes(figure.svg().as_bytes(), file)
    }
}

/// Writes `bytes` and puts the file in place.
pub(crate) fn write_bytes(bytes: &[u8], mut file: OutputFile) -> wgmm::Result<()> {
    file.write_all(bytes).map_err(|e| Error::write(file.path(), e))?;
    file.commit()
}

/// Whether an output is standard output.
pub(crate) fn is_stdout(path: &Path) -> bool {
    path == Path::new("-") || path == Path::new("/dev/stdout")
}

/// The side of a column on which its cells stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Rows of cells as lines with aligned columns, two spaces between them.
pub(crate) fn align(rows: &[Vec<String>], align: Align) -> String {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..rows.iter().map(Vec::len).max().unwrap_or(0)).map(width).collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| match align {
            Align::Left => format!("{cell:<width$}"),
            Align::Right => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A number to five significant digits: decimal if that is short, else with an exponent.
pub(crate) fn short(value: f64) -> String {
    const DIGITS: i32 = 5;
    let magnitude = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    if !(-4..=8).contains(&magnitude) {
        return format!("{value:.*e}", DIGITS as usize - 1);
    }
    format!("{value:.*}", (DIGITS - 1 - magnitude).max(0) as usize)
}

/// `text`, cut to `most` characters and without characters that a terminal would obey.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let text = printable(text);
    if text.chars().count() <= most {
        return text;
    }
    text.chars().take(most - 1).chain([if is_utf8() { '…' } else { '~' }]).collect()
}
