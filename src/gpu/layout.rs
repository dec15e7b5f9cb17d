//! Where every number lies: the slab uniform, packed factors and origins on the way to the device,
//! totals on the way back.

use super::plan::{Blocks, FactorLayout, Plan, SLICES_PER_GROUP};
use super::resident::Scaling;
use super::shader::{self, Template};
use crate::model::Parameters;
use crate::moments::Moments;
use crate::precision::Precisions;
use crate::shape::{CovarianceType, triangle_index, triangle_len};

/// A density that counts as 0, as the shaders' HUGE.
const HUGE: f32 = 1.0e38;

/// The uniform `Slab` of the shaders, field by field.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Slab {
    /// Tile of the chunk the slab starts with.
    pub first_tile: u32,
    /// Samples in the chunk.
    pub n_samples: u32,
    /// Samples in the slab, padding included.
    pub stride: u32,
    /// K.
    pub n_components: u32,
    /// Where the slab's log-likelihood partials start.
    pub first_partial: u32,
    /// Slices in the slab.
    pub n_slices: u32,
    /// The slab's first slice over all chunks.
    pub first_slice: u32,
    /// Statistics per slice.
    pub row_length: u32,
}

/// What a binding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// `var<storage, read>`
    Read,
    /// `var<storage, read_write>`
    Write,
    /// `var<uniform>` with a dynamic offset: the slab.
    Slab,
}

/// The bindings of one kernel of `plan`, group by group: 0 fixed for the fit, 1 per iteration, 2 scratch
/// and results.
pub fn bindings(plan: &Plan, template: Template) -> [Vec<(u32, Binding)>; 3] {
    use Binding::{Read, Slab as Uniform, Write};
    let mut samples = vec![(0, Read)];
    if plan.problem.weighted {
        samples.extend([(1, Read), (2, Read)]);
    }
    samples.push((3, Uniform));
    match template {
        shader::WHITEN => [vec![(0, Read), (3, Uniform)], vec![(0, Read)], vec![(0, Write)]],
        shader::LOG_DENSITY_FULL => [samples, vec![(0, Read)], vec![(0, Write), (1, Write), (2, Write)]],
        shader::LOG_DENSITY_FULL_TILED | shader::LOG_DENSITY_DIAG => {
            [samples, vec![(0, Read), (1, Read)], vec![(0, Write), (1, Write), (2, Write)]]
        }
        shader::MOMENTS => {
            [vec![(0, Read), (3, Uniform)], vec![(0, Read)], vec![(0, Read), (1, Read), (2, Write)]]
        }
        shader::SUM_PARTIALS => [vec![(3, Uniform)], vec![], vec![(0, Read), (1, Write)]],
        _ => [vec![], vec![], vec![(0, Write)]],
    }
}

/// What one E-step sends to the device.
#[derive(Debug)]
pub struct Upload {
    /// Factors of the densities, packed as the plan's layout says.
    pub factors: Vec<f32>,
    /// The constants apart, `[K]`: log2 π_k − log2 normaliser − `offset`.
    pub constants: Vec<f32>,
    /// The largest constant in f64: taken off on the device, where it would cost digits, and added back
    /// on the host.
    pub offset: f64,
    /// W of a tied covariance, packed by 16 rows; else empty.
    pub whitening: Vec<f32>,
    /// Origins on the device's scale, `[K, 4·vecs]`.
    pub origins: Vec<f32>,
    /// The same origins in data units, `[K, D]`.
    pub data_origins: Vec<f64>,
}

/// Packs `parameters` for the kernels of `plan`.
///
/// On the device a sample is x' = (x − centre)/scale. With W = L⁻¹, W' = √(½ log2 e)·W·diag(scale) and
/// b = −W' μ' the kernels get l = c − |W' x' + b|² in bits, everything rounded to f32 once.
pub fn pack(plan: &Plan, parameters: &Parameters, precisions: &Precisions, scaling: &Scaling) -> Upload {
    let (k, d) = (parameters.n_components(), parameters.n_features());
    let bits = std::f64::consts::LOG2_E;
    let root = (0.5 * bits).sqrt();
    let log_normalisers = &precisions.log_normalisers;
    let offset = bits * log_normalisers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let constants: Vec<f32> =
        log_normalisers.iter().map(|c| ((c * bits - offset) as f32).max(-HUGE)).collect();
    let stride = plan.blocks.vecs * 4;
    let mut upload = Upload {
        factors: vec![0.0; plan.density.factor_vecs * 4],
        constants,
        offset,
        whitening: Vec::new(),
        origins: vec![0.0; k * stride],
        data_origins: vec![0.0; k * d],
    };
    let mut factor = vec![0.0; d * d];
    let mut shift = vec![0.0; d];
    let vecs = upload.factors.len() / k;
    for component in 0..k {
        let mean: Vec<f64> = scaling.to_device(parameters.mean(component)).collect();
        for (i, m) in mean.iter().enumerate() {
            let origin = *m as f32;
            upload.origins[component * stride + i] = origin;
            upload.data_origins[component * d + i] = scaling.to_data(i, f64::from(origin));
        }
        // W' by rows; its diagonal alone for diag and spherical.
        let whitening = |i: usize, j: usize| {
            let w = match parameters.covariance_type() {
                CovarianceType::Full => precisions.whitening[(component * d + i) * d + j],
                CovarianceType::Tied => precisions.whitening[i * d + j],
                CovarianceType::Diag => precisions.whitening[component * d + j],
                CovarianceType::Spherical => precisions.whitening[component],
            };
            root * w * scaling.scale[j]
        };
        match plan.density.layout {
            FactorLayout::Pairs => {
                for j in 0..d {
                    let at = (component / 8 * d + j) * 16 + component % 8 * 2;
                    let a = whitening(j, j);
                    upload.factors[at] = a as f32;
                    upload.factors[at + 1] = (-a * mean[j]) as f32;
                }
                continue;
            }
            // One W serves every component of a tied covariance.
            FactorLayout::Offsets if component > 0 => {}
            _ => {
                for i in 0..d {
                    (0..=i).for_each(|j| factor[i * d + j] = whitening(i, j));
                }
            }
        }
        for i in 0..d {
            shift[i] = -(0..=i).map(|j| factor[i * d + j] * mean[j]).sum::<f64>();
        }
        match plan.density.layout {
            FactorLayout::Rows => {
                let out = &mut upload.factors[component * vecs..(component + 1) * vecs];
                pack_rows(out, &factor, &shift, d, upload.constants[component]);
            }
            FactorLayout::Tiled => {
                pack_tiled(&mut upload.factors[component * vecs..(component + 1) * vecs], &factor, &shift, d);
            }
            FactorLayout::Offsets => {
                for j in 0..d {
                    upload.factors[(component / 8 * d + j) * 8 + component % 8] = shift[j] as f32;
                }
            }
            FactorLayout::Pairs => {}
        }
    }
    if plan.density.layout == FactorLayout::Offsets {
        upload.whitening = vec![0.0; plan.whitening_vecs() * 4];
        pack_tiled(&mut upload.whitening, &factor, &vec![0.0; d], d);
    }
    upload
}

/// Row after row: b_i, W_i0 … W_ii; the constant last.
fn pack_rows(out: &mut [f32], factor: &[f64], shift: &[f64], d: usize, constant: f32) {
    let mut at = 0;
    for i in 0..d {
        out[at] = shift[i] as f32;
        for j in 0..=i {
            out[at + 1 + j] = factor[i * d + j] as f32;
        }
        at += i + 2;
    }
    out[at] = constant;
}

/// Sixteen rows at a time: their b, then their columns up to the end of the diagonal block; what lies
/// beyond D or above the diagonal stays 0.
fn pack_tiled(out: &mut [f32], factor: &[f64], shift: &[f64], d: usize) {
    let mut at = 0;
    for first in (0..d).step_by(16) {
        let rows = first..(first + 16).min(d);
        for i in rows.clone() {
            out[at + i - first] = shift[i] as f32;
        }
        at += 16;
        for j in 0..first + 16 {
            for i in rows.clone().filter(|&i| j <= i) {
                out[at + i - first] = factor[i * d + j] as f32;
            }
            at += 16;
        }
    }
}

/// Moments in data units from the device's `totals` and log-likelihood partials, added in f64 in a
/// fixed order; `missing_bits` is what the offset took off the log-likelihood.
pub fn unpack(
    plan: &Plan,
    parameters: &Parameters,
    scaling: &Scaling,
    data_origins: Vec<f64>,
    missing_bits: f64,
    totals: &[f32],
    log_likelihoods: &[f32],
) -> Moments {
    let (k, d) = (parameters.n_components(), parameters.n_features());
    let blocks = &plan.blocks;
    let row = blocks.row_length(k);
    let mut sums = vec![0.0f64; row];
    for group in totals.chunks_exact(row) {
        sums.iter_mut().zip(group).for_each(|(s, v)| *s += f64::from(*v));
    }
    let at = |role: usize, statistic: usize, component: usize| {
        sums[(role * blocks.statistics + statistic) * k + component]
    };
    let mut moments = Moments::zero(parameters.covariance_type(), d, data_origins);
    let sums_len = blocks.sums();
    let t = triangle_len(d);
    for component in 0..k {
        moments.effective_counts[component] = at(0, sums_len + blocks.block, component);
        for i in 0..d {
            let (role, inside) = (i / blocks.block, i % blocks.block);
            moments.first_moments[component * d + i] =
                at(role, sums_len + inside, component) * scaling.scale[i];
        }
        // Squares of the scale turn sums of products into data units².
        let product = |role: usize, statistic: usize, i: usize, j: usize| {
            at(role, statistic, component) * scaling.scale[i] * scaling.scale[j]
        };
        match parameters.covariance_type() {
            kind @ (CovarianceType::Full | CovarianceType::Tied) => {
                let first = if kind == CovarianceType::Full { component * t } else { 0 };
                for i in 0..d {
                    for j in 0..=i {
                        let (role, statistic) = place(blocks, d, i, j);
                        moments.second_moments[first + triangle_index(i, j)] +=
                            product(role, statistic, i, j);
                    }
                }
            }
            kind => {
                for i in 0..d {
                    let to = if kind == CovarianceType::Diag { component * d + i } else { component };
                    moments.second_moments[to] += product(i / blocks.block, i % blocks.block, i, i);
                }
            }
        }
    }
    let bits: f64 = log_likelihoods.iter().map(|v| f64::from(*v)).sum();
    moments.log_likelihood = (bits + missing_bits) * std::f64::consts::LN_2;
    moments
}

/// Role and statistic that hold entry (i, j), j <= i, of the triangle.
fn place(blocks: &Blocks, d: usize, i: usize, j: usize) -> (usize, usize) {
    if d <= 16 {
        return (0, triangle_index(i, j));
    }
    let (row, column) = (i / 16, j / 16);
    if row == column {
        return (row, triangle_index(i % 16, j % 16));
    }
    // Diagonal roles first, then pairs (row, column) in the order of a lower triangle, two halves each.
    let diagonal = d.div_ceil(16);
    let pair = row * (row - 1) / 2 + column;
    debug_assert!(diagonal + pair * 2 + 1 < blocks.roles);
    (diagonal + pair * 2 + i % 16 / 8, i % 8 * 16 + j % 16)
}

/// The slabs of chunks with `chunk_rows` samples each, at most `slab` samples long; chunk by chunk.
pub fn slabs(plan: &Plan, chunk_rows: &[usize], slab: usize) -> Vec<Vec<Slab>> {
    let (k, unit) = (plan.problem.n_components, plan.slab_unit());
    let mut first_partial = 0;
    let mut first_slice = 0;
    let mut chunks = Vec::new();
    for &rows in chunk_rows {
        let padded = rows.next_multiple_of(unit);
        let mut slabs = Vec::new();
        for start in (0..padded).step_by(slab) {
            let stride = slab.min(padded - start);
            let n_slices = (stride / plan.slice) as u32;
            slabs.push(Slab {
                first_tile: (start / super::plan::TILE) as u32,
                n_samples: rows as u32,
                stride: stride as u32,
                n_components: k as u32,
                first_partial,
                n_slices,
                first_slice,
                row_length: plan.blocks.row_length(k) as u32,
            });
            first_partial += (stride / plan.density.rows) as u32;
            first_slice += n_slices;
        }
        chunks.push(slabs);
    }
    chunks
}

/// Groups of slices that `slab` adds to.
pub fn groups_of(slab: &Slab) -> u32 {
    let group = SLICES_PER_GROUP as u32;
    (slab.first_slice + slab.n_slices - 1) / group - slab.first_slice / group + 1
}
