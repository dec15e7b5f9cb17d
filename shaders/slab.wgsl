// Computes: nothing by itself: the struct, the constants and the function that every shader starts with
// One invocation: works on samples of one slab, a run of whole tiles of 128 samples inside one resident chunk
// Bindings: none; shaders bind their Slab at group 0, binding 3
// Assumes: samples lie as [tile][feature][128], scratch as [component][stride]
// Twin: gpu/layout.rs
struct Slab {
    first_tile: u32,    // tile of the chunk the slab starts with
    n_samples: u32,     // samples in the chunk; those beyond have weight 0
    stride: u32,        // samples in the slab, padding included: row stride of the scratch buffers
    n_components: u32,  // K
    first_partial: u32, // where this slab's log-likelihood partials start
    n_slices: u32,      // slices of samples in the slab
    first_slice: u32,   // number of the slab's first slice, counted over all chunks
    row_length: u32,    // statistics per slice: length of a row of `partials` and of `totals`
}

const TILE = 128u;
// log2 weight of a sample that does not count, and log2 density of a component of weight 0: finite,
// because WGSL may assume that infinities do not occur, and so small that two of them add up finite.
const HUGE = 1.0e38;

// The weights of four consecutive samples without weights of their own, the first of which is 4 * row: 0 beyond the chunk.
fn counted(row: u32, n_samples: u32) -> vec4<f32> {
    let numbers = row * 4u + vec4<u32>(0u, 1u, 2u, 3u);
    return select(vec4<f32>(0.0), vec4<f32>(1.0), numbers < vec4<u32>(n_samples));
}
