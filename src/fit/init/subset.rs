//! The samples that seeding looks at.

use crate::data::{Copied, Dataset, spread};
use crate::error::Result;

/// Most samples the seeding looks at.
pub const SEEDING_SAMPLES: usize = 65_536;

/// The samples that seeding looks at: those of positive weight, at most [`SEEDING_SAMPLES`], in f64.
pub(crate) struct Subset {
    /// Row-major `[rows, D]`.
    pub(super) values: Vec<f64>,
    /// `[rows]`.
    pub(super) weights: Vec<f64>,
    /// D.
    pub(super) n_features: usize,
}

impl Subset {
    pub(crate) fn new(data: &dyn Dataset) -> Result<Self> {
        let Copied { values, weights } = spread(data, SEEDING_SAMPLES)?;
        Ok(Subset { values, weights, n_features: data.facts().n_features })
    }

    pub(super) fn row(&self, n: usize) -> &[f64] {
        &self.values[n * self.n_features..(n + 1) * self.n_features]
    }

    /// Weighted mean and biased standard deviation of every column, two passes.
    pub(crate) fn column_moments(&self) -> (Vec<f64>, Vec<f64>) {
        let d = self.n_features;
        let total: f64 = self.weights.iter().sum();
        let mut mean = vec![0.0; d];
        for (row, w) in self.values.chunks_exact(d).zip(&self.weights) {
            mean.iter_mut().zip(row).for_each(|(m, x)| *m += w * x / total);
        }
        let mut variance = vec![0.0; d];
        for (row, w) in self.values.chunks_exact(d).zip(&self.weights) {
            for ((v, x), m) in variance.iter_mut().zip(row).zip(&mean) {
                *v += w * (x - m).powi(2) / total;
            }
        }
        (mean, variance.into_iter().map(f64::sqrt).collect())
    }
}
