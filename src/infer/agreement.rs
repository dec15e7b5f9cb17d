//! How well two labellings of the same samples agree, whatever the labels are called.

use std::collections::HashMap;
use std::hash::Hash;

use crate::error::{Error, Result};

/// Steps that the matching may take (min² · max of the numbers of groups): some seconds.
pub(crate) const MOST_STEPS: u128 = 20_000_000_000;
/// Pairs of groups that are counted in a table.
const MOST_PAIRS: usize = 1 << 26;

/// How often each pair of groups meets: the contingency table of two labellings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contingency {
    /// Samples with group r of the first and group c of the second labelling, `[rows, columns]`.
    counts: Vec<u64>,
    rows: usize,
    columns: usize,
}

impl Contingency {
    /// Counts the pairs of `first` and `second`, one label per sample each. Groups are numbered by
    /// their first appearance.
    ///
    /// # Errors
    /// [`Error::Shape`] if the lengths differ or are 0; [`Error::Option`] for so many groups that the
    /// table would not fit into memory.
    pub fn new<A: Eq + Hash, B: Eq + Hash>(first: &[A], second: &[B]) -> Result<Self> {
        if first.len() != second.len() || first.is_empty() {
            return Err(Error::shape("labels to compare", first.len().max(1), second.len()));
        }
        let (a, rows) = numbered(first);
        let (b, columns) = numbered(second);
        if rows.checked_mul(columns).is_none_or(|pairs| pairs > MOST_PAIRS) {
            return Err(too_many(rows, columns));
        }
        let mut counts = vec![0; rows * columns];
        a.iter().zip(&b).for_each(|(r, c)| counts[r * columns + c] += 1);
        Ok(Contingency { counts, rows, columns })
    }

    /// The adjusted Rand index (Hubert & Arabie, *Comparing partitions*, J. Classification 2, 1985,
    /// eq. 5): 1 for equal partitions, 0 expected by chance, negative below that. Two partitions
    /// without any choice (all samples in one group, or each in its own, in both) agree: 1.
    pub fn adjusted_rand_index(&self) -> f64 {
        // Whole numbers: no cancellation however many samples.
        let pairs = |n: u64| u128::from(n) * u128::from(n.saturating_sub(1)) / 2;
        let row = |r: usize| self.counts[r * self.columns..(r + 1) * self.columns].iter().sum::<u64>();
        let column = |c: usize| self.counts.iter().skip(c).step_by(self.columns).sum::<u64>();
        let together: u128 = self.counts.iter().map(|n| pairs(*n)).sum();
        let first: u128 = (0..self.rows).map(|r| pairs(row(r))).sum();
        let second: u128 = (0..self.columns).map(|c| pairs(column(c))).sum();
        let all = pairs(self.counts.iter().sum());
        if all == 0 || (first == second && (first == 0 || first == all)) {
            return 1.0;
        }
        let expected = first as f64 * second as f64 / all as f64;
        (together as f64 - expected) / (0.5 * (first as f64 + second as f64) - expected)
    }

    /// The share of samples on which both agree when groups are matched one to one in the best way
    /// (Hungarian algorithm, Kuhn 1955); groups left over match nothing.
    ///
    /// # Errors
    /// [`Error::Option`] for so many groups that the search would not end.
    pub fn matching_accuracy(&self) -> Result<f64> {
        let (few, many) = (self.rows.min(self.columns), self.rows.max(self.columns));
        if (few as u128).pow(2) * many as u128 > MOST_STEPS {
            return Err(too_many(self.rows, self.columns));
        }
        let count = |i: usize, j: usize| {
            let (r, c) = if self.rows <= self.columns { (i, j) } else { (j, i) };
            self.counts[r * self.columns + c]
        };
        let matched: u64 =
            best_matching(few, many, count).iter().enumerate().map(|(i, &j)| count(i, j)).sum();
        Ok(matched as f64 / self.counts.iter().sum::<u64>() as f64)
    }
}

fn too_many(rows: usize, columns: usize) -> Error {
    Error::option(
        "truth",
        format!("{rows} and {columns} different labels"),
        "labels name groups; so many groups cannot be matched. Is it a column of ids?",
    )
}

/// Labels as numbers from 0, and how many there are.
fn numbered<T: Eq + Hash>(labels: &[T]) -> (Vec<usize>, usize) {
    let mut seen: HashMap<&T, usize> = HashMap::new();
    let numbers = labels
        .iter()
        .map(|label| {
            let next = seen.len();
            *seen.entry(label).or_insert(next)
        })
        .collect();
    (numbers, seen.len())
}

/// The column of every row in the one-to-one match of `rows` rows to `columns` ≥ `rows` columns with the largest
/// Σ gain(i, match(i)): shortest augmenting paths with potentials (Jonker & Volgenant 1987), rows² · columns
/// steps.
pub(crate) fn best_matching(rows: usize, columns: usize, gain: impl Fn(usize, usize) -> u64) -> Vec<usize> {
    const FREE: usize = usize::MAX;
    // Costs −gain; each path starts at column `columns`.
    let cost = |i: usize, j: usize| -i128::from(gain(i, j));
    let (mut row_potential, mut column_potential) = (vec![0i128; rows], vec![0i128; columns + 1]);
    let mut row_of = vec![FREE; columns + 1];
    for start in 0..rows {
        row_of[columns] = start;
        let mut at = columns;
        let mut distance = vec![i128::MAX; columns];
        let mut before = vec![columns; columns];
        let mut done = vec![false; columns + 1];
        while row_of[at] != FREE {
            done[at] = true;
            let row = row_of[at];
            let (mut nearest, mut step) = (at, i128::MAX);
            for j in (0..columns).filter(|&j| !done[j]) {
                let reduced = cost(row, j) - row_potential[row] - column_potential[j];
                if reduced < distance[j] {
                    distance[j] = reduced;
                    before[j] = at;
                }
                if distance[j] < step {
                    step = distance[j];
                    nearest = j;
                }
            }
            for j in 0..=columns {
                if done[j] {
                    row_potential[row_of[j]] += step;
                    column_potential[j] -= step;
                } else if j < columns {
                    distance[j] -= step;
                }
            }
            at = nearest;
        }
        while at != columns {
            let previous = before[at];
            row_of[at] = row_of[previous];
            at = previous;
        }
    }
    let mut column_of = vec![0; rows];
    (0..columns).filter(|&j| row_of[j] != FREE).for_each(|j| column_of[row_of[j]] = j);
    column_of
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Every one-to-one match, tried.
    fn tried(gains: &[Vec<u64>], row: usize, used: &mut Vec<bool>) -> u64 {
        if row == gains.len() {
            return 0;
        }
        let mut best = 0;
        for j in 0..used.len() {
            if !used[j] {
                used[j] = true;
                best = best.max(gains[row][j] + tried(gains, row + 1, used));
                used[j] = false;
            }
        }
        best
    }

    #[test]
    fn the_matching_is_the_best_of_all() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for trial in 0..300 {
            let rows = 1 + trial % 6;
            let columns = rows + trial / 6 % 3;
            // Few different gains, so that ties are common.
            let gains: Vec<Vec<u64>> =
                (0..rows).map(|_| (0..columns).map(|_| rng.random_range(0..5)).collect()).collect();
            let expected = tried(&gains, 0, &mut vec![false; columns]);
            let matched = best_matching(rows, columns, |i, j| gains[i][j]);
            let found: u64 = matched.iter().enumerate().map(|(i, &j)| gains[i][j]).sum();
            assert_eq!(found, expected, "{gains:?}");
            let mut distinct = matched.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), rows, "{matched:?}");
        }
    }
}
