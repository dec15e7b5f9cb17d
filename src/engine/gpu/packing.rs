//! Parameters on their way to the device.
//!
//! There a sample is x' = (x − centre)/scale. With W = L⁻¹, W' = √(½ log2 e)·W·diag(scale) and
//! b = −W' μ' the kernels get l = c − |W' x' + b|² in bits, everything rounded to f32 once.

use rayon::prelude::*;

use super::layout::HUGE;
use crate::data::Scaling;
use crate::mixture::Parameters;
use crate::mixture::factors::Factors;
use crate::mixture::linalg;
use crate::mixture::shape::CovarianceType;

/// Factors below which one thread packs them faster than many.
const PARALLEL_FACTORS: usize = 1 << 16;

/// Parameters in device units, from which each kernel packs what it reads.
#[derive(Debug)]
pub struct Packing<'a> {
    parameters: &'a Parameters,
    factors: &'a Factors,
    scaling: &'a Scaling,
    /// √(½ log2 e).
    root: f64,
    /// K.
    pub k: usize,
    /// D.
    pub d: usize,
    /// μ', `[K, D]`.
    pub means: Vec<f64>,
    /// μ' rounded: the origins of the moments, `[K, D]`.
    pub origins: Vec<f32>,
    /// log2 π_k − log2 normaliser − `offset`, `[K]`.
    pub constants: Vec<f32>,
    /// The largest constant in f64, bits: taken off on the device, where it would cost digits, and added
    /// back on the host.
    pub offset: f64,
}

/// What the host keeps of the parameters it sent, to read the sums that come back.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The origins as rounded on the device, in data units, `[K, D]`.
    pub(super) origins: Vec<f64>,
    /// [`Packing::offset`].
    pub(super) offset: f64,
    /// If the moments are whitened, the way back: diag(scale)·W'⁻¹ of every component as rounded on the
    /// device, `[K, D, D]`; else empty.
    pub(super) unwhitening: Vec<f64>,
}

impl<'a> Packing<'a> {
    /// `parameters`, of which `factors` are the factors, on the scale of the device.
    pub(super) fn new(parameters: &'a Parameters, factors: &'a Factors, scaling: &'a Scaling) -> Packing<'a> {
        let (k, d) = (parameters.n_components(), parameters.n_features());
        let bits = std::f64::consts::LOG2_E;
        let normalisers = &factors.constants;
        let offset = bits * normalisers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let means: Vec<f64> = (0..k).flat_map(|c| scaling.to_device(parameters.mean(c))).collect();
        Packing {
            parameters,
            factors,
            scaling,
            root: (0.5 * bits).sqrt(),
            k,
            d,
            origins: means.iter().map(|m| *m as f32).collect(),
            means,
            constants: normalisers.iter().map(|c| ((c * bits - offset) as f32).max(-HUGE)).collect(),
            offset,
        }
    }

    /// What the host needs to read the sums about these parameters.
    pub(super) fn kept(&self, whitened: bool) -> Kept {
        let origins = self.origins.iter().enumerate();
        let mut kept = Kept {
            origins: origins.map(|(i, o)| self.scaling.to_data(i % self.d, f64::from(*o))).collect(),
            offset: self.offset,
            unwhitening: Vec::new(),
        };
        if whitened {
            let matrices = (0..self.k).flat_map(|c| unwhitening(&self.matrix(c), &self.scaling.scale));
            kept.unwhitening = matrices.collect();
        }
        kept
    }

    /// The mean of a component.
    pub fn mean(&self, component: usize) -> &[f64] {
        &self.means[component * self.d..(component + 1) * self.d]
    }

    /// The `component`-th W', D×D (full; the only one of tied).
    pub fn matrix(&self, component: usize) -> Vec<f64> {
        let square = self.d * self.d;
        let whitening = &self.factors.whitening[component * square..(component + 1) * square];
        let scale = &self.scaling.scale;
        whitening.iter().enumerate().map(|(i, w)| self.root * w * scale[i % self.d]).collect()
    }

    /// Entry (j, j) of a diagonal W'.
    pub fn diagonal(&self, component: usize, j: usize) -> f64 {
        let is_diag = self.parameters.covariance_type() == CovarianceType::Diag;
        let at = if is_diag { component * self.d + j } else { component };
        self.root * self.factors.whitening[at] * self.scaling.scale[j]
    }

    /// Row i of W' up to the diagonal into `out`; its b about `mean`.
    fn row(&self, component: usize, i: usize, mean: &[f64], mut out: impl FnMut(usize, f32)) -> f32 {
        let start = (component * self.d + i) * self.d;
        let row = self.factors.whitening[start..=start + i].iter().zip(&self.scaling.scale).zip(mean);
        let mut shift = 0.0;
        for (j, ((w, scale), m)) in row.enumerate() {
            let w = self.root * w * scale;
            shift += w * m;
            out(j, w as f32);
        }
        -shift as f32
    }

    /// One component row after row: b_i, W_i0 … W_ii; the constant last. [`row_floats`] of them.
    pub fn by_rows(&self, out: &mut [f32], component: usize) {
        let mut at = 0;
        for i in 0..self.d {
            let (shift, row) = out[at..at + i + 2].split_at_mut(1);
            shift[0] = self.row(component, i, self.mean(component), |j, w| row[j] = w);
            at += i + 2;
        }
        out[at] = self.constants[component];
    }

    /// One W', sixteen rows at a time: their b about `mean`, then their columns up to the end of the diagonal
    /// block. What lies beyond D or above the diagonal stays 0. [`tiled_floats`] of them.
    pub fn by_tiles(&self, out: &mut [f32], component: usize, mean: &[f64]) {
        let mut rest = out;
        for first in (0..self.d).step_by(16) {
            let (block, after) = rest.split_at_mut(16 * (first + 17));
            let (shifts, columns) = block.split_at_mut(16);
            for i in first..(first + 16).min(self.d) {
                shifts[i - first] = self.row(component, i, mean, |j, w| columns[j * 16 + i - first] = w);
            }
            rest = after;
        }
    }

    /// Fills `out` component by component, on all threads if there is much to do.
    pub fn each(&self, out: &mut [f32], fill: impl Fn(usize, &mut [f32]) + Sync) {
        let (length, floats) = (out.len(), out.len() / self.k);
        if length < PARALLEL_FACTORS {
            out.chunks_exact_mut(floats).enumerate().for_each(|(c, out)| fill(c, out));
        } else {
            out.par_chunks_exact_mut(floats).enumerate().for_each(|(c, out)| fill(c, out));
        }
    }
}

/// Floats of one component packed by rows, in whole vec4.
pub(super) fn row_floats(d: usize) -> usize {
    (d * (d + 3) / 2 + 1).next_multiple_of(4)
}

/// Floats of one W packed by blocks of 16 rows: 16 of b, then 16 per column up to the diagonal block's end.
pub(super) fn tiled_floats(d: usize) -> usize {
    let blocks = d.div_ceil(16);
    blocks * 16 + 256 * blocks * (blocks + 1) / 2
}

/// diag(scale)·W⁻¹ of a lower triangle rounded to f32.
fn unwhitening(factor: &[f64], scale: &[f64]) -> Vec<f64> {
    let d = scale.len();
    let rounded: Vec<f64> = factor.iter().map(|w| f64::from(*w as f32)).collect();
    let mut inverse = linalg::invert_lower(&rounded, d);
    inverse.iter_mut().enumerate().for_each(|(i, v)| *v *= scale[i / d]);
    inverse
}
