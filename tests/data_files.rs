//! Files in, files out: CSV and NPY reading, hostile inputs, and writing that harms nothing.

mod bad_inputs;
mod changing;
mod csv;
mod header;
mod labels;
mod npy;
mod numbers;
mod output;
#[cfg(feature = "ndarray")]
mod views;

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use wgmm::internals::data::{self, Missing, ReadOptions, Table, Values};
use wgmm::internals::error::Error;

/// A folder that vanishes after the test.
fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Writes `bytes` to `name` in `folder`.
fn file(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Reads `bytes` as a table.
fn read(name: &str, bytes: impl AsRef<[u8]>, options: &ReadOptions) -> Result<Table, Error> {
    let folder = folder();
    data::open(&file(&folder, name, bytes), options)
}

fn csv_of(text: &str) -> Result<Table, Error> {
    read("t.csv", text, &ReadOptions::default())
}

/// The error's text; a table is a failure.
#[track_caller]
fn error_of(result: Result<Table, Error>) -> String {
    match result {
        Ok(table) => panic!("accepted: {table:?}"),
        Err(e) => e.to_string(),
    }
}

#[track_caller]
fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in: {text}");
    }
}

/// The values, widened.
fn values(table: &Table) -> Vec<f64> {
    match table.samples.values() {
        Values::F64(values) => values.to_vec(),
        Values::F32(values) => values.iter().map(|&x| f64::from(x)).collect(),
    }
}

/// Shape and values at once.
#[track_caller]
fn holds(table: &Table, n_features: usize, expected: &[f64]) {
    assert_eq!((table.samples.n_features(), values(table)), (n_features, expected.to_vec()));
}

fn options(columns: &[&str], drop_columns: &[&str], weights: Option<&str>, missing: Missing) -> ReadOptions {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_string()).collect();
    ReadOptions {
        columns: owned(columns),
        drop_columns: owned(drop_columns),
        weights: weights.map(Into::into),
        missing,
        ..ReadOptions::default()
    }
}

fn data_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}
