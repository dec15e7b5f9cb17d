//! Where the test data lie, and reading of NPY files.

use std::path::{Path, PathBuf};

use npyz::{DType, NpyFile};
use wgmm::Samples;

/// `tests/data/<relative>`.
pub fn data(relative: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(relative)
}

/// Names of the entries of a folder, sorted. A folder that is missing or empty fails the test.
#[track_caller]
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut names: Vec<String> =
        entries.map(|e| e.unwrap().file_name().into_string().expect("a UTF-8 file name")).collect();
    assert!(!names.is_empty(), "{} is empty", folder.display());
    names.sort();
    names
}

/// A JSON file.
#[track_caller]
pub fn json(path: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Every number of a nested JSON array, in order; anything else fails the test.
pub fn numbers(value: &serde_json::Value) -> Vec<f64> {
    match value {
        serde_json::Value::Array(items) => items.iter().flat_map(numbers).collect(),
        other => vec![other.as_f64().unwrap_or_else(|| panic!("not a number: {other}"))],
    }
}

/// Samples of a two-dimensional NPY file of `<f8` or `<f4` in C order.
#[track_caller]
pub fn samples(path: &Path) -> Samples<'static> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let npy = NpyFile::new(&bytes[..]).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(npy.order(), npyz::Order::C, "{}", path.display());
    let &[n, d] = npy.shape() else { panic!("{}: shape {:?}", path.display(), npy.shape()) };
    let single = matches!(npy.dtype(), DType::Plain(t) if t.size_field() == 4);
    let samples = if single {
        Samples::new(npy.into_vec::<f32>().unwrap(), d as usize)
    } else {
        Samples::new(npy.into_vec::<f64>().unwrap(), d as usize)
    };
    let samples = samples.unwrap();
    assert_eq!(samples.n_samples() as u64, n, "{}", path.display());
    samples
}
