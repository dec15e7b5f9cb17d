//! What every reader must do with any bytes: a valid result, or an error that names the file in a short
//! text a terminal can show. Each function panics where that does not hold, and tells whether the bytes were
//! read. The seeded mutations of the tests and the fuzz targets (`fuzz/`) share this file.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use twox_hash::XxHash3_128;
use wgmm::internals::data::{self, Header, Missing, ReadOptions, Samples, Table, Values};
use wgmm::internals::engine::reference::ReferenceEngine;
use wgmm::internals::fit::checkpoint::Checkpoint;
use wgmm::internals::infer;
use wgmm::{CovarianceType, Error, GaussianMixture, PartialStart};

/// Most bytes of an error's text.
const LONGEST: usize = 4000;

/// A file of this process, for a target that has no folder of its own.
#[allow(dead_code)]
pub fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("wgmm-{}-{name}", std::process::id()))
}

fn put(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("the scratch file can be written");
}

/// Checks an error: its kind is one of bad input, its text names the file and is fit to be shown.
fn refused(path: &Path, error: &Error) {
    let text = error.to_string();
    let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name");
    assert!(text.contains(name) || matches!(error, Error::Option { .. }), "the file is not named: {text}");
    assert!(text.len() <= LONGEST, "{} bytes: {text}", text.len());
    assert!(!text.chars().any(char::is_control), "a control character: {text:?}");
    // The file is there and can be read: nothing is the system's fault.
    assert!(!matches!(error, Error::Io { .. }), "{text}");
}

fn finite(values: &Values<'_>) -> bool {
    match values {
        Values::F64(values) => values.iter().all(|x| x.is_finite()),
        Values::F32(values) => values.iter().all(|x| x.is_finite()),
    }
}

/// Everything that a table promises.
fn check_table(table: &Table) {
    let samples = &table.samples;
    let (n, d) = (samples.n_samples(), samples.n_features());
    assert!(n > 0 && d > 0 && finite(samples.values()));
    assert!(samples.feature_names().is_none_or(|names| names.len() == d));
    if let Some(weights) = samples.sample_weights() {
        assert!(weights.len() == n && weights.iter().all(|w| w.is_finite() && *w >= 0.0));
        assert!(weights.iter().any(|w| *w > 0.0));
    }
    assert!(table.dropped_rows.is_sorted_by(|a, b| a < b));
    assert!((1..n).all(|i| table.row_number(i - 1) < table.row_number(i)));
    let n_rows = n + table.dropped_rows.len();
    assert_eq!(table.keep_rows("labels", vec![(); n_rows]).expect("one per row").len(), n);
}

/// A table, with and without rows that may be dropped; its copy with labels is a table again.
fn table(path: &Path, bytes: &[u8]) -> bool {
    put(path, bytes);
    let mut read = false;
    let kind = if bytes.starts_with(b"\x93NUMPY") { "npy" } else { "csv" };
    let headers = [Header::Detect, Header::Detect, Header::Yes, Header::No];
    let missing = [Missing::Error, Missing::Drop, Missing::Drop, Missing::Error];
    for (missing, header) in missing.into_iter().zip(headers) {
        let options = ReadOptions { missing, header, ..ReadOptions::default() };
        let table = match data::open(path, &options) {
            Ok(table) => table,
            Err(error) => {
                refused(path, &error);
                continue;
            }
        };
        read = true;
        check_table(&table);
        assert!(missing == Missing::Drop || table.dropped_rows.is_empty());
        let (n, d) = (table.samples.n_samples(), table.samples.n_features());
        let copy = path.with_extension(format!("copy.{kind}"));
        let labels: Vec<u32> = (0..n as u32).collect();
        wgmm::internals::data::copy_with_column(path, &copy, &table, "component", &labels)
            .expect("it was read before");
        // Blank lines and quotes are not copied: what they hid may look like another format at the start.
        if !bytes.starts_with(b"\x93NUMPY") && !bytes[0].is_ascii_alphanumeric() {
            continue;
        }
        let again = data::open(&copy, &options).expect("a copy is a table");
        assert_eq!((again.samples.n_samples(), again.samples.n_features()), (n, d + 1));
    }
    read
}

/// Text as a table.
pub fn csv(path: &Path, bytes: &[u8]) -> bool {
    table(path, bytes)
}

/// Arrays as a table.
pub fn npy(path: &Path, bytes: &[u8]) -> bool {
    table(path, bytes)
}

/// Bytes as a model and as a start of every type; a model comes back from its own file.
pub fn model(path: &Path, bytes: &[u8]) -> bool {
    put(path, bytes);
    for covariance_type in CovarianceType::ALL {
        if let Err(error) = PartialStart::read(path, covariance_type) {
            refused(path, &error);
        }
    }
    let model = GaussianMixture::read(path);
    match &model {
        Err(error) => refused(path, error),
        Ok(model) => check_model(model),
    }
    model.is_ok()
}

fn check_model(model: &GaussianMixture) {
    let p = &model.parameters;
    let (k, d) = (p.n_components(), p.n_features());
    assert!(k > 0 && d > 0 && p.weights().len() == k && p.means().len() == k * d);
    let mut text = Vec::new();
    model.write_json(&mut text).expect("memory takes all");
    let again = GaussianMixture::from_bytes(&text, "again").expect("what was written can be read");
    assert_eq!(again.parameters, model.parameters);
    if k * d * d > 1000 {
        return;
    }
    // What is used must work, or say why not. A density may be too small even as a logarithm.
    let samples = Samples::new(vec![0.5; 2 * d], d).expect("two rows");
    let mut engine = ReferenceEngine::new(&samples);
    if let Ok(values) = infer::sample_log_likelihoods(&mut engine, p) {
        assert!(values.iter().all(|x| *x < f64::INFINITY), "{values:?} of {p:?}");
    }
}

/// The arrays of a model's archive, in the order [`npz`] takes them.
const ARRAYS: [&str; 6] =
    ["weights_", "means_", "covariances_", "covariance_type", "feature_names_in_", "wgmm_report"];

/// The bytes as an archive; and, so that checksums do not end every trial, as the arrays of a right one:
/// they begin wherever the magic of NPY stands.
pub fn npz(path: &Path, bytes: &[u8]) -> bool {
    const MAGIC: &[u8] = b"\x93NUMPY";
    if bytes.starts_with(b"PK") {
        return model(path, bytes);
    }
    let mut starts: Vec<usize> = (0..bytes.len()).filter(|&i| bytes[i..].starts_with(MAGIC)).collect();
    starts.push(bytes.len());
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (i, (name, place)) in ARRAYS.iter().zip(starts.windows(2)).enumerate() {
        let method = [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated][i % 2];
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        archive.start_file(format!("{name}.npy"), options).expect("a new entry");
        archive.write_all(&bytes[place[0]..place[1]]).expect("memory takes all");
    }
    model(path, archive.finish().expect("memory takes all").get_ref())
}

/// The arrays of the archive `bytes`, one after the other: what [`npz`] packs.
#[allow(dead_code)]
pub fn arrays(bytes: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("an archive");
    let mut all = Vec::new();
    for name in ARRAYS {
        let Ok(mut entry) = archive.by_name(&format!("{name}.npy")) else { break };
        entry.read_to_end(&mut all).expect("an entry");
    }
    all
}

/// One label per row.
pub fn labels(path: &Path, bytes: &[u8]) -> bool {
    put(path, bytes);
    let labels = data::open_labels(path);
    match &labels {
        Err(error) => refused(path, error),
        Ok(labels) => assert!(!labels.is_empty() && labels.iter().all(|label| !label.is_empty())),
    }
    labels.is_ok()
}

/// One weight per row.
pub fn weights(path: &Path, bytes: &[u8]) -> bool {
    put(path, bytes);
    let weights = data::open_weights(path);
    match &weights {
        Err(error) => refused(path, error),
        Ok(weights) => assert!(!weights.is_empty() && weights.iter().all(|w| w.is_finite() && *w >= 0.0)),
    }
    weights.is_ok()
}

/// The bytes as a checkpoint; and, so that the checksum does not end every trial, as the content of a right one.
pub fn checkpoint(path: &Path, bytes: &[u8]) -> bool {
    const FIRST_LINE: &[u8] = b"wgmm-checkpoint 1\n";
    let mut read = false;
    for sealed in [false, true] {
        let mut file = bytes.to_vec();
        if sealed {
            let content = bytes.get(FIRST_LINE.len() + 16..).unwrap_or_default();
            let sum = XxHash3_128::oneshot(content).to_le_bytes();
            file = [FIRST_LINE, &sum, content].concat();
        }
        put(path, &file);
        match Checkpoint::read(path) {
            Err(error) => refused(path, &error),
            Ok(_) => read = true,
        }
    }
    read
}

/// Names as `--columns`, `--drop-columns` and `--weights` of a small table.
#[allow(dead_code)]
pub fn columns(path: &Path, names: &[String]) {
    put(path, b"a,2,\"b,c\",a b,w\n1,2,3,4,5\n6,7,8,9,10\n");
    for place in 0..3 {
        let mut options = ReadOptions::default();
        match place {
            0 => options.columns = names.to_vec(),
            1 => options.drop_columns = names.to_vec(),
            _ => options.weights = names.first().filter(|name| !Path::new(name).exists()).cloned(),
        }
        match data::open(path, &options) {
            Err(error) => refused(path, &error),
            Ok(table) => check_table(&table),
        }
    }
}
