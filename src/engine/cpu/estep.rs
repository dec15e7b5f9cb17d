//! One task: the whole E-step over consecutive rows, block by block, without an N×K array.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::data::Dataset;
use crate::error::Result;
use crate::mixture::shape::CovarianceType;

use super::block::Block;
use super::math::{exp, ln};
use super::plan::{Mixture, Plan};
use super::simd::{add_sums, groups, groups_mut, with_width};
use super::{density, lanewise, rowwise, separable};

/// Sums the moments of `rows` into `sums`: log-likelihood, counts, first and second moments.
pub(super) struct EStep<'a> {
    pub(super) data: &'a dyn Dataset,
    pub(super) mixture: &'a Mixture,
    pub(super) plan: &'a Plan,
    pub(super) rows: Range<usize>,
    pub(super) block: &'a mut Block,
    /// Overwritten, [`Mixture::sums_len`] long.
    pub(super) sums: &'a mut [f64],
}

impl WithSimd for EStep<'_> {
    type Output = Result<()>;
    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) -> Result<()> {
        with_width!(S, s, e_step(self))
    }
}

#[inline(always)]
fn e_step<S: Simd, const V: usize>(s: S, task: EStep<'_>) -> Result<()> {
    let EStep { data, mixture, plan, rows, block, sums } = task;
    let (k, d) = (mixture.n_components, mixture.n_features);
    sums.fill(0.0);
    let (log_likelihood, sums) = sums.split_at_mut(1);
    let (counts, sums) = sums.split_at_mut(k);
    let (first, second) = sums.split_at_mut(k * d);
    for start in rows.clone().step_by(plan.block_rows) {
        let rows = start..(start + plan.block_rows).min(rows.end);
        let mut scratch = std::mem::take(&mut block.scratch);
        let rows = data.read(rows, &mut scratch)?;
        let values = rows.values();
        let chunks = block.load::<S, V>(values, rows.weights(), &mixture.center, mixture.mean(0));
        log_likelihood[0] += responsibilities::<S, V>(s, mixture, block, chunks, counts);
        match mixture.covariance_type {
            CovarianceType::Full | CovarianceType::Tied if d >= rowwise::MIN_FEATURES => {
                rowwise::add::<S, V>(s, mixture, block, values, first, second);
            }
            CovarianceType::Full | CovarianceType::Tied => {
                lanewise::add::<S, V>(s, mixture, block, chunks, first, second);
            }
            CovarianceType::Diag | CovarianceType::Spherical => {
                separable::add::<S, V>(s, mixture, block, chunks, first, second);
            }
        }
        block.scratch = scratch;
    }
    Ok(())
}

/// Fills `block.r` for every chunk, adds w·r to `counts` and returns Σ w ln p(x).
///
/// The roots of w·r cost nothing: exp(½y) is as quick as exp(y), and the second moments of full
/// matrices want one on either side.
#[inline(always)]
fn responsibilities<S: Simd, const V: usize>(
    s: S,
    mixture: &Mixture,
    block: &mut Block,
    chunks: usize,
    counts: &mut [f64],
) -> f64 {
    let (k, d) = (mixture.n_components, mixture.n_features);
    let width = V * S::F64_LANES;
    let lane_counts = block.sums.take(k * S::F64_LANES);
    lane_counts.fill(0.0);
    let x = block.x.get(chunks * d * width);
    let weights = groups::<S, V>(block.weights.get(chunks * width));
    let z = block.z.take(d * width);
    let r = block.r.take(chunks * k * width);
    let separable = matches!(mixture.covariance_type, CovarianceType::Diag | CovarianceType::Spherical);
    let zero = s.splat_f64s(0.0);
    let mut log_likelihood = zero;
    for ((x, r), weights) in x.chunks_exact(d * width).zip(r.chunks_exact_mut(k * width)).zip(weights) {
        density::chunk::<S, V>(s, mixture, x, z, r);
        let r = groups_mut::<S, V>(r);
        let mut largest = [s.splat_f64s(f64::NEG_INFINITY); V];
        for y in r.iter() {
            for v in 0..V {
                // NaN is passed over here; its exponential below is NaN, and so is the sum.
                let above = s.greater_than_f64s(y[v], largest[v]);
                largest[v] = s.select_f64s(above, y[v], largest[v]);
            }
        }
        let mut total = [zero; V];
        for y in r.iter_mut() {
            for v in 0..V {
                y[v] = exp(s, s.mul_f64s(s.sub_f64s(y[v], largest[v]), s.splat_f64s(0.5)));
                total[v] = s.mul_add_e_f64s(y[v], y[v], total[v]);
            }
        }
        let mut scale = [zero; V];
        for v in 0..V {
            // A row of weight 0 is absent, whatever its density.
            let present = s.greater_than_f64s(weights[v], zero);
            let log_density = s.add_f64s(largest[v], ln(s, total[v]));
            let term = s.select_f64s(present, s.mul_f64s(weights[v], log_density), zero);
            log_likelihood = s.add_f64s(log_likelihood, term);
            scale[v] = s.select_f64s(present, s.sqrt_f64s(s.div_f64s(weights[v], total[v])), zero);
        }
        for (y, count) in r.iter_mut().zip(groups_mut::<S, 1>(lane_counts)) {
            for v in 0..V {
                let root = s.mul_f64s(y[v], scale[v]);
                let r = s.mul_f64s(root, root);
                count[0] = s.add_f64s(count[0], r);
                y[v] = if separable { r } else { root };
            }
        }
    }
    add_sums(s, counts, lane_counts);
    s.reduce_sum_f64s(log_likelihood)
}

/// Weighted log densities of `rows`, row-major `[rows, K]`.
pub(super) struct Densities<'a> {
    pub(super) data: &'a dyn Dataset,
    pub(super) mixture: &'a Mixture,
    pub(super) plan: &'a Plan,
    pub(super) rows: Range<usize>,
    pub(super) block: &'a mut Block,
    pub(super) out: &'a mut [f64],
}

impl WithSimd for Densities<'_> {
    type Output = Result<()>;
    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) -> Result<()> {
        with_width!(S, s, densities(self))
    }
}

#[inline(always)]
fn densities<S: Simd, const V: usize>(s: S, task: Densities<'_>) -> Result<()> {
    let Densities { data, mixture, plan, rows, block, out } = task;
    let (k, d) = (mixture.n_components, mixture.n_features);
    let width = V * S::F64_LANES;
    for (start, out) in rows.clone().step_by(plan.block_rows).zip(out.chunks_mut(plan.block_rows * k)) {
        let rows = start..(start + plan.block_rows).min(rows.end);
        let mut scratch = std::mem::take(&mut block.scratch);
        let values = data.read(rows, &mut scratch)?.values();
        let chunks = block.load::<S, V>(values, None, &mixture.center, mixture.mean(0));
        block.scratch = scratch;
        let x = block.x.get(chunks * d * width).chunks_exact(d * width);
        let z = block.z.take(d * width);
        let r = block.r.take(k * width);
        for (x, out) in x.zip(out.chunks_mut(width * k)) {
            density::chunk::<S, V>(s, mixture, x, z, r);
            for (row, out) in out.chunks_exact_mut(k).enumerate() {
                for (component, out) in out.iter_mut().enumerate() {
                    *out = r[component * width + row];
                }
            }
        }
    }
    Ok(())
}
