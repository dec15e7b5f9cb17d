// Computes: l[k][n] = log2(pi_k N(x_n | mu_k, Sigma_k)), log2 sum_k 2^l - log2 w_n, and partial sums of w_n log2 p(x_n)
// One invocation: ${GROUPS * 4} samples, all components; features in registers, factors staged in workgroup memory
// Bindings: 0 samples, weights, slab; 1 factors; 2 weighted log densities, log normalisers, log-likelihood partials
// Assumes: 128 invocations; stride a multiple of ${GROUPS * 512}; samples padded to whole tiles; factors scaled so that l = c - |W x - b|^2
// Twin: reference/log_density_full.rs

const D = ${D}u;
const FACTOR_VECS = ${FACTOR_VECS}u;
const STAGED = ${STAGED}u;
const GROUPS = ${GROUPS}u;
const SUMMED = 128u;

@group(1) @binding(0) var<storage, read> factors: array<vec4<f32>>;

var<workgroup> wg_factors: array<vec4<f32>, STAGED * FACTOR_VECS>;

@compute @workgroup_size(128)
fn log_density_full(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    // This invocation's samples, four each, in units of four, within the slab and within the chunk.
//% for g in range(GROUPS)
    let own${g} = workgroup.x * (GROUPS * 128u) + ${g}u * 128u + t;
    let row${g} = slab.first_tile * 32u + own${g};
    let base${g} = row${g} / 32u * (D * 32u) + row${g} % 32u;
//% for i in range(D)
    let x${i}_${g} = samples[base${g} + ${i}u * 32u];
//% endfor
    // Running log2-sum-exp over components.
    var sum${g} = no_terms();
//% endfor
    for (var first = 0u; first < slab.n_components; first += STAGED) {
        let staged = min(STAGED, slab.n_components - first);
        workgroupBarrier();
        for (var i = t; i < staged * FACTOR_VECS; i += 128u) {
            wg_factors[i] = factors[first * FACTOR_VECS + i];
        }
        workgroupBarrier();
        for (var k = 0u; k < staged; k++) {
            let factor = k * FACTOR_VECS;
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
            sum${g} = with_density(sum${g}, vec4<f32>(p${c // 4}.${"xyzw"[c % 4]}) - mahalanobis${g}, first + k, own${g});
//% endfor
        }
    }
    var weighted = 0.0;
//% for g in range(GROUPS)
    weighted += leave(sum${g}, own${g}, row${g});
//% endfor
    add_up(weighted, t, workgroup.x);
}
