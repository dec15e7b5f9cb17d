// Computes: l[k][n] = log2(pi_k N(x_n | mu_k, Sigma_k)), log2 sum_k 2^l - log2 w_n, and partial sums of w_n log2 p(x_n)
// One invocation: ${GROUPS * 4} samples, every ${TEAMS}th component; 16 rows of W at a time in registers
// Bindings: 0 samples, weights, slab; 1 factors, constants; 2 weighted log densities, log normalisers, log-likelihood partials
// Assumes: ${TEAMS * LANES} invocations as ${TEAMS} teams of ${LANES} that share one tile; D padded to ${DP} with zero rows and columns of W
// Twin: reference/log_density_full_tiled.rs

const D = ${D}u;
const DP = ${DP}u;
const FACTOR_VECS = ${FACTOR_VECS}u;
const WG_VECS = ${WG_VECS}u;
const UNROLL = ${UNROLL}u;
const GROUPS = ${GROUPS}u;
const LANES = ${LANES}u;
const TEAMS = ${TEAMS}u;
const SUMMED = LANES;

@group(1) @binding(0) var<storage, read> factors: array<vec4<f32>>;
@group(1) @binding(1) var<storage, read> constants: array<f32>;

// The tile's features if they fit; afterwards, the teams' sums.
var<workgroup> wg_features: array<vec4<f32>, WG_VECS>;

/*% macro feature(j, g) %*/${"wg_features[(" ~ j ~ ") * 32u" if STAGED else "samples[base + min(" ~ j ~ ", D - 1u) * 32u"} + lane + ${g}u * LANES]/*% endmacro %*/
@compute @workgroup_size(TEAMS * LANES)
fn log_density_full_tiled(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let lane = t % LANES;
    let team = t / LANES;
    // Four samples each, ${LANES} lanes apart, in units of four within the slab.
    let own = workgroup.x * 32u + lane;
    let base = (slab.first_tile + workgroup.x) * (D * 32u);
//% if STAGED
    for (var i = t; i < DP * 32u; i += TEAMS * LANES) {
        // Padding reads any sample of the tile: its factors are 0.
        wg_features[i] = samples[base + min(i, D * 32u - 1u)];
    }
    workgroupBarrier();
//% endif
//% for g in range(GROUPS)
    var sum${g} = no_terms();
//% endfor
    for (var k = team; k < slab.n_components; k += TEAMS) {
        var factor = k * FACTOR_VECS;
//% for g in range(GROUPS)
        var mahalanobis${g} = vec4<f32>(0.0);
//% endfor
        for (var block = 0u; block < DP / 16u; block++) {
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
            for (var j = 0u; j < block * 16u; j += UNROLL) {
//% for u in range(UNROLL)
//% for g in range(GROUPS)
                let x${u}_${g} = ${feature("j + " ~ u ~ "u", g)};
//% endfor
//% endfor
//% for u in range(UNROLL)
//% for v in range(4)
                let w${u}_${v} = factors[factor + ${u}u * 4u + ${v}u];
//% endfor
//% for i in range(16)
//% for g in range(GROUPS)
                y${i}_${g} = fma(vec4<f32>(w${u}_${i // 4}.${"xyzw"[i % 4]}), x${u}_${g}, y${i}_${g});
//% endfor
//% endfor
//% endfor
                factor += UNROLL * 4u;
            }
            // The diagonal block: a column starts at its own row.
//% for j in range(16)
            {
//% for g in range(GROUPS)
                let x${g} = ${feature("block * 16u + " ~ j ~ "u", g)};
//% endfor
//% for v in range(j // 4, 4)
                let w${v} = factors[factor + ${j}u * 4u + ${v}u];
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
        sum${g} = with_density(sum${g}, vec4<f32>(constants[k]) - mahalanobis${g}, k, own + ${g}u * LANES);
//% endfor
    }
    // Join the teams in their order.
    workgroupBarrier();
//% for g in range(GROUPS)
    wg_features[t * (GROUPS * 2u) + ${g}u * 2u] = sum${g}.largest;
    wg_features[t * (GROUPS * 2u) + ${g}u * 2u + 1u] = sum${g}.total;
//% endfor
    workgroupBarrier();
    var weighted = 0.0;
    if (team == 0u) {
//% for g in range(GROUPS)
        for (var other = 1u; other < TEAMS; other++) {
            let at = (other * LANES + lane) * (GROUPS * 2u) + ${g}u * 2u;
            sum${g} = joined(sum${g}, LogSum(wg_features[at], wg_features[at + 1u]));
        }
        weighted += leave(sum${g}, own + ${g}u * LANES, slab.first_tile * 32u + own + ${g}u * LANES);
//% endfor
    }
    add_up(weighted, t, workgroup.x);
}
