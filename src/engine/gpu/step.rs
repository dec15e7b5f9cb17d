//! One step of a plan: a kernel with its sizes and all that it takes to run it. Plain data, which each
//! kernel's file fills in; nothing here touches a device.

use minijinja::Value;

use super::layout::Slab;
use super::packing::Packing;
use super::shader::{Template, Values};

/// The scratch of weighted log densities, which the host reads for predictions.
pub(super) const LOG_DENSITIES: &str = "weighted_log_densities";

/// One kernel of a plan.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its text.
    pub template: Template,
    /// The values that the text is rendered with.
    pub values: Values,
    /// Workgroup memory, bytes.
    pub workgroup_bytes: usize,
    /// Invocations per workgroup.
    pub invocations: usize,
    /// Slabs are whole multiples of this many samples.
    pub rows: usize,
    /// Workgroups in x, y and z.
    pub grid: [Count; 3],
    /// Every binding of the text.
    pub bindings: Vec<Binding>,
    /// What it packs of the parameters. Other steps may bind it, too.
    pub sections: Vec<Section>,
    /// Whether E-steps run it.
    pub sums: bool,
    /// Whether densities of single samples need it.
    pub predicts: bool,
}

impl Step {
    /// Whether it binds `buffer`.
    pub fn binds(&self, buffer: Buffer) -> bool {
        self.bindings.iter().any(|b| b.buffer == buffer)
    }

    /// Workgroups of a dispatch over `slab`.
    pub fn workgroups(&self, slab: &Slab) -> [u32; 3] {
        self.grid.map(|count| count.of(slab))
    }
}

/// How many workgroups there are in one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// As many, whatever the slab.
    Fixed(usize),
    /// One for so many samples.
    Samples(usize),
    /// One per slice.
    Slices,
    /// One for 256 statistics of a row, but at most so many.
    Statistics(usize),
    /// One for each group that a slice of the slab belongs to, with so many slices per group.
    Groups(usize),
}

impl Count {
    fn of(self, slab: &Slab) -> u32 {
        match self {
            Count::Fixed(count) => count as u32,
            Count::Samples(rows) => slab.stride / rows as u32,
            Count::Slices => slab.n_slices,
            Count::Statistics(most) => slab.row_length.div_ceil(256).min(most as u32),
            Count::Groups(slices) => slab.groups(slices),
        }
    }
}

/// How a kernel uses a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `var<storage, read>`
    Read,
    /// `var<storage, read_write>`
    Write,
    /// `var<uniform>`
    Uniform,
}

/// What lies behind a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buffer {
    /// The samples of a chunk.
    Samples,
    /// Their weights.
    Weights,
    /// log2 of their weights.
    LogWeights,
    /// The slab, at a dynamic offset.
    Slabs,
    /// A section of the parameters.
    Section(&'static str),
    /// Scratch that steps share by its name: so many bytes per sample of a slab.
    PerSample(&'static str, usize),
    /// Scratch that steps share by its name: so many bytes per slice of a slab.
    PerSlice(&'static str, usize),
    /// Partial sums of the log-likelihood of all samples: one for each [`Step::rows`] samples.
    LogLikelihoods,
    /// The sums of groups of slices.
    Totals,
    /// A buffer of an instrument.
    Other(&'static str),
}

/// One binding of a kernel. Group 0 is fixed for a fit, 1 changes every iteration, 2 is scratch and results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// Its group.
    pub group: usize,
    /// Its number in the group.
    pub number: u32,
    /// What the kernel does with it.
    pub access: Access,
    /// What it binds.
    pub buffer: Buffer,
}

/// A binding that is read.
pub(super) fn read(group: usize, number: u32, buffer: Buffer) -> Binding {
    Binding { group, number, access: Access::Read, buffer }
}

/// A binding that is written.
pub(super) fn write(group: usize, number: u32, buffer: Buffer) -> Binding {
    Binding { group, number, access: Access::Write, buffer }
}

/// The slab, which every kernel over samples binds at the same place.
pub(super) fn slab() -> Binding {
    Binding { group: 0, number: 3, access: Access::Uniform, buffer: Buffer::Slabs }
}

/// A part of the parameters as a kernel reads them.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// The name that bindings know it by.
    pub name: &'static str,
    /// Its length.
    pub floats: usize,
    /// Fills it. What stays untouched is 0 and must be so for all parameters.
    pub pack: fn(&Packing<'_>, &mut [f32]),
}

/// Sizes as the values of a template.
pub(super) fn values<const N: usize>(pairs: [(&'static str, usize); N]) -> Values {
    pairs.into_iter().map(|(name, value)| (name, Value::from(value))).collect()
}
