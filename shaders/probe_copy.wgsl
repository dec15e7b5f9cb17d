// Computes: a copy of `source` in `copy`, to measure the ceiling of the memory's speed
// One invocation: ${VECS} vec4, a workgroup apart, so that neighbours read neighbours
// Bindings: 2 source, copy (`[workgroups][${VECS}][256]` vec4 each)
// Assumes: both are as long as the dispatch
// Twin: none; its figure is a rate

@group(2) @binding(0) var<storage, read> source: array<vec4<u32>>;
@group(2) @binding(1) var<storage, read_write> copy: array<vec4<u32>>;

@compute @workgroup_size(256)
fn probe_copy(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
    let first = group.x * ${VECS * 256}u + id.x;
//% for i in range(VECS)
    let v${i} = source[first + ${i * 256}u];
//% endfor
//% for i in range(VECS)
    copy[first + ${i * 256}u] = v${i};
//% endfor
}
