//! Σ r (x−μ) and Σ r (x−μ)² feature by feature, for diagonal and spherical covariances.

use crate::shape::CovarianceType;

use super::block::Block;
use super::plan::Mixture;
use super::simd::Lanes;

/// Features summed together, so that a responsibility is loaded once for all of them.
const FEATURES: usize = 4;

/// Adds the moments of the block's samples to `first` and `second`.
#[inline(always)]
pub(super) fn add<const FMA: bool, const V: usize>(
    mixture: &Mixture,
    block: &Block,
    chunks: usize,
    first: &mut [f64],
    second: &mut [f64],
) {
    let d = mixture.n_features;
    for k in 0..mixture.n_components {
        let mut feature = 0;
        while feature < d {
            let (sums, squares) = match d - feature {
                1 => strip::<FMA, V, 1>(mixture, block, chunks, k, feature),
                2 => strip::<FMA, V, 2>(mixture, block, chunks, k, feature),
                3 => strip::<FMA, V, 3>(mixture, block, chunks, k, feature),
                _ => strip::<FMA, V, FEATURES>(mixture, block, chunks, k, feature),
            };
            let here = FEATURES.min(d - feature);
            for i in 0..here {
                first[k * d + feature + i] += sums[i].sum();
                match mixture.covariance_type {
                    CovarianceType::Diag => second[k * d + feature + i] += squares[i].sum(),
                    _ => second[k] += squares[i].sum(),
                }
            }
            feature += here;
        }
    }
}

/// First and second moments of the features `feature..feature + F`.
#[inline(always)]
fn strip<const FMA: bool, const V: usize, const F: usize>(
    mixture: &Mixture,
    block: &Block,
    chunks: usize,
    k: usize,
    feature: usize,
) -> ([Lanes; FEATURES], [Lanes; FEATURES]) {
    let (n_components, d) = (mixture.n_components, mixture.n_features);
    let mut first = [Lanes::ZERO; FEATURES];
    let mut second = [Lanes::ZERO; FEATURES];
    let mut m = [Lanes::ZERO; F];
    for i in 0..F {
        m[i] = Lanes::splat(mixture.mean(k)[feature + i]);
    }
    let x = block.x[..chunks * d * V].chunks_exact(d * V);
    let r = block.r[..chunks * n_components * V].chunks_exact(n_components * V);
    for (x, r) in x.zip(r) {
        let (x, _) = x[feature * V..(feature + F) * V].as_chunks::<V>();
        let r = &r[k * V..(k + 1) * V];
        for v in 0..V {
            for i in 0..F {
                let z = x[i][v] - m[i];
                let rz = r[v] * z;
                first[i] += rz;
                second[i] = rz.fma::<FMA>(z, second[i]);
            }
        }
    }
    (first, second)
}
