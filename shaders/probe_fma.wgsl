// Computes: nothing of use: ${ROUNDS} x 256 fused multiply-adds per invocation, to warm the clocks and measure their ceiling
// One invocation: 16 independent chains in registers
// Bindings: 2 result (one number per invocation, so that no chain is dead code)
// Assumes: nothing
// Twin: none; its figure is a rate

@group(2) @binding(0) var<storage, read_write> result: array<f32>;

@compute @workgroup_size(256)
fn probe_fma(@builtin(global_invocation_id) id: vec3<u32>) {
    let x = f32(id.x) * 1e-9;
//% for c in range(16)
    var a${c} = x + ${c}.0;
//% endfor
    for (var i = 0u; i < ${ROUNDS}u; i++) {
//% for u in range(16)
//% for c in range(16)
        a${c} = fma(a${c}, 0.999, x);
//% endfor
//% endfor
    }
    result[id.x] = ${SUM};
}
