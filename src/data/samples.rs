//! [`Samples`] and their [`Values`]: the table itself, in memory.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use super::dataset::{Dataset, Facts, Rows, Scratch, here};
use crate::error::{Error, Result};

/// The values of a table, row-major, in the precision they came in.
#[derive(Debug, Clone)]
pub enum Values<'a> {
    /// Double precision.
    F64(Cow<'a, [f64]>),
    /// Single precision; widened block by block where an engine computes in f64.
    F32(Cow<'a, [f32]>),
}

impl Values<'_> {
    fn len(&self) -> usize {
        match self {
            Values::F64(v) => v.len(),
            Values::F32(v) => v.len(),
        }
    }

    fn first_non_finite(&self) -> Option<(usize, f64)> {
        match self {
            Values::F64(v) => v.iter().position(|x| !x.is_finite()).map(|i| (i, v[i])),
            Values::F32(v) => v.iter().position(|x| !x.is_finite()).map(|i| (i, f64::from(v[i]))),
        }
    }
}

impl<'a> From<&'a [f64]> for Values<'a> {
    fn from(v: &'a [f64]) -> Self {
        Values::F64(Cow::Borrowed(v))
    }
}
impl<'a> From<&'a [f32]> for Values<'a> {
    fn from(v: &'a [f32]) -> Self {
        Values::F32(Cow::Borrowed(v))
    }
}
impl<'a> From<&'a Vec<f64>> for Values<'a> {
    fn from(v: &'a Vec<f64>) -> Self {
        Values::F64(Cow::Borrowed(v))
    }
}
impl<'a> From<&'a Vec<f32>> for Values<'a> {
    fn from(v: &'a Vec<f32>) -> Self {
        Values::F32(Cow::Borrowed(v))
    }
}
impl From<Vec<f64>> for Values<'_> {
    fn from(v: Vec<f64>) -> Self {
        Values::F64(Cow::Owned(v))
    }
}
impl From<Vec<f32>> for Values<'_> {
    fn from(v: Vec<f32>) -> Self {
        Values::F32(Cow::Owned(v))
    }
}

/// N samples of D features in memory, all finite, with optional feature names and sample weights: the [`Dataset`]
/// that is made of slices.
#[derive(Debug, Clone)]
pub struct Samples<'a> {
    values: Values<'a>,
    sample_weights: Option<Cow<'a, [f64]>>,
    facts: Facts,
}

impl<'a> Samples<'a> {
    /// Wraps `values` (row-major, N·`n_features` long) without copying borrowed slices.
    ///
    /// # Errors
    /// [`Error::Shape`] if the length is not a positive multiple of `n_features`;
    /// [`Error::NonFinite`] at the first NaN or infinity.
    pub fn new(values: impl Into<Values<'a>>, n_features: usize) -> Result<Self> {
        let values = values.into();
        let len = values.len();
        if n_features == 0 || len == 0 || len % n_features != 0 {
            return Err(Error::shape(
                "samples",
                format!("a positive multiple of n_features = {n_features} values"),
                len,
            ));
        }
        if let Some((i, value)) = values.first_non_finite() {
            return Err(Error::NonFinite {
                origin: "samples".into(),
                row: i / n_features,
                column: i % n_features,
                value,
            });
        }
        Ok(Samples { values, sample_weights: None, facts: Facts::new(len / n_features, n_features) })
    }

    /// Attaches one name per feature.
    ///
    /// # Errors
    /// [`Error::Shape`] unless there are exactly D names.
    pub fn with_feature_names(mut self, names: Vec<String>) -> Result<Self> {
        if names.len() != self.n_features() {
            return Err(Error::shape("feature names", self.n_features(), names.len()));
        }
        self.facts.feature_names = Some(names);
        Ok(self)
    }

    /// Attaches one weight per sample: weight 2 counts the sample twice, weight 0 leaves it out.
    ///
    /// # Errors
    /// [`Error::Shape`] unless there are N weights; [`Error::Option`] if one is negative, not finite, or all are 0.
    pub fn with_sample_weights(mut self, weights: impl Into<Cow<'a, [f64]>>) -> Result<Self> {
        let weights = weights.into();
        if weights.len() != self.n_samples() {
            return Err(Error::shape("sample weights", self.n_samples(), weights.len()));
        }
        if let Some(i) = weights.iter().position(|w| !w.is_finite() || *w < 0.0) {
            return Err(Error::option(
                "sample_weights",
                format!("{} at row {i}", weights[i]),
                "weights are finite and at least 0",
            ));
        }
        if !weights.iter().any(|w| *w > 0.0) {
            return Err(Error::option("sample_weights", 0, "at least one weight is positive"));
        }
        self.facts.n_effective = weights.iter().filter(|w| **w > 0.0).count();
        self.facts.total_weight = weights.iter().sum();
        self.facts.is_weighted = true;
        self.facts.scaling = OnceLock::new();
        self.sample_weights = Some(weights);
        Ok(self)
    }

    /// Says which rows of the file were left out; a report names them.
    #[must_use]
    pub(super) fn with_dropped_rows(mut self, dropped_rows: Vec<u64>) -> Self {
        self.facts.dropped_rows = dropped_rows;
        self
    }

    /// N.
    pub fn n_samples(&self) -> usize {
        self.facts.n_samples
    }
    /// D.
    pub fn n_features(&self) -> usize {
        self.facts.n_features
    }
    /// The values as they are stored.
    #[doc(hidden)]
    pub fn values(&self) -> &Values<'a> {
        &self.values
    }
    /// Names of the features, if they have names.
    pub fn feature_names(&self) -> Option<&[String]> {
        self.facts.feature_names.as_deref()
    }
    /// Weights of the samples, if they were given.
    pub fn sample_weights(&self) -> Option<&[f64]> {
        self.sample_weights.as_deref()
    }

    /// Σ weights: N if no weights were given.
    #[doc(hidden)]
    pub fn total_weight(&self) -> f64 {
        self.facts.total_weight
    }
    /// Samples of positive weight.
    #[doc(hidden)]
    pub fn n_effective(&self) -> usize {
        self.facts.n_effective
    }

    /// The first `n` samples (at most N), borrowed.
    ///
    /// # Errors
    /// [`Error::Shape`] if `n` is 0; [`Error::Option`] if all their weights are 0.
    #[doc(hidden)]
    pub fn first(&self, n: usize) -> Result<Samples<'_>> {
        let n = n.min(self.n_samples());
        let len = n * self.n_features();
        let samples = match &self.values {
            Values::F64(v) => Samples::new(&v[..len], self.n_features()),
            Values::F32(v) => Samples::new(&v[..len], self.n_features()),
        }?;
        let samples = match &self.sample_weights {
            Some(weights) => samples.with_sample_weights(&weights[..n])?,
            None => samples,
        };
        match &self.facts.feature_names {
            Some(names) => samples.with_feature_names(names.clone()),
            None => Ok(samples),
        }
    }
}

impl Dataset for Samples<'_> {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn read<'r>(&'r self, rows: Range<usize>, scratch: &'r mut Scratch) -> Result<Rows<'r>> {
        here(&rows, &self.rows())?;
        let d = self.facts.n_features;
        let weights = self.sample_weights.as_ref().map(|weights| &weights[rows.clone()]);
        let range = rows.start * d..rows.end * d;
        let values = match &self.values {
            Values::F64(values) => &values[range],
            Values::F32(values) => {
                scratch.values.clear();
                scratch.values.extend(values[range].iter().map(|&x| f64::from(x)));
                &scratch.values
            }
        };
        Ok(Rows::new(values, weights, d))
    }
}

#[cfg(feature = "ndarray")]
impl<'a> Samples<'a> {
    /// Samples from an N×D view: borrowed where the view is contiguous in row-major order, else copied.
    ///
    /// # Errors
    /// As [`Samples::new`].
    pub fn from_view<T>(view: ndarray::ArrayView2<'a, T>) -> Result<Self>
    where
        T: Copy,
        Values<'a>: From<&'a [T]> + From<Vec<T>>,
    {
        let n_features = view.ncols();
        match view.to_slice() {
            Some(slice) => Samples::new(slice, n_features),
            None => Samples::new(view.iter().copied().collect::<Vec<T>>(), n_features),
        }
    }
}
