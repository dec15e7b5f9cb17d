//! Where everything lies: the slab uniform, the bindings of every kernel, the cut of chunks into slabs.

use std::ops::Range;

use super::plan::Plan;
use super::shader::{self, Template};

/// Its negative is a log2 density that counts as 0: the shaders' HUGE.
pub const HUGE: f32 = 1.0e38;

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
    /// `var<uniform>`: few parameters.
    Uniform,
}

/// The bindings of one kernel of `plan`, group by group: 0 fixed for the fit, 1 per iteration, 2 scratch
/// and results.
pub fn bindings(plan: &Plan, template: Template) -> [Vec<(u32, Binding)>; 3] {
    use Binding::{Read, Slab, Uniform, Write};
    let mut samples = vec![(0, Read)];
    if plan.problem.weighted {
        samples.push((1, Read));
        if template != shader::FUSED {
            samples.push((2, Read));
        }
    }
    samples.push((3, Slab));
    match template {
        shader::FUSED => [samples, vec![(0, Uniform)], vec![(0, Write), (1, Write)]],
        shader::WHITEN => [vec![(0, Read), (3, Slab)], vec![(0, Read)], vec![(0, Write)]],
        shader::LOG_DENSITY_FULL => [samples, vec![(0, Read)], vec![(0, Write), (1, Write), (2, Write)]],
        shader::LOG_DENSITY_FULL_TILED | shader::LOG_DENSITY_DIAG => {
            [samples, vec![(0, Read), (1, Read)], vec![(0, Write), (1, Write), (2, Write)]]
        }
        shader::MOMENTS => {
            let mut parameters = vec![(0, Read)];
            if plan.problem.has_whitened_moments() {
                parameters.push((1, Read));
            }
            [vec![(0, Read), (3, Slab)], parameters, vec![(0, Read), (1, Read), (2, Write)]]
        }
        shader::SUM_PARTIALS => [vec![(3, Slab)], vec![], vec![(0, Write), (1, Write)]],
        shader::PROBE_COPY => [vec![], vec![], vec![(0, Read), (1, Write)]],
        _ => [vec![], vec![], vec![(0, Write)]],
    }
}

/// Bytes between two parts of the parameters and between two slabs: the largest alignment WebGPU allows an
/// adapter to ask for.
pub const PART_BYTES: usize = 256;

/// Where the parameters of an E-step lie in their buffer, bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// Factors of the densities.
    pub factors: Range<usize>,
    /// Their constants, `[K]`.
    pub constants: Range<usize>,
    /// W of a tied covariance.
    pub whitening: Range<usize>,
    /// Origins of the moments.
    pub origins: Range<usize>,
    /// Parameters of the fused kernel.
    pub fused: Range<usize>,
    /// The number of the E-step, u32.
    pub stamp: Range<usize>,
}

impl Parts {
    /// One part after the other.
    pub fn new(plan: &Plan) -> Parts {
        let mut end = 0;
        let mut next = |bytes: usize| {
            let start = end;
            // An empty part is as long as the least binding.
            end += bytes.max(16).next_multiple_of(PART_BYTES);
            start..start + bytes
        };
        let k = plan.problem.n_components;
        Parts {
            factors: next(plan.density.factor_vecs * 16),
            constants: next(k * 4),
            whitening: next(plan.whitening_vecs() * 16),
            origins: next(k * plan.blocks.vecs * 16),
            fused: next(plan.fused_vecs() * 16),
            stamp: next(4),
        }
    }

    /// All of them.
    pub fn bytes(&self) -> usize {
        self.stamp.end
    }
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
            first_partial += (stride / plan.log_likelihood_rows()) as u32;
            first_slice += n_slices;
        }
        chunks.push(slabs);
    }
    chunks
}

/// Groups that the slices of `slab` belong to.
pub fn groups_of(plan: &Plan, slab: &Slab) -> u32 {
    let group = plan.slices_per_group as u32;
    (slab.first_slice + slab.n_slices - 1) / group - slab.first_slice / group + 1
}
