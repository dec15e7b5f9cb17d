//! How far f32 arithmetic may take the device from exact results, number by number, from the operations
//! the shaders perform. No bound here was fitted to what the shaders give.

use wgmm::CovarianceType;
use wgmm::internals::engine::gpu::plan;
use wgmm::internals::mixture::moments::Moments;
use wgmm::internals::mixture::shape::triangle_index;

use super::seen::Seen;

/// Largest relative error of one rounding to f32, round to nearest.
const ROUNDING: f64 = 5.960_464_477_539_063e-8;
/// Sums of many roundings are bounded by CONFIDENCE·√m of them, not m: m independent errors of mean 0
/// exceed it with probability below 2·exp(−CONFIDENCE²/2) = 3e-8 (Hoeffding; Higham & Mary 2019).
const CONFIDENCE: f64 = 6.0;
/// WGSL 15.7.4: exp2(x) within 3 + 2|x| ULP; an ULP is at most two roundings.
fn exp2_error(x: f64) -> f64 {
    (3.0 + 2.0 * x.abs()) * 2.0 * ROUNDING
}
/// WGSL 15.7.4: log2(x) within 2^-21 on [½, 2], else 3 ULP.
fn log2_error(largest_log2: f64) -> f64 {
    2f64.powi(-21) + 6.0 * ROUNDING * largest_log2
}
/// What may flush to 0: everything below the smallest normal number.
const SMALLEST: f64 = 1.2e-38;
/// Teams whose log-sum-exps the tiled kernel joins.
const TEAMS: f64 = 8.0;
/// Levels of the tree that adds log-likelihoods within a workgroup, with the vector's own.
const TREE: f64 = 10.0;

/// Bounds of the weighted log densities in bits, `[N, K]`, 0 for components of weight 0.
///
/// y_i = b_i + Σ_j W_ij x_j takes i+1 multiply-adds of two roundings each (fma may be split), plus the
/// rounding of W and b: 2i + 3 errors of at most A_i = |b_i| + Σ|W_ij x_j| roundings. An error of y_i
/// moves m = Σ y_i² by 2 y_i times as much; adding up m takes 2D more. Then l = c − m rounds c and l.
pub fn densities(seen: &Seen, expected: &[f64]) -> Vec<f64> {
    let (d, k) = (seen.n_features(), seen.parameters.n_components());
    let means = seen.parameters.means();
    // b_i = −Σ W_ij μ_j is rounded once, whatever its terms.
    let offset: Vec<f64> = (0..k * d)
        .map(|at| {
            let (c, i) = (at / d, at % d);
            (0..=i).map(|j| -seen.whitening[(c * d + i) * d + j] * means[c * d + j]).sum()
        })
        .collect();
    let entry = |(at, l): (usize, &f64)| {
        if *l == f64::NEG_INFINITY {
            return 0.0;
        }
        let (x, c) = (seen.row(at / k), at % k);
        let (mut variance, mut squares, mut m) = (0.0, 0.0, 0.0);
        for i in 0..d {
            let b = offset[c * d + i];
            let row = &seen.whitening[(c * d + i) * d..(c * d + i) * d + i + 1];
            let (mut y, mut a) = (b, b.abs());
            for (w, x) in row.iter().zip(x) {
                y += w * x;
                a += (w * x).abs();
            }
            let errors = (2 * i + 3) as f64;
            variance += (2.0 * y * a).powi(2) * errors;
            squares += a * a * errors;
            m += y * y;
        }
        variance += 2.0 * d as f64 * m * m;
        let first_order = CONFIDENCE * ROUNDING * variance.sqrt();
        let second_order = (CONFIDENCE * ROUNDING).powi(2) * squares;
        first_order + second_order + ROUNDING * ((l + m).abs() + 2.0 * l.abs())
    };
    expected.iter().enumerate().map(entry).collect()
}

/// Bound of one sample's log2 Σ 2^l given its exact weighted log densities `l`.
///
/// Each of K terms may rescale the running total: an exp2 and an addition each, on an argument of at
/// most |x| = largest − l whose own rounding counts |x| roundings; terms matter by their share p.
pub fn log_density(l: &[f64], log_density: f64) -> f64 {
    let largest = l.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
    let present = l.iter().filter(|l| l.is_finite());
    let spread: f64 = present.map(|l| (l - log_density).exp2() * (largest - l)).sum();
    let k = l.len() as f64;
    let relative = ROUNDING * (8.0 * (k + TEAMS) + 5.0 * spread);
    relative * std::f64::consts::LOG2_E + log2_error(k.log2()) + ROUNDING * log_density.abs()
}

/// Bound of one responsibility times weight `r` = 2^(l − normaliser), normaliser = log2 p(x) − log2 w.
pub fn responsibility(r: f64, l: f64, normaliser: f64, log_weight: f64, log_density_error: f64) -> f64 {
    let x = l - normaliser;
    let argument = log_density_error + ROUNDING * (2.0 * normaliser.abs() + log_weight.abs() + x.abs());
    // Where the argument is uncertain by whole bits its factor is, too.
    r * ((argument.exp2() - 1.0) + exp2_error(x)) + SMALLEST
}

/// Bound of the log-likelihood, nats, from each sample's weight, log2 p(x) and its bound.
pub fn log_likelihood(samples: impl Iterator<Item = (f64, f64, f64)>) -> f64 {
    let bits: f64 = samples.map(|(w, l, error)| w * (error + (TREE + 2.0) * ROUNDING * l.abs())).sum();
    bits * std::f64::consts::LN_2
}

/// Error of a sum of `n` products relative to the sum of their sizes: two roundings per multiply-add of
/// a run, one per subset, slice of a group and group of groups; 4 for the terms (z twice, r z, its split).
pub fn adding(n: usize) -> f64 {
    let roundings = 2 * plan::ALIGNMENT.min(n) + 128 + 2 * plan::SLICES_PER_GROUP;
    (4.0 + CONFIDENCE * (roundings as f64).sqrt()) * ROUNDING
}

/// Bounds of moments, in the moments' own units.
///
/// With e = error of r plus r·[`adding`], the error of Σ r z_i z_j is at most Σ e |z_i z_j| ≤ √(Σ e z_i² Σ e z_j²).
/// Few features of full covariances are summed whitened, y = W z, and come back as z = V y: there |z_i| is
/// replaced by Σ_a |V_ia| Σ_j |W_aj z_j|, with D more roundings.
pub fn moments(
    seen: &Seen,
    covariance_type: CovarianceType,
    responsibilities: &[f64],
    errors: &[f64],
) -> Moments {
    let (d, k) = (seen.n_features(), seen.parameters.n_components());
    let is_whitened = covariance_type == CovarianceType::Full && d <= 4;
    let adding = adding(seen.weights.len()) + if is_whitened { 2.0 * d as f64 * ROUNDING } else { 0.0 };
    let inverses: Vec<f64> = seen.whitening.chunks_exact(d * d).flat_map(|w| inverse(w, d)).collect();
    let sizes = |c: usize, x: &[f64]| -> Vec<f64> {
        let z: Vec<f64> = (0..d).map(|i| (x[i] - seen.origins[c * d + i]).abs()).collect();
        if !is_whitened {
            return z;
        }
        let times = |m: &[f64], v: &[f64]| -> Vec<f64> {
            m.chunks_exact(d).map(|row| row.iter().zip(v).map(|(a, b)| a.abs() * b).sum()).collect()
        };
        let square = c * d * d..(c + 1) * d * d;
        times(&inverses[square.clone()], &times(&seen.whitening[square], &z))
    };
    let mut bound = Moments::zero(covariance_type, d, seen.origins.clone());
    let mut squares = vec![0.0; k * d];
    for (n, (r, error)) in responsibilities.chunks_exact(k).zip(errors.chunks_exact(k)).enumerate() {
        let x = seen.row(n);
        for c in 0..k {
            let e = error[c] + adding * r[c];
            bound.effective_counts[c] += e;
            for (i, size) in sizes(c, x).into_iter().enumerate() {
                squares[c * d + i] += e * size.powi(2);
            }
        }
    }
    let s = &seen.scaling.scale;
    let root = |c: usize, i: usize| squares[c * d + i].sqrt() * s[i];
    for c in 0..k {
        for i in 0..d {
            bound.first_moments[c * d + i] = bound.effective_counts[c].sqrt() * root(c, i);
        }
        let first = if covariance_type == CovarianceType::Tied { 0 } else { c * triangle_index(d, 0) };
        match covariance_type {
            CovarianceType::Full | CovarianceType::Tied => {
                for (i, j) in (0..d).flat_map(|i| (0..=i).map(move |j| (i, j))) {
                    bound.second_moments[first + triangle_index(i, j)] += root(c, i) * root(c, j);
                }
            }
            kind => {
                for i in 0..d {
                    let at = if kind == CovarianceType::Diag { c * d + i } else { c };
                    bound.second_moments[at] += root(c, i).powi(2);
                }
            }
        }
    }
    bound
}

/// Inverse of a lower triangle, column by column.
fn inverse(lower: &[f64], d: usize) -> Vec<f64> {
    let mut inverse = vec![0.0; d * d];
    for column in 0..d {
        for i in column..d {
            let unit = if i == column { 1.0 } else { 0.0 };
            let known: f64 = (column..i).map(|j| lower[i * d + j] * inverse[j * d + column]).sum();
            inverse[i * d + column] = (unit - known) / lower[i * d + i];
        }
    }
    inverse
}
