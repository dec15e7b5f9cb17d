// Computes: l[k][n] = log2(pi_k N(x_n | mu_k, Sigma_k)), log2 sum_k 2^l - log2 w_n, and partial sums of w_n log2 p(x_n)
// One invocation: four consecutive samples, every 8th component; 16 rows of W at a time in registers
// Bindings: 0 samples, weights, slab; 1 factors, constants; 2 weighted log densities, log normalisers, log-likelihood partials
// Assumes: 256 invocations as 8 teams of 32 that share one tile; D padded to ${DP} with zero rows and columns of W
// Twin: reference/log_density.rs

@group(0) @binding(0) var<storage, read> samples: array<vec4<f32>>;
//% if WEIGHTED
@group(0) @binding(1) var<storage, read> sample_weights: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> sample_log_weights: array<vec4<f32>>;
//% endif
@group(0) @binding(3) var<uniform> slab: Slab;
@group(1) @binding(0) var<storage, read> factors: array<vec4<f32>>;
@group(1) @binding(1) var<storage, read> constants: array<f32>;
@group(2) @binding(0) var<storage, read_write> weighted_log_densities: array<vec4<f32>>;
@group(2) @binding(1) var<storage, read_write> log_normalisers: array<vec4<f32>>;
@group(2) @binding(2) var<storage, read_write> log_likelihoods: array<f32>;

// The tile's features where they fit; afterwards, the teams' largest and total.
var<workgroup> wg_features: array<vec4<f32>, ${WG_VECS}>;
var<workgroup> wg_sums: array<f32, 32>;

@compute @workgroup_size(256)
fn log_density_full_tiled(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let lane = t % 32u;
    let team = t / 32u;
    let own = workgroup.x * 32u + lane;
    let row = slab.first_tile * 32u + own;
    let base = (slab.first_tile + workgroup.x) * ${D * 32}u;
//% if STAGED
    for (var i = t; i < ${DP * 32}u; i += 256u) {
        // Padding reads any sample of the tile: its factors are 0.
        wg_features[i] = samples[base + min(i, ${D * 32 - 1}u)];
    }
    workgroupBarrier();
//% endif
    var largest = vec4<f32>(-HUGE);
    var total = vec4<f32>(0.0);
    for (var k = team; k < slab.n_components; k += 8u) {
        var factor = k * ${FACTOR_VECS}u;
        var mahalanobis = vec4<f32>(0.0);
        for (var block = 0u; block < ${DP // 16}u; block++) {
            // 16 rows of W: y = b, then one column after the other up to the diagonal block.
//% for v in range(4)
            let b${v} = factors[factor + ${v}u];
//% endfor
//% for i in range(16)
            var y${i} = vec4<f32>(b${i // 4}.${"xyzw"[i % 4]});
//% endfor
            factor += 4u;
            for (var j = 0u; j < block * 16u + 16u; j += ${UNROLL}u) {
//% for u in range(UNROLL)
//% if STAGED
                let x${u} = wg_features[(j + ${u}u) * 32u + lane];
//% else
                let x${u} = samples[base + min(j + ${u}u, ${D - 1}u) * 32u + lane];
//% endif
//% endfor
//% for u in range(UNROLL)
//% for v in range(4)
                let w${u}_${v} = factors[factor + ${u * 4 + v}u];
//% endfor
//% for i in range(16)
                y${i} = fma(vec4<f32>(w${u}_${i // 4}.${"xyzw"[i % 4]}), x${u}, y${i});
//% endfor
//% endfor
                factor += ${UNROLL * 4}u;
            }
//% for i in range(16)
            mahalanobis = fma(y${i}, y${i}, mahalanobis);
//% endfor
        }
        let l = vec4<f32>(constants[k]) - mahalanobis;
        weighted_log_densities[k * (slab.stride / 4u) + own] = l;
        let shrunk = exp2(-abs(l - largest));
        total = select(total + shrunk, fma(total, shrunk, vec4<f32>(1.0)), l > largest);
        largest = max(largest, l);
    }
    // Join the teams in their order.
    workgroupBarrier();
    wg_features[t * 2u] = largest;
    wg_features[t * 2u + 1u] = total;
    workgroupBarrier();
    if (team == 0u) {
        for (var other = 1u; other < 8u; other++) {
            let peak = wg_features[(other * 32u + lane) * 2u];
            let sum = wg_features[(other * 32u + lane) * 2u + 1u];
            let joined = max(largest, peak);
            total = total * exp2(largest - joined) + sum * exp2(peak - joined);
            largest = joined;
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
        wg_sums[lane] = dot(weights, log_density);
    }
    for (var half = 16u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (t < half) {
            wg_sums[t] += wg_sums[t + half];
        }
    }
    if (t == 0u) {
        log_likelihoods[slab.first_partial + workgroup.x] = wg_sums[0];
    }
}
