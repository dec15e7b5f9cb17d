// Computes: nothing by itself: what the kernels log_density_* start with: their samples, sums kept as logarithms, what they leave
// One invocation: four samples at a time, number `own` of the slab and number `row` of the chunk, in units of four
// Bindings: 0 samples, weights, slab; 2 weighted log densities, log normalisers, log-likelihood partials
// Assumes: the kernel says how many invocations hold log-likelihoods: SUMMED, a power of two
// Twin: reference/density.rs

@group(0) @binding(0) var<storage, read> samples: array<vec4<f32>>;
//% if WEIGHTED
@group(0) @binding(1) var<storage, read> sample_weights: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> sample_log_weights: array<vec4<f32>>;
//% endif
@group(0) @binding(3) var<uniform> slab: Slab;
@group(2) @binding(0) var<storage, read_write> weighted_log_densities: array<vec4<f32>>;
@group(2) @binding(1) var<storage, read_write> log_normalisers: array<vec4<f32>>;
@group(2) @binding(2) var<storage, read_write> log_likelihoods: array<f32>;

var<workgroup> wg_sums: array<f32, SUMMED>;

// A sum of powers of two: 2^largest * total.
struct LogSum {
    largest: vec4<f32>,
    total: vec4<f32>,
}

// The sum of no terms.
fn no_terms() -> LogSum {
    return LogSum(vec4<f32>(-HUGE), vec4<f32>(0.0));
}

// sum + 2^l, where l is the density of component k: it is kept for the moments.
fn with_density(sum: LogSum, l: vec4<f32>, k: u32, own: u32) -> LogSum {
    weighted_log_densities[k * (slab.stride / 4u) + own] = l;
    let shrunk = exp2(-abs(l - sum.largest));
    let total = select(sum.total + shrunk, fma(sum.total, shrunk, vec4<f32>(1.0)), l > sum.largest);
    return LogSum(max(sum.largest, l), total);
}

// a + b.
fn joined(a: LogSum, b: LogSum) -> LogSum {
    let largest = max(a.largest, b.largest);
    return LogSum(largest, a.total * exp2(a.largest - largest) + b.total * exp2(b.largest - largest));
}

// Leaves the normalisers of four samples; their part of the log-likelihood.
fn leave(sum: LogSum, own: u32, row: u32) -> f32 {
    let log_density = sum.largest + log2(sum.total);
//% if WEIGHTED
    let weights = sample_weights[row];
    log_normalisers[own] = select(vec4<f32>(HUGE), log_density - sample_log_weights[row], weights > vec4<f32>(0.0));
//% else
    let weights = counted(row, slab.n_samples);
    log_normalisers[own] = select(vec4<f32>(HUGE), log_density, weights > vec4<f32>(0.0));
//% endif
    return dot(weights, log_density);
}

// Adds up what the first SUMMED invocations of workgroup x hold. All of the workgroup call it.
fn add_up(weighted: f32, t: u32, x: u32) {
    if (t < SUMMED) {
        wg_sums[t] = weighted;
    }
    for (var half = SUMMED / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (t < half) {
            wg_sums[t] += wg_sums[t + half];
        }
    }
    if (t == 0u) {
        log_likelihoods[slab.first_partial + x] = wg_sums[0];
    }
}
