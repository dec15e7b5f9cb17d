//! Samples: the N×D table a mixture is fitted to, in memory, finite by construction.
//!
//! [`Samples`] borrows `f32` or `f64` values in row-major order without copying them; [`open`] reads
//! CSV and NPY files, [`output`] writes results without ever harming an existing file.
//!
//! # What `open` reads
//!
//! The content decides, not the name: a file that starts with the NPY magic is NPY, anything else is
//! CSV text. Foreign formats (gzip, ZIP, Parquet, UTF-16, HTML, …) are refused by name.
//!
//! **CSV.** One row per line; LF, CRLF or CR line ends; a UTF-8 byte order mark and blank lines are
//! skipped. The separator is the first of tab, semicolon, comma that the first line contains. Cells may
//! be quoted and padded with spaces. A number is `[+-] digits [. digits] [e [+-] digits]` (either group of
//! digits may be empty) that is finite in f64. *Missing* cells are empty, `NA`, `N/A`, `NaN`,
//! `null`, `?` and infinities, in any case.
//!
//! *Header.* A first row whose cells are numbers or missing (or at least start like a number) is data. A
//! first row with a name in it and no number is the header. A first row that mixes both is the header if
//! a column option names one of its cells, data if the selected columns hold no name, and otherwise an
//! error: it could be a header or a damaged row. Names that are all numbers (0, 1, 2 or 2019, 2020) are taken for
//! data, with a warning if they count up, unless a model has features of these names. [`Header`] overrules all
//! of this.
//!
//! **NPY.** Versions 1–3, one or two dimensions (1-D is N×1), C or Fortran order, either byte order;
//! `f2 f8`, all integers and `bool` become f64, `f4` stays f32. Columns have no names, only numbers.

mod append;
mod columns;
mod csv;
mod dataset;
mod labels;
pub(crate) mod npy;
mod number;
mod open;
mod samples;
mod scaling;
mod source;
mod standardise;
mod table;

pub use append::copy_with_column;
pub use columns::column_list;
pub(crate) use dataset::{Copied, chunks, spread};
pub use dataset::{Data, Dataset, Facts, Part, Rows, Scratch};
pub use labels::{open_labels, open_labels_of};
pub use open::{open, open_weights};
pub use samples::{Samples, Values};
pub use scaling::Scaling;
pub use source::read_json;
pub(crate) use source::read_model;
pub(crate) use standardise::column_moments;
pub use table::{Header, Missing, ReadOptions, Table};
