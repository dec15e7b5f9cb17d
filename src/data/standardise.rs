//! Mean and spread of every feature of a data set, read once.

use rayon::prelude::*;

use super::dataset::{Dataset, Facts, Scratch};
use super::scaling::Scaling;
use crate::error::Result;

/// Samples per partial sum of the scaling: fixed, so that the sums do not depend on threads.
const BLOCK: usize = 8192;

impl Scaling {
    /// Weighted mean and standard deviation of every feature of `data` in f64: two passes over all rows, once; whoever
    /// asks again gets what was found.
    ///
    /// # Errors
    /// As [`Dataset::read`].
    pub fn of(data: &dyn Dataset) -> Result<&Scaling> {
        let facts = data.facts();
        if let Some(scaling) = facts.scaling.get() {
            return Ok(scaling);
        }
        let scaling = compute(data)?;
        Ok(facts.scaling.get_or_init(|| scaling))
    }
}

fn compute(data: &dyn Dataset) -> Result<Scaling> {
    let (center, variances) = column_moments(data)?;
    // A constant feature may leave a rounding error of its mean behind.
    let scale = |(v, c): (&f64, &f64)| if v.sqrt() > 1e-14 * c.abs() { v.sqrt() } else { 1.0 };
    let scale = variances.iter().zip(&center).map(scale).collect();
    Ok(Scaling { center, scale })
}

/// Weighted mean and population variance of every feature of the whole data set, `[D]` each, in two passes.
///
/// # Errors
/// As [`Dataset::read`].
pub(crate) fn column_moments(data: &dyn Dataset) -> Result<(Vec<f64>, Vec<f64>)> {
    let Facts { total_weight, n_features, .. } = *data.facts();
    let over_weight = |sums: Vec<f64>| -> Vec<f64> { sums.into_iter().map(|s| s / total_weight).collect() };
    let means = over_weight(column_sums(data, |x, _| x, &vec![0.0; n_features])?);
    let variances = over_weight(column_sums(data, |x, c| (x - c) * (x - c), &means)?);
    Ok((means, variances))
}

/// Σ w·f(x, c) of every column, in blocks added in their order.
fn column_sums(data: &dyn Dataset, f: impl Fn(f64, f64) -> f64 + Sync, center: &[f64]) -> Result<Vec<f64>> {
    let Facts { n_samples: n, n_features: d, .. } = *data.facts();
    let blocks: Vec<Vec<f64>> = (0..n.div_ceil(BLOCK))
        .into_par_iter()
        .map_init(Scratch::default, |scratch, block| {
            let rows = block * BLOCK..((block + 1) * BLOCK).min(n);
            let mut sums = vec![0.0; d];
            for (x, w) in data.read(rows, scratch)?.iter() {
                for ((sum, x), c) in sums.iter_mut().zip(x).zip(center) {
                    *sum += w * f(*x, *c);
                }
            }
            Ok(sums)
        })
        .collect::<Result<_>>()?;
    let mut sums = vec![0.0; d];
    for block in &blocks {
        sums.iter_mut().zip(block).for_each(|(s, b)| *s += b);
    }
    Ok(sums)
}
