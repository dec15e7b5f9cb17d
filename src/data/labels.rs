//! One label per row, to compare with.

use std::path::Path;

use ::csv::ByteRecord;

use super::csv::{Rows, too_large};
use super::number::{self, Cell};
use super::open::column;
use super::source::{Format, Source, unchanged};
use super::table::{ReadOptions, Table};
use crate::error::{Error, Result};

/// First cells that are headers even if all labels are text.
const HEADERS: [&str; 10] =
    ["label", "labels", "class", "classes", "target", "truth", "component", "cluster", "category", "y"];

/// Reads N labels as text: a 1-D (or N×1) `.npy`, or a CSV of one column. Whole numbers lose their `.0`.
///
/// The first CSV row is a header if it is no number while all others are, or if it is `label`, `class`, `target`,
/// `truth`, `component`, `cluster`, `category` or `y` (in any case, or the plural).
///
/// # Errors
/// As [`super::open`]; [`Error::Format`] if there is more than one column, or an empty label.
pub fn open_labels(path: &Path) -> Result<Vec<String>> {
    read(path, None)
}

/// Reads the labels of a table's samples: one per data row of the file, as [`open_labels`] reads them, without the
/// labels of rows that were left out. If a CSV has one row more than the data, its first row is the header, unless
/// it is a number.
///
/// # Errors
/// As [`open_labels`]; [`Error::Shape`] naming the file unless there is one label per data row.
pub fn open_labels_of(path: &Path, table: &Table) -> Result<Vec<String>> {
    let n_rows = table.samples.n_samples() + table.dropped_rows.len();
    table.keep_rows(&format!("labels in {}", path.display()), read(path, Some(n_rows))?)
}

/// `n_rows` is the number of labels wanted, if it is known.
fn read(path: &Path, n_rows: Option<usize>) -> Result<Vec<String>> {
    let mut source = Source::open(path)?;
    let (path, as_opened) = (source.path().to_owned(), source.as_opened());
    let labels = match source.format()? {
        Format::Npy => super::npy::read(source, &ReadOptions::default()).and_then(|(table, _)| {
            Ok(column(&path, "labels", &table)?.into_iter().map(|value| format!("{value}")).collect())
        }),
        Format::Csv => Rows::new(source).and_then(|rows| read_labels(&path, rows, n_rows)),
    };
    unchanged(as_opened, labels)
}

fn read_labels(path: &Path, mut rows: Rows, n_rows: Option<usize>) -> Result<Vec<String>> {
    let mut row = ByteRecord::new();
    let mut labels = Vec::new();
    let (mut first_is_number, mut rest_are_numbers) = (false, true);
    while let Some(line) = rows.next(&mut row)? {
        let cell = number::trim(row.as_slice());
        if row.len() != 1 || cell.is_empty() {
            let what =
                if row.len() == 1 { "an empty label".into() } else { format!("{} columns", row.len()) };
            return Err(Error::format(
                path,
                format!("line {line}: {what}; a label file has one column with one label per row"),
            ));
        }
        let (label, is_number) = match number::read(cell) {
            Cell::Number(value) => (format!("{value}"), true),
            _ => (String::from_utf8_lossy(cell).into_owned(), false),
        };
        if labels.is_empty() {
            first_is_number = is_number;
        } else {
            rest_are_numbers &= is_number;
        }
        if labels.try_reserve(1).is_err() {
            return Err(too_large(path, line));
        }
        labels.push(label);
        // One may be the header; more are too many, and a pipe may never end.
        if let Some(n) = n_rows.filter(|n| labels.len() > n + 1) {
            let what = format!("labels in {}", path.display());
            return Err(Error::shape(what, format!("{n} values, one per row of the data"), "more"));
        }
    }
    let is_header = match labels.first() {
        Some(first) => {
            HEADERS.iter().any(|header| first.eq_ignore_ascii_case(header))
                || (!first_is_number && rest_are_numbers && labels.len() > 1)
                || (!first_is_number && n_rows.is_some_and(|n| n + 1 == labels.len()))
        }
        None => false,
    };
    if is_header {
        labels.remove(0);
    }
    if labels.is_empty() {
        return Err(Error::format(path, "there are no labels: the file is empty"));
    }
    Ok(labels)
}
