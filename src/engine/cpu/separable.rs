//! Σ r (x−μ) and Σ r (x−μ)² feature by feature, for diagonal and spherical covariances.
//!
//! If every mean is near to the mixture's center, the sums are taken about the center: x and x² serve several
//! components at once, and the totals are shifted to the means in the end.

use pulp::Simd;

use crate::mixture::shape::CovarianceType;

use super::block::Block;
use super::plan::Mixture;
use super::simd::{add_sums, groups, lanes_mut};

/// Features summed together.
const FEATURES: usize = 2;

/// Adds the moments of the block's samples to `first` and `second`: about the means, or about the
/// center if the mixture is `near`.
#[inline(always)]
pub(super) fn add<S: Simd, const V: usize>(
    s: S,
    mixture: &Mixture,
    block: &mut Block,
    chunks: usize,
    first: &mut [f64],
    second: &mut [f64],
) {
    let tile = match (mixture.near, S::REGISTER_COUNT) {
        (false, _) => 1,
        (true, 32..) => 4,
        (true, _) => 2,
    };
    let mut k = 0;
    while k < mixture.n_components {
        let sums = match (tile, mixture.n_components - k) {
            (4, 4..) => strip::<S, V, 4>(s, mixture, block, chunks, k),
            (2 | 4, 2..) => strip::<S, V, 2>(s, mixture, block, chunks, k),
            _ => strip::<S, V, 1>(s, mixture, block, chunks, k),
        };
        k += store(s, mixture, sums, k, first, second);
    }
}

/// Adds the lanes of `sums` (`[T][2][D]`) to the moments of the components from `k` on; returns T.
#[inline(always)]
fn store<S: Simd>(
    s: S,
    mixture: &Mixture,
    sums: &[f64],
    k: usize,
    first: &mut [f64],
    second: &mut [f64],
) -> usize {
    let d = mixture.n_features;
    let components = sums.chunks_exact(2 * d * S::F64_LANES);
    let tile = components.len();
    for (k, sums) in (k..).zip(components) {
        let (first_lanes, second_lanes) = sums.split_at(d * S::F64_LANES);
        add_sums(s, &mut first[k * d..(k + 1) * d], first_lanes);
        match mixture.covariance_type {
            CovarianceType::Spherical => {
                for lanes in second_lanes.chunks_exact(S::F64_LANES) {
                    add_sums(s, &mut second[k..=k], lanes);
                }
            }
            _ => add_sums(s, &mut second[k * d..(k + 1) * d], second_lanes),
        }
    }
    tile
}

/// Sums per lane of the components `k..k + T`, `[T][2][D]`.
#[inline(always)]
fn strip<'b, S: Simd, const V: usize, const T: usize>(
    s: S,
    mixture: &Mixture,
    block: &'b mut Block,
    chunks: usize,
    k: usize,
) -> &'b [f64] {
    let (n_components, d) = (mixture.n_components, mixture.n_features);
    let width = V * S::F64_LANES;
    let x = block.x.get(chunks * d * width).chunks_exact(d * width);
    let r = block.r.get(chunks * n_components * width).chunks_exact(n_components * width);
    let rows = x.zip(r).map(|(x, r)| (groups::<S, V>(x), &groups::<S, V>(r)[k..k + T]));
    let means = &mixture.means[k * d..(k + T) * d];
    let sums = block.sums.take(T * 2 * d * S::F64_LANES);
    let lanes = lanes_mut::<S>(sums);
    let mut feature = 0;
    while feature < d {
        let left = d - feature;
        match (mixture.near, left) {
            (true, FEATURES..) => about_center::<S, V, T, FEATURES>(s, rows.clone(), d, feature, lanes),
            (true, _) => about_center::<S, V, T, 1>(s, rows.clone(), d, feature, lanes),
            (false, FEATURES..) => about_mean::<S, V, FEATURES>(s, rows.clone(), means, feature, lanes),
            (false, _) => about_mean::<S, V, 1>(s, rows.clone(), means, feature, lanes),
        }
        feature += left.min(FEATURES);
    }
    sums
}

/// Σ r x and Σ r x² of T components and F features, x about the center.
#[inline(always)]
fn about_center<'a, S: Simd, const V: usize, const T: usize, const F: usize>(
    s: S,
    rows: impl Iterator<Item = (&'a [[S::f64s; V]], &'a [[S::f64s; V]])>,
    d: usize,
    feature: usize,
    sums: &mut [S::f64s],
) {
    let mut first = [[s.splat_f64s(0.0); F]; T];
    let mut second = [[s.splat_f64s(0.0); F]; T];
    for (x, r) in rows {
        let (x, r) = (&x[feature..feature + F], &r[..T]);
        for v in 0..V {
            for f in 0..F {
                let square = s.mul_f64s(x[f][v], x[f][v]);
                for t in 0..T {
                    first[t][f] = s.mul_add_e_f64s(r[t][v], x[f][v], first[t][f]);
                    second[t][f] = s.mul_add_e_f64s(r[t][v], square, second[t][f]);
                }
            }
        }
    }
    for t in 0..T {
        sums[2 * t * d + feature..][..F].copy_from_slice(&first[t]);
        sums[(2 * t + 1) * d + feature..][..F].copy_from_slice(&second[t]);
    }
}

/// Σ r z and Σ r z² of one component and F features, z = x − μ.
#[inline(always)]
fn about_mean<'a, S: Simd, const V: usize, const F: usize>(
    s: S,
    rows: impl Iterator<Item = (&'a [[S::f64s; V]], &'a [[S::f64s; V]])>,
    mean: &[f64],
    feature: usize,
    sums: &mut [S::f64s],
) {
    let zero = s.splat_f64s(0.0);
    let (mut first, mut second, mut m) = ([zero; F], [zero; F], [zero; F]);
    for f in 0..F {
        m[f] = s.splat_f64s(mean[feature + f]);
    }
    for (x, r) in rows {
        let (x, r) = (&x[feature..feature + F], &r[0]);
        for v in 0..V {
            for f in 0..F {
                let z = s.sub_f64s(x[f][v], m[f]);
                let rz = s.mul_f64s(r[v], z);
                first[f] = s.add_f64s(first[f], rz);
                second[f] = s.mul_add_e_f64s(rz, z, second[f]);
            }
        }
    }
    let d = mean.len();
    sums[feature..feature + F].copy_from_slice(&first);
    sums[d + feature..d + feature + F].copy_from_slice(&second);
}

/// Shifts totals to the means if they were taken about the center.
pub(super) fn shift(mixture: &Mixture, counts: &[f64], first: &mut [f64], second: &mut [f64]) {
    if !mixture.near {
        return;
    }
    let d = mixture.n_features;
    for (i, (first, m)) in first.iter_mut().zip(&mixture.means).enumerate() {
        let n = counts[i / d];
        let to = match mixture.covariance_type {
            CovarianceType::Spherical => i / d,
            _ => i,
        };
        // Σ r (x−m)² = Σ r x² − m (2 Σ r x − m Σ r); rounding must not make it negative.
        second[to] -= m * (2.0 * *first - m * n);
        *first -= m * n;
    }
    second.iter_mut().for_each(|sum| *sum = sum.max(0.0));
}
