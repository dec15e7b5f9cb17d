//! A whole E-step in registers, for few components of few features.

use minijinja::Value;

use super::{log_density_full, sum_partials};
use crate::engine::gpu::lead::{Frame, Kernel, Lead};
use crate::engine::gpu::packing::Packing;
use crate::engine::gpu::problem::Problem;
use crate::engine::gpu::shader::{Template, template};
use crate::engine::gpu::step::{Access, Binding, Buffer, Count, Section, Step, read, slab, values, write};
use crate::mixture::shape::{CovarianceType, triangle_len};

/// Sums of all components up to which this kernel is the fastest: they stay in registers without loss.
const FASTEST: usize = 100;
/// Sums up to which it may be asked for.
const MOST: usize = 200;
/// Samples that a workgroup takes at a time.
const STRIDE: usize = 512;

const TEMPLATE: Template = template!("fused");
pub(super) const KERNEL: Kernel = Kernel { template: TEMPLATE, lead: Some(&LEAD) };

static LEAD: Lead = Lead {
    template: TEMPLATE,
    rank,
    tune: |_, _| (),
    rows: log_density_full::rows,
    least_slice: STRIDE,
    steps,
};

fn rank(problem: &Problem) -> Option<u32> {
    let d = problem.n_features;
    let sums = problem.n_components * (triangle_len(d) + d + 1);
    // Its sums are whitened, as these moments are.
    let serves = problem.covariance_type == CovarianceType::Full && problem.has_whitened_moments();
    match sums {
        0..=FASTEST if serves => Some(0),
        0..=MOST if serves => Some(3),
        _ => None,
    }
}

/// Densities are for single samples only.
fn steps(frame: &Frame<'_>) -> Vec<Step> {
    vec![Step { sums: false, ..log_density_full::step(frame) }, step(frame)]
}

fn step(frame: &Frame<'_>) -> Step {
    let problem = frame.problem;
    let (d, k) = (problem.n_features, problem.n_components);
    let pass = 16;
    let parameters = parameters(problem);
    let mut values = values([
        ("D", d),
        ("K", k),
        ("SLICE", frame.slice),
        ("STRIDE", component_floats(d)),
        ("VECS", parameters.floats / 4),
        ("SUMS", triangle_len(d)),
        ("STATISTICS", triangle_len(d) + d + 1),
        ("PASS", pass),
    ]);
    values.insert("WEIGHTED", Value::from(problem.weighted));
    let mut bindings = vec![read(0, 0, Buffer::Samples)];
    if problem.weighted {
        bindings.push(read(0, 1, Buffer::Weights));
    }
    let uniform = Buffer::Section(parameters.name);
    bindings.extend([
        slab(),
        Binding { group: 1, number: 0, access: Access::Uniform, buffer: uniform },
        write(2, 0, sum_partials::partials(frame)),
        write(2, 1, Buffer::LogLikelihoods),
    ]);
    Step {
        template: TEMPLATE,
        values,
        workgroup_bytes: pass * 129 * 4,
        invocations: 128,
        rows: frame.slice,
        grid: [Count::Slices, Count::Fixed(1), Count::Fixed(1)],
        bindings,
        sections: vec![parameters],
        sums: true,
        predicts: false,
    }
}

/// Numbers of one component: origin, W, constant.
fn component_floats(d: usize) -> usize {
    d + triangle_len(d) + 1
}

/// Per component its origin, the rows W_i0 … W_ii and the constant.
fn parameters(problem: &Problem) -> Section {
    fn pack(packing: &Packing<'_>, out: &mut [f32]) {
        let d = packing.d;
        for (c, out) in out.chunks_exact_mut(component_floats(d)).take(packing.k).enumerate() {
            let matrix = packing.matrix(c);
            let rows = matrix.chunks_exact(d).enumerate();
            let origin = packing.origins[c * d..(c + 1) * d].iter().copied();
            let numbers = origin.chain(rows.flat_map(|(i, row)| row[..=i].iter().map(|w| *w as f32)));
            out.iter_mut().zip(numbers.chain([packing.constants[c]])).for_each(|(to, from)| *to = from);
        }
    }
    let floats = (problem.n_components * component_floats(problem.n_features)).next_multiple_of(4);
    Section { name: "parameters", floats, pack }
}
