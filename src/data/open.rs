//! [`open`]: a file becomes a [`Table`] of samples.

use std::path::Path;

use super::samples::Values;
use super::source::{Format, Source, unchanged};
use super::table::{ReadOptions, Table, in_file};
use super::{csv, npy};
use crate::error::{Error, Result};

/// Reads a table from `path`; `-` is standard input. See [`crate::files`] for the formats and rules.
///
/// Peak memory is about 8 bytes per value kept (4 for `f4` NPY); NPY from a pipe is held once more while it is
/// checked.
///
/// # Errors
/// [`Error::Io`]; [`Error::Format`] for anything that is not a table; [`Error::RaggedRow`], [`Error::Cell`] and
/// [`Error::NonFinite`] name the place; [`Error::UnknownColumn`] and [`Error::Option`] for the options.
pub fn open(path: &Path, options: &ReadOptions) -> Result<Table> {
    let mut source = Source::open(path)?;
    let (path, as_opened) = (source.path().to_owned(), source.as_opened());
    let read = match source.format()? {
        Format::Npy => npy::read(source, options),
        Format::Csv => csv::read(source, options),
    };
    let (mut table, weight_file) = unchanged(as_opened, read)?;
    if let Some(file) = weight_file {
        let weights = table.keep_rows(&format!("weights in {}", file.display()), open_weights(&file)?)?;
        table.samples = table.samples.with_sample_weights(weights).map_err(|e| in_file(&path, e))?;
    }
    table.samples = table.samples.with_dropped_rows(table.dropped_rows.clone());
    Ok(table)
}

/// Reads N sample weights: a 1-D (or N×1) `.npy`, or a CSV of one column with or without a header.
///
/// # Errors
/// As [`open`]; [`Error::Format`] if there is more than one column or a weight is negative.
pub fn open_weights(path: &Path) -> Result<Vec<f64>> {
    let table = open(path, &ReadOptions::default())?;
    let weights = column(path, "weights", &table)?;
    match weights.iter().position(|weight| *weight < 0.0) {
        Some(row) => Err(Error::format(
            path,
            format!("the weight of row {row} (from 0) is negative; weights are at least 0"),
        )),
        None => Ok(weights),
    }
}

/// The only column of `table`.
pub(super) fn column(path: &Path, what: &str, table: &Table) -> Result<Vec<f64>> {
    if table.samples.n_features() != 1 {
        let n = table.samples.n_features();
        return Err(Error::format(
            path,
            format!("{what} need one column with one value per row; this file has {n} columns"),
        ));
    }
    Ok(match table.samples.values() {
        Values::F64(values) => values.to_vec(),
        Values::F32(values) => values.iter().map(|&value| f64::from(value)).collect(),
    })
}
