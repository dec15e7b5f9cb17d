// Computes: l[k][n] = log2(pi_k N(x_n | mu_k, Sigma_k)), log2 sum_k 2^l - log2 w_n, and partial sums of w_n log2 p(x_n)
// One invocation: four consecutive samples, all components; features in registers, factors staged in workgroup memory
// Bindings: 0 samples, weights, slab; 1 factors; 2 weighted log densities, log normalisers, log-likelihood partials
// Assumes: 128 invocations; stride a multiple of 512; samples padded to whole tiles; factors scaled so that l = c - |W x - b|^2
// Twin: reference/log_density.rs

@group(0) @binding(0) var<storage, read> samples: array<vec4<f32>>;
//% if WEIGHTED
@group(0) @binding(1) var<storage, read> sample_weights: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> sample_log_weights: array<vec4<f32>>;
//% endif
@group(0) @binding(3) var<uniform> slab: Slab;
@group(1) @binding(0) var<storage, read> factors: array<vec4<f32>>;
@group(2) @binding(0) var<storage, read_write> weighted_log_densities: array<vec4<f32>>;
@group(2) @binding(1) var<storage, read_write> log_normalisers: array<vec4<f32>>;
@group(2) @binding(2) var<storage, read_write> log_likelihoods: array<f32>;

var<workgroup> wg_factors: array<vec4<f32>, ${STAGED * FACTOR_VECS}>;
var<workgroup> wg_sums: array<f32, 128>;

@compute @workgroup_size(128)
fn log_density_full(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    // This invocation's samples, in units of four, within the slab and within the chunk.
    let own = workgroup.x * 128u + t;
    let row = slab.first_tile * 32u + own;
    let base = row / 32u * ${D * 32}u + row % 32u;
//% for i in range(D)
    let x${i} = samples[base + ${i * 32}u];
//% endfor
    // Running log2-sum-exp over components: total = sum of 2^(l - largest).
    var largest = vec4<f32>(-HUGE);
    var total = vec4<f32>(0.0);
    for (var first = 0u; first < slab.n_components; first += ${STAGED}u) {
        let staged = min(${STAGED}u, slab.n_components - first);
        workgroupBarrier();
        for (var i = t; i < staged * ${FACTOR_VECS}u; i += 128u) {
            wg_factors[i] = factors[first * ${FACTOR_VECS}u + i];
        }
        workgroupBarrier();
        for (var k = 0u; k < staged; k++) {
            let factor = k * ${FACTOR_VECS}u;
            var mahalanobis = vec4<f32>(0.0);
            // Row i of the factors: b_i, W_i0 ... W_ii; numbers are packed by fours.
//% for i in range(D)
//% set e = i * (i + 3) // 2
//% for v in range((e + 3) // 4, (e + i + 5) // 4)
            let g${v} = wg_factors[factor + ${v}u];
//% endfor
            var y${i} = vec4<f32>(g${e // 4}.${"xyzw"[e % 4]});
//% for j in range(i + 1)
//% set m = e + 1 + j
            y${i} = fma(vec4<f32>(g${m // 4}.${"xyzw"[m % 4]}), x${j}, y${i});
//% endfor
            mahalanobis = fma(y${i}, y${i}, mahalanobis);
//% endfor
//% set c = D * (D + 3) // 2
//% if c % 4 == 0
            let g${c // 4} = wg_factors[factor + ${c // 4}u];
//% endif
            let l = vec4<f32>(g${c // 4}.${"xyzw"[c % 4]}) - mahalanobis;
            weighted_log_densities[(first + k) * (slab.stride / 4u) + own] = l;
            let shrunk = exp2(-abs(l - largest));
            total = select(total + shrunk, fma(total, shrunk, vec4<f32>(1.0)), l > largest);
            largest = max(largest, l);
        }
    }
    let log_density = largest + log2(total);
//% if WEIGHTED
    let weights = sample_weights[row];
    log_normalisers[own] = select(vec4<f32>(HUGE), log_density - sample_log_weights[row], weights > vec4<f32>(0.0));
//% else
    let numbers = row * 4u + vec4<u32>(0u, 1u, 2u, 3u);
    let weights = select(vec4<f32>(0.0), vec4<f32>(1.0), numbers < vec4<u32>(slab.n_samples));
    log_normalisers[own] = select(vec4<f32>(HUGE), log_density, weights > vec4<f32>(0.0));
//% endif
    wg_sums[t] = dot(weights, log_density);
    for (var half = 64u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (t < half) {
            wg_sums[t] += wg_sums[t + half];
        }
    }
    if (t == 0u) {
        log_likelihoods[slab.first_partial + workgroup.x] = wg_sums[0];
    }
}
