//! k-means++ seeding (Arthur & Vassilvitskii 2007, greedy as in scikit-learn) and Lloyd's algorithm on
//! the seeding subset, parallel over blocks of samples with a fixed order of additions.

use rand::{Rng, RngExt};
use rayon::prelude::*;

use super::subset::Subset;

/// Samples per parallel block; the order of additions depends on it and on nothing else.
const BLOCK: usize = 1024;
/// Lloyd iterations at most (scikit-learn's `KMeans.max_iter`).
const MAX_ITER: usize = 300;
/// Stop when the means' squared shift is below this share of the mean column variance.
const TOL: f64 = 1e-4;

fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum()
}

/// `k` seeds, `[K, D]`: each next one drawn with probability proportional to weight times squared
/// distance from the seeds so far, the best of 2 + ln K candidates.
pub(super) fn plus_plus(subset: &Subset, k: usize, rng: &mut impl Rng) -> Vec<f64> {
    let d = subset.n_features;
    let first = draw(&subset.weights, subset.weights.iter().sum(), rng);
    let mut seeds = subset.row(first).to_vec();
    let mut nearest = distances(subset, subset.row(first));
    let candidates = 2 + (k as f64).ln() as usize;
    while seeds.len() < k * d {
        let scores: Vec<f64> = nearest.iter().zip(&subset.weights).map(|(n, w)| n * w).collect();
        let total: f64 = scores.iter().sum();
        let mut best: Option<(f64, usize, Vec<f64>)> = None;
        for _ in 0..candidates {
            // All samples on a seed already: any sample is as good.
            let row = if total > 0.0 { draw(&scores, total, rng) } else { rng.random_range(0..scores.len()) };
            let mut reached = distances(subset, subset.row(row));
            reached.iter_mut().zip(&nearest).for_each(|(r, n)| *r = r.min(*n));
            let potential: f64 = reached.iter().zip(&subset.weights).map(|(r, w)| r * w).sum();
            if best.as_ref().is_none_or(|(p, _, _)| potential < *p) {
                best = Some((potential, row, reached));
            }
        }
        let Some((_, row, reached)) = best else { break };
        seeds.extend_from_slice(subset.row(row));
        nearest = reached;
    }
    seeds
}

fn distances(subset: &Subset, seed: &[f64]) -> Vec<f64> {
    subset
        .values
        .par_chunks_exact(subset.n_features)
        .with_min_len(BLOCK)
        .map(|x| squared_distance(x, seed))
        .collect()
}

/// An index drawn with probability proportional to `scores`, which sum to `total`.
fn draw(scores: &[f64], total: f64, rng: &mut impl Rng) -> usize {
    let mut rest = rng.random::<f64>() * total;
    let mut last = 0;
    for (i, s) in scores.iter().enumerate().filter(|(_, s)| **s > 0.0) {
        last = i;
        rest -= s;
        if rest < 0.0 {
            break;
        }
    }
    last
}

/// Index of the nearest of `means` for every sample; the lowest on ties.
pub(super) fn nearest(subset: &Subset, means: &[f64]) -> Vec<usize> {
    let d = subset.n_features;
    let closest = |x: &[f64]| {
        let mut best = (f64::INFINITY, 0);
        for (k, mean) in means.chunks_exact(d).enumerate() {
            let distance = squared_distance(x, mean);
            if distance < best.0 {
                best = (distance, k);
            }
        }
        best.1
    };
    subset.values.par_chunks_exact(d).with_min_len(BLOCK).map(closest).collect()
}

/// Labels of Lloyd's algorithm, whose first means are the seeds `means`. A mean without samples moves to the sample
/// farthest from its own mean.
pub(super) fn lloyd(subset: &Subset, mut means: Vec<f64>) -> Vec<usize> {
    let d = subset.n_features;
    let (_, std) = subset.column_moments();
    let tolerance = TOL * std.iter().map(|s| s * s).sum::<f64>() / d as f64;
    let mut labels = nearest(subset, &means);
    for _ in 0..MAX_ITER {
        fill_empty(subset, &means, &mut labels);
        let moved = means_of(subset, &labels, means.len() / d);
        let shift: f64 = squared_distance(&moved, &means);
        means = moved;
        let new_labels = nearest(subset, &means);
        let settled = new_labels == labels || shift <= tolerance;
        labels = new_labels;
        if settled {
            break;
        }
    }
    fill_empty(subset, &means, &mut labels);
    labels
}

/// Gives every component without samples the sample farthest from its own mean, among components
/// that keep at least one.
fn fill_empty(subset: &Subset, means: &[f64], labels: &mut [usize]) {
    let d = subset.n_features;
    let mut sizes = vec![0usize; means.len() / d];
    labels.iter().for_each(|l| sizes[*l] += 1);
    for k in 0..sizes.len() {
        if sizes[k] > 0 {
            continue;
        }
        let gap = |n: usize| squared_distance(subset.row(n), &means[labels[n] * d..(labels[n] + 1) * d]);
        let movable = (0..labels.len()).filter(|&n| sizes[labels[n]] > 1);
        let Some(farthest) = movable.max_by(|&a, &b| gap(a).total_cmp(&gap(b)).then(b.cmp(&a))) else {
            return;
        };
        sizes[labels[farthest]] -= 1;
        labels[farthest] = k;
        sizes[k] = 1;
    }
}

/// Weighted mean of every label's samples, `[K, D]`; all labels have samples.
fn means_of(subset: &Subset, labels: &[usize], k: usize) -> Vec<f64> {
    let d = subset.n_features;
    let mut counts = vec![0.0; k];
    let mut means = vec![0.0; k * d];
    for ((x, w), label) in subset.values.chunks_exact(d).zip(&subset.weights).zip(labels) {
        counts[*label] += w;
        means[label * d..(label + 1) * d].iter_mut().zip(x).for_each(|(m, x)| *m += w * x);
    }
    means.iter_mut().enumerate().for_each(|(i, m)| *m /= counts[i / d].max(f64::MIN_POSITIVE));
    means
}
