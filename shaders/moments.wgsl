// Computes: per slice of ${SLICE} samples and component, sum r, sum r z and ${"the diagonal" if DIAGONAL else "the lower triangle"} of sum r z z^T, z = ${"W (x - origin)" if WHITENED else "x - origin"}
// One invocation: one component, one block of features or of the triangle (its role), every ${SUBSETS}th sample of the slice
// Bindings: 0 samples, slab; 1 origins${", factors" if WHITENED else ""}; 2 weighted log densities, log normalisers, partials
// Assumes: ${THREADS} invocations = ${ROLES_HERE} roles x ${SUBSETS} subsets x ${LANES} components; stride a multiple of the slice; partials written whole
// Twin: reference/moments.rs

@group(0) @binding(0) var<storage, read> samples: array<f32>;
@group(0) @binding(3) var<uniform> slab: Slab;
@group(1) @binding(0) var<storage, read> origins: array<vec4<f32>>;
//% if WHITENED
@group(1) @binding(1) var<storage, read> factors: array<f32>;
//% endif
@group(2) @binding(0) var<storage, read> weighted_log_densities: array<f32>;
@group(2) @binding(1) var<storage, read> log_normalisers: array<f32>;
@group(2) @binding(2) var<storage, read_write> partials: array<f32>;

// ${STAGE} samples at a time, feature vectors and responsibilities; rows padded against bank conflicts.
var<workgroup> wg_features: array<vec4<f32>, ${STAGE * ROW_VECS}>;
var<workgroup> wg_responsibilities: array<f32, ${STAGE * (LANES + 1)}>;
//% if SUBSETS > 1
var<workgroup> wg_sums: array<f32, ${PASS * THREADS}>;
//% endif

@compute @workgroup_size(${THREADS})
fn moments(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let lane = t % ${LANES}u;
    let subset = t % ${SUBSETS * LANES}u / ${LANES}u;
    let first_component = workgroup.z * ${LANES}u;
    let k = min(first_component + lane, slab.n_components - 1u);
//% if DIAGONAL and ROLES > 1
    // Roles: blocks of ${BLOCK} features.
    let role = min(workgroup.y * ${ROLES_HERE}u + t / ${SUBSETS * LANES}u, ${ROLES - 1}u);
    let column_vec = role * ${BLOCK // 4}u;
//% elif ROLES > 1
    // Roles: ${DP // 16} diagonal blocks of 16 x 16, then the blocks of 8 rows x 16 columns below them.
    let role = min(workgroup.y * ${ROLES_HERE}u + t / ${SUBSETS * LANES}u, ${ROLES - 1}u);
    let is_diagonal = role < ${DP // 16}u;
    var first_row = role * 16u;
    var first_column = role * 16u;
    if (!is_diagonal) {
        let below = role - ${DP // 16}u;
        var block = 1u;
        var rest = below / 2u;
        while (rest >= block) {
            rest -= block;
            block++;
        }
        first_row = block * 16u + below % 2u * 8u;
        first_column = rest * 16u;
    }
    let row_vec = first_row / 4u;
    let column_vec = first_column / 4u;
//% for v in range(2)
    let row_origin${v} = origins[k * ${VECS}u + row_vec + ${v}u];
//% endfor
//% else
    let role = 0u;
    let column_vec = 0u;
//% endif
//% for v in range(BLOCK_VECS)
    let origin${v} = origins[k * ${VECS}u + column_vec + ${v}u];
//% endfor

//% if WHITENED
    // Row i of the factors: b_i, W_i0 ... W_ii.
//% for i in range(D)
//% for j in range(i + 1)
    let w_${i}_${j} = factors[k * ${FACTOR_FLOATS}u + ${i * (i + 3) // 2 + 1 + j}u];
//% endfor
//% endfor
//% endif

    // The next ${STAGE} samples travel through registers while the current ones are summed.
    let point = t % ${STAGE}u;
    let part = t / ${STAGE}u;
    let first = slab.first_tile * TILE + workgroup.x * ${SLICE}u;
//% for q in range(LOADS_X)
    var next_x${q} = vec4<f32>(0.0);
//% endfor
//% for q in range(LOADS_R)
    var next_l${q} = 0.0;
//% endfor
    var next_normaliser = 0.0;

//% for a in range(SUMS)
    var s${a} = 0.0;
//% endfor
//% for v in range(BLOCK_VECS)
    var first_moment${v} = vec4<f32>(0.0);
//% endfor
    var count = 0.0;
    for (var stage = 0u; stage <= ${SLICE // STAGE}u; stage++) {
        if (stage > 0u) {
            // Everyone has read the stage before.
            workgroupBarrier();
//% for q in range(LOADS_X)
//% if (q + 1) * PARTS <= VECS
            wg_features[point * ${ROW_VECS}u + part + ${q * PARTS}u] = next_x${q};
//% else
            if (part + ${q * PARTS}u < ${VECS}u) {
                wg_features[point * ${ROW_VECS}u + part + ${q * PARTS}u] = next_x${q};
            }
//% endif
//% endfor
//% for q in range(LOADS_R)
//% if (q + 1) * PARTS <= LANES
            wg_responsibilities[point * ${LANES + 1}u + part + ${q * PARTS}u] = exp2(next_l${q} - next_normaliser);
//% else
            if (part + ${q * PARTS}u < ${LANES}u) {
                wg_responsibilities[point * ${LANES + 1}u + part + ${q * PARTS}u] = exp2(next_l${q} - next_normaliser);
            }
//% endif
//% endfor
            workgroupBarrier();
        }
        {
            let row = first + min(stage, ${SLICE // STAGE - 1}u) * ${STAGE}u + point;
            let here = row / TILE * ${D}u * TILE + row % TILE;
            let scratch = row - slab.first_tile * TILE;
            next_normaliser = log_normalisers[scratch];
//% for q in range(LOADS_X)
            {
                let d = (part + ${q * PARTS}u) * 4u;
//% for c in range(4)
//% if EXACT
                let f${c} = samples[here + min(d + ${c}u, ${D - 1}u) * TILE];
//% else
                let f${c} = select(0.0, samples[here + min(d + ${c}u, ${D - 1}u) * TILE], d + ${c}u < ${D}u);
//% endif
//% endfor
                next_x${q} = vec4<f32>(f0, f1, f2, f3);
            }
//% endfor
//% for q in range(LOADS_R)
            next_l${q} = weighted_log_densities[min(first_component + part + ${q * PARTS}u, slab.n_components - 1u) * slab.stride + scratch];
//% endfor
        }
        if (stage == 0u) {
            continue;
        }
//% macro square_block()
            for (var p = subset; p < ${STAGE}u; p += ${SUBSETS * UNROLL}u) {
//% for u in range(UNROLL)
                let r${u} = wg_responsibilities[(p + ${u * SUBSETS}u) * ${LANES + 1}u + lane];
                let at${u} = (p + ${u * SUBSETS}u) * ${ROW_VECS}u + column_vec;
                count += r${u};
//% if WHITENED
                let centred${u} = wg_features[at${u}] - origin0;
//% for i in range(4)
//% if i < D
                var y${u}_${i} = w_${i}_0 * centred${u}.x;
//% for j in range(1, i + 1)
                y${u}_${i} = fma(w_${i}_${j}, centred${u}.${"xyzw"[j]}, y${u}_${i});
//% endfor
//% else
                let y${u}_${i} = 0.0;
//% endif
//% endfor
                let z${u}_0 = vec4<f32>(y${u}_0, y${u}_1, y${u}_2, y${u}_3);
//% endif
//% for v in range(BLOCK_VECS)
//% if not WHITENED
                let z${u}_${v} = wg_features[at${u} + ${v}u] - origin${v};
//% endif
                let w${u}_${v} = z${u}_${v} * r${u};
                first_moment${v} += w${u}_${v};
//% endfor
//% for i in range(BLOCK)
//% if DIAGONAL
                s${i} = fma(w${u}_${i // 4}.${"xyzw"[i % 4]}, z${u}_${i // 4}.${"xyzw"[i % 4]}, s${i});
//% else
//% for j in range(i + 1)
                s${i * (i + 1) // 2 + j} = fma(w${u}_${i // 4}.${"xyzw"[i % 4]}, z${u}_${j // 4}.${"xyzw"[j % 4]}, s${i * (i + 1) // 2 + j});
//% endfor
//% endif
//% endfor
//% endfor
            }
//% endmacro
//% if ROLES > 1 and not DIAGONAL
        if (is_diagonal) {
${square_block()}
        } else {
            for (var p = subset; p < ${STAGE}u; p += ${SUBSETS}u) {
                let r = wg_responsibilities[p * ${LANES + 1}u + lane];
                let at = p * ${ROW_VECS}u;
//% for v in range(2)
                let w${v} = (wg_features[at + row_vec + ${v}u] - row_origin${v}) * r;
//% endfor
//% for v in range(4)
                let z${v} = wg_features[at + column_vec + ${v}u] - origin${v};
//% endfor
//% for i in range(8)
//% for j in range(16)
                s${i * 16 + j} = fma(w${i // 4}.${"xyzw"[i % 4]}, z${j // 4}.${"xyzw"[j % 4]}, s${i * 16 + j});
//% endfor
//% endfor
            }
        }
//% else
${square_block()}
//% endif
    }

    // Rows of partials: [slice][role][statistic][component].
    let out = ((workgroup.x * ${ROLES}u + role) * ${STATISTICS}u) * slab.n_components + first_component;
//% if SUBSETS == 1
    if (first_component + lane < slab.n_components) {
//% for a in range(SUMS)
        partials[out + ${a}u * slab.n_components + lane] = s${a};
//% endfor
//% for i in range(BLOCK)
        partials[out + ${SUMS + i}u * slab.n_components + lane] = first_moment${i // 4}.${"xyzw"[i % 4]};
//% endfor
        partials[out + ${SUMS + BLOCK}u * slab.n_components + lane] = count;
    }
//% else
    // ${PASS} statistics at a time, the subsets are added in their order.
//% for pass in range((STATISTICS + PASS - 1) // PASS)
//% set here = [PASS, STATISTICS - pass * PASS] | min
//% for q in range(here)
//% set a = pass * PASS + q
//% if a < SUMS
    wg_sums[${q * THREADS}u + t] = s${a};
//% elif a < SUMS + BLOCK
    wg_sums[${q * THREADS}u + t] = first_moment${(a - SUMS) // 4}.${"xyzw"[(a - SUMS) % 4]};
//% else
    wg_sums[${q * THREADS}u + t] = count;
//% endif
//% endfor
    workgroupBarrier();
    for (var i = t; i < ${here * ROLES_HERE * LANES}u; i += ${THREADS}u) {
        let c = i % ${LANES}u;
        let slot = i / ${LANES}u % ${ROLES_HERE}u;
        let q = i / ${LANES * ROLES_HERE}u;
        var sum = wg_sums[q * ${THREADS}u + slot * ${SUBSETS * LANES}u + c];
        for (var other = 1u; other < ${SUBSETS}u; other++) {
            sum += wg_sums[q * ${THREADS}u + slot * ${SUBSETS * LANES}u + other * ${LANES}u + c];
        }
        let slot_role = workgroup.y * ${ROLES_HERE}u + slot;
        if (first_component + c < slab.n_components && slot_role < ${ROLES}u) {
            partials[((workgroup.x * ${ROLES}u + slot_role) * ${STATISTICS}u + ${pass * PASS}u + q) * slab.n_components + first_component + c] = sum;
        }
    }
    workgroupBarrier();
//% endfor
//% endif
}
