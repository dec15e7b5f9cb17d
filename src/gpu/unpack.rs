//! Sums on their way back from the device.

use rayon::prelude::*;

use super::plan::{Blocks, Plan};
use super::resident::Scaling;
use crate::model::Parameters;
use crate::moments::Moments;
use crate::shape::{CovarianceType, triangle_index, triangle_len};

/// Sums below which one thread converts them faster than many.
const PARALLEL_SUMS: usize = 1 << 16;

/// Moments in data units from the device's `totals` and log-likelihood partials, added in f64 in a
/// fixed order; `missing_bits` is what the offset took off the log-likelihood.
pub(super) fn unpack(
    plan: &Plan,
    parameters: &Parameters,
    scaling: &Scaling,
    data_origins: Vec<f64>,
    missing_bits: f64,
    totals: &[f32],
    log_likelihoods: &[f32],
) -> Moments {
    let (k, d) = (parameters.n_components(), parameters.n_features());
    let blocks = &plan.blocks;
    let row = blocks.row_length(k);
    let mut sums = vec![0.0f64; row];
    for group in totals.chunks_exact(row) {
        sums.iter_mut().zip(group).for_each(|(s, v)| *s += f64::from(*v));
    }
    let at = |role: usize, statistic: usize, component: usize| {
        sums[(role * blocks.statistics + statistic) * k + component]
    };
    let mut moments = Moments::zero(parameters.covariance_type(), d, data_origins);
    let sums_len = blocks.sums();
    let t = triangle_len(d);
    for component in 0..k {
        moments.effective_counts[component] = at(0, sums_len + blocks.block, component);
        for i in 0..d {
            let (role, inside) = (i / blocks.block, i % blocks.block);
            moments.first_moments[component * d + i] =
                at(role, sums_len + inside, component) * scaling.scale[i];
        }
        // Squares of the scale turn sums of products into data units².
        let product = |role: usize, statistic: usize, i: usize, j: usize| {
            at(role, statistic, component) * scaling.scale[i] * scaling.scale[j]
        };
        match parameters.covariance_type() {
            // Below, component by component.
            CovarianceType::Full => {}
            CovarianceType::Tied => {
                for i in 0..d {
                    for j in 0..=i {
                        let (role, statistic) = place(blocks, d, i, j);
                        moments.second_moments[triangle_index(i, j)] += product(role, statistic, i, j);
                    }
                }
            }
            kind => {
                for i in 0..d {
                    let to = if kind == CovarianceType::Diag { component * d + i } else { component };
                    moments.second_moments[to] += product(i / blocks.block, i % blocks.block, i, i);
                }
            }
        }
    }
    if parameters.covariance_type() == CovarianceType::Full {
        let fill = |(component, triangle): (usize, &mut [f64])| {
            for i in 0..d {
                for j in 0..=i {
                    let (role, statistic) = place(blocks, d, i, j);
                    triangle[triangle_index(i, j)] =
                        at(role, statistic, component) * scaling.scale[i] * scaling.scale[j];
                }
            }
        };
        if row < PARALLEL_SUMS {
            moments.second_moments.chunks_exact_mut(t).enumerate().for_each(fill);
        } else {
            moments.second_moments.par_chunks_exact_mut(t).enumerate().for_each(fill);
        }
    }
    let bits: f64 = log_likelihoods.iter().map(|v| f64::from(*v)).sum();
    moments.log_likelihood = (bits + missing_bits) * std::f64::consts::LN_2;
    moments
}

/// Role and statistic that hold entry (i, j), j <= i, of the triangle.
fn place(blocks: &Blocks, d: usize, i: usize, j: usize) -> (usize, usize) {
    if d <= 16 {
        return (0, triangle_index(i, j));
    }
    let (row, column) = (i / 16, j / 16);
    if row == column {
        return (row, triangle_index(i % 16, j % 16));
    }
    // Diagonal roles first, then pairs (row, column) in the order of a lower triangle, two halves each.
    let diagonal = d.div_ceil(16);
    let pair = row * (row - 1) / 2 + column;
    debug_assert!(diagonal + pair * 2 + 1 < blocks.roles);
    (diagonal + pair * 2 + i % 16 / 8, i % 8 * 16 + j % 16)
}
