//! Matrices, vectors and labels as NPY or CSV.

use std::io::Write;
use std::path::Path;

use super::OutputFile;
use crate::error::{Error, Result};

/// Writes an N×D matrix in pieces, so that it never lies in memory as a whole.
///
/// `.npy`: `f8`, C order. Otherwise CSV with the shortest numbers that read back exactly.
#[derive(Debug)]
pub struct MatrixWriter {
    file: OutputFile,
    npy: bool,
    n_columns: usize,
    /// Values still to come.
    left: usize,
}

impl MatrixWriter {
    /// Starts a matrix of `n_rows` × `n_columns`; `header` becomes the first line of a CSV.
    ///
    /// # Errors
    /// As [`OutputFile::create`]; [`Error::Shape`] if the size overflows, `n_columns` is 0 or the header has
    /// another length.
    pub fn create(path: &Path, n_rows: usize, n_columns: usize, header: Option<&[String]>) -> Result<Self> {
        Self::new(OutputFile::create(path)?, n_rows, n_columns, header)
    }

    /// [`create`](MatrixWriter::create) in a file that was prepared before.
    ///
    /// # Errors
    /// As [`create`](MatrixWriter::create).
    pub fn new(
        mut file: OutputFile,
        n_rows: usize,
        n_columns: usize,
        header: Option<&[String]>,
    ) -> Result<Self> {
        if let Some(names) = header.filter(|names| names.len() != n_columns) {
            return Err(Error::shape("header", n_columns, names.len()));
        }
        let left = n_rows.checked_mul(n_columns).filter(|_| n_columns > 0);
        let left =
            left.ok_or_else(|| Error::shape("matrix", "1 or more columns", format!("{n_rows}×{n_columns}")))?;
        let npy = is_npy(&file.path);
        let written = match header {
            _ if npy => npy_header(&mut file, "<f8", &format!("({n_rows}, {n_columns})")),
            Some(names) => text_row(&mut file, names.iter().map(|name| quoted(name))),
            None => Ok(()),
        };
        written.map_err(|e| file.failed(e))?;
        Ok(MatrixWriter { file, npy, n_columns, left })
    }

    /// Appends whole rows, row-major.
    ///
    /// # Errors
    /// [`Error::Shape`] for a broken row or more rows than announced; [`Error::Io`].
    pub fn push(&mut self, rows: &[f64]) -> Result<()> {
        if !rows.len().is_multiple_of(self.n_columns) || rows.len() > self.left {
            let expected = format!("whole rows of {}, at most {} values", self.n_columns, self.left);
            return Err(Error::shape("matrix rows", expected, rows.len()));
        }
        self.left -= rows.len();
        let written = if self.npy {
            rows.iter().try_for_each(|value| self.file.write_all(&value.to_le_bytes()))
        } else {
            rows.chunks(self.n_columns).try_for_each(|row| text_row(&mut self.file, row.iter().map(number)))
        };
        written.map_err(|e| self.file.failed(e))
    }

    /// Puts the file in place.
    ///
    /// # Errors
    /// [`Error::Shape`] if rows are missing; otherwise as [`OutputFile::commit`].
    pub fn finish(self) -> Result<()> {
        if self.left > 0 {
            return Err(Error::shape(
                "matrix rows",
                "all rows announced",
                format!("{} values too few", self.left),
            ));
        }
        self.file.commit()
    }
}

/// Writes N labels in pieces: one per line under the header `label`, or a 1-D `.npy` of `u4`.
#[derive(Debug)]
pub struct LabelWriter {
    file: OutputFile,
    npy: bool,
    /// Labels still to come.
    left: usize,
}

impl LabelWriter {
    /// Starts `n` labels in a file that was prepared before.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn new(mut file: OutputFile, n: usize) -> Result<Self> {
        let npy = is_npy(&file.path);
        let written =
            if npy { npy_header(&mut file, "<u4", &format!("({n},)")) } else { writeln!(file, "label") };
        written.map_err(|e| file.failed(e))?;
        Ok(LabelWriter { file, npy, left: n })
    }

    /// Appends labels.
    ///
    /// # Errors
    /// [`Error::Shape`] for more labels than announced; [`Error::Io`].
    pub fn push(&mut self, labels: &[u32]) -> Result<()> {
        if labels.len() > self.left {
            return Err(Error::shape("labels", format!("at most {}", self.left), labels.len()));
        }
        self.left -= labels.len();
        let mut labels = labels.iter();
        let written = if self.npy {
            labels.try_for_each(|label| self.file.write_all(&label.to_le_bytes()))
        } else {
            labels.try_for_each(|label| writeln!(self.file, "{label}"))
        };
        written.map_err(|e| self.file.failed(e))
    }

    /// Puts the file in place.
    ///
    /// # Errors
    /// [`Error::Shape`] if labels are missing; otherwise as [`OutputFile::commit`].
    pub fn finish(self) -> Result<()> {
        if self.left > 0 {
            return Err(Error::shape("labels", "all labels announced", format!("{} too few", self.left)));
        }
        self.file.commit()
    }
}

/// Writes an N×`n_columns` matrix at once; see [`MatrixWriter`].
///
/// # Errors
/// As [`MatrixWriter`].
pub fn write_matrix(path: &Path, values: &[f64], n_columns: usize, header: Option<&[String]>) -> Result<()> {
    let mut writer = MatrixWriter::create(path, values.len() / n_columns.max(1), n_columns, header)?;
    writer.push(values)?;
    writer.finish()
}

/// Writes one label per line under the header `label`, or a 1-D `.npy` of `u4`.
///
/// # Errors
/// As [`OutputFile`].
pub fn write_labels(path: &Path, labels: &[u32]) -> Result<()> {
    OutputFile::create(path)?.write_labels(labels)
}

/// Writes one number per line under `header`, or a 1-D `.npy` of `f8`.
///
/// # Errors
/// As [`OutputFile`].
pub fn write_vector(path: &Path, values: &[f64], header: &str) -> Result<()> {
    OutputFile::create(path)?.write_vector(values, header)
}

impl OutputFile {
    /// [`write_labels`] into this file, which is then in place.
    ///
    /// # Errors
    /// As [`OutputFile::commit`].
    pub fn write_labels(self, labels: &[u32]) -> Result<()> {
        let mut writer = LabelWriter::new(self, labels.len())?;
        writer.push(labels)?;
        writer.finish()
    }

    /// [`write_vector`] into this file, which is then in place.
    ///
    /// # Errors
    /// As [`OutputFile::commit`].
    pub fn write_vector(self, values: &[f64], header: &str) -> Result<()> {
        let mut file = self;
        let written = if is_npy(&file.path) {
            npy_header(&mut file, "<f8", &format!("({},)", values.len()))
                .and_then(|()| values.iter().try_for_each(|value| file.write_all(&value.to_le_bytes())))
        } else {
            writeln!(file, "{}", quoted(header))
                .and_then(|()| values.iter().try_for_each(|value| writeln!(file, "{}", number(value))))
        };
        written.map_err(|e| file.failed(e))?;
        file.commit()
    }
}

/// Whether `path` names an NPY file, by its ending.
pub fn is_npy(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"))
}

/// Magic, version 1.0, and a header padded so that the data starts at a multiple of 64 bytes.
pub(crate) fn npy_header(out: &mut impl Write, dtype: &str, shape: &str) -> std::io::Result<()> {
    let mut text = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}");
    let before = 10;
    let padded = (before + text.len() + 1).next_multiple_of(64) - before;
    text += &" ".repeat(padded - 1 - text.len());
    text.push('\n');
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&(padded as u16).to_le_bytes())?; // below 192: three short fields
    out.write_all(text.as_bytes())
}

fn text_row(out: &mut impl Write, cells: impl Iterator<Item = String>) -> std::io::Result<()> {
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        out.write_all(cell.as_bytes())?;
    }
    out.write_all(b"\n")
}

/// The shortest text that reads back as the same f64.
fn number(value: &f64) -> String {
    format!("{value:?}")
}

fn quoted(name: &str) -> String {
    if name.contains([',', ';', '\t', '"', '\n', '\r']) || name.is_empty() {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.into()
    }
}
