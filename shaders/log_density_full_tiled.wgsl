// Computes: l[k][n] = log2(pi_k N(x_n | mu_k, Sigma_k)), log2 sum_k 2^l - log2 w_n, and partial sums of w_n log2 p(x_n)
// One invocation: ${GROUPS * 4} samples, every ${TEAMS}th component; 16 rows of W at a time in registers
// Bindings: 0 samples, weights, slab; 1 factors, constants; 2 weighted log densities, log normalisers, log-likelihood partials
// Assumes: ${TEAMS * LANES} invocations as ${TEAMS} teams of ${LANES} that share one tile; D padded to ${DP} with zero rows and columns of W
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
var<workgroup> wg_sums: array<f32, ${LANES}>;

/*% macro feature(j, g) %*/${"wg_features[(" ~ j ~ ") * 32u" if STAGED else "samples[base + min(" ~ j ~ ", " ~ (D - 1) ~ "u) * 32u"} + lane + ${g * LANES}u]/*% endmacro %*/
@compute @workgroup_size(${TEAMS * LANES})
fn log_density_full_tiled(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let lane = t % ${LANES}u;
    let team = t / ${LANES}u;
    // Four samples each, ${LANES} lanes apart, in units of four within the slab.
    let own = workgroup.x * 32u + lane;
    let base = (slab.first_tile + workgroup.x) * ${D * 32}u;
//% if STAGED
    for (var i = t; i < ${DP * 32}u; i += ${TEAMS * LANES}u) {
        // Padding reads any sample of the tile: its factors are 0.
        wg_features[i] = samples[base + min(i, ${D * 32 - 1}u)];
    }
    workgroupBarrier();
//% endif
//% for g in range(GROUPS)
    var largest${g} = vec4<f32>(-HUGE);
    var total${g} = vec4<f32>(0.0);
//% endfor
    for (var k = team; k < slab.n_components; k += ${TEAMS}u) {
        var factor = k * ${FACTOR_VECS}u;
//% for g in range(GROUPS)
        var mahalanobis${g} = vec4<f32>(0.0);
//% endfor
        for (var block = 0u; block < ${DP // 16}u; block++) {
            // 16 rows of W: y = b, then one column after the other up to the diagonal block.
//% for v in range(4)
            let b${v} = factors[factor + ${v}u];
//% endfor
//% for i in range(16)
//% for g in range(GROUPS)
            var y${i}_${g} = vec4<f32>(b${i // 4}.${"xyzw"[i % 4]});
//% endfor
//% endfor
            factor += 4u;
            for (var j = 0u; j < block * 16u; j += ${UNROLL}u) {
//% for u in range(UNROLL)
//% for g in range(GROUPS)
                let x${u}_${g} = ${feature("j + " ~ u ~ "u", g)};
//% endfor
//% endfor
//% for u in range(UNROLL)
//% for v in range(4)
                let w${u}_${v} = factors[factor + ${u * 4 + v}u];
//% endfor
//% for i in range(16)
//% for g in range(GROUPS)
                y${i}_${g} = fma(vec4<f32>(w${u}_${i // 4}.${"xyzw"[i % 4]}), x${u}_${g}, y${i}_${g});
//% endfor
//% endfor
//% endfor
                factor += ${UNROLL * 4}u;
            }
            // The diagonal block: a column starts at its own row.
//% for j in range(16)
            {
//% for g in range(GROUPS)
                let x${g} = ${feature("block * 16u + " ~ j ~ "u", g)};
//% endfor
//% for v in range(j // 4, 4)
                let w${v} = factors[factor + ${j * 4 + v}u];
//% endfor
//% for i in range(j, 16)
//% for g in range(GROUPS)
                y${i}_${g} = fma(vec4<f32>(w${i // 4}.${"xyzw"[i % 4]}), x${g}, y${i}_${g});
//% endfor
//% endfor
            }
//% endfor
            factor += 64u;
//% for i in range(16)
//% for g in range(GROUPS)
            mahalanobis${g} = fma(y${i}_${g}, y${i}_${g}, mahalanobis${g});
//% endfor
//% endfor
        }
//% for g in range(GROUPS)
        {
            let l = vec4<f32>(constants[k]) - mahalanobis${g};
            weighted_log_densities[k * (slab.stride / 4u) + own + ${g * LANES}u] = l;
            let shrunk = exp2(-abs(l - largest${g}));
            total${g} = select(total${g} + shrunk, fma(total${g}, shrunk, vec4<f32>(1.0)), l > largest${g});
            largest${g} = max(largest${g}, l);
        }
//% endfor
    }
    // Join the teams in their order.
    workgroupBarrier();
//% for g in range(GROUPS)
    wg_features[t * ${GROUPS * 2}u + ${g * 2}u] = largest${g};
    wg_features[t * ${GROUPS * 2}u + ${g * 2 + 1}u] = total${g};
//% endfor
    workgroupBarrier();
    if (team == 0u) {
        var weighted = 0.0;
//% for g in range(GROUPS)
        {
            for (var other = 1u; other < ${TEAMS}u; other++) {
                let peak = wg_features[(other * ${LANES}u + lane) * ${GROUPS * 2}u + ${g * 2}u];
                let sum = wg_features[(other * ${LANES}u + lane) * ${GROUPS * 2}u + ${g * 2 + 1}u];
                let joined = max(largest${g}, peak);
                total${g} = total${g} * exp2(largest${g} - joined) + sum * exp2(peak - joined);
                largest${g} = joined;
            }
            let log_density = largest${g} + log2(total${g});
            let row = slab.first_tile * 32u + own + ${g * LANES}u;
//% if WEIGHTED
            let weights = sample_weights[row];
            log_normalisers[own + ${g * LANES}u] = select(vec4<f32>(HUGE), log_density - sample_log_weights[row], weights > vec4<f32>(0.0));
//% else
            let numbers = row * 4u + vec4<u32>(0u, 1u, 2u, 3u);
            let weights = select(vec4<f32>(0.0), vec4<f32>(1.0), numbers < vec4<u32>(slab.n_samples));
            log_normalisers[own + ${g * LANES}u] = select(vec4<f32>(HUGE), log_density, weights > vec4<f32>(0.0));
//% endif
            weighted += dot(weights, log_density);
        }
//% endfor
        wg_sums[lane] = weighted;
    }
    for (var half = ${LANES // 2}u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (t < half) {
            wg_sums[t] += wg_sums[t + half];
        }
    }
    if (t == 0u) {
        log_likelihoods[slab.first_partial + workgroup.x] = wg_sums[0];
    }
}
