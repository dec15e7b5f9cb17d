//! [`Samples`] and their [`Values`]: the table itself, in memory.

use std::borrow::Cow;
use std::ops::Range;

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

/// N samples of D features, all finite, with optional feature names and sample weights.
#[derive(Debug, Clone)]
pub struct Samples<'a> {
    values: Values<'a>,
    n_samples: usize,
    n_features: usize,
    feature_names: Option<Vec<String>>,
    sample_weights: Option<Cow<'a, [f64]>>,
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
        Ok(Samples {
            values,
            n_samples: len / n_features,
            n_features,
            feature_names: None,
            sample_weights: None,
        })
    }

    /// Attaches one name per feature.
    ///
    /// # Errors
    /// [`Error::Shape`] unless there are exactly D names.
    pub fn with_feature_names(mut self, names: Vec<String>) -> Result<Self> {
        if names.len() != self.n_features {
            return Err(Error::shape("feature names", self.n_features, names.len()));
        }
        self.feature_names = Some(names);
        Ok(self)
    }

    /// Attaches one weight per sample: weight 2 counts the sample twice, weight 0 leaves it out.
    ///
    /// # Errors
    /// [`Error::Shape`] unless there are N weights; [`Error::Option`] if one is negative, not finite, or all are 0.
    pub fn with_sample_weights(mut self, weights: impl Into<Cow<'a, [f64]>>) -> Result<Self> {
        let weights = weights.into();
        if weights.len() != self.n_samples {
            return Err(Error::shape("sample weights", self.n_samples, weights.len()));
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
        self.sample_weights = Some(weights);
        Ok(self)
    }

    /// N.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }
    /// D.
    pub fn n_features(&self) -> usize {
        self.n_features
    }
    /// The values as they are stored.
    pub fn values(&self) -> &Values<'a> {
        &self.values
    }
    /// Names of the features, where known.
    pub fn feature_names(&self) -> Option<&[String]> {
        self.feature_names.as_deref()
    }
    /// Weights of the samples, where given.
    pub fn sample_weights(&self) -> Option<&[f64]> {
        self.sample_weights.as_deref()
    }
    /// Weight of sample `row` (1 where none were given).
    pub fn weight(&self, row: usize) -> f64 {
        self.sample_weights.as_ref().map_or(1.0, |w| w[row])
    }
    /// Σ weights: N where no weights were given.
    pub fn total_weight(&self) -> f64 {
        match &self.sample_weights {
            Some(w) => w.iter().sum(),
            None => self.n_samples as f64,
        }
    }
    /// Samples with positive weight.
    pub fn n_effective(&self) -> usize {
        match &self.sample_weights {
            Some(w) => w.iter().filter(|w| **w > 0.0).count(),
            None => self.n_samples,
        }
    }

    /// The first `n` samples (at most N), borrowed.
    ///
    /// # Errors
    /// [`Error::Shape`] if `n` is 0; [`Error::Option`] if all their weights are 0.
    pub fn first(&self, n: usize) -> Result<Samples<'_>> {
        let n = n.min(self.n_samples);
        let len = n * self.n_features;
        let samples = match &self.values {
            Values::F64(v) => Samples::new(&v[..len], self.n_features),
            Values::F32(v) => Samples::new(&v[..len], self.n_features),
        }?;
        let samples = Samples { feature_names: self.feature_names.clone(), ..samples };
        match &self.sample_weights {
            Some(weights) => samples.with_sample_weights(&weights[..n]),
            None => Ok(samples),
        }
    }

    /// Rows `rows` in f64: borrowed where stored so, else widened into `scratch`.
    pub fn rows_f64<'s>(&'s self, rows: Range<usize>, scratch: &'s mut Vec<f64>) -> &'s [f64] {
        let range = rows.start * self.n_features..rows.end * self.n_features;
        match &self.values {
            Values::F64(v) => &v[range],
            Values::F32(v) => {
                scratch.clear();
                scratch.extend(v[range].iter().map(|&x| f64::from(x)));
                scratch
            }
        }
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
