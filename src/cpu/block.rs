//! A block of rows in the layout of the kernels: feature by feature, samples side by side.

use super::plan::{Mixture, Plan};
use super::simd::{LANES, Lanes};

/// Working memory of one task; reused, never read before it is written.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Rows widened from f32.
    pub(super) widened: Vec<f64>,
    /// Samples, `[chunk][feature][V]`: a chunk is V·8 consecutive rows.
    pub(super) x: Vec<Lanes>,
    /// Sample weights, `[chunk][V]`; 0 past the last row.
    pub(super) weights: Vec<Lanes>,
    /// Weighted log densities, then responsibilities times sample weights, `[chunk][component][V]`.
    pub(super) r: Vec<Lanes>,
    /// One chunk less the component's mean, `[feature][V]`.
    pub(super) z: Vec<Lanes>,
    /// Samples less the mean times √r, of the component at hand.
    pub(super) panel: Vec<Lanes>,
    /// √r of the panel's samples.
    pub(super) roots: Vec<Lanes>,
    /// Sums per lane.
    pub(super) sums: Vec<Lanes>,
}

/// Sets the length of a buffer whose content does not matter.
pub(super) fn resize(buffer: &mut Vec<Lanes>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, Lanes::ZERO);
    }
}

impl Block {
    /// Makes room for blocks of `plan`, V lanes at a time.
    pub(super) fn reserve<const V: usize>(&mut self, plan: &Plan, mixture: &Mixture) {
        let groups = (plan.block_rows / LANES).next_multiple_of(V);
        resize(&mut self.x, groups * mixture.n_features);
        resize(&mut self.weights, groups);
        resize(&mut self.r, groups * mixture.n_components);
        resize(&mut self.z, mixture.n_features * V);
    }

    /// Loads row-major `values` and returns the number of chunks they fill. Rows of weight 0 and
    /// places past the last row are filled with `fill` (`[D]`), so that whatever stands in an absent
    /// row cannot make a NaN.
    #[inline(always)]
    pub(super) fn load<const V: usize>(&mut self, values: &[f64], weights: Option<&[f64]>, fill: &[f64]) -> usize {
        let d = fill.len();
        let n = values.len() / d;
        let chunks = n.div_ceil(V * LANES);
        for (group, weight) in self.weights[..chunks * V].iter_mut().enumerate() {
            let first = (group * LANES).min(n);
            let here = (n - first).min(LANES);
            *weight = Lanes::ZERO;
            match weights {
                Some(w) => weight.0[..here].copy_from_slice(&w[first..first + here]),
                None => weight.0[..here].fill(1.0),
            }
            let x = &mut self.x[group / V * d * V..(group / V + 1) * d * V];
            let v = group % V;
            if weight.0.iter().all(|w| *w > 0.0) {
                let rows = &values[first * d..(first + LANES) * d];
                for feature in 0..d {
                    let lanes = &mut x[feature * V + v].0;
                    for lane in 0..LANES {
                        lanes[lane] = rows[lane * d + feature];
                    }
                }
            } else {
                for feature in 0..d {
                    let lanes = &mut x[feature * V + v].0;
                    for lane in 0..LANES {
                        let present = weight.0[lane] > 0.0;
                        lanes[lane] = if present { values[(first + lane) * d + feature] } else { fill[feature] };
                    }
                }
            }
        }
        chunks
    }
}
