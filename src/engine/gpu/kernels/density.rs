//! What the kernels of densities have in common: what they read beside their factors and what they leave. Text:
//! shaders/density.wgsl.

use crate::engine::gpu::problem::Problem;
use crate::engine::gpu::shader::{Template, template};
use crate::engine::gpu::step::{Binding, Buffer, LOG_DENSITIES, Section, read, slab, write};

/// The text before theirs.
pub(super) const TEXT: Template = template!("density");

/// Where weighted log densities lie, `[K][sample]`.
pub(super) fn log_densities(problem: &Problem) -> Buffer {
    Buffer::PerSample(LOG_DENSITIES, problem.n_components * 4)
}

/// Where their log normalisers lie.
pub(super) const LOG_NORMALISERS: Buffer = Buffer::PerSample("log_normalisers", 4);

/// Samples with their weights and the slab; densities, normalisers and partial log-likelihoods.
pub(super) fn bindings(problem: &Problem, samples: Buffer) -> Vec<Binding> {
    let mut bindings = vec![read(0, 0, samples)];
    if problem.weighted {
        bindings.extend([read(0, 1, Buffer::Weights), read(0, 2, Buffer::LogWeights)]);
    }
    bindings.push(slab());
    bindings.extend([
        write(2, 0, log_densities(problem)),
        write(2, 1, LOG_NORMALISERS),
        write(2, 2, Buffer::LogLikelihoods),
    ]);
    bindings
}

/// The constants as an array of their own, `[K]`.
pub(super) fn constants(problem: &Problem) -> Section {
    Section {
        name: "constants",
        floats: problem.n_components,
        pack: |packing, out| out.copy_from_slice(&packing.constants),
    }
}

/// The name of the factors by rows, which whitened moments read, too.
pub(super) const FACTORS: &str = "factors";
