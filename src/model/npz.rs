//! The exchange file with scikit-learn: an NPZ archive with the arrays of a fitted `GaussianMixture`
//! under its own names. Six lines of Python make it one:
//!
//! ```python
//! import numpy as np
//! from sklearn.mixture import GaussianMixture
//! a = np.load("model.npz")
//! gm = GaussianMixture(len(a["weights_"]), covariance_type=str(a["covariance_type"]))
//! for name in (n for n in a.files if n.endswith("_")):
//!     setattr(gm, name, a[name][()])
//! ```
//!
//! and one line writes what is read here:
//!
//! ```python
//! np.savez("model.npz", covariance_type=gm.covariance_type,
//!          **{n: v for n, v in vars(gm).items() if n.endswith("_") and n != "feature_names_in_"})
//! ```
//!
//! | array | shape | type |
//! |---|---|---|
//! | `weights_` | K | f8 |
//! | `means_` | K×D | f8 |
//! | `covariances_`, `precisions_`, `precisions_cholesky_` | K×D×D · D×D · K×D · K | f8 |
//! | `covariance_type` | | text |
//! | `n_features_in_` | | i8 |
//! | `feature_names_in_` | D | text, if there are names |
//! | `converged_`, `n_iter_`, `lower_bound_`, `lower_bounds_` | , , , n | bool, i8, f8, f8: of a fit |
//! | `wgmm_report` | | text: the report of the fit as JSON |
//!
//! `precisions_cholesky_` is the upper factor U of the precision U Uᵀ. Reading needs `weights_`, `means_`
//! and `covariances_` (also without the last underscore), and `covariance_type` if the shapes do not tell it.
//! Precisions are computed anew. Pickled arrays are never read.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::{GaussianMixture, Parameters};
use crate::data::npy::{Content, read_array};
use crate::error::{Error, Result, shorten};
use crate::mixture::shape::CovarianceType;
use crate::names::Named;
use crate::output::npy_header;

/// Memory that the arrays of an archive of `len` bytes may take. An archive that was not compressed stays far below;
/// a small one that unpacks to gigabytes is an attack.
const fn most_memory(len: usize) -> u64 {
    (64 << 20) + 16 * len as u64
}

/// Whether these first bytes are an archive's.
pub(super) fn is_npz(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

impl GaussianMixture {
    /// Writes an NPZ archive with scikit-learn's names; see [the module](self). The same model gives the
    /// same bytes.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`]; [`Error::Io`] naming `origin` for what `out` reports.
    pub fn write_npz(&self, out: &mut dyn Write, origin: &Path) -> Result<()> {
        let bytes = self.to_npz().map_err(|e| e.named(origin))?;
        out.write_all(&bytes).map_err(|e| Error::write(origin, e))
    }

    fn to_npz(&self) -> std::result::Result<Vec<u8>, Failed> {
        let p = &self.parameters;
        let (k, d) = (p.n_components(), p.n_features());
        let shape = &p.covariance_type().shape(k, d);
        let mut archive = Writer(ZipWriter::new(Cursor::new(Vec::new())));
        archive.floats("weights_", &[k], p.weights())?;
        archive.floats("means_", &[k, d], p.means())?;
        archive.floats("covariances_", shape, p.covariances())?;
        archive.floats("precisions_", shape, &p.precisions()?)?;
        archive.floats("precisions_cholesky_", shape, &p.precisions_cholesky()?)?;
        archive.texts("covariance_type", &[], &[p.covariance_type().name()])?;
        archive.whole("n_features_in_", d)?;
        if let Some(names) = &self.feature_names {
            archive.texts("feature_names_in_", &[d], names)?;
        }
        if let Some(report) = &self.report {
            archive.array("converged_", "|b1", &[], &[u8::from(report.converged)])?;
            archive.whole("n_iter_", report.n_iter)?;
            let trace = &report.log_likelihood_trace;
            let lower_bound = trace.last().copied().unwrap_or(report.final_mean_log_likelihood);
            archive.floats("lower_bound_", &[], &[lower_bound])?;
            archive.floats("lower_bounds_", &[trace.len()], trace)?;
            let json = serde_json::to_string(report).map_err(std::io::Error::from)?;
            archive.texts("wgmm_report", &[], &[json])?;
        }
        Ok(archive.0.finish()?.into_inner())
    }

    /// Reads the bytes of an NPZ archive; `origin` names it in errors. See [the module](self).
    ///
    /// # Errors
    /// [`Error::Format`] for a damaged archive, [`Error::InvalidParameters`] naming the array.
    #[doc(hidden)]
    pub fn from_npz(bytes: &[u8], origin: &str) -> Result<Self> {
        let damaged = |e: &dyn std::fmt::Display| {
            Error::format(origin, format!("is a damaged archive: {e}. Save it again with `numpy.savez`"))
        };
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| damaged(&e))?;
        let mut arrays = Reader { archive, origin, memory: most_memory(bytes.len()) };
        let (weights, k) = arrays.floats("weights")?;
        let (means, means_shape) = arrays.floats("means")?;
        let (covariances, shape) = arrays.floats("covariances")?;
        let (&[k], &[rows, d]) = (k.as_slice(), means_shape.as_slice()) else {
            return Err(
                arrays.invalid("means_", format!("has the shape {means_shape:?} for weights of {k:?}"))
            );
        };
        if rows != k {
            return Err(arrays.invalid("means_", format!("has {rows} rows for {k} weights")));
        }
        let covariance_type = match arrays.text("covariance_type")? {
            Some(names) => {
                let name = names.first().map(String::as_str).unwrap_or_default();
                name.parse::<CovarianceType>().map_err(|_| {
                    let names = CovarianceType::NAMES.join(", ");
                    arrays.invalid("covariance_type", format!("is {:?}, not one of {names}", shorten(name)))
                })?
            }
            None => arrays.guess(&shape, k, d)?,
        };
        let expected = covariance_type.shape(k, d);
        if shape != expected {
            let what =
                format!("of type {covariance_type} should have the shape {expected:?}, but has {shape:?}");
            return Err(arrays.invalid("covariances_", what));
        }
        let parameters = Parameters::new(covariance_type, weights, means, covariances)
            .map_err(|e| e.with_origin(origin))?;
        let feature_names = match arrays.text("feature_names_in_") {
            Ok(names) => names.filter(|names| names.len() == d),
            Err(error) => {
                tracing::warn!("{error}; the model is read without feature names");
                None
            }
        };
        // A report that another program has changed is left out; it is no error.
        let report = arrays.text("wgmm_report").ok().flatten();
        let report = report.and_then(|text| serde_json::from_str(text.first()?).ok());
        Ok(GaussianMixture { parameters, feature_names, report })
    }
}

struct Reader<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    origin: &'a str,
    /// Bytes that the arrays still to come may take.
    memory: u64,
}

impl Reader<'_> {
    fn invalid(&self, field: &str, what: String) -> Error {
        Error::InvalidParameters { origin: self.origin.into(), field: field.into(), what }
    }

    /// The array `name`, if there is one.
    fn content(&mut self, name: &str) -> Result<Option<(Content, Vec<usize>)>> {
        let place = PathBuf::from(format!("{}: {name}", self.origin));
        let entry_name = format!("{name}.npy");
        if self.archive.index_for_name(&entry_name).is_none() {
            return Ok(None);
        }
        let mut entry = self.archive.by_name(&entry_name).map_err(|e| {
            Error::format(&place, format!("cannot be unpacked: {e}. Save it again with `numpy.savez`"))
        })?;
        let len = entry.size();
        let array = read_array(&mut entry, len, self.memory, &place)?;
        self.memory = self.memory.saturating_sub(array.memory());
        Ok(Some((array.content, array.shape)))
    }

    /// The numbers and shape of `name_` or `name`.
    fn floats(&mut self, name: &str) -> Result<(Vec<f64>, Vec<usize>)> {
        let fitted = format!("{name}_");
        let found = match self.content(&fitted)? {
            None => self.content(name)?,
            found => found,
        };
        match found {
            Some((Content::Numbers(values), shape)) => Ok((values, shape)),
            Some(_) => Err(self.invalid(&fitted, "holds text where numbers are needed".into())),
            None => {
                Err(self
                    .invalid(&fitted, "is missing: a model needs weights_, means_ and covariances_".into()))
            }
        }
    }

    fn text(&mut self, name: &str) -> Result<Option<Vec<String>>> {
        match self.content(name)? {
            Some((Content::Text(texts), _)) => Ok(Some(texts)),
            Some(_) => Err(self.invalid(name, "holds numbers where text is needed".into())),
            None => Ok(None),
        }
    }

    /// The only type that has covariances of this shape.
    fn guess(&self, shape: &[usize], k: usize, d: usize) -> Result<CovarianceType> {
        let fitting = CovarianceType::ALL.into_iter().filter(|t| t.shape(k, d) == shape);
        match fitting.collect::<Vec<_>>()[..] {
            [only] => Ok(only),
            [] => {
                Err(self.invalid("covariances_", format!("has the shape {shape:?} for K = {k} and D = {d}")))
            }
            _ => Err(self.invalid(
                "covariance_type",
                "is missing, and the shape of covariances_ serves several types: add it to the archive"
                    .into(),
            )),
        }
    }
}

/// What can go wrong in memory, before a file is named.
enum Failed {
    Zip(std::io::Error),
    Model(Error),
}

impl Failed {
    fn named(self, origin: &Path) -> Error {
        match self {
            Failed::Zip(e) => Error::write(origin, e),
            Failed::Model(e) => e,
        }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed::Model(error)
    }
}
impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Failed::Zip(error)
    }
}
impl From<zip::result::ZipError> for Failed {
    fn from(error: zip::result::ZipError) -> Self {
        Failed::Zip(error.into())
    }
}

struct Writer(ZipWriter<Cursor<Vec<u8>>>);

impl Writer {
    fn array(
        &mut self,
        name: &str,
        dtype: &str,
        shape: &[usize],
        data: &[u8],
    ) -> std::result::Result<(), Failed> {
        // Stored, as `numpy.savez` does, and without the time: equal models are equal files.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .large_file(data.len() as u64 > u64::from(u32::MAX) / 2);
        self.0.start_file(format!("{name}.npy"), options)?;
        let axes: String = shape.iter().map(|n| format!("{n},")).collect();
        npy_header(&mut self.0, dtype, &format!("({axes})"))?;
        Ok(self.0.write_all(data)?)
    }

    fn floats(&mut self, name: &str, shape: &[usize], values: &[f64]) -> std::result::Result<(), Failed> {
        let data: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.array(name, "<f8", shape, &data)
    }

    fn whole(&mut self, name: &str, value: usize) -> std::result::Result<(), Failed> {
        self.array(name, "<i8", &[], &(value as i64).to_le_bytes())
    }

    fn texts(
        &mut self,
        name: &str,
        shape: &[usize],
        texts: &[impl AsRef<str>],
    ) -> std::result::Result<(), Failed> {
        let length = texts.iter().map(|text| text.as_ref().chars().count()).max().unwrap_or(0).max(1);
        let mut data = Vec::new();
        for text in texts {
            let padded = text.as_ref().chars().chain(std::iter::repeat('\0')).take(length);
            data.extend(padded.flat_map(|c| u32::from(c).to_le_bytes()));
        }
        self.array(name, &format!("<U{length}"), shape, &data)
    }
}
