//! Small dense f64 linear algebra for the host: Cholesky with the failing pivot, and the inverse of
//! a lower triangle. Matrices are row-major slices of length D·D.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use crate::error::Error;

/// A pivot that was not positive: the matrix is not positive definite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BadPivot {
    /// Row of the factorisation.
    pub(crate) row: usize,
    /// The value that should have been positive.
    pub(crate) value: f64,
}

impl BadPivot {
    /// The error for the covariance of `component`, outside a fit.
    pub(crate) fn of(self, component: usize) -> Error {
        Error::NotPositiveDefinite { component, pivot: self.row, value: self.value, iteration: None }
    }
}

/// Rows are padded to whole vectors of any instruction set, so no loop has single numbers at its ends. The numbers
/// beside the triangle become anything, and nobody reads them.
const LANES: usize = 8;

/// Lower Cholesky factor L of `a` (A = L Lᵀ), reading only the lower triangle; the rest of the
/// result is 0. Golub & Van Loan, *Matrix Computations*, 4.2.5, on Lᵀ: its rows lie in one piece, so
/// that the updates vectorise.
pub(crate) fn cholesky(a: &[f64], d: usize) -> Result<Vec<f64>, BadPivot> {
    let width = d.next_multiple_of(LANES);
    let mut upper = vec![0.0; d * width];
    for i in 0..d {
        for j in 0..=i {
            upper[j * width + i] = a[i * d + j];
        }
    }
    Arch::new().dispatch(Factorise { upper: &mut upper, width })?;
    let mut lower = vec![0.0; d * d];
    for i in 0..d {
        for j in 0..=i {
            lower[i * d + j] = upper[j * width + i];
        }
    }
    Ok(lower)
}

/// The factorisation in place.
struct Factorise<'m> {
    upper: &'m mut [f64],
    width: usize,
}

impl WithSimd for Factorise<'_> {
    type Output = Result<(), BadPivot>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) -> Self::Output {
        let Factorise { upper, width } = self;
        for i in 0..upper.len() / width {
            let (done, rest) = upper.split_at_mut(i * width);
            let row = &mut rest[..width];
            let first = i / LANES * LANES;
            let column = |j: usize| done[j * width + i];
            subtract(s, &mut row[first..], 0..i, column, |j| &done[j * width + first..(j + 1) * width]);
            let value = row[i];
            // NaN fails this comparison, too.
            if !(value > 0.0 && value.is_finite()) {
                return Err(BadPivot { row: i, value });
            }
            divide(s, &mut row[first..], value.sqrt());
        }
        Ok(())
    }
}

/// `row` − Σ_j `factor`(j)·`rows`(j), j in order, some vectors at a time in registers.
#[inline(always)]
fn subtract<'m, S: Simd>(
    s: S,
    row: &mut [f64],
    range: Range<usize>,
    factor: impl Fn(usize) -> f64,
    rows: impl Fn(usize) -> &'m [f64],
) {
    let (blocks, singles) = S::as_mut_simd_f64s(row).0.as_chunks_mut::<4>();
    let first = blocks.len() * 4;
    subtract_blocks(s, blocks, 0, &range, &factor, &rows);
    subtract_blocks(s, singles.as_chunks_mut::<1>().0, first, &range, &factor, &rows);
}

/// [`subtract`] for blocks of V vectors, which start at vector `first` of the row.
#[inline(always)]
fn subtract_blocks<'m, S: Simd, const V: usize>(
    s: S,
    blocks: &mut [[S::f64s; V]],
    first: usize,
    range: &Range<usize>,
    factor: &impl Fn(usize) -> f64,
    rows: &impl Fn(usize) -> &'m [f64],
) {
    for (b, block) in blocks.iter_mut().enumerate() {
        let at = first + b * V;
        let mut sums = *block;
        for j in range.clone() {
            let (factor, from) = (s.splat_f64s(factor(j)), S::as_simd_f64s(rows(j)).0);
            let from = &from[at..at + V];
            for v in 0..V {
                sums[v] = s.sub_f64s(sums[v], s.mul_f64s(factor, from[v]));
            }
        }
        *block = sums;
    }
}

#[inline(always)]
fn divide<S: Simd>(s: S, row: &mut [f64], by: f64) {
    let by = s.splat_f64s(by);
    for value in S::as_mut_simd_f64s(row).0 {
        *value = s.div_f64s(*value, by);
    }
}

/// ln Σ exp(values), exact against overflow and underflow; −∞ only if every value is.
pub fn log_sum_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + values.iter().map(|v| (v - largest).exp()).sum::<f64>().ln()
}

/// Inverse of a lower triangular matrix with a positive diagonal, lower triangular itself.
pub(crate) fn invert_lower(l: &[f64], d: usize) -> Vec<f64> {
    let width = d.next_multiple_of(LANES);
    let mut inverse = vec![0.0; d * width];
    Arch::new().dispatch(Invert { l, inverse: &mut inverse, d, width });
    let mut result = vec![0.0; d * d];
    for (to, from) in result.chunks_exact_mut(d).zip(inverse.chunks_exact(width)) {
        to.copy_from_slice(&from[..d]);
    }
    result
}

struct Invert<'m> {
    l: &'m [f64],
    inverse: &'m mut [f64],
    d: usize,
    width: usize,
}

impl WithSimd for Invert<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let Invert { l, inverse, d, width } = self;
        // Row i of the inverse needs the rows above it only: (e_i − Σ_j<i L_ij · inverse_j) / L_ii.
        for i in 0..d {
            let (done, row) = inverse.split_at_mut(i * width);
            let row = &mut row[..width];
            row[i] = 1.0;
            // What a row above has not is 0.
            let end = (i + 1).next_multiple_of(LANES);
            subtract(s, &mut row[..end], 0..i, |j| l[i * d + j], |j| &done[j * width..j * width + end]);
            divide(s, &mut row[..end], l[i * d + i]);
        }
    }
}

/// W S Wᵀ with W lower triangular and S symmetric.
pub(crate) fn congruence(w: &[f64], s: &[f64], d: usize) -> Vec<f64> {
    // Rows of W S are sums of rows of S, so that every inner loop runs along memory.
    let mut product = vec![0.0; d * d];
    for (i, row) in product.chunks_exact_mut(d).enumerate() {
        for (j, s) in s.chunks_exact(d).take(i + 1).enumerate() {
            let factor = w[i * d + j];
            row.iter_mut().zip(s).for_each(|(p, s)| *p += factor * s);
        }
    }
    let mut result = vec![0.0; d * d];
    for i in 0..d {
        for j in 0..d {
            let (a, b) = (&product[i * d..=i * d + j], &w[j * d..=j * d + j]);
            result[i * d + j] = a.iter().zip(b).map(|(a, b)| a * b).sum();
        }
    }
    result
}

/// Largest over smallest eigenvalue of a positive definite matrix, within some percent: power iteration on the
/// matrix and on its inverse. After n steps from a generic start the largest eigenvalue is too small by at most
/// about 0.9 ln D / n (Kuczyński & Woźniakowski, SIAM J. Matrix Anal. 13(4), 1992). `None` if the matrix is not
/// positive definite.
#[cfg(feature = "plot")]
pub(crate) fn condition(a: &[f64], d: usize) -> Option<f64> {
    const STEPS: usize = 300;
    let inverse_factor = invert_lower(&cholesky(a, d).ok()?, d);
    // A generic vector: no structured matrix has an eigenvector orthogonal to it by design.
    let start: Vec<f64> = (1..=d).map(|i| 0.5 + (i as f64 * 0.618_033_988_749_895).fract()).collect();
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let largest = |apply: &dyn Fn(&[f64]) -> Vec<f64>| {
        let (mut x, mut value) = (start.clone(), 0.0);
        for _ in 0..STEPS {
            let length = dot(&x, &x).sqrt();
            x.iter_mut().for_each(|v| *v /= length);
            let next = apply(&x);
            value = dot(&x, &next);
            x = next;
        }
        value
    };
    let rows = |m: &[f64], x: &[f64]| m.chunks_exact(d).map(|row| dot(row, x)).collect::<Vec<f64>>();
    let top = largest(&|x| rows(a, x));
    // A⁻¹ x = Wᵀ (W x) with W the inverse of the factor.
    let bottom = largest(&|x| {
        let z = rows(&inverse_factor, x);
        (0..d).map(|j| (j..d).map(|i| inverse_factor[i * d + j] * z[i]).sum()).collect()
    });
    let condition = (top * bottom).max(1.0);
    condition.is_finite().then_some(condition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cholesky_of_a_known_matrix() {
        // [[4,2],[2,5]] = [[2,0],[1,2]] · its transpose.
        assert_eq!(cholesky(&[4.0, 2.0, 2.0, 5.0], 2), Ok(vec![2.0, 0.0, 1.0, 2.0]));
        assert_eq!(invert_lower(&[2.0, 0.0, 1.0, 2.0], 2), vec![0.5, 0.0, -0.25, 0.5]);
    }

    #[test]
    fn a_singular_matrix_names_its_pivot() {
        assert_eq!(cholesky(&[1.0, 1.0, 1.0, 1.0], 2), Err(BadPivot { row: 1, value: 0.0 }));
        assert_eq!(cholesky(&[-1.0], 1), Err(BadPivot { row: 0, value: -1.0 }));
        assert!(cholesky(&[f64::NAN], 1).is_err() && cholesky(&[f64::INFINITY], 1).is_err());
    }

    #[cfg(feature = "plot")]
    #[test]
    fn condition_of_known_matrices() {
        assert_eq!(condition(&[3.0], 1), Some(1.0));
        let near = |a: &[f64], d, expected: f64| {
            let found = condition(a, d).unwrap_or_default();
            assert!((found / expected - 1.0).abs() < 0.02, "{found} {expected}");
        };
        // Eigenvalues 1 and 3; 1e-6 and 1e6; all equal.
        near(&[2.0, 1.0, 1.0, 2.0], 2, 3.0);
        near(&[1e6, 0.0, 0.0, 1e-6], 2, 1e12);
        near(&[5.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 5.0], 3, 1.0);
        // The second difference of 30 points: 4 sin²(kπ/62).
        let d = 30;
        let entry = |n: usize| match (n / d).abs_diff(n % d) {
            0 => 2.0,
            1 => -1.0,
            _ => 0.0,
        };
        let matrix: Vec<f64> = (0..d * d).map(entry).collect();
        near(&matrix, d, 1.0 / (std::f64::consts::PI / 62.0).tan().powi(2));
        assert_eq!(condition(&[1.0, 2.0, 2.0, 1.0], 2), None);
    }
}
