// Computes: totals[group][s] += partials[slice][s] over the slab's slices of each group of ${GROUP} slices, in slice order
// One invocation: one statistic of one group
// Bindings: 0 slab; 2 partials (their counts become 0), totals
// Assumes: slices arrive in order, slab after slab; the first slice of a group starts its total
// Twin: reference/sum_partials.rs

const GROUP = ${GROUP}u;
// The statistic that is a count: the last one of each component.
const COUNTS = ${COUNTS}u;

@group(0) @binding(3) var<uniform> slab: Slab;
@group(2) @binding(0) var<storage, read_write> partials: array<f32>;
@group(2) @binding(1) var<storage, read_write> totals: array<f32>;

@compute @workgroup_size(256)
fn sum_partials(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let group = slab.first_slice / GROUP + workgroup.y;
    let start = max(group * GROUP, slab.first_slice);
    let end = min((group + 1u) * GROUP, slab.first_slice + slab.n_slices);
    for (var s = workgroup.x * 256u + t; s < slab.row_length; s += workgroups.x * 256u) {
        var sum = 0.0;
        if (start > group * GROUP) {
            sum = totals[group * slab.row_length + s];
        }
        var at = (start - slab.first_slice) * slab.row_length + s;
        var slice = start;
        // Eight loads in flight; the additions keep their order.
        for (; slice + 8u <= end; slice += 8u) {
//% for u in range(8)
            let p${u} = partials[at + ${u}u * slab.row_length];
//% endfor
//% for u in range(8)
            sum += p${u};
//% endfor
            at += 8u * slab.row_length;
        }
        for (; slice < end; slice++) {
            sum += partials[at];
            at += slab.row_length;
        }
        totals[group * slab.row_length + s] = sum;
        // Counts are gone once they are added: those of a dispatch that a driver loses must not be found
        // again, for their sum would look right.
        if (s / slab.n_components == COUNTS) {
            for (slice = start; slice < end; slice++) {
                partials[(slice - slab.first_slice) * slab.row_length + s] = 0.0;
            }
        }
    }
}
