//! Small dense f64 linear algebra for the host: Cholesky with the failing pivot, and the inverse of
//! a lower triangle. Matrices are row-major slices of length D·D.

/// A pivot that was not positive: the matrix is not positive definite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BadPivot {
    /// Row of the factorisation.
    pub(crate) row: usize,
    /// The value that should have been positive.
    pub(crate) value: f64,
}

/// Lower Cholesky factor L of `a` (A = L Lᵀ), reading only the lower triangle; the rest of the
/// result is 0. Golub & Van Loan, *Matrix Computations*, 4.2.5, on Lᵀ: its rows lie in one piece, so
/// that the updates vectorise.
pub(crate) fn cholesky(a: &[f64], d: usize) -> Result<Vec<f64>, BadPivot> {
    let mut upper = vec![0.0; d * d];
    for i in 0..d {
        for j in 0..=i {
            upper[j * d + i] = a[i * d + j];
        }
    }
    for j in 0..d {
        let (head, tail) = upper.split_at_mut((j + 1) * d);
        let row = &mut head[j * d + j..];
        let value = row[0];
        // NaN fails this comparison, too.
        if !(value > 0.0 && value.is_finite()) {
            return Err(BadPivot { row: j, value });
        }
        let pivot = value.sqrt();
        row.iter_mut().for_each(|u| *u /= pivot);
        for i in j + 1..d {
            let factor = row[i - j];
            let below = &mut tail[(i - j - 1) * d + i..(i - j) * d];
            below.iter_mut().zip(&row[i - j..]).for_each(|(b, u)| *b -= factor * u);
        }
    }
    let mut lower = vec![0.0; d * d];
    for i in 0..d {
        for j in 0..=i {
            lower[i * d + j] = upper[j * d + i];
        }
    }
    Ok(lower)
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
    let mut inverse = vec![0.0; d * d];
    // Row i of the inverse needs the rows above it only: (e_i − Σ_j<i L_ij · inverse_j) / L_ii.
    for i in 0..d {
        let (done, row) = inverse.split_at_mut(i * d);
        let row = &mut row[..d];
        row[i] = 1.0;
        for j in 0..i {
            let factor = l[i * d + j];
            for (r, above) in row[..=j].iter_mut().zip(&done[j * d..=j * d + j]) {
                *r -= factor * above;
            }
        }
        let pivot = l[i * d + i];
        row[..=i].iter_mut().for_each(|r| *r /= pivot);
    }
    inverse
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
/// about 0.9 ln D / n (Kuczyński & Woźniakowski, SIAM J. Matrix Anal. 13(4), 1992). None where it is not
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
