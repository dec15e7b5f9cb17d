//! ln π_k + ln N(x | μ_k, Σ_k) = c_k − ½ |W_k (x − μ_k)|², V·8 samples at a time.
//!
//! In difference form: x − μ is exact where it matters, so that offsets of the data cost no digits.

use crate::shape::CovarianceType;

use super::plan::{Mixture, TILE};
use super::simd::Lanes;

/// Fills `out` (`[component][V]`) for the samples `x` (`[feature][V]`).
#[inline(always)]
pub(super) fn chunk<const FMA: bool, const V: usize>(
    mixture: &Mixture,
    x: &[Lanes],
    z: &mut [Lanes],
    out: &mut [Lanes],
) {
    let d = mixture.n_features;
    let (x, _) = x[..d * V].as_chunks::<V>();
    let (z, _) = z[..d * V].as_chunks_mut::<V>();
    let (out, _) = out[..mixture.n_components * V].as_chunks_mut::<V>();
    for (k, out) in out.iter_mut().enumerate() {
        let (mean, factor) = (mixture.mean(k), mixture.factor(k));
        let squares = match mixture.covariance_type {
            CovarianceType::Full | CovarianceType::Tied => match d {
                1 => few::<FMA, V, 1>(x, mean, factor),
                2 => few::<FMA, V, 2>(x, mean, factor),
                3 => few::<FMA, V, 3>(x, mean, factor),
                4 => few::<FMA, V, 4>(x, mean, factor),
                _ => many::<FMA, V>(x, mean, factor, z),
            },
            CovarianceType::Diag => {
                let mut squares = [Lanes::ZERO; V];
                for ((x, m), w) in x.iter().zip(mean).zip(factor) {
                    let (m, w) = (Lanes::splat(*m), Lanes::splat(*w));
                    for v in 0..V {
                        let y = (x[v] - m) * w;
                        squares[v] = y.fma::<FMA>(y, squares[v]);
                    }
                }
                squares
            }
            CovarianceType::Spherical => {
                let mut squares = [Lanes::ZERO; V];
                for (x, m) in x.iter().zip(mean) {
                    let m = Lanes::splat(*m);
                    for v in 0..V {
                        let z = x[v] - m;
                        squares[v] = z.fma::<FMA>(z, squares[v]);
                    }
                }
                // Scaled twice by 1/σ: its square might overflow.
                let w = Lanes::splat(factor[0]);
                squares.map(|s| s * w * w)
            }
        };
        let c = Lanes::splat(mixture.log_normalisers[k]);
        for v in 0..V {
            out[v] = squares[v].fma::<FMA>(Lanes::splat(-0.5), c);
        }
    }
}

/// |W (x − μ)|² for D = `D` features: all in registers.
#[inline(always)]
fn few<const FMA: bool, const V: usize, const D: usize>(
    x: &[[Lanes; V]],
    mean: &[f64],
    w: &[f64],
) -> [Lanes; V] {
    let mut z = [[Lanes::ZERO; V]; D];
    for i in 0..D {
        let m = Lanes::splat(mean[i]);
        for v in 0..V {
            z[i][v] = x[i][v] - m;
        }
    }
    let mut squares = [Lanes::ZERO; V];
    triangle::<FMA, V, D>(w, &z, [[Lanes::ZERO; V]; D], &mut squares);
    squares
}

/// |W (x − μ)|² for any D, with x − μ in `z`.
#[inline(always)]
fn many<const FMA: bool, const V: usize>(
    x: &[[Lanes; V]],
    mean: &[f64],
    mut w: &[f64],
    z: &mut [[Lanes; V]],
) -> [Lanes; V] {
    for ((z, x), m) in z.iter_mut().zip(x).zip(mean) {
        let m = Lanes::splat(*m);
        for v in 0..V {
            z[v] = x[v] - m;
        }
    }
    let mut squares = [Lanes::ZERO; V];
    let d = mean.len();
    let mut row = 0;
    while row + TILE <= d {
        w = rows::<FMA, V, TILE>(w, z, row, &mut squares);
        row += TILE;
    }
    match d - row {
        1 => rows::<FMA, V, 1>(w, z, row, &mut squares),
        2 => rows::<FMA, V, 2>(w, z, row, &mut squares),
        3 => rows::<FMA, V, 3>(w, z, row, &mut squares),
        _ => w,
    };
    squares
}

/// Adds the squares of rows `first..first + R` of W z and returns what follows them in `w`.
#[inline(always)]
fn rows<'w, const FMA: bool, const V: usize, const R: usize>(
    w: &'w [f64],
    z: &[[Lanes; V]],
    first: usize,
    squares: &mut [Lanes; V],
) -> &'w [f64] {
    let mut y = [[Lanes::ZERO; V]; R];
    let (left, rest) = w.split_at(first * R);
    for (w, z) in left.as_chunks::<R>().0.iter().zip(z) {
        for r in 0..R {
            let w = Lanes::splat(w[r]);
            for v in 0..V {
                y[r][v] = w.fma::<FMA>(z[v], y[r][v]);
            }
        }
    }
    triangle::<FMA, V, R>(rest, &z[first..first + R], y, squares);
    &rest[R * (R + 1) / 2..]
}

/// y += W z for the triangle at the end of R rows, then squares += y².
#[inline(always)]
fn triangle<const FMA: bool, const V: usize, const R: usize>(
    w: &[f64],
    z: &[[Lanes; V]],
    mut y: [[Lanes; V]; R],
    squares: &mut [Lanes; V],
) {
    let (w, z) = (&w[..R * (R + 1) / 2], &z[..R]);
    let mut next = 0;
    for column in 0..R {
        for r in column..R {
            let w = Lanes::splat(w[next]);
            next += 1;
            for v in 0..V {
                y[r][v] = w.fma::<FMA>(z[column][v], y[r][v]);
            }
        }
    }
    for r in 0..R {
        for v in 0..V {
            squares[v] = y[r][v].fma::<FMA>(y[r][v], squares[v]);
        }
    }
}
