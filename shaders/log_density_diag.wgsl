// Computes: l[k][n] = log2(pi_k N(x_n)) for axis-parallel covariances, log2 sum_k 2^l - log2 w_n, and partial sums of w_n log2 p(x_n)
// One invocation: ${GROUPS * 4} samples, eight components at a time${", every 4th eight" if TEAMS > 1 else ""}
// Bindings: 0 ${"whitened samples" if TIED else "samples"}, weights, slab; 1 factors, constants; 2 weighted log densities, log normalisers, log-likelihood partials
// Assumes: 128 invocations = ${"4 teams that share their tiles" if TEAMS > 1 else "a team"}; stride a multiple of ${GROUPS * LANES * 4}; l = c - |${"x + b" if TIED else "a x + b"}|^2; components padded to eights
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

var<workgroup> wg_sums: array<f32, 128>;
//% if TEAMS > 1
// The teams' largest and total.
var<workgroup> wg_joined: array<vec4<f32>, ${256 * GROUPS}>;
//% endif

@compute @workgroup_size(128)
fn log_density_diag(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let lane = t % ${LANES}u;
    let team = t / ${LANES}u;
//% for g in range(GROUPS)
    let own${g} = workgroup.x * ${LANES * GROUPS}u + lane + ${g * LANES}u;
    let row${g} = slab.first_tile * 32u + own${g};
//% if TIED
    // Whitened samples lie in scratch, which starts with the slab.
    let base${g} = own${g} / 32u * ${D * 32}u + own${g} % 32u;
//% else
    let base${g} = row${g} / 32u * ${D * 32}u + row${g} % 32u;
//% endif
    var largest${g} = vec4<f32>(-HUGE);
    var total${g} = vec4<f32>(0.0);
//% endfor
    for (var first = team * 8u; first < slab.n_components; first += ${8 * TEAMS}u) {
        var factor = first / 8u * ${D * (2 if TIED else 4)}u;
//% for c in range(8)
//% for g in range(GROUPS)
        var mahalanobis${c}_${g} = vec4<f32>(0.0);
//% endfor
//% endfor
        for (var d = 0u; d < ${D}u; d += ${UNROLL}u) {
//% for u in range(UNROLL)
//% for g in range(GROUPS)
            let x${u}_${g} = samples[base${g} + (d + ${u}u) * 32u];
//% endfor
//% if TIED
//% for v in range(2)
            let b${u}_${v} = factors[factor + ${u * 2 + v}u];
//% endfor
//% for c in range(8)
//% for g in range(GROUPS)
            let y${u}_${c}_${g} = x${u}_${g} + vec4<f32>(b${u}_${c // 4}.${"xyzw"[c % 4]});
            mahalanobis${c}_${g} = fma(y${u}_${c}_${g}, y${u}_${c}_${g}, mahalanobis${c}_${g});
//% endfor
//% endfor
//% else
//% for v in range(4)
            let ab${u}_${v} = factors[factor + ${u * 4 + v}u];
//% endfor
//% for c in range(8)
//% for g in range(GROUPS)
            let y${u}_${c}_${g} = fma(vec4<f32>(ab${u}_${c // 2}.${"xz"[c % 2]}), x${u}_${g}, vec4<f32>(ab${u}_${c // 2}.${"yw"[c % 2]}));
            mahalanobis${c}_${g} = fma(y${u}_${c}_${g}, y${u}_${c}_${g}, mahalanobis${c}_${g});
//% endfor
//% endfor
//% endif
//% endfor
            factor += ${UNROLL * (2 if TIED else 4)}u;
        }
//% for c in range(8)
        if (first + ${c}u < slab.n_components) {
//% for g in range(GROUPS)
            {
                let l = vec4<f32>(constants[first + ${c}u]) - mahalanobis${c}_${g};
                weighted_log_densities[(first + ${c}u) * (slab.stride / 4u) + own${g}] = l;
                let shrunk = exp2(-abs(l - largest${g}));
                total${g} = select(total${g} + shrunk, fma(total${g}, shrunk, vec4<f32>(1.0)), l > largest${g});
                largest${g} = max(largest${g}, l);
            }
//% endfor
        }
//% endfor
    }
//% if TEAMS > 1
    // Join the teams in their order.
//% for g in range(GROUPS)
    wg_joined[t * ${GROUPS * 2}u + ${g * 2}u] = largest${g};
    wg_joined[t * ${GROUPS * 2}u + ${g * 2 + 1}u] = total${g};
//% endfor
    workgroupBarrier();
    if (team == 0u) {
        for (var other = 1u; other < ${TEAMS}u; other++) {
//% for g in range(GROUPS)
            {
                let peak = wg_joined[(t + other * ${LANES}u) * ${GROUPS * 2}u + ${g * 2}u];
                let sum = wg_joined[(t + other * ${LANES}u) * ${GROUPS * 2}u + ${g * 2 + 1}u];
                let joined = max(largest${g}, peak);
                total${g} = total${g} * exp2(largest${g} - joined) + sum * exp2(peak - joined);
                largest${g} = joined;
            }
//% endfor
        }
    }
//% endif
    var weighted = 0.0;
    if (team == 0u) {
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
    }
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
