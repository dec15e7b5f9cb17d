//! Parameters on their way to the device.
//!
//! There a sample is x' = (x − centre)/scale. With W = L⁻¹, W' = √(½ log2 e)·W·diag(scale) and
//! b = −W' μ' the kernels get l = c − |W' x' + b|² in bits, everything rounded to f32 once.

use rayon::prelude::*;

use super::layout::HUGE;
use super::plan::{FactorLayout, Plan};
use crate::data::Scaling;
use crate::mixture::Parameters;
use crate::mixture::factors::Factors;
use crate::mixture::linalg;
use crate::mixture::shape::CovarianceType;

/// Factors below which one thread packs them faster than many.
const PARALLEL_FACTORS: usize = 1 << 16;

/// What one E-step sends to the device.
#[derive(Debug)]
pub(super) struct Upload {
    /// Factors of the densities, packed as the plan's layout says.
    pub(super) factors: Vec<f32>,
    /// Parameters of the fused kernel, if the plan has it.
    pub(super) fused: Vec<f32>,
    /// The constants apart, `[K]`: log2 π_k − log2 normaliser − `offset`.
    pub(super) constants: Vec<f32>,
    /// W of a tied covariance, packed by 16 rows; else empty.
    pub(super) whitening: Vec<f32>,
    /// Origins on the device's scale, `[K, 4·vecs]`.
    pub(super) origins: Vec<f32>,
}

/// What the host keeps of the parameters it sent, to read the sums that come back.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The origins as rounded on the device, in data units, `[K, D]`.
    pub(super) origins: Vec<f64>,
    /// The largest constant in f64, bits: taken off on the device, where it would cost digits, and added
    /// back on the host.
    pub(super) offset: f64,
    /// Where the moments are whitened, the way back: diag(scale)·W'⁻¹ of every component as rounded on
    /// the device, `[K, D, D]`; else empty.
    pub(super) unwhitening: Vec<f64>,
}

/// Packs `parameters` for the kernels of `plan`.
pub(super) fn pack(
    plan: &Plan,
    parameters: &Parameters,
    precisions: &Factors,
    scaling: &Scaling,
) -> (Upload, Kept) {
    let (k, d) = (parameters.n_components(), parameters.n_features());
    let bits = std::f64::consts::LOG2_E;
    let offset = bits * precisions.constants.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let constants = precisions.constants.iter().map(|c| ((c * bits - offset) as f32).max(-HUGE)).collect();
    let means: Vec<f64> = (0..k).flat_map(|c| scaling.to_device(parameters.mean(c))).collect();
    let mut upload = Upload {
        factors: vec![0.0; plan.density.factor_vecs * 4],
        fused: Vec::new(),
        constants,
        whitening: vec![0.0; plan.whitening_vecs() * 4],
        origins: vec![0.0; k * plan.blocks.vecs * 4],
    };
    let mut kept = Kept { origins: vec![0.0; k * d], offset, unwhitening: Vec::new() };
    for (i, m) in means.iter().enumerate() {
        let origin = *m as f32;
        upload.origins[i / d * plan.blocks.vecs * 4 + i % d] = origin;
        kept.origins[i] = scaling.to_data(i % d, f64::from(origin));
    }
    let scaled = Scaled { precisions, scale: &scaling.scale, root: (0.5 * bits).sqrt(), d };
    match plan.density.layout {
        FactorLayout::Rows | FactorLayout::Tiled => {
            let constants = &upload.constants;
            let fill = |(component, out): (usize, &mut [f32])| {
                let mean = &means[component * d..(component + 1) * d];
                match plan.density.layout {
                    FactorLayout::Rows => scaled.pack_rows(out, component, mean, constants[component]),
                    _ => scaled.pack_tiled(out, component, mean),
                }
            };
            let vecs = upload.factors.len() / k;
            if upload.factors.len() < PARALLEL_FACTORS {
                upload.factors.chunks_exact_mut(vecs).enumerate().for_each(fill);
            } else {
                upload.factors.par_chunks_exact_mut(vecs).enumerate().for_each(fill);
            }
        }
        FactorLayout::Offsets => {
            let factor = scaled.matrix(0);
            scaled.pack_tiled(&mut upload.whitening, 0, &vec![0.0; d]);
            for (component, mean) in means.chunks_exact(d).enumerate() {
                for (j, shift) in shift(&factor, mean).into_iter().enumerate() {
                    upload.factors[(component / 8 * d + j) * 8 + component % 8] = shift as f32;
                }
            }
        }
        FactorLayout::Pairs => {
            for (component, mean) in means.chunks_exact(d).enumerate() {
                for (j, m) in mean.iter().enumerate() {
                    let a = scaled.diagonal(parameters.covariance_type(), component, j);
                    let at = (component / 8 * d + j) * 16 + component % 8 * 2;
                    upload.factors[at] = a as f32;
                    upload.factors[at + 1] = (-a * m) as f32;
                }
            }
        }
    }
    if plan.problem.has_whitened_moments() {
        for c in 0..k {
            let factor = scaled.matrix(c);
            kept.unwhitening.extend(unwhitening(&factor, &scaling.scale));
            if plan.fused.is_some() {
                upload.fused.extend(&upload.origins[c * plan.blocks.vecs * 4..][..d]);
                let rows = factor.chunks_exact(d).enumerate();
                upload.fused.extend(rows.flat_map(|(i, row)| row[..=i].iter().map(|w| *w as f32)));
                upload.fused.push(upload.constants[c]);
            }
        }
    }
    (upload, kept)
}

/// diag(scale)·W⁻¹ of a lower triangle rounded to f32.
fn unwhitening(factor: &[f64], scale: &[f64]) -> Vec<f64> {
    let d = scale.len();
    let rounded: Vec<f64> = factor.iter().map(|w| f64::from(*w as f32)).collect();
    let mut inverse = linalg::invert_lower(&rounded, d);
    inverse.iter_mut().enumerate().for_each(|(i, v)| *v *= scale[i / d]);
    inverse
}

/// W' of the components.
struct Scaled<'a> {
    precisions: &'a Factors,
    scale: &'a [f64],
    root: f64,
    d: usize,
}

impl Scaled<'_> {
    /// The `component`-th matrix, D×D (full; the only one of tied).
    fn matrix(&self, component: usize) -> Vec<f64> {
        let square = self.d * self.d;
        let whitening = &self.precisions.whitening[component * square..(component + 1) * square];
        whitening.iter().enumerate().map(|(i, w)| self.root * w * self.scale[i % self.d]).collect()
    }

    /// Row i of a matrix up to the diagonal into `out`; its b.
    fn row(&self, component: usize, i: usize, mean: &[f64], mut out: impl FnMut(usize, f32)) -> f32 {
        let start = (component * self.d + i) * self.d;
        let row = self.precisions.whitening[start..=start + i].iter().zip(self.scale).zip(mean);
        let mut shift = 0.0;
        for (j, ((w, scale), m)) in row.enumerate() {
            let w = self.root * w * scale;
            shift += w * m;
            out(j, w as f32);
        }
        -shift as f32
    }

    /// Row after row: b_i, W_i0 … W_ii; the constant last.
    fn pack_rows(&self, out: &mut [f32], component: usize, mean: &[f64], constant: f32) {
        let mut at = 0;
        for i in 0..self.d {
            let (shift, row) = out[at..at + i + 2].split_at_mut(1);
            shift[0] = self.row(component, i, mean, |j, w| row[j] = w);
            at += i + 2;
        }
        out[at] = constant;
    }

    /// Sixteen rows at a time: their b, then their columns up to the end of the diagonal block; what lies
    /// beyond D or above the diagonal stays 0.
    fn pack_tiled(&self, out: &mut [f32], component: usize, mean: &[f64]) {
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

    /// Entry (j, j) of a diagonal W'.
    fn diagonal(&self, covariance_type: CovarianceType, component: usize, j: usize) -> f64 {
        let at = if covariance_type == CovarianceType::Diag { component * self.d + j } else { component };
        self.root * self.precisions.whitening[at] * self.scale[j]
    }
}

/// b = −W' μ'.
fn shift(factor: &[f64], mean: &[f64]) -> Vec<f64> {
    let rows = factor.chunks_exact(mean.len());
    rows.map(|row| -row.iter().zip(mean).map(|(w, m)| w * m).sum::<f64>()).collect()
}
