//! Sums on their way back from the device.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::blocks::Blocks;
use super::packing::Kept;
use super::plan::{Plan, Problem};
use super::submit::Sums as Read;
use crate::data::Scaling;
use crate::engine::parts::{PartSums, SumLayout};
use crate::mixture::moments::Moments;
use crate::mixture::shape::{CovarianceType, triangle_index, triangle_len};

/// Sums below which one thread converts them faster than many.
const PARALLEL_SUMS: usize = 1 << 16;

/// Components whose sums are converted together.
const GROUP: usize = 8;

/// What the sums of a part mean: a row of the device's sums, then the log-likelihood in bits less the offset of every
/// sample, then Σ weights, which is how often the offset is missing.
#[derive(Debug)]
pub(super) struct SumsLayout {
    name: String,
    covariance_type: CovarianceType,
    n_components: usize,
    blocks: Blocks,
    scaling: Scaling,
    kept: Arc<Kept>,
}

impl SumsLayout {
    /// That of `plan`, for parameters of which the host kept `kept`.
    pub(super) fn new(plan: &Plan, scaling: &Scaling, kept: &Arc<Kept>) -> SumsLayout {
        let Problem { n_features: d, n_components: k, covariance_type, .. } = plan.problem;
        let Blocks { roles, statistics, block, .. } = plan.blocks;
        // Sums on another scale are other numbers.
        let scale = scaling.center.iter().chain(&scaling.scale);
        let scale = scale.fold(0u64, |hash, v| hash.rotate_left(5).wrapping_mul(0x9e37_79b9) ^ v.to_bits());
        SumsLayout {
            name: format!("gpu {covariance_type} {d} {k} {roles} {statistics} {block} {scale:x}"),
            covariance_type,
            n_components: k,
            blocks: plan.blocks,
            scaling: scaling.clone(),
            kept: Arc::clone(kept),
        }
    }
}

impl SumLayout for SumsLayout {
    fn name(&self) -> &str {
        &self.name
    }

    fn moments(&self, sums: &[f64]) -> Moments {
        unpack(self, sums)
    }
}

/// The sums of every part of the samples that are here, the first of which is number `first` of the data set. Partial
/// log-likelihoods are added in f64 in their order; `weight` says what rows weigh.
pub(super) fn part_sums(
    plan: &Plan,
    layout: SumsLayout,
    first: usize,
    weight: impl Fn(&Range<usize>) -> f64,
    read: &Read,
) -> PartSums {
    let layout: Arc<dyn SumLayout> = Arc::new(layout);
    let (length, part) = (plan.row_length(), plan.part_rows());
    let partials = read.log_likelihoods.chunks(part / plan.log_likelihood_rows());
    let mut sums = PartSums::default();
    for ((rows, row), partials) in plan.parts().zip(read.rows.chunks_exact(length)).zip(partials) {
        let mut values = Vec::with_capacity(length + 2);
        if length < PARALLEL_SUMS {
            values.extend(row.iter().map(|v| f64::from(*v)));
        } else {
            values.par_extend(row.par_iter().map(|v| f64::from(*v)));
        }
        values.push(partials.iter().map(|v| f64::from(*v)).sum());
        values.push(weight(&rows));
        sums.push(&layout, part.trailing_zeros(), (first + rows.start) / part, values);
    }
    sums
}

/// Moments in data units.
fn unpack(layout: &SumsLayout, sums: &[f64]) -> Moments {
    let SumsLayout { scaling, kept, n_components: k, covariance_type, blocks, .. } = layout;
    let (k, d) = (*k, scaling.scale.len());
    let (values, last) = sums.split_at(blocks.row_length(k));
    let sums = Sums { blocks, n_components: k, values };
    let scale = &scaling.scale;
    let mut moments = Moments::zero(*covariance_type, d, kept.origins.clone());
    for component in 0..k {
        moments.effective_counts[component] = sums.count(component);
        for i in 0..d {
            moments.first_moments[component * d + i] = sums.first(component, i) * scale[i];
        }
    }
    let second = &mut moments.second_moments;
    match covariance_type {
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
    // Every sample misses the offset once, with its weight.
    if let [bits, weight] = last {
        moments.log_likelihood = (bits + kept.offset * weight) * std::f64::consts::LN_2;
    }
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
struct Sums<'s> {
    blocks: &'s Blocks,
    n_components: usize,
    values: &'s [f64],
}

impl Sums<'_> {
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
