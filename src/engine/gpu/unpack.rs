//! Sums on their way back from the device.

use std::ops::Range;

use rayon::prelude::*;

use super::blocks::Blocks;
use super::packing::Kept;
use super::plan::Plan;
use super::submit::Sums as Read;
use crate::data::Scaling;
use crate::mixture::moments::Moments;
use crate::mixture::shape::{CovarianceType, triangle_index, triangle_len};

/// Sums below which one thread converts them faster than many.
const PARALLEL_SUMS: usize = 1 << 16;

/// Components whose sums are converted together.
const GROUP: usize = 8;

/// Moments in data units from rows of the device's sums and its log-likelihood partials, added in f64 in
/// a fixed order.
pub(super) fn unpack(
    plan: &Plan,
    scaling: &Scaling,
    kept: &Kept,
    total_weight: f64,
    read: &Read,
) -> Moments {
    let (k, d) = (plan.problem.n_components, plan.problem.n_features);
    let sums = Sums::new(plan, &read.rows);
    let scale = &scaling.scale;
    let mut moments = Moments::zero(plan.problem.covariance_type, d, kept.origins.clone());
    for component in 0..k {
        moments.effective_counts[component] = sums.count(component);
        for i in 0..d {
            moments.first_moments[component * d + i] = sums.first(component, i) * scale[i];
        }
    }
    let second = &mut moments.second_moments;
    match plan.problem.covariance_type {
        CovarianceType::Full => {
            let t = triangle_len(d);
            // Sums lie component by component: several at a time use every cache line whole.
            let fill = |(group, triangles): (usize, &mut [f64])| {
                let components = group * GROUP..group * GROUP + triangles.len() / t;
                for i in 0..d {
                    for j in 0..=i {
                        let sums = sums.products(i, j, components.clone());
                        let entries = triangles[triangle_index(i, j)..].iter_mut().step_by(t);
                        entries.zip(sums).for_each(|(entry, sum)| *entry = sum * scale[i] * scale[j]);
                    }
                }
            };
            if sums.values.len() < PARALLEL_SUMS {
                second.chunks_mut(t * GROUP).enumerate().for_each(fill);
            } else {
                second.par_chunks_mut(t * GROUP).enumerate().for_each(fill);
            }
        }
        CovarianceType::Tied => {
            for component in 0..k {
                for i in 0..d {
                    for j in 0..=i {
                        second[triangle_index(i, j)] += sums.product(component, i, j) * scale[i] * scale[j];
                    }
                }
            }
        }
        CovarianceType::Diag | CovarianceType::Spherical => {
            let width = second.len() / k;
            for i in 0..k * d {
                let (component, feature) = (i / d, i % d);
                let square = sums.square(component, feature) * scale[feature] * scale[feature];
                second[component * width + feature % width] += square;
            }
        }
    }
    for (component, matrix) in kept.unwhitening.chunks_exact(d * d).enumerate() {
        unwhiten(&mut moments, &sums, component, matrix);
    }
    moments.rounding = f64::from(f32::EPSILON);
    let bits: f64 = read.log_likelihoods.iter().map(|v| f64::from(*v)).sum();
    // Every sample misses the offset once, with its weight.
    moments.log_likelihood = (bits + kept.offset * total_weight) * std::f64::consts::LN_2;
    moments
}

/// Replaces a component's moments by V·first and V·second·Vᵀ of the whitened sums.
fn unwhiten(moments: &mut Moments, sums: &Sums<'_>, component: usize, matrix: &[f64]) {
    let d = moments.n_features;
    let t = triangle_len(d);
    let entry = |i: usize, j: usize| matrix[i * d + j];
    for i in 0..d {
        moments.first_moments[component * d + i] =
            (0..=i).map(|a| entry(i, a) * sums.first(component, a)).sum();
        for j in 0..=i {
            let mut value = 0.0;
            for a in 0..=i {
                for b in 0..=j {
                    value += entry(i, a) * sums.product(component, a.max(b), a.min(b)) * entry(j, b);
                }
            }
            moments.second_moments[component * t + triangle_index(i, j)] = value;
        }
    }
}

/// The statistics of all slices, `[role, statistic, component]`, on the device's scale.
struct Sums<'p> {
    blocks: &'p Blocks,
    n_components: usize,
    values: Vec<f64>,
}

impl<'p> Sums<'p> {
    fn new(plan: &'p Plan, rows: &[f32]) -> Self {
        let n_components = plan.problem.n_components;
        let mut values = vec![0.0f64; plan.blocks.row_length(n_components)];
        for row in rows.chunks_exact(values.len()) {
            values.iter_mut().zip(row).for_each(|(s, v)| *s += f64::from(*v));
        }
        Sums { blocks: &plan.blocks, n_components, values }
    }

    fn at(&self, role: usize, statistic: usize, component: usize) -> f64 {
        self.values[(role * self.blocks.statistics + statistic) * self.n_components + component]
    }

    /// N_k.
    fn count(&self, component: usize) -> f64 {
        self.at(0, self.blocks.sums() + self.blocks.block, component)
    }

    /// Σ r z_i.
    fn first(&self, component: usize, i: usize) -> f64 {
        self.at(i / self.blocks.block, self.blocks.sums() + i % self.blocks.block, component)
    }

    /// Σ r z_i², where only the diagonal was summed.
    fn square(&self, component: usize, i: usize) -> f64 {
        self.at(i / self.blocks.block, i % self.blocks.block, component)
    }

    /// Σ r z_i z_j, j <= i.
    fn product(&self, component: usize, i: usize, j: usize) -> f64 {
        self.products(i, j, component..component + 1)[0]
    }

    /// Σ r z_i z_j, j <= i, of some components.
    fn products(&self, i: usize, j: usize, components: Range<usize>) -> &[f64] {
        let block = self.blocks.block;
        let (row, column) = (i / block, j / block);
        let (role, statistic) = if row == column {
            (row, triangle_index(i % block, j % block))
        } else {
            // Diagonal roles first, then pairs (row, column) in the order of a lower triangle, two halves of
            // eight rows each. Roles number diagonal², so their root counts the diagonal ones.
            let diagonal = self.blocks.roles.isqrt();
            let pair = row * (row - 1) / 2 + column;
            (diagonal + pair * 2 + i % block / 8, i % 8 * 16 + j % block)
        };
        let start = (role * self.blocks.statistics + statistic) * self.n_components;
        &self.values[start + components.start..start + components.end]
    }
}
