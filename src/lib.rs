//! Gaussian mixtures by expectation–maximization. (Skeleton; crate docs follow.)

pub mod bench;
pub mod choose;
pub mod compare;
pub mod cpu;
pub mod data;
pub mod em;
pub mod engine;
pub mod error;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod infer;
pub mod init;
mod linalg;
pub mod model;
pub mod moments;
pub mod options;
pub mod precision;
pub mod reference;
pub mod report;
pub mod sample;
pub mod shape;

pub use data::Samples;
pub use engine::Engine;
pub use error::{Error, Result};
pub use model::{GaussianMixture, Parameters};
pub use options::{CovarianceCenter, FitOptions, Init};
pub use shape::CovarianceType;

/// Fits a mixture to `samples` on all cores.
///
/// # Errors
/// Bad options, or a fit that failed.
pub fn fit(samples: &Samples<'_>, options: &FitOptions) -> Result<GaussianMixture> {
    let checked = options.check(samples.n_effective(), samples.n_features())?;
    let mut engine = cpu::CpuEngine::new(samples, None)?;
    em::fit(&mut engine, samples, &checked, &mut em::NoObserver)
}
