//! Σ r (x−μ) and Σ r (x−μ)(x−μ)ᵀ with one feature per lane, for many features: only samples of some
//! responsibility are visited, and sums need no reduction over lanes at the end.

use pulp::Simd;

use crate::mixture::shape::{CovarianceType, triangle_index, triangle_len};

use super::block::Block;
use super::plan::Mixture;
use super::simd::{MAX_LANES, lanes, lanes_mut};

/// Fewest features for which this beats exact triangles with samples as lanes (measured).
pub(super) const MIN_FEATURES: usize = 40;
/// Most numbers of a panel: it stays in the first-level cache.
const PANEL_LEN: usize = 4096;

/// Adds the moments of the block's rows (`values`, row-major) to `first` and `second`.
#[inline(always)]
pub(super) fn add<S: Simd, const V: usize>(
    s: S,
    mixture: &Mixture,
    block: &mut Block,
    values: &[f64],
    first: &mut [f64],
    second: &mut [f64],
) {
    let (n_components, d) = (mixture.n_components, mixture.n_features);
    let t = triangle_len(d);
    let width = V * S::F64_LANES;
    // Rows of panel and sums are padded to whole vectors, and to whole tiles.
    let stride = d.next_multiple_of(MAX_LANES);
    let slots = (PANEL_LEN / stride).max(1);
    let panel = block.panel.take(slots * stride);
    // Features past D are written once, as 0.
    panel.fill(0.0);
    let panel_roots = block.panel_roots.take(slots);
    let sums = block.sums.take((stride + 1) * stride);
    let roots = block.r.get(values.len().div_ceil(d).next_multiple_of(width) * n_components);
    for k in 0..n_components {
        sums.fill(0.0);
        let mean = mixture.mean(k);
        let mut filled = 0;
        for (roots, values) in roots.chunks_exact(n_components * width).zip(values.chunks(d * width)) {
            for (root, x) in roots[k * width..(k + 1) * width].iter().zip(values.chunks_exact(d)) {
                // A sample of responsibility exactly 0 adds nothing.
                if *root == 0.0 {
                    continue;
                }
                fill(s, &mut panel[filled * stride..filled * stride + d], x, mean, *root);
                panel_roots[filled] = *root;
                filled += 1;
                if filled == slots {
                    flush(s, panel, panel_roots, stride, sums);
                    filled = 0;
                }
            }
        }
        flush(s, &panel[..filled * stride], &panel_roots[..filled], stride, sums);
        let second = match mixture.covariance_type {
            CovarianceType::Tied => &mut *second,
            _ => &mut second[k * t..(k + 1) * t],
        };
        for (i, sums) in sums[..d * stride].chunks_exact(stride).enumerate() {
            add_to(&mut second[triangle_index(i, 0)..=triangle_index(i, i)], sums);
        }
        add_to(&mut first[k * d..(k + 1) * d], &sums[stride * stride..]);
    }
}

fn add_to(to: &mut [f64], sums: &[f64]) {
    to.iter_mut().zip(sums).for_each(|(to, sum)| *to += sum);
}

/// p = √r (x − μ).
#[inline(always)]
fn fill<S: Simd>(s: S, p: &mut [f64], x: &[f64], mean: &[f64], root: f64) {
    let (p, p_rest) = S::as_mut_simd_f64s(p);
    let (x, x_rest) = S::as_simd_f64s(x);
    let (mean, mean_rest) = S::as_simd_f64s(mean);
    for ((p, x), m) in p.iter_mut().zip(x).zip(mean) {
        *p = s.mul_f64s(s.sub_f64s(*x, *m), s.splat_f64s(root));
    }
    for ((p, x), m) in p_rest.iter_mut().zip(x_rest).zip(mean_rest) {
        *p = (x - m) * root;
    }
}

/// sums += Σ p pᵀ (tiles that touch the lower triangle), then Σ √r p.
#[inline(always)]
fn flush<S: Simd>(s: S, panel: &[f64], roots: &[f64], stride: usize, sums: &mut [f64]) {
    if S::REGISTER_COUNT >= 32 {
        tiles::<S, 8>(s, panel, stride, sums);
    } else {
        tiles::<S, 4>(s, panel, stride, sums);
    }
    let first = lanes_mut::<S>(&mut sums[stride * stride..]);
    for (p, root) in panel.chunks_exact(stride).zip(roots) {
        for (first, p) in first.iter_mut().zip(lanes::<S>(p)) {
            *first = s.mul_add_e_f64s(*p, s.splat_f64s(*root), *first);
        }
    }
}

/// Tiles of R rows and up to three vectors.
#[inline(always)]
fn tiles<S: Simd, const R: usize>(s: S, panel: &[f64], stride: usize, sums: &mut [f64]) {
    for row in (0..stride).step_by(R) {
        let columns = (row + R).div_ceil(S::F64_LANES);
        let mut column = 0;
        while column + 3 <= columns {
            tile::<S, R, 3>(s, panel, stride, row, column, sums);
            column += 3;
        }
        match columns - column {
            1 => tile::<S, R, 1>(s, panel, stride, row, column, sums),
            2 => tile::<S, R, 2>(s, panel, stride, row, column, sums),
            _ => {}
        }
    }
}

/// Rows `row..row + R`, vectors `column..column + C`.
#[inline(always)]
fn tile<S: Simd, const R: usize, const C: usize>(
    s: S,
    panel: &[f64],
    stride: usize,
    row: usize,
    column: usize,
    sums: &mut [f64],
) {
    let mut acc = [[s.splat_f64s(0.0); C]; R];
    for p in panel.chunks_exact(stride) {
        let a = &p[row..row + R];
        let b = &lanes::<S>(p)[column..column + C];
        for r in 0..R {
            let a = s.splat_f64s(a[r]);
            for c in 0..C {
                acc[r][c] = s.mul_add_e_f64s(a, b[c], acc[r][c]);
            }
        }
    }
    for r in 0..R {
        let sums = &mut lanes_mut::<S>(&mut sums[(row + r) * stride..])[column..column + C];
        for c in 0..C {
            sums[c] = s.add_f64s(sums[c], acc[r][c]);
        }
    }
}
