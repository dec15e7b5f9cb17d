//! Σ r (x−μ) and Σ r (x−μ)(x−μ)ᵀ with one feature per lane, for many features: only samples of some
//! responsibility are visited, and sums stand in registers with no reduction over lanes at the end.

use crate::shape::{CovarianceType, triangle_index};

use super::block::{Block, resize};
use super::plan::Mixture;
use super::simd::{LANES, Lanes};

/// Fewest features for which this beats exact triangles with samples as lanes (measured).
pub(super) const MIN_FEATURES: usize = 40;
/// Most numbers (in `Lanes`) of a panel: it stays in the first-level cache.
const PANEL_LEN: usize = 512;

/// Adds the moments of the block's rows (`values`, row-major) to `first` and `second`.
#[inline(always)]
pub(super) fn add<const FMA: bool, const V: usize>(
    mixture: &Mixture,
    block: &mut Block,
    values: &[f64],
    first: &mut [f64],
    second: &mut [f64],
) {
    let (n_components, d) = (mixture.n_components, mixture.n_features);
    let width = d.div_ceil(LANES);
    let slots = (PANEL_LEN / width).max(1);
    let rows_len = width * LANES * width;
    resize(&mut block.sums, rows_len + width);
    resize(&mut block.panel, slots * width);
    resize(&mut block.roots, slots.div_ceil(LANES));
    let panel = &mut block.panel[..slots * width];
    // Features past D are written once, as 0.
    panel.fill(Lanes::ZERO);
    for k in 0..n_components {
        let sums = &mut block.sums[..rows_len + width];
        sums.fill(Lanes::ZERO);
        let mean = mixture.mean(k);
        let mut filled = 0;
        for (group, values) in values.chunks(LANES * d).enumerate() {
            let r = block.r[(group / V * n_components + k) * V + group % V];
            if r.is_zero() {
                continue;
            }
            for (lane, x) in values.chunks_exact(d).enumerate() {
                if r.0[lane] == 0.0 {
                    continue;
                }
                let root = r.0[lane].sqrt();
                fill(&mut panel[filled * width..(filled + 1) * width], x, mean, root);
                block.roots[filled / LANES].0[filled % LANES] = root;
                filled += 1;
                if filled == slots {
                    flush::<FMA, V>(panel, &block.roots, width, sums);
                    filled = 0;
                }
            }
        }
        flush::<FMA, V>(&panel[..filled * width], &block.roots, width, sums);
        store(mixture, k, sums, first, second);
    }
}

/// p = √r (x − μ).
#[inline(always)]
fn fill(panel: &mut [Lanes], x: &[f64], mean: &[f64], root: f64) {
    let (x, x_rest) = x.as_chunks::<LANES>();
    let (mean, mean_rest) = mean.as_chunks::<LANES>();
    for ((p, x), m) in panel.iter_mut().zip(x).zip(mean) {
        *p = (Lanes(*x) - Lanes(*m)) * Lanes::splat(root);
    }
    if let Some(p) = panel.get_mut(x.len()) {
        for (i, (x, m)) in x_rest.iter().zip(mean_rest).enumerate() {
            p.0[i] = (x - m) * root;
        }
    }
}

/// Adds the sums of component `k` to the moments.
#[inline(always)]
fn store(mixture: &Mixture, k: usize, sums: &[Lanes], first: &mut [f64], second: &mut [f64]) {
    let d = mixture.n_features;
    let width = d.div_ceil(LANES);
    let t = triangle_index(d, 0);
    let second = match mixture.covariance_type {
        CovarianceType::Tied => second,
        _ => &mut second[k * t..(k + 1) * t],
    };
    for i in 0..d {
        let row = &sums[i * width..(i + 1) * width];
        let out = &mut second[triangle_index(i, 0)..=triangle_index(i, i)];
        for (out, lanes) in out.chunks_mut(LANES).zip(row) {
            out.iter_mut().zip(lanes.0).for_each(|(o, s)| *o += s);
        }
    }
    let row = &sums[width * LANES * width..];
    for (out, lanes) in first[k * d..(k + 1) * d].chunks_mut(LANES).zip(row) {
        out.iter_mut().zip(lanes.0).for_each(|(o, s)| *o += s);
    }
}

/// sums += Σ p pᵀ (tiles that touch the lower triangle), then Σ √r p.
#[inline(always)]
fn flush<const FMA: bool, const V: usize>(panel: &[Lanes], roots: &[Lanes], width: usize, sums: &mut [Lanes]) {
    for row in 0..width {
        let mut column = 0;
        if V == 1 {
            // Few registers: half a row of tiles, one column.
            for column in 0..=row {
                tile::<FMA, 4, 1>(panel, width, row * LANES, column, sums);
                tile::<FMA, 4, 1>(panel, width, row * LANES + 4, column, sums);
            }
            column = row + 1;
        }
        while column + 3 <= row + 1 {
            tile::<FMA, LANES, 3>(panel, width, row * LANES, column, sums);
            column += 3;
        }
        match row + 1 - column {
            1 => tile::<FMA, LANES, 1>(panel, width, row * LANES, column, sums),
            2 => tile::<FMA, LANES, 2>(panel, width, row * LANES, column, sums),
            _ => {}
        }
    }
    let first = &mut sums[width * LANES * width..];
    for (sample, p) in panel.chunks_exact(width).enumerate() {
        let root = Lanes::splat(roots[sample / LANES].0[sample % LANES]);
        for (first, p) in first.iter_mut().zip(p) {
            *first = p.fma::<FMA>(root, *first);
        }
    }
}

/// Rows `row..row + R` (within one `Lanes`), columns of `Lanes` `column..column + C`.
#[inline(always)]
fn tile<const FMA: bool, const R: usize, const C: usize>(
    panel: &[Lanes],
    width: usize,
    row: usize,
    column: usize,
    sums: &mut [Lanes],
) {
    let mut acc = [[Lanes::ZERO; C]; R];
    for p in panel.chunks_exact(width) {
        let a = &p[row / LANES].0[row % LANES..row % LANES + R];
        let b = &p[column..column + C];
        for c in 0..C {
            let b = b[c];
            for r in 0..R {
                acc[r][c] = Lanes::splat(a[r]).fma::<FMA>(b, acc[r][c]);
            }
        }
    }
    for r in 0..R {
        for c in 0..C {
            sums[(row + r) * width + column + c] += acc[r][c];
        }
    }
}
