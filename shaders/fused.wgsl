// Computes: a whole E-step of few components and features: per slice of ${SLICE} samples and component, sum r, sum r y and the lower triangle of sum r y y^T, y = W (x - origin), and partial sums of w_n log2 p(x_n)
// One invocation: every 128th four samples of the slice, all components; all sums stay in registers
// Bindings: 0 samples, weights, slab; 1 parameters; 2 partials, log-likelihood partials
// Assumes: 128 invocations; stride a multiple of the slice, slice of 512; l = c - |y|^2; samples padded to whole tiles
// Twin: reference/fused.rs

const D = ${D}u;
const K = ${K}u;
const SLICE = ${SLICE}u;
const VECS = ${VECS}u;
const STATISTICS = ${STATISTICS}u;
const PASS = ${PASS}u;

@group(0) @binding(0) var<storage, read> samples: array<vec4<f32>>;
//% if WEIGHTED
@group(0) @binding(1) var<storage, read> sample_weights: array<vec4<f32>>;
//% endif
@group(0) @binding(3) var<uniform> slab: Slab;
// Per component its origin, the rows W_i0 ... W_ii and the constant; numbers are packed by fours.
@group(1) @binding(0) var<uniform> parameters: array<vec4<f32>, VECS>;
@group(2) @binding(0) var<storage, read_write> partials: array<f32>;
@group(2) @binding(1) var<storage, read_write> log_likelihoods: array<f32>;

// ${PASS} sums of all invocations; rows padded against bank conflicts.
var<workgroup> wg_sums: array<f32, PASS * 129u>;
/*% macro parameter(k, e) %*/parameters[${(k * STRIDE + e) // 4}].${"xyzw"[(k * STRIDE + e) % 4]}/*% endmacro %*/

@compute @workgroup_size(128)
fn fused(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    // Statistic a of component k is s[a][k]: products first, then first moments, then the count.
//% for a in range(STATISTICS)
//% for k in range(K)
    var s${a}_${k} = 0.0;
//% endfor
//% endfor
    var log_likelihood = 0.0;
    for (var step = 0u; step < SLICE / 512u; step++) {
        // In units of four samples.
        let row = slab.first_tile * 32u + workgroup.x * (SLICE / 4u) + step * 128u + t;
        let base = row / 32u * (D * 32u) + row % 32u;
//% for i in range(D)
        let x${i} = samples[base + ${i}u * 32u];
//% endfor
//% if WEIGHTED
        let weights = sample_weights[row];
//% else
        let weights = counted(row, slab.n_samples);
//% endif
//% for c in range(4)
        {
//% for k in range(K)
//% for i in range(D)
            let z${i}_${k} = x${i}.${"xyzw"[c]} - ${parameter(k, i)};
//% endfor
            var l${k} = ${parameter(k, D + D * (D + 1) // 2)};
//% for i in range(D)
//% set e = D + i * (i + 1) // 2
            var y${i}_${k} = ${parameter(k, e)} * z0_${k};
//% for j in range(1, i + 1)
            y${i}_${k} = fma(${parameter(k, e + j)}, z${j}_${k}, y${i}_${k});
//% endfor
            l${k} = fma(-y${i}_${k}, y${i}_${k}, l${k});
//% endfor
//% endfor
            var largest = l0;
//% for k in range(1, K)
            largest = max(largest, l${k});
//% endfor
            var total = 0.0;
//% for k in range(K)
            let e${k} = exp2(l${k} - largest);
            total += e${k};
//% endfor
            log_likelihood = fma(weights.${"xyzw"[c]}, largest + log2(total), log_likelihood);
            let share = weights.${"xyzw"[c]} / total;
//% for k in range(K)
            {
                let r = e${k} * share;
//% for i in range(D)
                let w${i} = y${i}_${k} * r;
//% for j in range(i + 1)
//% set a = i * (i + 1) // 2 + j
                s${a}_${k} = fma(w${i}, y${j}_${k}, s${a}_${k});
//% endfor
                s${SUMS + i}_${k} += w${i};
//% endfor
                s${SUMS + D}_${k} += r;
            }
//% endfor
        }
//% endfor
    }

    // Rows of partials: [slice][statistic][component]. ${PASS} sums at a time: those of ${PASS} invocations each, then the parts.
    let value = t % PASS;
    let part = t / PASS;
//% set n = STATISTICS * K
//% for pass in range((n + PASS) // PASS)
//% set here = [PASS, n + 1 - pass * PASS] | min
//% for q in range(here)
//% set v = pass * PASS + q
//% if v < n
    wg_sums[${q}u * 129u + t] = s${v // K}_${v % K};
//% else
    wg_sums[${q}u * 129u + t] = log_likelihood;
//% endif
//% endfor
    workgroupBarrier();
    {
        var sum = 0.0;
        if (value < ${here}u) {
            for (var other = part * PASS; other < part * PASS + PASS; other++) {
                sum += wg_sums[value * 129u + other];
            }
        }
        workgroupBarrier();
        wg_sums[t] = sum;
    }
    workgroupBarrier();
    if (t < ${here}u) {
        var sum = wg_sums[t];
        for (var other = PASS; other < 128u; other += PASS) {
            sum += wg_sums[t + other];
        }
//% if pass * PASS + here > n
        if (t == ${here - 1}u) {
            log_likelihoods[slab.first_partial + workgroup.x] = sum;
        } else {
            partials[workgroup.x * (STATISTICS * K) + ${pass}u * PASS + t] = sum;
        }
//% else
        partials[workgroup.x * (STATISTICS * K) + ${pass}u * PASS + t] = sum;
//% endif
    }
    workgroupBarrier();
//% endfor
}
