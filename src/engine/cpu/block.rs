//! A block of rows in the layout of the kernels: feature by feature, samples side by side.

use pulp::Simd;

use super::simd::MAX_LANES;
use crate::data::Scratch;

/// Numbers that start at a cache line: a vector load that straddles two lines takes twice as long.
#[derive(Debug, Default)]
pub(super) struct Aligned(Vec<f64>);

impl Aligned {
    /// Start of the first cache line.
    fn start(&self) -> usize {
        self.0.as_ptr().align_offset(64).min(MAX_LANES)
    }

    /// The first `len` numbers; their content does not matter.
    pub(super) fn take(&mut self, len: usize) -> &mut [f64] {
        if self.0.len() < len + MAX_LANES {
            self.0.resize(len + MAX_LANES, 0.0);
        }
        let start = self.start();
        &mut self.0[start..start + len]
    }

    /// The first `len` numbers as they were last written.
    pub(super) fn get(&self, len: usize) -> &[f64] {
        let start = self.start();
        &self.0[start..start + len]
    }
}

/// Working memory of one task; used again by others, never read before it is written. A chunk is
/// V vectors of consecutive rows.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Rows that do not lie in memory in f64.
    pub(super) scratch: Scratch,
    /// Samples, `[chunk][feature][V·lanes]`.
    pub(super) x: Aligned,
    /// Sample weights, `[row]`; 0 past the last row.
    pub(super) weights: Aligned,
    /// Weighted log densities, then responsibilities times sample weights (diag, spherical) or their
    /// square roots (full, tied), `[chunk][component][V·lanes]`.
    pub(super) r: Aligned,
    /// One chunk less the component's mean, `[feature][V·lanes]`.
    pub(super) z: Aligned,
    /// Samples less the mean times √r, of the component at hand.
    pub(super) panel: Aligned,
    /// √r of the panel's samples.
    pub(super) panel_roots: Aligned,
    /// Sums per lane.
    pub(super) sums: Aligned,
}

impl Block {
    /// Loads row-major `values` less the `center` (`[D]`) and returns the number of chunks they fill. Rows of weight 0 and
    /// places past the last row are filled with `fill` (`[D]`), so that whatever stands in an absent
    /// row cannot make a NaN.
    #[inline(always)]
    pub(super) fn load<S: Simd, const V: usize>(
        &mut self,
        values: &[f64],
        weights: Option<&[f64]>,
        center: &[f64],
        fill: &[f64],
    ) -> usize {
        let d = fill.len();
        let n = values.len() / d;
        let width = V * S::F64_LANES;
        let chunks = n.div_ceil(width);
        let to = self.weights.take(chunks * width);
        match weights {
            Some(w) => to[..n].copy_from_slice(w),
            None => to[..n].fill(1.0),
        }
        to[n..].fill(0.0);
        let x = self.x.take(chunks * width * d);
        for (chunk, (x, weights)) in x.chunks_exact_mut(width * d).zip(to.chunks_exact(width)).enumerate() {
            let rows = &values[chunk * width * d..n.min((chunk + 1) * width) * d];
            match d {
                1 => turn::<1>(rows, center, 0, x, width),
                2 => turn::<2>(rows, center, 0, x, width),
                3 => turn::<3>(rows, center, 0, x, width),
                _ => {
                    let mut feature = 0;
                    // A cache line of a row at a time.
                    while feature + 8 <= d {
                        turn::<8>(rows, center, feature, &mut x[feature * width..], width);
                        feature += 8;
                    }
                    if feature + 4 <= d {
                        turn::<4>(rows, center, feature, &mut x[feature * width..], width);
                        feature += 4;
                    }
                    for feature in feature..d {
                        turn::<1>(rows, center, feature, &mut x[feature * width..], width);
                    }
                }
            }
            if weights.contains(&0.0) {
                for (lane, _) in weights.iter().enumerate().filter(|(_, w)| **w == 0.0) {
                    (0..d).for_each(|feature| x[feature * width + lane] = fill[feature]);
                }
            }
        }
        chunks
    }
}

/// Writes features `feature..feature + F` of `rows` less the center one after the other, `width` apart.
#[inline(always)]
fn turn<const F: usize>(rows: &[f64], center: &[f64], feature: usize, x: &mut [f64], width: usize) {
    let mut columns = x.chunks_exact_mut(width);
    let mut columns: [&mut [f64]; F] = std::array::from_fn(|_| columns.next().unwrap_or_default());
    let d = center.len();
    let n = rows.len() / d;
    let center = &center[feature..feature + F];
    for column in &mut columns {
        let whole = std::mem::take(column);
        *column = &mut whole[..n];
    }
    for (lane, row) in rows.chunks_exact(d).enumerate() {
        let row = &row[feature..feature + F];
        for f in 0..F {
            columns[f][lane] = row[f] - center[f];
        }
    }
}
