// Computes: l[k][n] = log2(pi_k N(x_n)) for axis-parallel covariances, log2 sum_k 2^l - log2 w_n, and partial sums of w_n log2 p(x_n)
// One invocation: four consecutive samples, eight components at a time${", every 4th eight" if TEAMS > 1 else ""}
// Bindings: 0 ${"whitened samples" if TIED else "samples"}, weights, slab; 1 factors, constants; 2 weighted log densities, log normalisers, log-likelihood partials
// Assumes: 128 invocations = ${"4 teams that share a tile" if TEAMS > 1 else "4 tiles"}; stride a multiple of ${512 // TEAMS}; l = c - |${"x + b" if TIED else "a x + b"}|^2; components padded to eights
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
var<workgroup> wg_joined: array<vec4<f32>, 256>;
//% endif

@compute @workgroup_size(128)
fn log_density_diag(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) t: u32) {
//% if TEAMS > 1
    let team = t / 32u;
    let own = workgroup.x * 32u + t % 32u;
//% else
    let team = 0u;
    let own = workgroup.x * 128u + t;
//% endif
    let row = slab.first_tile * 32u + own;
//% if TIED
    // Whitened samples lie in scratch, which starts with the slab.
    let base = own / 32u * ${D * 32}u + own % 32u;
//% else
    let base = row / 32u * ${D * 32}u + row % 32u;
//% endif
    var largest = vec4<f32>(-HUGE);
    var total = vec4<f32>(0.0);
    for (var first = team * 8u; first < slab.n_components; first += ${8 * TEAMS}u) {
        var factor = first / 8u * ${D * (2 if TIED else 4)}u;
//% for c in range(8)
        var mahalanobis${c} = vec4<f32>(0.0);
//% endfor
        for (var d = 0u; d < ${D}u; d += ${UNROLL}u) {
//% for u in range(UNROLL)
            let x${u} = samples[base + (d + ${u}u) * 32u];
//% if TIED
//% for v in range(2)
            let b${u}_${v} = factors[factor + ${u * 2 + v}u];
//% endfor
//% for c in range(8)
            let y${u}_${c} = x${u} + vec4<f32>(b${u}_${c // 4}.${"xyzw"[c % 4]});
            mahalanobis${c} = fma(y${u}_${c}, y${u}_${c}, mahalanobis${c});
//% endfor
//% else
//% for v in range(4)
            let ab${u}_${v} = factors[factor + ${u * 4 + v}u];
//% endfor
//% for c in range(8)
            let y${u}_${c} = fma(vec4<f32>(ab${u}_${c // 2}.${"xz"[c % 2]}), x${u}, vec4<f32>(ab${u}_${c // 2}.${"yw"[c % 2]}));
            mahalanobis${c} = fma(y${u}_${c}, y${u}_${c}, mahalanobis${c});
//% endfor
//% endif
//% endfor
            factor += ${UNROLL * (2 if TIED else 4)}u;
        }
//% for c in range(8)
        if (first + ${c}u < slab.n_components) {
            let l = vec4<f32>(constants[first + ${c}u]) - mahalanobis${c};
            weighted_log_densities[(first + ${c}u) * (slab.stride / 4u) + own] = l;
            let shrunk = exp2(-abs(l - largest));
            total = select(total + shrunk, fma(total, shrunk, vec4<f32>(1.0)), l > largest);
            largest = max(largest, l);
        }
//% endfor
    }
//% if TEAMS > 1
    // Join the teams in their order.
    wg_joined[t * 2u] = largest;
    wg_joined[t * 2u + 1u] = total;
    workgroupBarrier();
    if (team == 0u) {
        for (var other = 1u; other < ${TEAMS}u; other++) {
            let peak = wg_joined[(t + other * 32u) * 2u];
            let sum = wg_joined[(t + other * 32u) * 2u + 1u];
            let joined = max(largest, peak);
            total = total * exp2(largest - joined) + sum * exp2(peak - joined);
            largest = joined;
        }
    }
    let is_first = team == 0u;
//% else
    let is_first = true;
//% endif
    var weighted = 0.0;
    if (is_first) {
        let log_density = largest + log2(total);
//% if WEIGHTED
        let weights = sample_weights[row];
        log_normalisers[own] = select(vec4<f32>(HUGE), log_density - sample_log_weights[row], weights > vec4<f32>(0.0));
//% else
        let numbers = row * 4u + vec4<u32>(0u, 1u, 2u, 3u);
        let weights = select(vec4<f32>(0.0), vec4<f32>(1.0), numbers < vec4<u32>(slab.n_samples));
        log_normalisers[own] = select(vec4<f32>(HUGE), log_density, weights > vec4<f32>(0.0));
//% endif
        weighted = dot(weights, log_density);
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
