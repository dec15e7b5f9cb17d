//! A block of rows in the layout of the kernels: feature by feature, samples side by side.

use pulp::Simd;

use super::simd::MAX_LANES;

/// Numbers that start at a cache line: a vector load that straddles two lines takes twice as long.
#[derive(Debug, Default)]
pub(super) struct Aligned(Vec<f64>);

impl Aligned {
    /// Where the first cache line starts.
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
    /// Rows widened from f32.
    pub(super) widened: Vec<f64>,
    /// Samples, `[chunk][feature][V·lanes]`.
    pub(super) x: Aligned,
    /// Sample weights, `[row]`; 0 past the last row.
    pub(super) weights: Aligned,
    /// Weighted log densities, then responsibilities times sample weights,
    /// `[chunk][component][V·lanes]`.
    pub(super) r: Aligned,
    /// One chunk less the component's mean, `[feature][V·lanes]`.
    pub(super) z: Aligned,
    /// Samples less the mean times √r, of the component at hand.
    pub(super) panel: Aligned,
    /// √r of the panel's samples.
    pub(super) roots: Aligned,
    /// Sums per lane.
    pub(super) sums: Aligned,
}

impl Block {
    /// Loads row-major `values` and returns the number of chunks they fill. Rows of weight 0 and
    /// places past the last row are filled with `fill` (`[D]`), so that whatever stands in an absent
    /// row cannot make a NaN.
    #[inline(always)]
    pub(super) fn load<S: Simd, const V: usize>(
        &mut self,
        values: &[f64],
        weights: Option<&[f64]>,
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
            for (feature, lanes) in x.chunks_exact_mut(width).enumerate() {
                for (lane, row) in lanes.iter_mut().zip(rows.chunks_exact(d)) {
                    *lane = row[feature];
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
