//! Samples: the N×D table a mixture is fitted to, in memory, finite by construction.
//!
//! [`Samples`] borrows `f32` or `f64` values in row-major order without copying them; [`open`] reads
//! CSV and NPY files, [`crate::output`] writes results without ever harming an existing file.

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
pub(crate) use dataset::{Copied, chunks, here, spread};
pub use dataset::{Data, Dataset, Facts, Part, Rows, Scratch};
pub use labels::{open_labels, open_labels_of};
pub use open::{open, open_weights};
pub use samples::{Samples, Values};
pub use scaling::Scaling;
pub use source::read_json;
pub(crate) use source::read_model;
pub(crate) use standardise::column_moments;
pub use table::{Header, Missing, ReadOptions, Table};
