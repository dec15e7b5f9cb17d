//! CSV text: rows become samples. Rows are streamed; only the selected numbers are kept.

mod rows;

use std::path::Path;

use ::csv::ByteRecord;

pub(super) use self::rows::Rows;
use super::columns::{self, Selection};
use super::number::{self, Cell};
use super::samples::Samples;
use super::source::Source;
use super::table::{Header, Missing, Opened, Places, ReadOptions, Table, in_file};
use crate::error::{Error, Remedy, Result};
use crate::report::Warning;

/// Reads a CSV table.
pub(super) fn read(source: Source, options: &ReadOptions) -> Result<Opened> {
    let mut rows = Rows::new(source)?;
    let path = rows.path().to_owned();
    let mut row = ByteRecord::new();
    let Some(mut line) = rows.next(&mut row)? else {
        return Err(Error::format(&path, "there are no data rows: the file is empty or blank"));
    };
    let header = is_header(&path, line, &row, options)?.then(|| row.iter().map(text).collect::<Vec<_>>());
    let width = row.len();
    let selection = columns::select(&path, options, header.as_deref(), width).map_err(|e| match e {
        error @ Error::UnknownColumn { .. } if header.is_none() => error.with_remedy(Remedy::HeaderIsThere),
        other => other,
    })?;
    let denied_header = (options.header == Header::No).then_some(line);
    let cells = Cells {
        path: &path,
        names: header.as_deref(),
        missing: options.missing,
        selection: &selection,
        denied_header,
    };
    let n_features = selection.features.len();
    let (mut values, mut weights) = (Vec::new(), Vec::new());
    let (mut dropped_rows, mut dropped, mut n_rows) = (Vec::new(), Vec::new(), 0);
    let mut places = Places::default();
    let mut more = header.is_none() || advance(&mut rows, &mut row, &mut line)?;
    while more {
        if row.len() != width {
            return Err(ragged(&path, line, &row, width, header.as_deref().filter(|_| n_rows == 0)));
        }
        let start = values.len();
        // Every list that grows with the rows: a pipe may never end.
        let room = values.try_reserve(n_features).is_ok()
            && weights.try_reserve(1).is_ok()
            && dropped_rows.try_reserve(1).is_ok()
            && dropped.try_reserve(1).is_ok()
            && places.try_reserve();
        if !room {
            return Err(too_large(&path, line));
        }
        if cells.read(line, &row, &mut values, &mut weights)? {
            dropped_rows.push(line);
            dropped.push(n_rows);
            values.truncate(start);
        } else {
            places.push(line);
        }
        n_rows += 1;
        more = advance(&mut rows, &mut row, &mut line)?;
    }
    if values.is_empty() {
        let what = if n_rows == 0 {
            "there are no data rows below the header"
        } else {
            "no data rows are left: every row has a missing cell"
        };
        return Err(Error::format(&path, what));
    }
    let mut samples = Samples::new(values, n_features)?;
    if let Some(names) = &header {
        let chosen = selection.features.iter().filter_map(|&column| names.get(column).cloned()).collect();
        samples = samples.with_feature_names(chosen)?;
    }
    if selection.weight.is_some() {
        samples = samples.with_sample_weights(weights).map_err(|e| in_file(&path, e))?;
    }
    let has_header = header.is_some();
    Ok((Table { samples, dropped_rows, has_header, dropped, places }, selection.weight_file))
}

/// The rows up to `line` fill the memory.
pub(super) fn too_large(path: &Path, line: u64) -> Error {
    let what = format!("the file does not fit into memory (line {line})");
    Error::format(path, what).with_remedy(Remedy::FewerColumns)
}

fn advance(rows: &mut Rows, row: &mut ByteRecord, line: &mut u64) -> Result<bool> {
    let next = rows.next(row)?;
    *line = next.unwrap_or(*line);
    Ok(next.is_some())
}

/// A header cell as text: UTF-8, else Latin-1, which is what such files are.
fn text(cell: &[u8]) -> String {
    let cell = number::trim(cell);
    match std::str::from_utf8(cell) {
        Ok(name) => name.into(),
        Err(_) => cell.iter().copied().map(char::from).collect(),
    }
}

/// The rule in the documentation of [`data`](crate::data).
fn is_header(path: &Path, line: u64, row: &ByteRecord, options: &ReadOptions) -> Result<bool> {
    match options.header {
        Header::Yes => return Ok(true),
        Header::No => return Ok(false),
        Header::Detect => {}
    }
    let kinds: Vec<Cell> = row.iter().map(number::read).collect();
    let is_number = |kind: &Cell| matches!(kind, Cell::Number(_) | Cell::Overflow);
    let Some(name) = kinds.iter().position(|kind| *kind == Cell::Text) else {
        let wanted = &options.prefer_columns;
        let is_known =
            !wanted.is_empty() && wanted.iter().all(|name| row.iter().any(|cell| text(cell) == *name));
        if !is_known && counts_up(&kinds) {
            let first_cells = row.iter().take(3).map(text).collect();
            Warning::HeaderLikeData { path: path.display().to_string(), line, first_cells }.tell();
        }
        return Ok(is_known);
    };
    let Some(digit) = kinds.iter().position(is_number) else { return Ok(true) };
    let options_name = |cell: &str| {
        options
            .columns
            .iter()
            .chain(&options.prefer_columns)
            .chain(&options.drop_columns)
            .chain(&options.weights)
            .any(|wanted| wanted.trim() == cell)
    };
    if row.iter().zip(&kinds).any(|(cell, kind)| *kind == Cell::Text && options_name(&text(cell))) {
        return Ok(true);
    }
    if let Ok(selection) = columns::select(path, options, None, row.len())
        && selection.used().all(|column| kinds.get(column) != Some(&Cell::Text))
    {
        return Ok(false);
    }
    let shown = |column: usize| number::plain(number::trim(row.get(column).unwrap_or_default()));
    let what = format!(
        "line {line} is neither a header nor data: column {} is {:?} but column {} is the number {}",
        name + 1,
        shown(name),
        digit + 1,
        shown(digit),
    );
    Err(Error::format(path, what).with_remedy(Remedy::HeaderOrColumn((name + 1).to_string())))
}

/// Whether the cells are whole numbers, each one more than the last: 0, 1, ... or 1, 2, ..., and with three columns or
/// more from any number.
fn counts_up(kinds: &[Cell]) -> bool {
    let value = |kind: &Cell| match kind {
        Cell::Number(value) if value.fract() == 0.0 => Some(*value),
        _ => None,
    };
    let Some(values) = kinds.iter().map(value).collect::<Option<Vec<f64>>>() else { return false };
    let from = values.first().copied().unwrap_or_default();
    let counts = values.windows(2).all(|pair| pair[1] == pair[0] + 1.0);
    counts && (values.len() > 2 || (values.len() == 2 && (from == 0.0 || from == 1.0)))
}

/// `header` is given if `row` is the first below it.
fn ragged(path: &Path, line: u64, row: &ByteRecord, expected: usize, header: Option<&[String]>) -> Error {
    let found = row.len();
    if row.as_slice().contains(&b'\n') {
        let what = format!(
            "line {line}: {found} cells where {expected} were expected, and one runs over several lines. Is a closing quote missing?"
        );
        return Error::format(path, what);
    }
    match header {
        Some(names) => {
            let comment = names.first().is_some_and(|name| name.starts_with('#'));
            let advice =
                if comment { "Remove comment lines above the header" } else { "Give every column one name" };
            Error::format(
                path,
                format!("line {line} has {found} cells but the header above it has {expected}. {advice}"),
            )
        }
        None => Error::RaggedRow { path: path.into(), line, expected, found },
    }
}

/// How the cells of one row become values.
struct Cells<'a> {
    path: &'a Path,
    names: Option<&'a [String]>,
    missing: Missing,
    selection: &'a Selection,
    /// The first row's line, if the options say that it is no header.
    denied_header: Option<u64>,
}

impl Cells<'_> {
    /// Appends the features of `row` and its weight. Returns whether the row is to be dropped instead.
    fn read(
        &self,
        line: u64,
        row: &ByteRecord,
        values: &mut Vec<f64>,
        weights: &mut Vec<f64>,
    ) -> Result<bool> {
        let mut drop = false;
        for &column in &self.selection.features {
            match self.number(line, row, column)? {
                Some(value) => values.push(value),
                None => drop = true,
            }
        }
        if let Some(column) = self.selection.weight {
            match self.number(line, row, column)? {
                Some(weight) if weight < 0.0 => {
                    let name = self.name(column).unwrap_or_else(|| "unnamed".into());
                    let what = format!(
                        "line {line}, column {} ({name}): the weight {weight} is negative. Weights are at least 0; repair the cell",
                        column + 1
                    );
                    return Err(Error::format(self.path, what));
                }
                Some(weight) if !drop => weights.push(weight),
                Some(_) => {}
                None => drop = true,
            }
        }
        Ok(drop)
    }

    /// `None` is a missing cell whose row is to be dropped.
    fn number(&self, line: u64, row: &ByteRecord, column: usize) -> Result<Option<f64>> {
        let cell = row.get(column).unwrap_or_default();
        match number::read(cell) {
            Cell::Number(value) => Ok(Some(value)),
            Cell::Missing if self.missing == Missing::Drop => Ok(None),
            _ => {
                let error = self.refuse(line, row, column);
                let is_denied = self.denied_header == Some(line);
                Err(if is_denied { error.with_remedy(Remedy::HeaderIsNotDenied) } else { error })
            }
        }
    }

    fn name(&self, column: usize) -> Option<String> {
        let name = self.names?.get(column)?;
        (!name.is_empty()).then(|| number::plain(name.as_bytes()))
    }

    /// The column as an option takes it: by its name, or by its number if the name cannot be typed or belongs to
    /// another column, too.
    fn option(&self, column: usize) -> String {
        let names = self.names.unwrap_or_default();
        let typed = |name: &&String| self.name(column).as_ref() == Some(*name) && !name.starts_with('-');
        match names.get(column).filter(typed) {
            Some(name) if names.iter().filter(|other| *other == name).count() == 1 => {
                columns::column_list(std::slice::from_ref(name))
            }
            _ => (column + 1).to_string(),
        }
    }

    fn refuse(&self, line: u64, row: &ByteRecord, column: usize) -> Error {
        let cell = row.get(column).unwrap_or_default();
        let (hint, remedy) = number::advice(cell, || self.option(column));
        Error::Cell {
            path: self.path.into(),
            line,
            column: column + 1,
            name: self.name(column).unwrap_or_else(|| "unnamed".into()),
            found: number::shorten(cell),
            hint,
            remedies: remedy.into_iter().collect(),
        }
    }
}
