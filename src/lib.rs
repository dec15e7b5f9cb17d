//! Gaussian mixtures by expectation–maximization, on any graphics card or on all cores.
//!
//! # Fit a mixture
//! ```
//! use wgmm::{FitOptions, Samples};
//! use wgmm::internals::mixture::sample;
//!
//! # fn main() -> wgmm::Result<()> {
//! // 1000 samples of a random mixture of 3 components in 2 dimensions, row after row.
//! let truth = sample::random_mixture(3, 2, wgmm::CovarianceType::Full, 7)?;
//! let mut sampler = sample::Sampler::new(&truth, 1)?;
//! let mut values = vec![0.0; 1000 * 2];
//! for row in values.chunks_exact_mut(2) {
//!     sampler.draw(row);
//! }
//!
//! let samples = Samples::new(&values, 2)?;
//! let model = wgmm::fit(&samples, &FitOptions::new(3))?;
//! println!("weights {:?}", model.parameters.weights());
//! # assert_eq!(model.parameters.n_components(), 3);
//! # Ok(())
//! # }
//! ```
//! [`fit`] takes a hardware graphics card where there is one and the problem is big enough, else all
//! cores. [`Samples`] borrows `f32` or `f64` slices (and, with the feature `ndarray`, contiguous views).
//!
//! # Choose the engine
//! EM needs one thing from a device: sums of sufficient statistics over all samples. That is the trait
//! [`Engine`]; `gpu::GpuEngine` (f32 sums in WGSL, finished in f64), [`cpu::CpuEngine`] (f64, all cores)
//! and [`reference::ReferenceEngine`] (f64, sequential, textbook) implement it. [`em::fit`] runs on any of
//! them; [`choose::open_engine`] picks one, and [`fallback::FallbackEngine`] goes on on all cores where a
//! device fails, or where f32 leaves fewer than three digits of a component ([`conditioning`]).
//!
//! # Watch a fit
//! An [`em::Observer`] sees every step with the parameters before and after it, can ask for
//! responsibilities, and can end the fit. Closures are observers:
//! ```
//! use std::ops::ControlFlow;
//! use wgmm::{FitOptions, Samples};
//! use wgmm::internals::engine::cpu::CpuEngine;
//! use wgmm::internals::fit::em;
//!
//! # fn main() -> wgmm::Result<()> {
//! let values = [0.0, 0.1, 0.2, 5.0, 5.1, 5.2];
//! let samples = Samples::new(&values[..], 1)?;
//! let options = FitOptions::new(2).check(samples.n_effective(), samples.n_features())?;
//! let mut engine = CpuEngine::new(&samples, None)?;
//! let mut watch = |step: &mut em::Step<'_>| {
//!     println!("{}: {} nats per sample", step.iteration, step.mean_log_likelihood);
//!     ControlFlow::Continue(())
//! };
//! let model = em::fit(&mut engine, &samples, &options, &mut watch)?;
//! # assert_eq!(model.parameters.n_features(), 1);
//! # Ok(())
//! # }
//! ```
//! [`FitOptions::notebook`] is the teaching notebook's algorithm this crate grew out of.
//!
//! # Begin, go on, recover
//! [`Init`] says how a start is found, [`PartialStart`] gives any part of it, and a fitted mixture as
//! [`Init::Given`] goes on where it ended: 10 iterations and 15 more are 25, bit for bit. [`OnCollapse`] says
//! what happens to a component that lost its samples or its covariance; the [report](report::FitReport)
//! lists what was done. [`em::Step::state`] is all that a fit needs to go on with [`em::resume`], and
//! [`checkpoint`] keeps it in a file.
//!
//! # Use a mixture
//! [`infer`] gives labels, responsibilities and log-likelihoods; [`sample`] draws from a mixture;
//! [`Parameters::marginal`] and [`Parameters::conditional`] are mixtures of fewer features;
//! [`agreement`] compares labels with true ones. [`GaussianMixture`] reads and writes the model file
//! (JSON), and [NPZ archives](model::npz) that scikit-learn's class is made from in six lines.
//!
//! # Choose K
//! [`select::select`] fits every K and covariance type asked for on one engine and keeps the best by BIC,
//! AIC or ICL.
//!
//! # Precision
//! The CPU engine computes in f64 and agrees with 256-bit references to about 1e-11. The GPU engine centers
//! and scales the samples in f64, sums in f32 in runs of at most 4096 samples and finishes in f64: weights
//! agree to 1e-5, means to 1e-4 standard deviations, covariances to 1e-4 and log-likelihoods to 1e-5 nats per
//! sample, or less where the data's conditioning does not allow that in f32.
//!
//! # Features
//! `gpu` (default): the WGSL engine. `cli` (default): the `wgmm` command. `plot` (part of `cli`): pictures. `ndarray`: samples from views.
//! `default-features = false` leaves a light CPU library.

#[macro_use]
mod names;

mod bench;
mod compare;
mod data;
mod engine;
mod error;
mod fit;
mod infer;
#[doc(hidden)]
pub mod internals;
mod mixture;
mod model;
mod output;
#[cfg(feature = "plot")]
mod plot;
mod report;

pub use data::{Dataset, Samples};
pub use engine::Engine;
pub use error::{Error, Result};
pub use fit::em::Fit;
pub use fit::options::{FitOptions, Init, OnCollapse};
pub use mixture::Parameters;
pub use mixture::moments::CovarianceCenter;
pub use mixture::shape::CovarianceType;
pub use model::{GaussianMixture, PartialStart};

/// Fits a mixture to `samples` (`[N, D]`) on the engine that suits: a hardware graphics card for a problem big enough to
/// gain from it, else all cores. The result is checked in f64 if a card made it.
///
/// # Errors
/// Bad options ([`FitOptions::check`]), or a fit that failed: [`Error::ComponentCollapsed`],
/// [`Error::NotPositiveDefinite`].
pub fn fit(samples: &Samples<'_>, options: &FitOptions) -> Result<Fit> {
    options.check(samples.facts())?;
    let request = engine::choose::EngineRequest::default();
    let (mut engine, _) = engine::choose::open_engine(samples, options.n_components, &request)?;
    fit::workflow::run(engine.as_mut(), options, fit::verify::VerifyOptions::default())
}
