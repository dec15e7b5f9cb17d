//! Where everything lies: the slab uniform, the bindings of every kernel, the cut of chunks into slabs.

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
            let mut parameters = vec![(0, Read)];
            if plan.problem.has_whitened_moments() {
                parameters.push((1, Read));
            }
            [vec![(0, Read), (3, Uniform)], parameters, vec![(0, Read), (1, Read), (2, Write)]]
        }
        shader::SUM_PARTIALS => [vec![(3, Uniform)], vec![], vec![(0, Write), (1, Write)]],
        shader::PROBE_COPY => [vec![], vec![], vec![(0, Read), (1, Write)]],
        _ => [vec![], vec![], vec![(0, Write)]],
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
            first_partial += (stride / plan.density.rows) as u32;
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
