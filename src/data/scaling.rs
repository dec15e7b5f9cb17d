//! [`Scaling`]: what is done to samples in f64 before they are rounded to f32.

use rayon::prelude::*;

use super::Samples;

/// Samples per partial sum of the scaling: fixed, so that the sums do not depend on threads.
const BLOCK: usize = 8192;

/// Affine map of every feature between data units and the device's: x' = (x − centre)/scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// Mean of every feature, `[D]`.
    pub centre: Vec<f64>,
    /// Standard deviation of every feature, `[D]`; 1 where it is 0.
    pub scale: Vec<f64>,
}

impl Scaling {
    /// Weighted mean and standard deviation of every feature in f64, two passes.
    pub fn of(samples: &Samples<'_>) -> Scaling {
        let total = samples.total_weight();
        let zero = vec![0.0; samples.n_features()];
        let centre: Vec<f64> = column_sums(samples, |x, _| x, &zero).into_iter().map(|s| s / total).collect();
        let scale = column_sums(samples, |x, c| (x - c) * (x - c), &centre)
            .into_iter()
            .map(|s| (s / total).sqrt())
            // A constant feature may leave a rounding error of its mean behind.
            .zip(&centre)
            .map(|(s, c)| if s > 1e-14 * c.abs() { s } else { 1.0 })
            .collect();
        Scaling { centre, scale }
    }

    /// A data-unit vector on the device's scale, still f64.
    pub fn to_device<'s>(&'s self, x: &'s [f64]) -> impl Iterator<Item = f64> + 's {
        x.iter().zip(&self.centre).zip(&self.scale).map(|((x, c), s)| (x - c) / s)
    }

    /// Feature `i` of a device value in data units.
    pub fn to_data(&self, i: usize, x: f64) -> f64 {
        self.centre[i] + x * self.scale[i]
    }
}

/// Σ w·f(x, c) of every column, in blocks added in their order.
fn column_sums(samples: &Samples<'_>, f: impl Fn(f64, f64) -> f64 + Sync, centre: &[f64]) -> Vec<f64> {
    let (n, d) = (samples.n_samples(), samples.n_features());
    let blocks: Vec<Vec<f64>> = (0..n.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let mut scratch = Vec::new();
            let rows = block * BLOCK..((block + 1) * BLOCK).min(n);
            let mut sums = vec![0.0; d];
            for (i, x) in samples.rows_f64(rows.clone(), &mut scratch).chunks_exact(d).enumerate() {
                let w = samples.weight(rows.start + i);
                for ((sum, x), c) in sums.iter_mut().zip(x).zip(centre) {
                    *sum += w * f(*x, *c);
                }
            }
            sums
        })
        .collect();
    let mut sums = vec![0.0; d];
    for block in &blocks {
        sums.iter_mut().zip(block).for_each(|(s, b)| *s += b);
    }
    sums
}
