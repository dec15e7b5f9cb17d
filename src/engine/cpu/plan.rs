//! How the rows are cut into tasks, and a mixture laid out as the kernels read it. Nothing here
//! depends on the number of threads.

use crate::error::Result;
use crate::mixture::Parameters;
use crate::mixture::factors::Factors;
use crate::mixture::shape::{CovarianceType, triangle_len};

use super::simd::ROW_MULTIPLE;

/// Rows whose responsibilities are held at once, and most rows per task while tasks are few.
const BLOCK_ROWS: usize = 1024;
/// Fewest rows per task: with fewer, adding up the task's sums costs more than the rows.
const MIN_TASK_ROWS: usize = 256;
/// Numbers of per-task sums held at once (64 MiB), and how far the tasks held at once may go.
const WAVE_LEN: usize = 8 << 20;
const WAVE_TASKS: std::ops::RangeInclusive<usize> = 16..=256;
/// Work (in multiply-adds, roughly) that is done before another thread would have woken up.
const INLINE_WORK: usize = 1 << 23;

/// Rows of a part of `n_samples` rows, a power of two: parts are the leaves of the tree of sums.
pub(super) fn part_rows(n_samples: usize) -> usize {
    let rows = match n_samples {
        0..=262_144 => 1 << (n_samples / 16).clamp(MIN_TASK_ROWS, BLOCK_ROWS).ilog2(),
        _ => (n_samples / 256).next_power_of_two(),
    };
    debug_assert!(rows.is_multiple_of(ROW_MULTIPLE));
    rows
}

/// Cut of N rows: a function of the sizes only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    /// Rows of every task but the last: those of a part.
    pub(super) task_rows: usize,
    /// Tasks whose sums are held before they are added: a power of two.
    pub(super) wave: usize,
    /// Rows of a task that go through E and M together.
    pub(super) block_rows: usize,
    /// Whether threads would not pay.
    pub(super) inline: bool,
}

impl Plan {
    pub(super) fn new(n: usize, mixture: &Mixture) -> Self {
        let (k, d) = (mixture.n_components, mixture.n_features);
        let task_rows = part_rows(n);
        let n_tasks = n.div_ceil(task_rows).max(1);
        let held = (WAVE_LEN / mixture.sums_len()).clamp(*WAVE_TASKS.start(), *WAVE_TASKS.end());
        let wave = (1 << held.ilog2()).min(n_tasks.next_power_of_two());
        // A very wide or numerous mixture keeps fewer rows, so that a block stays in cache.
        let block_rows =
            (BLOCK_ROWS * 2048 / (k + d).max(2048)).next_multiple_of(ROW_MULTIPLE).min(task_rows);
        let per_pair = match mixture.covariance_type {
            CovarianceType::Full | CovarianceType::Tied => 2 * triangle_len(d),
            CovarianceType::Diag | CovarianceType::Spherical => 0,
        } + 4 * d
            + 24;
        let inline = n_tasks < 2 || n.saturating_mul(k).saturating_mul(per_pair) < INLINE_WORK;
        Plan { task_rows, wave, block_rows, inline }
    }

    /// The level of a task's sums in the tree.
    pub(super) fn level(&self) -> u32 {
        self.task_rows.ilog2()
    }
}

/// If all means are within this many standard deviations of the center, diag and spherical sum about the center,
/// which all components share, and shift the totals. That halves the work. It loses digits as the square of this:
/// 64² ε = 9e-13.
const NEAR: f64 = 64.0;

/// Means, whitening factors and normalisers of a mixture.
#[derive(Debug, Clone)]
pub(super) struct Mixture {
    pub(super) covariance_type: CovarianceType,
    pub(super) n_components: usize,
    pub(super) n_features: usize,
    /// Taken off every sample when it is loaded, `[D]`: 0 for full and tied.
    pub(super) center: Vec<f64>,
    /// μ less the center, `[K, D]`.
    pub(super) means: Vec<f64>,
    /// −μ/σ about the center, `[K, D]`, for diag.
    pub(super) shifts: Vec<f64>,
    /// Whether every mean lies within [`NEAR`] standard deviations of the center (diag, spherical).
    pub(super) near: bool,
    /// W: packed triangles (see [`pack`]) for full `[K]` and tied `[1]`, 1/σ for diag `[K, D]` and
    /// spherical `[K]`.
    pub(super) whitening: Vec<f64>,
    /// ln π_k − ½ D ln 2π − ln det L_k, `[K]`.
    pub(super) constants: Vec<f64>,
}

impl Mixture {
    pub(super) fn new(parameters: &Parameters) -> Result<Self> {
        let precisions = Factors::new(parameters)?;
        let d = parameters.n_features();
        let whitening = match parameters.covariance_type() {
            CovarianceType::Full | CovarianceType::Tied => {
                let mut packed = Vec::with_capacity(precisions.whitening.len() / (d * d) * triangle_len(d));
                precisions.whitening.chunks_exact(d * d).for_each(|w| pack(w, d, &mut packed));
                packed
            }
            CovarianceType::Diag | CovarianceType::Spherical => precisions.whitening,
        };
        let (center, near) = center(parameters, &whitening);
        let means: Vec<f64> = parameters.means().iter().enumerate().map(|(i, m)| m - center[i % d]).collect();
        let shifts = match parameters.covariance_type() {
            CovarianceType::Diag => means.iter().zip(&whitening).map(|(m, w)| -m * w).collect(),
            _ => Vec::new(),
        };
        Ok(Mixture {
            covariance_type: parameters.covariance_type(),
            n_components: parameters.n_components(),
            n_features: d,
            means,
            shifts,
            center,
            near,
            whitening,
            constants: precisions.constants,
        })
    }

    pub(super) fn mean(&self, k: usize) -> &[f64] {
        &self.means[k * self.n_features..(k + 1) * self.n_features]
    }

    /// W of component `k`, in the layout of the type.
    pub(super) fn factor(&self, k: usize) -> &[f64] {
        let d = self.n_features;
        match self.covariance_type {
            CovarianceType::Full => &self.whitening[k * triangle_len(d)..(k + 1) * triangle_len(d)],
            CovarianceType::Tied => &self.whitening,
            CovarianceType::Diag => &self.whitening[k * d..(k + 1) * d],
            CovarianceType::Spherical => &self.whitening[k..=k],
        }
    }

    /// Numbers in the second moments.
    pub(super) fn second_len(&self) -> usize {
        self.covariance_type.second_moments_len(self.n_components, self.n_features)
    }

    /// Numbers a task sums: log-likelihood, counts, first and second moments.
    pub(super) fn sums_len(&self) -> usize {
        1 + self.n_components * (1 + self.n_features) + self.second_len()
    }
}

/// The mixture's mean and whether every component is near to it, for diag and spherical; else 0.
fn center(parameters: &Parameters, whitening: &[f64]) -> (Vec<f64>, bool) {
    let d = parameters.n_features();
    let mut center = vec![0.0; d];
    let per_component = match parameters.covariance_type() {
        CovarianceType::Full | CovarianceType::Tied => return (center, false),
        CovarianceType::Diag => d,
        CovarianceType::Spherical => 1,
    };
    for (mean, weight) in parameters.means().chunks_exact(d).zip(parameters.weights()) {
        center.iter_mut().zip(mean).for_each(|(c, m)| *c += weight * m);
    }
    let near = parameters.means().iter().enumerate().all(|(i, m)| {
        // False for NaN, too.
        (m - center[i % d]).abs() * whitening[i / d * per_component + i % d % per_component] <= NEAR
    });
    if near { (center, true) } else { (vec![0.0; d], false) }
}

/// Rows of W that are multiplied together.
pub(super) const TILE: usize = 4;

/// Appends the lower triangle of `w` (`[D, D]`) in the order the kernel reads it: [`TILE`] rows at a
/// time, column by column, the last tile with what rows are left.
fn pack(w: &[f64], d: usize, packed: &mut Vec<f64>) {
    for first in (0..d).step_by(TILE) {
        let rows = first..(first + TILE).min(d);
        for column in 0..rows.end {
            packed.extend((rows.start.max(column)..rows.end).map(|row| w[row * d + column]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_keeps_every_entry_of_the_triangle_once() {
        for d in 1..12 {
            let w: Vec<f64> = (0..d * d).map(|i| if i % d <= i / d { 1.0 + i as f64 } else { 0.0 }).collect();
            let mut packed = Vec::new();
            pack(&w, d, &mut packed);
            assert_eq!(packed.len(), triangle_len(d));
            let mut expected: Vec<f64> = w.into_iter().filter(|v| *v != 0.0).collect();
            expected.sort_by(f64::total_cmp);
            packed.sort_by(f64::total_cmp);
            assert_eq!(packed, expected);
        }
    }

    #[test]
    fn tasks_cover_all_rows_and_memory_is_bounded() {
        for (n, k, d) in
            [(1, 1, 1), (257, 2, 2), (100_000, 32, 16), (10_000_000, 32, 16), (200_000, 128, 128)]
        {
            let mixture = Mixture {
                covariance_type: CovarianceType::Full,
                n_components: k,
                n_features: d,
                center: Vec::new(),
                means: Vec::new(),
                shifts: Vec::new(),
                near: false,
                whitening: Vec::new(),
                constants: Vec::new(),
            };
            let plan = Plan::new(n, &mixture);
            assert!(plan.task_rows.is_power_of_two() && plan.wave.is_power_of_two());
            assert!(
                plan.task_rows.is_multiple_of(ROW_MULTIPLE) && plan.block_rows.is_multiple_of(ROW_MULTIPLE)
            );
            assert!(plan.wave * mixture.sums_len() <= WAVE_LEN.max(16 * mixture.sums_len()));
        }
    }
}
