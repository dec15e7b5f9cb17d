//! [`Dataset`]: N rows of D numbers that can be read again and again, wherever they are.

use std::ops::{Deref, Range};
use std::sync::{Arc, OnceLock};

use super::scaling::Scaling;
use crate::error::{Error, Result};

/// N samples of D features, finite, with optional weights: in memory ([`Samples`](super::Samples)), in a file, or one
/// machine's share of both.
///
/// Everything that computes reads rows by range, so that it needs no more of them in memory than it works on.
pub trait Dataset: Send + Sync {
    /// What is known of the whole data set, whichever rows of it can be read here.
    fn facts(&self) -> &Facts;

    /// The rows that an engine over this computes with: all, or the share of a [`Part`].
    fn rows(&self) -> Range<usize> {
        0..self.facts().n_samples
    }

    /// Reads `rows` as f64. They are put into `scratch` if they do not lie in memory in that form; it may be used again
    /// for the next rows.
    ///
    /// # Errors
    /// [`Error::Io`] if they cannot be read; [`Error::Shape`] for rows that there are not.
    fn read<'r>(&'r self, rows: Range<usize>, scratch: &'r mut Scratch) -> Result<Rows<'r>>;
}

/// What is known of a whole data set. It is found once and shared by everything that works on a part of the rows.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// N.
    pub n_samples: usize,
    /// D.
    pub n_features: usize,
    /// Samples of positive weight.
    pub n_effective: usize,
    /// Σ sample weights: N without weights.
    pub total_weight: f64,
    /// Whether the samples have weights of their own.
    pub is_weighted: bool,
    /// One name per feature, if they have names.
    pub feature_names: Option<Vec<String>>,
    /// Rows of the file that were left out for missing values: line numbers (CSV) or row indices (NPY).
    pub dropped_rows: Vec<u64>,
    /// Mean and standard deviation of every feature, once somebody has asked.
    pub(super) scaling: OnceLock<Scaling>,
}

impl Facts {
    /// Of `n_samples` samples without weights and names.
    pub fn new(n_samples: usize, n_features: usize) -> Self {
        Facts {
            n_samples,
            n_features,
            n_effective: n_samples,
            total_weight: n_samples as f64,
            ..Facts::default()
        }
    }

    /// Whether these are facts of the same data set, as far as numbers tell.
    pub(crate) fn are_those_of(&self, other: &Facts) -> bool {
        let numbers = |facts: &Facts| {
            let Facts { n_samples, n_features, n_effective, total_weight, is_weighted, .. } = *facts;
            (n_samples, n_features, n_effective, total_weight.to_bits(), is_weighted)
        };
        let scalings = (self.scaling.get(), other.scaling.get());
        numbers(self) == numbers(other) && !matches!(scalings, (Some(a), Some(b)) if a != b)
    }

    /// The facts of a data set whose `scaling` is known from elsewhere: from other machines that hold its other rows.
    #[must_use]
    pub fn with_scaling(self, scaling: Scaling) -> Self {
        Facts { scaling: OnceLock::from(scaling), ..self }
    }
}

/// Memory for rows that are read; which part of it is used is the data set's affair.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Room for values.
    pub values: Vec<f64>,
    /// Room for weights.
    pub weights: Vec<f64>,
}

/// Consecutive samples with all that belongs to them.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'r> {
    values: &'r [f64],
    weights: Option<&'r [f64]>,
    n_features: usize,
}

impl<'r> Rows<'r> {
    /// Rows of `n_features` features: `values` row-major, one weight per row if there are any.
    pub fn new(values: &'r [f64], weights: Option<&'r [f64]>, n_features: usize) -> Self {
        debug_assert!(weights.is_none_or(|w| w.len() * n_features == values.len()));
        Rows { values, weights, n_features }
    }

    /// Row-major `[rows, D]`.
    pub fn values(&self) -> &'r [f64] {
        self.values
    }

    /// `[rows]`, if the samples have weights.
    pub fn weights(&self) -> Option<&'r [f64]> {
        self.weights
    }

    /// The weight of row `i` of these.
    #[doc(hidden)]
    pub fn weight(&self, i: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[i])
    }

    /// Every row `[D]` with its weight.
    pub fn iter(&self) -> impl Iterator<Item = (&'r [f64], f64)> + use<'r> {
        let rows = *self;
        rows.values.chunks_exact(rows.n_features).enumerate().map(move |(i, x)| (x, rows.weight(i)))
    }
}

/// Rows copied out of a data set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Copied {
    /// Row-major `[rows, D]`.
    pub(crate) values: Vec<f64>,
    /// `[rows]`; 1 if the data set has no weights.
    pub(crate) weights: Vec<f64>,
}

impl Copied {
    /// Room for `count` rows of `n_features` features.
    pub(crate) fn with_capacity(count: usize, n_features: usize) -> Self {
        Copied { values: Vec::with_capacity(count * n_features), weights: Vec::with_capacity(count) }
    }

    /// Appends `rows`.
    pub(crate) fn push(&mut self, rows: Rows<'_>) {
        self.values.extend_from_slice(rows.values);
        match rows.weights {
            Some(weights) => self.weights.extend_from_slice(weights),
            None => self.weights.resize(self.values.len() / rows.n_features, 1.0),
        }
    }
}

/// Rows read at a time when all are looked at: they fit a cache.
const CHUNK: usize = 1024;

/// The rows of `rows` in ranges of a moderate length.
pub(crate) fn chunks(rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    rows.clone().step_by(CHUNK).map(move |start| start..(start + CHUNK).min(rows.end))
}

/// At most `most` samples of positive weight, evenly spaced over the whole of `data`, in their order.
///
/// # Errors
/// As [`Dataset::read`].
pub(crate) fn spread(data: &dyn Dataset, most: usize) -> Result<Copied> {
    let facts = data.facts();
    let count = facts.n_effective.min(most);
    let mut copied = Copied::with_capacity(count, facts.n_features);
    let mut scratch = Scratch::default();
    // Of the samples of positive weight number i·n/count: never one twice, and no random numbers.
    let wanted = |i: usize| (i as u128 * facts.n_effective as u128 / count as u128) as usize;
    if facts.n_effective == facts.n_samples {
        for i in 0..count {
            copied.push(data.read(wanted(i)..wanted(i) + 1, &mut scratch)?);
        }
        return Ok(copied);
    }
    let (mut passed, mut taken) = (0, 0);
    for rows in chunks(0..facts.n_samples) {
        for (x, weight) in data.read(rows, &mut scratch)?.iter().filter(|(_, weight)| *weight > 0.0) {
            if taken < count && passed == wanted(taken) {
                copied.push(Rows::new(x, Some(&[weight]), facts.n_features));
                taken += 1;
            }
            passed += 1;
        }
    }
    Ok(copied)
}

/// A data set that an engine computes with: borrowed, or shared by everybody who needs it.
#[derive(Clone)]
pub enum Data<'a> {
    /// Somebody else's.
    Borrowed(&'a dyn Dataset),
    /// Owned together with others: an engine over it can outlive whoever made it.
    Shared(Arc<dyn Dataset + 'a>),
}

impl<'a> Deref for Data<'a> {
    type Target = dyn Dataset + 'a;
    fn deref(&self) -> &Self::Target {
        match self {
            Data::Borrowed(data) => *data,
            Data::Shared(data) => &**data,
        }
    }
}

impl std::fmt::Debug for Data<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Data").field("facts", self.facts()).field("rows", &self.rows()).finish()
    }
}

impl<'a, T: Dataset> From<&'a T> for Data<'a> {
    fn from(data: &'a T) -> Self {
        Data::Borrowed(data)
    }
}

impl<'a, T: Dataset + 'a> From<Arc<T>> for Data<'a> {
    fn from(data: Arc<T>) -> Self {
        Data::Shared(data)
    }
}

/// Consecutive rows of a data set, with the facts of the whole: what one of several engines computes with. All that the
/// whole can read can be read through it.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    data: Data<'a>,
    rows: Range<usize>,
}

impl<'a> Part<'a> {
    /// The `rows` of `data`.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are none, or if they are not all in `data`.
    pub fn new(data: impl Into<Data<'a>>, rows: Range<usize>) -> Result<Self> {
        let data = data.into();
        let all = data.rows();
        if rows.is_empty() || rows.start < all.start || rows.end > all.end {
            let found = format!("{} to {}", rows.start, rows.end);
            return Err(Error::shape(
                "rows of a part",
                format!("some of {} to {}", all.start, all.end),
                found,
            ));
        }
        Ok(Part { data, rows })
    }
}

impl Dataset for Part<'_> {
    fn facts(&self) -> &Facts {
        self.data.facts()
    }

    fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    fn read<'r>(&'r self, rows: Range<usize>, scratch: &'r mut Scratch) -> Result<Rows<'r>> {
        self.data.read(rows, scratch)
    }
}

/// Whether `rows` lie in those that are `here`.
pub(crate) fn here(rows: &Range<usize>, here: &Range<usize>) -> Result<()> {
    if rows.start < here.start || rows.end > here.end || rows.start > rows.end {
        let found = format!("{} to {}", rows.start, rows.end);
        return Err(Error::shape("rows to read", format!("some of {} to {}", here.start, here.end), found));
    }
    Ok(())
}
