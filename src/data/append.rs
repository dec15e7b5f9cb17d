//! The input table with the labels as one more column.

use std::io::Write as _;
use std::path::Path;

use ::csv::{ByteRecord, QuoteStyle, Terminator, WriterBuilder};

use crate::data::csv::Rows;
use crate::data::source::{Format, Source};
use crate::data::{Table, npy};
use crate::error::{Error, Result};
use crate::output::{MatrixWriter, OutputFile, is_npy, same_file};

/// Copies the table at `input` to `output` with `labels` (one per sample of `table`, which was read from
/// `input`) as a last column.
///
/// CSV is streamed and keeps its separator, line ends, byte order mark, text columns and header. The new column is
/// called `name` (or `name_2`, … if there is one). Rows that were left out as missing get an empty cell. NPY becomes an
/// N×(D+1) f64 matrix with NaN for such rows. Blank lines are not copied.
///
/// # Errors
/// [`Error::Option`] if `input` is standard input (it cannot be read twice) or the same file as `output`, or if
/// a CSV is to become NPY; [`Error::Shape`] if the labels are not one per sample or the file has changed; [`Error::Io`].
pub fn copy_with_column(
    input: &Path,
    output: &Path,
    table: &Table,
    name: &str,
    labels: &[u32],
) -> Result<()> {
    let shown = || output.display().to_string();
    if labels.len() != table.samples.n_samples() {
        return Err(Error::shape("labels", table.samples.n_samples(), labels.len()));
    }
    if input == Path::new("-") {
        return Err(Error::option(
            "append",
            "-",
            "standard input cannot be read twice; give the data as a file",
        ));
    }
    if same_file(input, output) {
        return Err(Error::option("append", shown(), "the output is the input; give another name"));
    }
    let source = Source::open(input)?;
    match source.format()? {
        Format::Npy => append_npy(input, source, output, table, name, labels),
        Format::Csv if is_npy(output) => {
            Err(Error::option("append", shown(), "a CSV table is copied as CSV; give the output a .csv name"))
        }
        Format::Csv => append_csv(source, output, table, name, labels),
    }
}

fn append_csv(source: Source, output: &Path, table: &Table, name: &str, labels: &[u32]) -> Result<()> {
    let mut rows = Rows::new(source)?;
    let input = rows.path().to_owned();
    let changed = || Error::format(&input, "the file has changed since it was read. Run again");
    let mut row = ByteRecord::new();
    let mut next = rows.next(&mut row)?;
    let mut out = OutputFile::create(output)?;
    if rows.has_bom() {
        out.write_all(b"\xef\xbb\xbf").map_err(|e| Error::write(output, e))?;
    }
    let terminator = if rows.has_crlf() { Terminator::CRLF } else { Terminator::Any(b'\n') };
    let mut builder = WriterBuilder::new();
    builder.delimiter(rows.separator()).terminator(terminator).flexible(true).has_headers(false);
    // The first row tells readers the separator: quotes hide what could be taken for another one.
    let mut writer = match row.as_slice().iter().any(|b| matches!(b, b'\t' | b';')) {
        true => builder.quote_style(QuoteStyle::Always).from_writer(out),
        false => builder.from_writer(out),
    };
    builder.quote_style(QuoteStyle::Necessary);
    let failed = |e: ::csv::Error| match e.into_kind() {
        ::csv::ErrorKind::Io(e) => Error::write(output, e),
        kind => Error::format(output, format!("cannot be written as CSV: {kind:?}")),
    };
    let mut labels = labels.iter();
    let mut dropped = table.dropped_rows.iter().peekable();
    let mut is_first = true;
    while let Some(line) = next {
        let cell = if is_first && table.has_header {
            unused(&row, name)
        } else if dropped.next_if_eq(&&line).is_some() {
            String::new()
        } else {
            labels.next().ok_or_else(changed)?.to_string()
        };
        row.push_field(cell.as_bytes());
        writer.write_byte_record(&row).map_err(failed)?;
        if std::mem::take(&mut is_first) {
            let out = writer.into_inner().map_err(|e| Error::write(output, e.into_error()))?;
            writer = builder.from_writer(out);
        }
        next = rows.next(&mut row)?;
    }
    if labels.next().is_some() || dropped.next().is_some() {
        return Err(changed());
    }
    writer.into_inner().map_err(|e| Error::write(output, e.into_error()))?.commit()
}

/// `name`, or the first of `name_2`, `name_3`, … that no column of `header` has.
fn unused(header: &ByteRecord, name: &str) -> String {
    let taken = |name: &str| header.iter().any(|cell| cell.trim_ascii() == name.as_bytes());
    let mut candidate = name.to_owned();
    let mut n = 2;
    while taken(&candidate) {
        candidate = format!("{name}_{n}");
        n += 1;
    }
    candidate
}

fn append_npy(
    input: &Path,
    source: Source,
    output: &Path,
    table: &Table,
    name: &str,
    labels: &[u32],
) -> Result<()> {
    let (values, n_columns) = npy::read_all(input, source)?;
    let n_rows = values.len() / n_columns;
    if n_rows != labels.len() + table.dropped_rows.len() {
        return Err(Error::format(input, "the file has changed since it was read. Run again"));
    }
    let header: Vec<String> =
        (0..n_columns).map(|column| format!("x{column}")).chain([name.to_owned()]).collect();
    let mut writer = MatrixWriter::create(output, n_rows, n_columns + 1, Some(&header))?;
    let mut labels = labels.iter();
    let mut dropped = table.dropped_rows.iter().peekable();
    let mut line = Vec::with_capacity(n_columns + 1);
    for (index, row) in values.chunks_exact(n_columns).enumerate() {
        let label = match dropped.next_if_eq(&&(index as u64)) {
            Some(_) => f64::NAN,
            None => labels.next().map_or(f64::NAN, |&label| f64::from(label)),
        };
        line.clear();
        line.extend_from_slice(row);
        line.push(label);
        writer.push(&line)?;
    }
    writer.finish()
}
