// Computes: per slice of ${SLICE} samples and component, sum r, sum r z and ${"the diagonal" if DIAGONAL else "the lower triangle"} of sum r z z^T, z = ${"W (x - origin)" if WHITENED else "x - origin"}
// One invocation: ${HELD} component${"s" if HELD > 1 else ""}, one block of features or of the triangle (its role), every ${SUBSETS}th sample of the slice
// Bindings: 0 samples, slab; 1 origins${", factors" if WHITENED else ""}; 2 weighted log densities, log normalisers, partials
// Assumes: ${THREADS} invocations = ${ROLES_HERE} roles x ${SUBSETS} subsets x ${LANES} components; stride a multiple of the slice; partials written whole
// Twin: reference/moments.rs

const D = ${D}u;
const DP = ${DP}u;
const SLICE = ${SLICE}u;
const STAGE = ${STAGE}u;
const PARTS = ${PARTS}u;
const LANES = ${LANES}u;
const HELD = ${HELD}u;
const COMPONENTS = ${COMPONENTS}u;
const SUBSETS = ${SUBSETS}u;
const ROLES = ${ROLES}u;
const ROLES_HERE = ${ROLES_HERE}u;
const STATISTICS = ${STATISTICS}u;
const SUMS = ${SUMS}u;
const BLOCK = ${BLOCK}u;
const VECS = ${VECS}u;
const ROW_VECS = ${ROW_VECS}u;
const ROWS_R = ${ROWS_R}u;
const QUADS = ${QUADS}u;
const UNROLL = ${UNROLL}u;
const PASS = ${PASS}u;
const THREADS = ${THREADS}u;
const FACTOR_FLOATS = ${FACTOR_FLOATS}u;

@group(0) @binding(0) var<storage, read> samples: array<f32>;
@group(0) @binding(3) var<uniform> slab: Slab;
@group(1) @binding(0) var<storage, read> origins: array<vec4<f32>>;
//% if WHITENED
@group(1) @binding(1) var<storage, read> factors: array<f32>;
//% endif
@group(2) @binding(0) var<storage, read> weighted_log_densities: array<${QUAD}>;
@group(2) @binding(1) var<storage, read> log_normalisers: array<${QUAD}>;
@group(2) @binding(2) var<storage, read_write> partials: array<f32>;

// ${STAGE} samples at a time, feature vectors and responsibilities; rows padded against bank conflicts.
var<workgroup> wg_features: array<vec4<f32>, STAGE * ROW_VECS>;
var<workgroup> wg_responsibilities: array<f32, STAGE * (COMPONENTS + 1u)>;
//% if SUBSETS > 1
var<workgroup> wg_sums: array<f32, PASS * THREADS>;
//% endif

@compute @workgroup_size(THREADS)
fn moments(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let lane = t % LANES;
    let subset = t % (SUBSETS * LANES) / LANES;
    let first_component = workgroup.z * COMPONENTS;
//% for h in range(HELD)
    let k${h} = min(first_component + lane + ${h}u * LANES, slab.n_components - 1u);
//% endfor
//% if DIAGONAL and ROLES > 1
    // Roles: blocks of ${BLOCK} features.
    let role = min(workgroup.y * ROLES_HERE + t / (SUBSETS * LANES), ROLES - 1u);
    let column_vec = role * (BLOCK / 4u);
//% elif ROLES > 1
    // Roles: ${DP // 16} diagonal blocks of 16 x 16, then the blocks of 8 rows x 16 columns below them.
    let role = min(workgroup.y * ROLES_HERE + t / (SUBSETS * LANES), ROLES - 1u);
    let is_diagonal = role < DP / 16u;
    var first_row = role * 16u;
    var first_column = role * 16u;
    if (!is_diagonal) {
        let below = role - DP / 16u;
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
    let row_origin${v} = origins[k0 * VECS + row_vec + ${v}u];
//% endfor
//% else
    let role = 0u;
    let column_vec = 0u;
//% endif
//% for h in range(HELD)
//% for v in range(BLOCK_VECS)
    let origin${h}_${v} = origins[k${h} * VECS + column_vec + ${v}u];
//% endfor
//% endfor

//% if WHITENED
    // Row i of the factors: b_i, W_i0 ... W_ii.
//% for h in range(HELD)
//% for i in range(D)
//% for j in range(i + 1)
    let w${h}_${i}_${j} = factors[k${h} * FACTOR_FLOATS + ${i * (i + 3) // 2 + 1 + j}u];
//% endfor
//% endfor
//% endfor
//% endif

    // The next ${STAGE} samples travel through registers while the current ones are summed.
    let point = t % STAGE;
    let part = t / STAGE;
    let first = slab.first_tile * TILE + workgroup.x * SLICE;
//% for q in range(LOADS_X)
    var next_x${q} = vec4<f32>(0.0);
//% endfor
    // Responsibilities: the same ${QUADS} samples of a component at a time.
    let quad = t % (STAGE / QUADS);
    let row_of_r = t / (STAGE / QUADS);
//% for q in range(LOADS_R)
    var next_l${q} = ${QUAD}(0.0);
//% endfor
    var next_normaliser = ${QUAD}(0.0);

//% for h in range(HELD)
//% for a in range(SUMS)
    var s${h}_${a} = 0.0;
//% endfor
//% for v in range(BLOCK_VECS)
    var first_moment${h}_${v} = vec4<f32>(0.0);
//% endfor
    var count${h} = 0.0;
//% endfor
    for (var stage = 0u; stage <= SLICE / STAGE; stage++) {
        if (stage > 0u) {
            // Everyone has read the stage before.
            workgroupBarrier();
//% for q in range(LOADS_X)
//% if (q + 1) * PARTS <= VECS
            wg_features[point * ROW_VECS + part + ${q}u * PARTS] = next_x${q};
//% else
            if (part + ${q}u * PARTS < VECS) {
                wg_features[point * ROW_VECS + part + ${q}u * PARTS] = next_x${q};
            }
//% endif
//% endfor
//% for q in range(LOADS_R)
//% if (q + 1) * ROWS_R <= COMPONENTS
            {
//% else
            if (row_of_r + ${q}u * ROWS_R < COMPONENTS) {
//% endif
                let r = exp2(next_l${q} - next_normaliser);
//% for c in range(QUADS)
                wg_responsibilities[(quad * QUADS + ${c}u) * (COMPONENTS + 1u) + row_of_r + ${q}u * ROWS_R] = r${"." ~ "xyzw"[c] if QUADS > 1};
//% endfor
            }
//% endfor
            workgroupBarrier();
        }
        {
            let row = first + min(stage, SLICE / STAGE - 1u) * STAGE + point;
            let here = row / TILE * D * TILE + row % TILE;
            let scratch = (row - point - slab.first_tile * TILE) / QUADS + quad;
            next_normaliser = log_normalisers[scratch];
//% for q in range(LOADS_X)
            {
                let d = (part + ${q}u * PARTS) * 4u;
//% for c in range(4)
//% if EXACT
                let f${c} = samples[here + min(d + ${c}u, D - 1u) * TILE];
//% else
                let f${c} = select(0.0, samples[here + min(d + ${c}u, D - 1u) * TILE], d + ${c}u < D);
//% endif
//% endfor
                next_x${q} = vec4<f32>(f0, f1, f2, f3);
            }
//% endfor
//% for q in range(LOADS_R)
            next_l${q} = weighted_log_densities[min(first_component + row_of_r + ${q}u * ROWS_R, slab.n_components - 1u) * (slab.stride / QUADS) + scratch];
//% endfor
        }
        if (stage == 0u) {
            continue;
        }
//% macro square_block()
            for (var p = subset; p < STAGE; p += SUBSETS * UNROLL) {
//% for u in range(UNROLL)
                let at${u} = (p + ${u}u * SUBSETS) * ROW_VECS + column_vec;
//% for v in range(BLOCK_VECS)
                let x${u}_${v} = wg_features[at${u} + ${v}u];
//% endfor
//% for h in range(HELD)
                let r${u}_${h} = wg_responsibilities[(p + ${u}u * SUBSETS) * (COMPONENTS + 1u) + lane + ${h}u * LANES];
//% endfor
//% endfor
//% for u in range(UNROLL)
//% for h in range(HELD)
                {
                    let r = r${u}_${h};
                    count${h} += r;
//% if WHITENED
                    let centred = x${u}_0 - origin${h}_0;
//% for i in range(4)
//% if i < D
                    var y${i} = w${h}_${i}_0 * centred.x;
//% for j in range(1, i + 1)
                    y${i} = fma(w${h}_${i}_${j}, centred.${"xyzw"[j]}, y${i});
//% endfor
//% else
                    let y${i} = 0.0;
//% endif
//% endfor
                    let z0 = vec4<f32>(y0, y1, y2, y3);
//% endif
//% for v in range(BLOCK_VECS)
//% if not WHITENED
                    let z${v} = x${u}_${v} - origin${h}_${v};
//% endif
                    let w${v} = z${v} * r;
                    first_moment${h}_${v} += w${v};
//% endfor
//% for i in range(BLOCK)
//% if DIAGONAL
                    s${h}_${i} = fma(w${i // 4}.${"xyzw"[i % 4]}, z${i // 4}.${"xyzw"[i % 4]}, s${h}_${i});
//% else
//% for j in range(i + 1)
//% set a = i * (i + 1) // 2 + j
                    s${h}_${a} = fma(w${i // 4}.${"xyzw"[i % 4]}, z${j // 4}.${"xyzw"[j % 4]}, s${h}_${a});
//% endfor
//% endif
//% endfor
                }
//% endfor
//% endfor
            }
//% endmacro
//% if ROLES > 1 and not DIAGONAL
        if (is_diagonal) {
${square_block()}
        } else {
            for (var p = subset; p < STAGE; p += SUBSETS * UNROLL) {
//% for u in range(UNROLL)
                let r${u} = wg_responsibilities[(p + ${u}u * SUBSETS) * (COMPONENTS + 1u) + lane];
                let at${u} = (p + ${u}u * SUBSETS) * ROW_VECS;
//% for v in range(2)
                let row${u}_${v} = wg_features[at${u} + row_vec + ${v}u];
//% endfor
//% for v in range(4)
                let column${u}_${v} = wg_features[at${u} + column_vec + ${v}u];
//% endfor
//% endfor
//% for u in range(UNROLL)
                {
//% for v in range(2)
                    let w${v} = (row${u}_${v} - row_origin${v}) * r${u};
//% endfor
//% for v in range(4)
                    let z${v} = column${u}_${v} - origin0_${v};
//% endfor
//% for i in range(8)
//% for j in range(16)
                    s0_${i * 16 + j} = fma(w${i // 4}.${"xyzw"[i % 4]}, z${j // 4}.${"xyzw"[j % 4]}, s0_${i * 16 + j});
//% endfor
//% endfor
                }
//% endfor
            }
        }
//% else
${square_block()}
//% endif
    }

    // Rows of partials: [slice][role][statistic][component].
    let out = ((workgroup.x * ROLES + role) * STATISTICS) * slab.n_components + first_component;
//% if SUBSETS == 1
//% for h in range(HELD)
    if (first_component + lane + ${h}u * LANES < slab.n_components) {
//% for a in range(SUMS)
        partials[out + ${a}u * slab.n_components + lane + ${h}u * LANES] = s${h}_${a};
//% endfor
//% for i in range(BLOCK)
        partials[out + (SUMS + ${i}u) * slab.n_components + lane + ${h}u * LANES] = first_moment${h}_${i // 4}.${"xyzw"[i % 4]};
//% endfor
        partials[out + (SUMS + BLOCK) * slab.n_components + lane + ${h}u * LANES] = count${h};
    }
//% endfor
//% else
    // ${PASS} statistics at a time, the subsets are added in their order.
//% for h in range(HELD)
//% for pass in range((STATISTICS + PASS - 1) // PASS)
//% set here = [PASS, STATISTICS - pass * PASS] | min
//% for q in range(here)
//% set a = pass * PASS + q
//% if a < SUMS
    wg_sums[${q}u * THREADS + t] = s${h}_${a};
//% elif a < SUMS + BLOCK
    wg_sums[${q}u * THREADS + t] = first_moment${h}_${(a - SUMS) // 4}.${"xyzw"[(a - SUMS) % 4]};
//% else
    wg_sums[${q}u * THREADS + t] = count${h};
//% endif
//% endfor
    workgroupBarrier();
    for (var i = t; i < ${here}u * ROLES_HERE * LANES; i += THREADS) {
        let c = i % LANES;
        let component = first_component + c + ${h}u * LANES;
        let slot = i / LANES % ROLES_HERE;
        let q = i / (LANES * ROLES_HERE);
        var sum = wg_sums[q * THREADS + slot * (SUBSETS * LANES) + c];
        for (var other = 1u; other < SUBSETS; other++) {
            sum += wg_sums[q * THREADS + slot * (SUBSETS * LANES) + other * LANES + c];
        }
        let slot_role = workgroup.y * ROLES_HERE + slot;
        if (component < slab.n_components && slot_role < ROLES) {
            partials[((workgroup.x * ROLES + slot_role) * STATISTICS + ${pass}u * PASS + q) * slab.n_components + component] = sum;
        }
    }
    workgroupBarrier();
//% endfor
//% endfor
//% endif
}
