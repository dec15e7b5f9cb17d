//! One task: the whole E-step over consecutive rows, block by block, without an N×K array.

use std::ops::Range;

use crate::data::Samples;
use crate::shape::CovarianceType;

use super::block::{Block, resize};
use super::math::{exp, ln};
use super::plan::{Mixture, Plan};
use super::simd::{Kernel, LANES, Lanes};
use super::{density, lanewise, rowwise, separable};

/// Sums the moments of `rows` into `sums`: log-likelihood, counts, first and second moments.
pub(super) struct EStep<'a> {
    pub(super) samples: &'a Samples<'a>,
    pub(super) mixture: &'a Mixture,
    pub(super) plan: &'a Plan,
    pub(super) rows: Range<usize>,
    pub(super) block: &'a mut Block,
    /// Overwritten, [`Mixture::sums_len`] long.
    pub(super) sums: &'a mut [f64],
}

impl Kernel for EStep<'_> {
    #[inline(always)]
    fn run<const FMA: bool, const V: usize>(self) {
        let EStep { samples, mixture, plan, rows, block, sums } = self;
        let (k, d) = (mixture.n_components, mixture.n_features);
        block.reserve::<V>(plan, mixture);
        sums.fill(0.0);
        let (log_likelihood, sums) = sums.split_at_mut(1);
        let (counts, sums) = sums.split_at_mut(k);
        let (first, second) = sums.split_at_mut(k * d);
        for start in rows.clone().step_by(plan.block_rows) {
            let rows = start..(start + plan.block_rows).min(rows.end);
            let mut widened = std::mem::take(&mut block.widened);
            let weights = samples.sample_weights().map(|w| &w[rows.clone()]);
            let values = samples.rows_f64(rows, &mut widened);
            let chunks = block.load::<V>(values, weights, mixture.mean(0));
            log_likelihood[0] += responsibilities::<FMA, V>(mixture, block, chunks, counts);
            match mixture.covariance_type {
                CovarianceType::Full | CovarianceType::Tied if d >= rowwise::MIN_FEATURES => {
                    rowwise::add::<FMA, V>(mixture, block, values, first, second);
                }
                CovarianceType::Full | CovarianceType::Tied => {
                    lanewise::add::<FMA, V>(mixture, block, chunks, first, second);
                }
                CovarianceType::Diag | CovarianceType::Spherical => {
                    separable::add::<FMA, V>(mixture, block, chunks, first, second);
                }
            }
            block.widened = widened;
        }
    }
}

/// Fills `block.r` with w·r of every chunk, adds them to `counts` and returns Σ w ln p(x).
#[inline(always)]
fn responsibilities<const FMA: bool, const V: usize>(
    mixture: &Mixture,
    block: &mut Block,
    chunks: usize,
    counts: &mut [f64],
) -> f64 {
    let (k, d) = (mixture.n_components, mixture.n_features);
    let mut log_likelihood = Lanes::ZERO;
    resize(&mut block.sums, k);
    let lane_counts = &mut block.sums[..k];
    lane_counts.fill(Lanes::ZERO);
    for chunk in 0..chunks {
        let x = &block.x[chunk * d * V..(chunk + 1) * d * V];
        let r = &mut block.r[chunk * k * V..(chunk + 1) * k * V];
        density::chunk::<FMA, V>(mixture, x, &mut block.z, r);
        let (r, _) = r.as_chunks_mut::<V>();
        let mut largest = [Lanes::splat(f64::NEG_INFINITY); V];
        for y in r.iter() {
            for v in 0..V {
                largest[v] = largest[v].max(y[v]);
            }
        }
        let mut sum = [Lanes::ZERO; V];
        for y in r.iter_mut() {
            for v in 0..V {
                y[v] = exp::<FMA>(y[v] - largest[v]);
                sum[v] += y[v];
            }
        }
        let mut scale = [Lanes::ZERO; V];
        for v in 0..V {
            let weight = block.weights[chunk * V + v];
            let log_density = largest[v] + ln::<FMA>(sum[v]);
            // A row of weight 0 is absent, whatever its density.
            log_likelihood += weight.zip(log_density, |w, l| if w > 0.0 { w * l } else { 0.0 });
            scale[v] = weight.zip(sum[v], |w, s| if w > 0.0 { w / s } else { 0.0 });
        }
        for (y, count) in r.iter_mut().zip(lane_counts.iter_mut()) {
            let mut total = *count;
            for v in 0..V {
                y[v] = y[v] * scale[v];
                total += y[v];
            }
            *count = total;
        }
    }
    counts.iter_mut().zip(lane_counts).for_each(|(count, lanes)| *count += lanes.sum());
    log_likelihood.sum()
}

/// Weighted log densities of `rows`, row-major `[rows, K]`.
pub(super) struct Densities<'a> {
    pub(super) samples: &'a Samples<'a>,
    pub(super) mixture: &'a Mixture,
    pub(super) plan: &'a Plan,
    pub(super) rows: Range<usize>,
    pub(super) block: &'a mut Block,
    pub(super) out: &'a mut [f64],
}

impl Kernel for Densities<'_> {
    #[inline(always)]
    fn run<const FMA: bool, const V: usize>(self) {
        let Densities { samples, mixture, plan, rows, block, out } = self;
        let (k, d) = (mixture.n_components, mixture.n_features);
        block.reserve::<V>(plan, mixture);
        for (start, out) in rows.clone().step_by(plan.block_rows).zip(out.chunks_mut(plan.block_rows * k)) {
            let rows = start..(start + plan.block_rows).min(rows.end);
            let mut widened = std::mem::take(&mut block.widened);
            let values = samples.rows_f64(rows, &mut widened);
            let chunks = block.load::<V>(values, None, mixture.mean(0));
            block.widened = widened;
            for (chunk, out) in (0..chunks).zip(out.chunks_mut(V * LANES * k)) {
                let x = &block.x[chunk * d * V..(chunk + 1) * d * V];
                let r = &mut block.r[..k * V];
                density::chunk::<FMA, V>(mixture, x, &mut block.z, r);
                for (row, out) in out.chunks_exact_mut(k).enumerate() {
                    for (component, out) in out.iter_mut().enumerate() {
                        *out = r[component * V + row / LANES].0[row % LANES];
                    }
                }
            }
        }
    }
}
