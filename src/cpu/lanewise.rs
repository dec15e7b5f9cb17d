//! Σ r (x−μ) and Σ r (x−μ)(x−μ)ᵀ with one sample per lane: exact triangles, for few features.
//!
//! With √r folded into both factors one panel p = √r (x − μ) serves as both sides of Σ p pᵀ.

use crate::shape::{CovarianceType, triangle_index, triangle_len};

use super::block::{Block, resize};
use super::plan::{Mixture, TILE};
use super::simd::Lanes;

/// Most numbers (in `Lanes`) of a panel: it stays in the first-level cache beside the sums.
const PANEL_LEN: usize = 384;

/// Adds the moments of the block's samples to `first` and `second`.
#[inline(always)]
pub(super) fn add<const FMA: bool, const V: usize>(
    mixture: &Mixture,
    block: &mut Block,
    chunks: usize,
    first: &mut [f64],
    second: &mut [f64],
) {
    let d = mixture.n_features;
    let t = triangle_len(d);
    resize(&mut block.sums, t + d);
    resize(&mut block.panel, PANEL_LEN.max(d));
    resize(&mut block.roots, PANEL_LEN);
    for k in 0..mixture.n_components {
        let sums = &mut block.sums[..t + d];
        sums.fill(Lanes::ZERO);
        let x = block.x[..chunks * d * V].chunks_exact(d * V);
        let r = block.r[..chunks * mixture.n_components * V].chunks_exact(mixture.n_components * V);
        let r = r.map(|r| &r[k * V..(k + 1) * V]);
        let mean = mixture.mean(k);
        match d {
            1 => few::<FMA, V, 1>(x, r, mean, sums),
            2 => few::<FMA, V, 2>(x, r, mean, sums),
            3 => few::<FMA, V, 3>(x, r, mean, sums),
            4 => few::<FMA, V, 4>(x, r, mean, sums),
            _ => many::<FMA, V>(x, r, mean, &mut block.panel, &mut block.roots, sums),
        }
        let second = match mixture.covariance_type {
            CovarianceType::Tied => &mut *second,
            _ => &mut second[k * t..(k + 1) * t],
        };
        let (second_lanes, first_lanes) = sums.split_at(t);
        second.iter_mut().zip(second_lanes).for_each(|(s, lanes)| *s += lanes.sum());
        let first = &mut first[k * d..(k + 1) * d];
        first.iter_mut().zip(first_lanes).for_each(|(s, lanes)| *s += lanes.sum());
    }
}

/// D = `D` features: every sum stays in a register over the whole block.
#[inline(always)]
fn few<'a, const FMA: bool, const V: usize, const D: usize>(
    x: impl Iterator<Item = &'a [Lanes]>,
    r: impl Iterator<Item = &'a [Lanes]>,
    mean: &[f64],
    sums: &mut [Lanes],
) {
    let mut first = [Lanes::ZERO; D];
    let mut second = [[Lanes::ZERO; D]; D];
    let mut m = [Lanes::ZERO; D];
    for i in 0..D {
        m[i] = Lanes::splat(mean[i]);
    }
    for (x, r) in x.zip(r) {
        let (x, _) = x[..D * V].as_chunks::<V>();
        for v in 0..V {
            let mut z = [Lanes::ZERO; D];
            for i in 0..D {
                z[i] = x[i][v] - m[i];
            }
            for i in 0..D {
                let rz = r[v] * z[i];
                first[i] += rz;
                for j in 0..=i {
                    second[i][j] = rz.fma::<FMA>(z[j], second[i][j]);
                }
            }
        }
    }
    let mut next = 0;
    for i in 0..D {
        for j in 0..=i {
            sums[next] = second[i][j];
            next += 1;
        }
    }
    sums[next..next + D].copy_from_slice(&first);
}

/// Any D: the samples of some responsibility are gathered into panels of eight lanes each.
#[inline(always)]
fn many<'a, const FMA: bool, const V: usize>(
    x: impl Iterator<Item = &'a [Lanes]>,
    r: impl Iterator<Item = &'a [Lanes]>,
    mean: &[f64],
    panel: &mut [Lanes],
    roots: &mut [Lanes],
    sums: &mut [Lanes],
) {
    let d = mean.len();
    let slots = (PANEL_LEN / d).max(1);
    let mut filled = 0;
    for (x, r) in x.zip(r) {
        for v in 0..V {
            // Eight samples of responsibility exactly 0 add nothing.
            if r[v].is_zero() {
                continue;
            }
            let root = r[v].sqrt();
            let p = &mut panel[filled * d..(filled + 1) * d];
            for ((p, x), m) in p.iter_mut().zip(x.chunks_exact(V)).zip(mean) {
                *p = (x[v] - Lanes::splat(*m)) * root;
            }
            roots[filled] = root;
            filled += 1;
            if filled == slots {
                flush::<FMA>(&panel[..filled * d], &roots[..filled], d, sums);
                filled = 0;
            }
        }
    }
    if filled > 0 {
        flush::<FMA>(&panel[..filled * d], &roots[..filled], d, sums);
    }
}

/// sums += Σ p pᵀ (lower triangle), then Σ √r p.
#[inline(always)]
fn flush<const FMA: bool>(panel: &[Lanes], roots: &[Lanes], d: usize, sums: &mut [Lanes]) {
    let mut row = 0;
    while row + TILE <= d {
        for column in (0..row).step_by(TILE) {
            square::<FMA, TILE>(panel, d, row, column, sums);
        }
        corner::<FMA, TILE>(panel, roots, d, row, sums);
        row += TILE;
    }
    match d - row {
        1 => strip::<FMA, 1>(panel, roots, d, row, sums),
        2 => strip::<FMA, 2>(panel, roots, d, row, sums),
        3 => strip::<FMA, 3>(panel, roots, d, row, sums),
        _ => {}
    }
}

/// The last R rows of the triangle.
#[inline(always)]
fn strip<const FMA: bool, const R: usize>(
    panel: &[Lanes],
    roots: &[Lanes],
    d: usize,
    row: usize,
    sums: &mut [Lanes],
) {
    for column in (0..row).step_by(TILE) {
        square::<FMA, R>(panel, d, row, column, sums);
    }
    corner::<FMA, R>(panel, roots, d, row, sums);
}

/// Rows `row..row + R`, columns `column..column + TILE`.
#[inline(always)]
fn square<const FMA: bool, const R: usize>(
    panel: &[Lanes],
    d: usize,
    row: usize,
    column: usize,
    sums: &mut [Lanes],
) {
    let mut acc = [[Lanes::ZERO; TILE]; R];
    for p in panel.chunks_exact(d) {
        let (a, b) = (&p[row..row + R], &p[column..column + TILE]);
        for r in 0..R {
            for c in 0..TILE {
                acc[r][c] = a[r].fma::<FMA>(b[c], acc[r][c]);
            }
        }
    }
    for r in 0..R {
        let sums = &mut sums[triangle_index(row + r, column)..][..TILE];
        for c in 0..TILE {
            sums[c] += acc[r][c];
        }
    }
}

/// The triangle of rows and columns `row..row + R`, and the first moments of these features.
#[inline(always)]
fn corner<const FMA: bool, const R: usize>(
    panel: &[Lanes],
    roots: &[Lanes],
    d: usize,
    row: usize,
    sums: &mut [Lanes],
) {
    let mut acc = [[Lanes::ZERO; R]; R];
    let mut first = [Lanes::ZERO; R];
    for (p, root) in panel.chunks_exact(d).zip(roots) {
        let p = &p[row..row + R];
        for r in 0..R {
            first[r] = p[r].fma::<FMA>(*root, first[r]);
            for c in 0..=r {
                acc[r][c] = p[r].fma::<FMA>(p[c], acc[r][c]);
            }
        }
    }
    for r in 0..R {
        for c in 0..=r {
            sums[triangle_index(row + r, row + c)] += acc[r][c];
        }
        sums[triangle_len(d) + row + r] += first[r];
    }
}
