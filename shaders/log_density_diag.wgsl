// Computes: l[k][n] = log2(pi_k N(x_n)) for axis-parallel covariances, log2 sum_k 2^l - log2 w_n, and partial sums of w_n log2 p(x_n)
// One invocation: ${GROUPS * 4} samples, eight components at a time${", every 4th eight" if TEAMS > 1 else ""}
// Bindings: 0 ${"whitened samples" if TIED else "samples"}, weights, slab; 1 factors, constants; 2 weighted log densities, log normalisers, log-likelihood partials
// Assumes: 128 invocations = ${"4 teams that share their tiles" if TEAMS > 1 else "a team"}; stride a multiple of ${GROUPS * LANES * 4}; l = c - |${"x + b" if TIED else "a x + b"}|^2; components padded to eights
// Twin: reference/log_density_diag.rs

const D = ${D}u;
const UNROLL = ${UNROLL}u;
const TEAMS = ${TEAMS}u;
const GROUPS = ${GROUPS}u;
const LANES = ${LANES}u;
// vec4 of eight components' factors of one feature.
const FACTORS = ${2 if TIED else 4}u;
const SUMMED = 128u;

@group(1) @binding(0) var<storage, read> factors: array<vec4<f32>>;
@group(1) @binding(1) var<storage, read> constants: array<f32>;

//% if TEAMS > 1
// The teams' sums.
var<workgroup> wg_joined: array<vec4<f32>, 256u * GROUPS>;
//% endif

@compute @workgroup_size(128)
fn log_density_diag(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let lane = t % LANES;
    let team = t / LANES;
//% for g in range(GROUPS)
    let own${g} = workgroup.x * (LANES * GROUPS) + lane + ${g}u * LANES;
    let row${g} = slab.first_tile * 32u + own${g};
//% if TIED
    // Whitened samples lie in scratch, which starts with the slab.
    let base${g} = own${g} / 32u * (D * 32u) + own${g} % 32u;
//% else
    let base${g} = row${g} / 32u * (D * 32u) + row${g} % 32u;
//% endif
    var sum${g} = no_terms();
//% endfor
    for (var first = team * 8u; first < slab.n_components; first += 8u * TEAMS) {
        var factor = first / 8u * (D * FACTORS);
//% for c in range(8)
//% for g in range(GROUPS)
        var mahalanobis${c}_${g} = vec4<f32>(0.0);
//% endfor
//% endfor
        for (var d = 0u; d < D; d += UNROLL) {
//% for u in range(UNROLL)
//% for g in range(GROUPS)
            let x${u}_${g} = samples[base${g} + (d + ${u}u) * 32u];
//% endfor
//% if TIED
//% for v in range(2)
            let b${u}_${v} = factors[factor + ${u}u * FACTORS + ${v}u];
//% endfor
//% for c in range(8)
//% for g in range(GROUPS)
            let y${u}_${c}_${g} = x${u}_${g} + vec4<f32>(b${u}_${c // 4}.${"xyzw"[c % 4]});
            mahalanobis${c}_${g} = fma(y${u}_${c}_${g}, y${u}_${c}_${g}, mahalanobis${c}_${g});
//% endfor
//% endfor
//% else
//% for v in range(4)
            let ab${u}_${v} = factors[factor + ${u}u * FACTORS + ${v}u];
//% endfor
//% for c in range(8)
//% for g in range(GROUPS)
            let y${u}_${c}_${g} = fma(vec4<f32>(ab${u}_${c // 2}.${"xz"[c % 2]}), x${u}_${g}, vec4<f32>(ab${u}_${c // 2}.${"yw"[c % 2]}));
            mahalanobis${c}_${g} = fma(y${u}_${c}_${g}, y${u}_${c}_${g}, mahalanobis${c}_${g});
//% endfor
//% endfor
//% endif
//% endfor
            factor += UNROLL * FACTORS;
        }
//% for c in range(8)
        if (first + ${c}u < slab.n_components) {
//% for g in range(GROUPS)
            sum${g} = with_density(sum${g}, vec4<f32>(constants[first + ${c}u]) - mahalanobis${c}_${g}, first + ${c}u, own${g});
//% endfor
        }
//% endfor
    }
//% if TEAMS > 1
    // Join the teams in their order.
//% for g in range(GROUPS)
    wg_joined[t * (GROUPS * 2u) + ${g}u * 2u] = sum${g}.largest;
    wg_joined[t * (GROUPS * 2u) + ${g}u * 2u + 1u] = sum${g}.total;
//% endfor
    workgroupBarrier();
    if (team == 0u) {
        for (var other = 1u; other < TEAMS; other++) {
//% for g in range(GROUPS)
            {
                let at = (t + other * LANES) * (GROUPS * 2u) + ${g}u * 2u;
                sum${g} = joined(sum${g}, LogSum(wg_joined[at], wg_joined[at + 1u]));
            }
//% endfor
        }
    }
//% endif
    var weighted = 0.0;
    if (team == 0u) {
//% for g in range(GROUPS)
        weighted += leave(sum${g}, own${g}, row${g});
//% endfor
    }
    add_up(weighted, t, workgroup.x);
}
