//! The uniform that tells kernels where a dispatch lies, and the numbers that both sides must agree on.

/// Its negative is a log2 density that counts as 0: the shaders' HUGE.
pub const HUGE: f32 = 1.0e38;

/// Bytes between two sections of the parameters and between two slabs: the largest alignment WebGPU allows an
/// adapter to ask for.
pub const PART_BYTES: usize = 256;

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

impl Slab {
    /// Groups of `slices_per_group` slices that its slices belong to.
    pub fn groups(&self, slices_per_group: usize) -> u32 {
        let group = slices_per_group as u32;
        (self.first_slice + self.n_slices - 1) / group - self.first_slice / group + 1
    }
}
