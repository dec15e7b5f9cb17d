// Computes: y_n = W x_n for the samples of the slab, W lower triangular: tied covariances factorise once
// One invocation: four consecutive samples; 16 rows of W at a time in registers
// Bindings: 0 samples, slab; 1 whitening; 2 whitened
// Assumes: 32 invocations = 1 tile; W packed by 16 rows, D padded to ${DP} with zeros
// Twin: reference/whiten.rs

const D = ${D}u;
const DP = ${DP}u;

@group(0) @binding(0) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> slab: Slab;
@group(1) @binding(0) var<storage, read> whitening: array<vec4<f32>>;
@group(2) @binding(0) var<storage, read_write> whitened: array<vec4<f32>>;

@compute @workgroup_size(32)
fn whiten(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let base = (slab.first_tile + workgroup.x) * (D * 32u) + t;
    let out = workgroup.x * (D * 32u) + t;
    var factor = 0u;
    for (var block = 0u; block < DP / 16u; block++) {
//% for i in range(16)
        var y${i} = vec4<f32>(0.0);
//% endfor
        // The offsets of these rows are 0.
        factor += 4u;
        for (var j = 0u; j < block * 16u + 16u; j++) {
            // Padding reads any feature: its factors are 0.
            let x = samples[base + min(j, D - 1u) * 32u];
//% for v in range(4)
            let w${v} = whitening[factor + ${v}u];
//% endfor
//% for i in range(16)
            y${i} = fma(vec4<f32>(w${i // 4}.${"xyzw"[i % 4]}), x, y${i});
//% endfor
            factor += 4u;
        }
//% for i in range(16)
        if (block * 16u + ${i}u < D) {
            whitened[out + (block * 16u + ${i}u) * 32u] = y${i};
        }
//% endfor
    }
}
