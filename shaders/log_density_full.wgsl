// Computes: l[k][n] = log2(pi_k N(x_n | mu_k, Sigma_k)), log2 sum_k 2^l - log2 w_n, and partial sums of w_n log2 p(x_n)
// One invocation: ${GROUPS * 4} samples, all components; features in registers, factors staged in workgroup memory
// Bindings: 0 samples, weights, slab; 1 factors; 2 weighted log densities, log normalisers, log-likelihood partials
// Assumes: 128 invocations; stride a multiple of ${GROUPS * 512}; samples padded to whole tiles; factors scaled so that l = c - |W x - b|^2
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
    // This invocation's samples, four each, in units of four, within the slab and within the chunk.
//% for g in range(GROUPS)
    let own${g} = workgroup.x * ${GROUPS * 128}u + ${g * 128}u + t;
    let row${g} = slab.first_tile * 32u + own${g};
    let base${g} = row${g} / 32u * ${D * 32}u + row${g} % 32u;
//% for i in range(D)
    let x${i}_${g} = samples[base${g} + ${i * 32}u];
//% endfor
    // Running log2-sum-exp over components: total = sum of 2^(l - largest).
    var largest${g} = vec4<f32>(-HUGE);
    var total${g} = vec4<f32>(0.0);
//% endfor
    for (var first = 0u; first < slab.n_components; first += ${STAGED}u) {
        let staged = min(${STAGED}u, slab.n_components - first);
        workgroupBarrier();
        for (var i = t; i < staged * ${FACTOR_VECS}u; i += 128u) {
            wg_factors[i] = factors[first * ${FACTOR_VECS}u + i];
        }
        workgroupBarrier();
        for (var k = 0u; k < staged; k++) {
            let factor = k * ${FACTOR_VECS}u;
//% for g in range(GROUPS)
            var mahalanobis${g} = vec4<f32>(0.0);
//% endfor
            // Row i of the factors: b_i, W_i0 ... W_ii; numbers are packed by fours.
//% for i in range(D)
//% set e = i * (i + 3) // 2
//% for v in range((e + 3) // 4, (e + i + 5) // 4)
            let p${v} = wg_factors[factor + ${v}u];
//% endfor
//% for g in range(GROUPS)
            var y${i}_${g} = vec4<f32>(p${e // 4}.${"xyzw"[e % 4]});
//% endfor
//% for j in range(i + 1)
//% set m = e + 1 + j
//% for g in range(GROUPS)
            y${i}_${g} = fma(vec4<f32>(p${m // 4}.${"xyzw"[m % 4]}), x${j}_${g}, y${i}_${g});
//% endfor
//% endfor
//% for g in range(GROUPS)
            mahalanobis${g} = fma(y${i}_${g}, y${i}_${g}, mahalanobis${g});
//% endfor
//% endfor
//% set c = D * (D + 3) // 2
//% if c % 4 == 0
            let p${c // 4} = wg_factors[factor + ${c // 4}u];
//% endif
//% for g in range(GROUPS)
            {
                let l = vec4<f32>(p${c // 4}.${"xyzw"[c % 4]}) - mahalanobis${g};
                weighted_log_densities[(first + k) * (slab.stride / 4u) + own${g}] = l;
                let shrunk = exp2(-abs(l - largest${g}));
                total${g} = select(total${g} + shrunk, fma(total${g}, shrunk, vec4<f32>(1.0)), l > largest${g});
                largest${g} = max(largest${g}, l);
            }
//% endfor
        }
    }
    var weighted = 0.0;
//% for g in range(GROUPS)
    {
        let log_density = largest${g} + log2(total${g});
//% if WEIGHTED
        let weights = sample_weights[row${g}];
        log_normalisers[own${g}] = select(vec4<f32>(HUGE), log_density - sample_log_weights[row${g}], weights > vec4<f32>(0.0));
//% else
        let numbers = row${g} * 4u + vec4<u32>(0u, 1u, 2u, 3u);
        let weights = select(vec4<f32>(0.0), vec4<f32>(1.0), numbers < vec4<u32>(slab.n_samples));
        log_normalisers[own${g}] = select(vec4<f32>(HUGE), log_density, weights > vec4<f32>(0.0));
//% endif
        weighted += dot(weights, log_density);
    }
//% endfor
    wg_sums[t] = weighted;
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
