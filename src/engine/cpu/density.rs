//! ln π_k + ln N(x | μ_k, Σ_k) = c_k − ½ |W_k (x − μ_k)|², V vectors of samples at a time.
//!
//! In difference form: x − μ is exact if x is near μ, where it matters. So offsets of the data cost no digits.

use pulp::Simd;

use crate::mixture::shape::CovarianceType;

use super::plan::{Mixture, TILE};
use super::simd::{groups, groups_mut};

/// Fills `out` (`[component][V]`) for the samples `x` (`[feature][V]`); `z` is as long as `x`.
#[inline(always)]
pub(super) fn chunk<S: Simd, const V: usize>(
    s: S,
    mixture: &Mixture,
    x: &[f64],
    z: &mut [f64],
    out: &mut [f64],
) {
    let x = groups::<S, V>(x);
    let z = groups_mut::<S, V>(z);
    if mixture.near && mixture.covariance_type == CovarianceType::Diag {
        let out = groups_mut::<S, V>(out);
        let mut first = 0;
        while first + TILE <= out.len() {
            near_diagonals::<S, V, TILE>(s, mixture, x, first, out);
            first += TILE;
        }
        for k in first..out.len() {
            near_diagonals::<S, V, 1>(s, mixture, x, k, out);
        }
        return;
    }
    for (k, out) in groups_mut::<S, V>(out).iter_mut().enumerate() {
        let (mean, factor) = (mixture.mean(k), mixture.factor(k));
        let squares = match mixture.covariance_type {
            CovarianceType::Full | CovarianceType::Tied => match mean.len() {
                1 => few::<S, V, 1>(s, x, mean, factor),
                2 => few::<S, V, 2>(s, x, mean, factor),
                3 => few::<S, V, 3>(s, x, mean, factor),
                4 => few::<S, V, 4>(s, x, mean, factor),
                _ => many::<S, V>(s, x, mean, factor, z),
            },
            CovarianceType::Diag => diagonal::<S, V>(s, x, mean, factor),
            CovarianceType::Spherical => spherical::<S, V>(s, x, mean, factor[0]),
        };
        let c = s.splat_f64s(mixture.constants[k]);
        for v in 0..V {
            out[v] = s.mul_add_e_f64s(squares[v], s.splat_f64s(-0.5), c);
        }
    }
}

/// Σ ((x − μ) / σ)² with 1/σ per feature.
#[inline(always)]
fn diagonal<S: Simd, const V: usize>(s: S, x: &[[S::f64s; V]], mean: &[f64], w: &[f64]) -> [S::f64s; V] {
    let mut squares = [s.splat_f64s(0.0); V];
    for ((x, m), w) in x.iter().zip(mean).zip(w) {
        let (m, w) = (s.splat_f64s(*m), s.splat_f64s(*w));
        for v in 0..V {
            let y = s.mul_f64s(s.sub_f64s(x[v], m), w);
            squares[v] = s.mul_add_e_f64s(y, y, squares[v]);
        }
    }
    squares
}

/// Log densities of the components `first..first + T` as Σ (x/σ − μ/σ)², both about the center: two
/// operations per feature.
#[inline(always)]
fn near_diagonals<S: Simd, const V: usize, const T: usize>(
    s: S,
    mixture: &Mixture,
    x: &[[S::f64s; V]],
    first: usize,
    out: &mut [[S::f64s; V]],
) {
    let d = mixture.n_features;
    let w: [&[f64]; T] = std::array::from_fn(|t| &mixture.factor(first + t)[..d]);
    let b: [&[f64]; T] = std::array::from_fn(|t| &mixture.shifts[(first + t) * d..][..d]);
    let mut squares = [[s.splat_f64s(0.0); V]; T];
    for (i, x) in x[..d].iter().enumerate() {
        for t in 0..T {
            let (w, b) = (s.splat_f64s(w[t][i]), s.splat_f64s(b[t][i]));
            for v in 0..V {
                let y = s.mul_add_e_f64s(w, x[v], b);
                squares[t][v] = s.mul_add_e_f64s(y, y, squares[t][v]);
            }
        }
    }
    for t in 0..T {
        let c = s.splat_f64s(mixture.constants[first + t]);
        for v in 0..V {
            out[first + t][v] = s.mul_add_e_f64s(squares[t][v], s.splat_f64s(-0.5), c);
        }
    }
}

/// |x − μ|² / σ².
#[inline(always)]
fn spherical<S: Simd, const V: usize>(s: S, x: &[[S::f64s; V]], mean: &[f64], w: f64) -> [S::f64s; V] {
    let mut squares = [s.splat_f64s(0.0); V];
    for (x, m) in x.iter().zip(mean) {
        let m = s.splat_f64s(*m);
        for v in 0..V {
            let z = s.sub_f64s(x[v], m);
            squares[v] = s.mul_add_e_f64s(z, z, squares[v]);
        }
    }
    // Twice by 1/σ: its square might overflow.
    let w = s.splat_f64s(w);
    for square in &mut squares {
        *square = s.mul_f64s(s.mul_f64s(*square, w), w);
    }
    squares
}

/// |W (x − μ)|² for D = `D` features: all in registers.
#[inline(always)]
fn few<S: Simd, const V: usize, const D: usize>(
    s: S,
    x: &[[S::f64s; V]],
    mean: &[f64],
    w: &[f64],
) -> [S::f64s; V] {
    let mut z = [[s.splat_f64s(0.0); V]; D];
    let mut squares = [s.splat_f64s(0.0); V];
    rows::<S, V, D>(s, w, x, mean, &mut z, 0, &mut squares);
    squares
}

/// |W (x − μ)|² for any D; `z` receives x − μ.
#[inline(always)]
fn many<S: Simd, const V: usize>(
    s: S,
    x: &[[S::f64s; V]],
    mean: &[f64],
    mut w: &[f64],
    z: &mut [[S::f64s; V]],
) -> [S::f64s; V] {
    let mut squares = [s.splat_f64s(0.0); V];
    let d = mean.len();
    let mut row = 0;
    while row + TILE <= d {
        w = rows::<S, V, TILE>(s, w, x, mean, z, row, &mut squares);
        row += TILE;
    }
    match d - row {
        1 => rows::<S, V, 1>(s, w, x, mean, z, row, &mut squares),
        2 => rows::<S, V, 2>(s, w, x, mean, z, row, &mut squares),
        3 => rows::<S, V, 3>(s, w, x, mean, z, row, &mut squares),
        _ => w,
    };
    squares
}

/// Adds the squares of rows `first..first + R` of W (x − μ) and returns what follows them in `w`.
/// `z` already holds x − μ for the features before `first`; the features of these rows are added.
#[inline(always)]
fn rows<'w, S: Simd, const V: usize, const R: usize>(
    s: S,
    w: &'w [f64],
    x: &[[S::f64s; V]],
    mean: &[f64],
    z: &mut [[S::f64s; V]],
    first: usize,
    squares: &mut [S::f64s; V],
) -> &'w [f64] {
    let mut y = [[s.splat_f64s(0.0); V]; R];
    let (left, rest) = w.split_at(first * R);
    for (w, z) in left.as_chunks::<R>().0.iter().zip(&*z) {
        for r in 0..R {
            let w = s.splat_f64s(w[r]);
            for v in 0..V {
                y[r][v] = s.mul_add_e_f64s(w, z[v], y[r][v]);
            }
        }
    }
    let (w, rest) = rest.split_at(R * (R + 1) / 2);
    let (x, mean, z) = (&x[first..first + R], &mean[first..first + R], &mut z[first..first + R]);
    let mut next = 0;
    for column in 0..R {
        let m = s.splat_f64s(mean[column]);
        for v in 0..V {
            z[column][v] = s.sub_f64s(x[column][v], m);
        }
        for r in column..R {
            let w = s.splat_f64s(w[next]);
            next += 1;
            for v in 0..V {
                y[r][v] = s.mul_add_e_f64s(w, z[column][v], y[r][v]);
            }
        }
    }
    for r in 0..R {
        for v in 0..V {
            squares[v] = s.mul_add_e_f64s(y[r][v], y[r][v], squares[v]);
        }
    }
    rest
}
