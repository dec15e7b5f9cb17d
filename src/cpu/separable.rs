//! Σ r (x−μ) and Σ r (x−μ)² feature by feature, for diagonal and spherical covariances.

use pulp::Simd;

use crate::shape::CovarianceType;

use super::block::Block;
use super::plan::Mixture;
use super::simd::{add_sums, groups, lanes_mut};

/// Features summed together, so that a responsibility is loaded once for all of them.
const FEATURES: usize = 4;

/// Adds the moments of the block's samples to `first` and `second`.
#[inline(always)]
pub(super) fn add<S: Simd, const V: usize>(
    s: S,
    mixture: &Mixture,
    block: &mut Block,
    chunks: usize,
    first: &mut [f64],
    second: &mut [f64],
) {
    let (n_components, d) = (mixture.n_components, mixture.n_features);
    let width = V * S::F64_LANES;
    let sums = block.sums.take(2 * d * S::F64_LANES);
    let x = block.x.get(chunks * d * width);
    let roots = block.roots.get(chunks * n_components * width);
    for k in 0..n_components {
        let (first_lanes, second_lanes) = sums.split_at_mut(d * S::F64_LANES);
        let to = (lanes_mut::<S>(first_lanes), lanes_mut::<S>(second_lanes));
        let mean = mixture.mean(k);
        for feature in (0..d).step_by(FEATURES) {
            let to = (&mut to.0[feature..], &mut to.1[feature..]);
            let rows = x.chunks_exact(d * width).map(|x| &groups::<S, V>(x)[feature..]);
            let roots = roots.chunks_exact(n_components * width).map(|roots| &groups::<S, V>(roots)[k]);
            let (rows, mean) = (rows.zip(roots), &mean[feature..]);
            match d - feature {
                1 => strip::<S, V, 1>(s, rows, mean, to),
                2 => strip::<S, V, 2>(s, rows, mean, to),
                3 => strip::<S, V, 3>(s, rows, mean, to),
                _ => strip::<S, V, FEATURES>(s, rows, mean, to),
            }
        }
        add_sums(s, &mut first[k * d..(k + 1) * d], first_lanes);
        match mixture.covariance_type {
            CovarianceType::Spherical => {
                for lanes in lanes_mut::<S>(second_lanes) {
                    second[k] += s.reduce_sum_f64s(*lanes);
                }
            }
            _ => add_sums(s, &mut second[k * d..(k + 1) * d], second_lanes),
        }
    }
}

/// First and second moments of F features, per lane.
#[inline(always)]
fn strip<'a, S: Simd, const V: usize, const F: usize>(
    s: S,
    rows: impl Iterator<Item = (&'a [[S::f64s; V]], &'a [S::f64s; V])>,
    mean: &[f64],
    to: (&mut [S::f64s], &mut [S::f64s]),
) {
    let zero = s.splat_f64s(0.0);
    let (mut first, mut second, mut m) = ([zero; F], [zero; F], [zero; F]);
    for i in 0..F {
        m[i] = s.splat_f64s(mean[i]);
    }
    for (x, root) in rows {
        let x = &x[..F];
        for v in 0..V {
            let r = s.mul_f64s(root[v], root[v]);
            for i in 0..F {
                let z = s.sub_f64s(x[i][v], m[i]);
                let rz = s.mul_f64s(r, z);
                first[i] = s.add_f64s(first[i], rz);
                second[i] = s.mul_add_e_f64s(rz, z, second[i]);
            }
        }
    }
    to.0[..F].copy_from_slice(&first);
    to.1[..F].copy_from_slice(&second);
}
