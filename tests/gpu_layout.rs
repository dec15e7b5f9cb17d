//! What the graphics engine would run, checked without a device: every shader text against the limits,
//! bindings and structs that Rust assumes ([`shaders`]), every plan against its adapter ([`plans`]).

use wgmm::CovarianceType;
use wgmm::internals::engine::gpu::plan::{Limits, Plan, Problem};

mod plans;
mod reflect;
mod shaders;

/// Numbers of features at the edges of blocks, vectors and kernels.
const FEATURES: [usize; 17] = [1, 2, 3, 4, 5, 8, 15, 16, 17, 31, 32, 33, 48, 64, 65, 100, 128];
/// Numbers of components at the edges of lanes and stages.
const COMPONENTS: [usize; 10] = [1, 2, 3, 31, 32, 33, 64, 65, 512, 1024];
/// Few enough samples for the shortest slices, and enough for the longest where components are many.
const SAMPLES: [usize; 2] = [1000, 400_000];

/// Mesa's llvmpipe 22.3.6.
const LLVMPIPE: Limits = Limits {
    binding_bytes: 128 << 20,
    buffer_bytes: (1 << 31) - 1,
    workgroup_bytes: 32 << 10,
    invocations: 1024,
    workgroups: 65_535,
};

/// One NVIDIA H100, driver 580.
const H100: Limits = Limits {
    binding_bytes: 2_147_483_644,
    buffer_bytes: 4_292_870_144,
    workgroup_bytes: 48 << 10,
    invocations: 1024,
    workgroups: 65_535,
};

const LIMITS: [(&str, Limits); 3] =
    [("downlevel", Limits::DOWNLEVEL), ("llvmpipe", LLVMPIPE), ("H100", H100)];

/// Every problem of the table.
fn problems() -> impl Iterator<Item = Problem> {
    let sizes = FEATURES.into_iter().flat_map(|d| COMPONENTS.map(|k| (d, k)));
    let samples = sizes.flat_map(|(d, k)| SAMPLES.map(|n| (n, d, k)));
    samples.flat_map(|(n_samples, n_features, n_components)| {
        CovarianceType::ALL.into_iter().flat_map(move |covariance_type| {
            [false, true].map(|weighted| Problem {
                n_samples,
                n_features,
                n_components,
                covariance_type,
                weighted,
            })
        })
    })
}

/// Every problem with its plan under every set of limits; a plan that does not fit fails the test.
fn plans() -> impl Iterator<Item = (&'static str, Limits, Plan)> {
    problems().flat_map(|problem| {
        LIMITS.map(|(name, limits)| match Plan::new(problem, &limits) {
            Ok(plan) => (name, limits, plan),
            Err(e) => panic!("{problem:?} under {name}: {e}"),
        })
    })
}
