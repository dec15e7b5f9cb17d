//! [`Table`]: samples that were read from a file, and what was asked for.

use std::path::{Path, PathBuf};

use super::samples::Samples;
use crate::error::{Error, Result};

/// What to read from a table.
///
/// Columns are given by header name or, if no name matches, by number from 1. NPY has numbers only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// The feature columns, in this order; empty takes all of them in file order.
    pub columns: Vec<String>,
    /// Feature columns to take by name if `columns` is empty and the header has them all: a model's feature names, so
    /// that ids and labels beside them do no harm.
    pub prefer_columns: Vec<String>,
    /// Columns to leave out.
    pub drop_columns: Vec<String>,
    /// Sample weights: a column, which then is no feature; where no column matches, a file as for [`super::open_weights`].
    pub weights: Option<String>,
    /// What to do with cells that hold no finite number.
    pub missing: Missing,
    /// Whether the first row of a CSV holds the column names.
    pub header: Header,
}

/// Whether the first row of a CSV is its header. NPY has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Header {
    /// Its content tells, by the rule of [the module](super).
    #[default]
    Detect,
    /// It is the header, even if it holds numbers.
    Yes,
    /// It is data.
    No,
}

named!(Header: "header" { Detect = "detect", Yes = "yes", No = "no" });

/// What to do with missing cells: empty, `NA`, `N/A`, `NaN`, `null`, `?`, infinities; NaN and infinities in NPY.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Missing {
    /// Refuse the table, naming the cell.
    #[default]
    Error,
    /// Leave the row out and remember it in [`Table::dropped_rows`].
    Drop,
}

named!(Missing: "missing" { Error = "error", Drop = "drop" });

/// A table that was read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Table {
    /// The samples, with feature names and weights if there are any.
    pub samples: Samples<'static>,
    /// Rows left out, ascending: line numbers from 1 (CSV) or row indices from 0 (NPY).
    pub dropped_rows: Vec<u64>,
    /// Whether the first row held column names.
    pub has_header: bool,
    /// Which data rows (from 0, header not counted) were left out, ascending.
    pub(super) dropped: Vec<usize>,
    /// The samples' places in the file.
    pub(super) places: Places,
}

/// Each sample's place in its file, as runs of consecutive rows. A table without blank lines, dropped rows and
/// cells over several lines is one run.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    /// First sample of each run and its row in the file, ascending.
    runs: Vec<(usize, u64)>,
    n_samples: usize,
}

impl Places {
    /// Makes room for one more sample; false if memory is full.
    pub(super) fn try_reserve(&mut self) -> bool {
        self.runs.try_reserve(1).is_ok()
    }

    /// The next sample stands in `row` of the file.
    pub(super) fn push(&mut self, row: u64) {
        let expected = self.runs.last().map(|(sample, first)| first + (self.n_samples - sample) as u64);
        if expected != Some(row) {
            self.runs.push((self.n_samples, row));
        }
        self.n_samples += 1;
    }
}

impl Table {
    /// The place of sample `sample` (from 0) in the file, counted as in [`Table::dropped_rows`]: line number from 1
    /// (CSV) or row index from 0 (NPY).
    pub fn row_number(&self, sample: usize) -> u64 {
        let after = self.places.runs.partition_point(|(first, _)| *first <= sample);
        let (first, row) = self.places.runs.get(after.wrapping_sub(1)).copied().unwrap_or_default();
        row + (sample - first.min(sample)) as u64
    }

    /// Keeps the values of the rows that were kept; `values` has one per data row of the file.
    ///
    /// # Errors
    /// [`Error::Shape`] naming `what` unless there is one value per data row.
    pub fn keep_rows<T>(&self, what: &str, values: Vec<T>) -> Result<Vec<T>> {
        let n_rows = self.samples.n_samples() + self.dropped.len();
        if values.len() != n_rows {
            return Err(Error::shape(
                what,
                format!("{n_rows} values, one per row of the data"),
                values.len(),
            ));
        }
        let mut dropped = self.dropped.iter().peekable();
        let kept = values.into_iter().enumerate().filter(|(row, _)| dropped.next_if_eq(&row).is_none());
        Ok(kept.map(|(_, value)| value).collect())
    }
}

/// Adds the file's name to errors of [`Samples`].
pub(super) fn in_file(path: &Path, e: Error) -> Error {
    e.remedies().into_iter().fold(Error::format(path, e.facts()), Error::with_remedy)
}

/// A table and, if `weights` names a file, the weights in it.
pub(super) type Opened = (Table, Option<PathBuf>);
