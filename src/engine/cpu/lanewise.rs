//! Σ r (x−μ) and Σ r (x−μ)(x−μ)ᵀ with one sample per lane: exact triangles, for few features.
//!
//! With √r folded into both factors one panel p = √r (x − μ) serves as both sides of Σ p pᵀ.

use pulp::Simd;

use crate::mixture::shape::{CovarianceType, triangle_index, triangle_len};

use super::block::Block;
use super::plan::{Mixture, TILE};
use super::simd::{add_sums, groups, lanes_mut, none_positive};

/// Most vectors of a panel: it stays in the first-level cache beside the sums.
const PANEL_LEN: usize = 256;

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
    let t = triangle_len(d);
    let width = V * S::F64_LANES;
    let slots = (PANEL_LEN / d).max(1).next_multiple_of(V);
    let panel = lanes_mut::<S>(block.panel.take(slots * d * S::F64_LANES));
    let panel_roots = lanes_mut::<S>(block.panel_roots.take(slots * S::F64_LANES));
    let sums = block.sums.take((t + d) * S::F64_LANES);
    for k in 0..n_components {
        let x = block.x.get(chunks * d * width).chunks_exact(d * width).map(|x| groups::<S, V>(x));
        let roots = block.r.get(chunks * n_components * width).chunks_exact(n_components * width);
        let rows = x.zip(roots.map(|roots| &groups::<S, V>(roots)[k]));
        let mean = mixture.mean(k);
        sums.fill(0.0);
        match d {
            1 => few::<S, V, 1>(s, rows, mean, lanes_mut::<S>(sums)),
            2 => few::<S, V, 2>(s, rows, mean, lanes_mut::<S>(sums)),
            3 => few::<S, V, 3>(s, rows, mean, lanes_mut::<S>(sums)),
            4 => few::<S, V, 4>(s, rows, mean, lanes_mut::<S>(sums)),
            _ => many::<S, V>(s, rows, mean, panel, panel_roots, lanes_mut::<S>(sums)),
        }
        let second = match mixture.covariance_type {
            CovarianceType::Tied => &mut *second,
            _ => &mut second[k * t..(k + 1) * t],
        };
        let (second_lanes, first_lanes) = sums.split_at(t * S::F64_LANES);
        add_sums(s, second, second_lanes);
        add_sums(s, &mut first[k * d..(k + 1) * d], first_lanes);
    }
}

/// D = `D` features: every sum stays in a register over the whole block.
#[inline(always)]
fn few<'a, S: Simd, const V: usize, const D: usize>(
    s: S,
    rows: impl Iterator<Item = (&'a [[S::f64s; V]], &'a [S::f64s; V])>,
    mean: &[f64],
    sums: &mut [S::f64s],
) {
    let zero = s.splat_f64s(0.0);
    let (mut first, mut second, mut m) = ([zero; D], [[zero; D]; D], [zero; D]);
    for i in 0..D {
        m[i] = s.splat_f64s(mean[i]);
    }
    for (x, root) in rows {
        let x = &x[..D];
        for v in 0..V {
            let r = s.mul_f64s(root[v], root[v]);
            let mut z = [zero; D];
            for i in 0..D {
                z[i] = s.sub_f64s(x[i][v], m[i]);
            }
            for i in 0..D {
                let rz = s.mul_f64s(r, z[i]);
                first[i] = s.add_f64s(first[i], rz);
                for j in 0..=i {
                    second[i][j] = s.mul_add_e_f64s(rz, z[j], second[i][j]);
                }
            }
        }
    }
    for i in 0..D {
        for j in 0..=i {
            sums[triangle_index(i, j)] = second[i][j];
        }
        sums[triangle_len(D) + i] = first[i];
    }
}

/// Any D: vectors of samples with some responsibility are gathered into panels.
#[inline(always)]
fn many<'a, S: Simd, const V: usize>(
    s: S,
    rows: impl Iterator<Item = (&'a [[S::f64s; V]], &'a [S::f64s; V])>,
    mean: &[f64],
    panel: &mut [S::f64s],
    roots: &mut [S::f64s],
    sums: &mut [S::f64s],
) {
    let d = mean.len();
    let mut filled = 0;
    for (x, root) in rows {
        let x = &x[..d];
        // Samples of responsibility exactly 0 add nothing.
        let mut used = [false; V];
        for v in 0..V {
            used[v] = !none_positive(s, root[v]);
        }
        if used == [true; V] {
            let mut slots = panel[filled * d..].chunks_exact_mut(d);
            let p: [&mut [S::f64s]; V] = std::array::from_fn(|_| slots.next().unwrap_or_default());
            for (i, (x, m)) in x.iter().zip(mean).enumerate() {
                let m = s.splat_f64s(*m);
                for v in 0..V {
                    p[v][i] = s.mul_f64s(s.sub_f64s(x[v], m), root[v]);
                }
            }
            roots[filled..filled + V].copy_from_slice(root);
            filled += V;
        } else {
            for v in (0..V).filter(|&v| used[v]) {
                for ((p, x), m) in panel[filled * d..(filled + 1) * d].iter_mut().zip(x).zip(mean) {
                    *p = s.mul_f64s(s.sub_f64s(x[v], s.splat_f64s(*m)), root[v]);
                }
                roots[filled] = root[v];
                filled += 1;
            }
        }
        if filled + V > roots.len() {
            flush(s, &panel[..filled * d], &roots[..filled], d, sums);
            filled = 0;
        }
    }
    flush(s, &panel[..filled * d], &roots[..filled], d, sums);
}

/// sums += Σ p pᵀ (lower triangle), then Σ √r p.
#[inline(always)]
fn flush<S: Simd>(s: S, panel: &[S::f64s], roots: &[S::f64s], d: usize, sums: &mut [S::f64s]) {
    let mut row = 0;
    while row + TILE <= d {
        strip::<S, TILE>(s, panel, roots, d, row, sums);
        row += TILE;
    }
    match d - row {
        1 => strip::<S, 1>(s, panel, roots, d, row, sums),
        2 => strip::<S, 2>(s, panel, roots, d, row, sums),
        3 => strip::<S, 3>(s, panel, roots, d, row, sums),
        _ => {}
    }
}

/// R rows of the triangle.
#[inline(always)]
fn strip<S: Simd, const R: usize>(
    s: S,
    panel: &[S::f64s],
    roots: &[S::f64s],
    d: usize,
    row: usize,
    sums: &mut [S::f64s],
) {
    for column in (0..row).step_by(TILE) {
        square::<S, R>(s, panel, d, row, column, sums);
    }
    corner::<S, R>(s, panel, roots, d, row, sums);
}

/// Rows `row..row + R`, columns `column..column + TILE`.
#[inline(always)]
fn square<S: Simd, const R: usize>(
    s: S,
    panel: &[S::f64s],
    d: usize,
    row: usize,
    column: usize,
    sums: &mut [S::f64s],
) {
    let mut acc = [[s.splat_f64s(0.0); TILE]; R];
    for p in panel.chunks_exact(d) {
        let (a, b) = (&p[row..row + R], &p[column..column + TILE]);
        for r in 0..R {
            for c in 0..TILE {
                acc[r][c] = s.mul_add_e_f64s(a[r], b[c], acc[r][c]);
            }
        }
    }
    for r in 0..R {
        let sums = &mut sums[triangle_index(row + r, column)..][..TILE];
        for c in 0..TILE {
            sums[c] = s.add_f64s(sums[c], acc[r][c]);
        }
    }
}

/// The triangle of rows and columns `row..row + R`, and the first moments of these features.
#[inline(always)]
fn corner<S: Simd, const R: usize>(
    s: S,
    panel: &[S::f64s],
    roots: &[S::f64s],
    d: usize,
    row: usize,
    sums: &mut [S::f64s],
) {
    let mut acc = [[s.splat_f64s(0.0); R]; R];
    let mut first = [s.splat_f64s(0.0); R];
    for (p, root) in panel.chunks_exact(d).zip(roots) {
        let p = &p[row..row + R];
        for r in 0..R {
            first[r] = s.mul_add_e_f64s(p[r], *root, first[r]);
            for c in 0..=r {
                acc[r][c] = s.mul_add_e_f64s(p[r], p[c], acc[r][c]);
            }
        }
    }
    for r in 0..R {
        for c in 0..=r {
            let sum = &mut sums[triangle_index(row + r, row + c)];
            *sum = s.add_f64s(*sum, acc[r][c]);
        }
        let sum = &mut sums[triangle_len(d) + row + r];
        *sum = s.add_f64s(*sum, first[r]);
    }
}
