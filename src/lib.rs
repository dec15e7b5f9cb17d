//! Gaussian mixtures by expectation–maximization, on any graphics card or on all cores.
//!
//! # Fit a mixture
//! ```
//! use wgmm::{FitOptions, Samples, sampling};
//!
//! # fn main() -> wgmm::Result<()> {
//! // 1000 samples of a random mixture of 3 components in 2 dimensions, row after row.
//! let truth = sampling::random_mixture(3, 2, wgmm::CovarianceType::Full, 7)?;
//! let mut sampler = sampling::Sampler::new(&truth, 1)?;
//! let mut values = vec![0.0; 1000 * 2];
//! for row in values.chunks_exact_mut(2) {
//!     sampler.draw(row);
//! }
//!
//! let samples = Samples::new(&values, 2)?;
//! let fit = wgmm::fit(&samples, &FitOptions::new(3))?;
//! println!("weights {:?}", fit.model.parameters.weights());
//! for warning in &fit.report.warnings {
//!     println!("{warning}");
//! }
//! let labels = fit.model.predict(&samples)?;
//! # assert_eq!((fit.model.parameters.n_components(), labels.len()), (3, 1000));
//! # Ok(())
//! # }
//! ```
//! [`fit`] takes a hardware graphics card if there is one and the problem is big enough, else all cores. [`Samples`]
//! borrows `f32` or `f64` slices (and, with the feature `ndarray`, contiguous views); [`files::open`] reads CSV and NPY.
//! [`GaussianMixture`] answers the usual questions in one call each, and reads and writes the model file.
//!
//! # Choose the engine
//! EM needs one thing from a device: sums of sufficient statistics over all samples. That is the trait [`Engine`]. An
//! engine carries its data, which is any [`Dataset`]. [`engines`] has one for graphics cards (f32 sums in WGSL, finished
//! in f64), [`CpuEngine`](engines::CpuEngine) (f64, all cores) and a textbook one; several engines over parts of the rows
//! are one [`SumEngine`](engines::SumEngine). [`engines::open_engine`] picks one, and [`em::fit`] runs on any.
//!
//! # Watch a fit
//! An [`em::Observer`] sees every step with the parameters before and after it, can ask for
//! responsibilities, and can end the fit. Closures are observers:
//! ```
//! use std::ops::ControlFlow;
//! use wgmm::{FitOptions, Samples, em, engines::CpuEngine};
//!
//! # fn main() -> wgmm::Result<()> {
//! let values = [0.0, 0.1, 0.2, 5.0, 5.1, 5.2];
//! let samples = Samples::new(&values[..], 1)?;
//! let mut engine = CpuEngine::new(&samples, None)?;
//! let mut watch = |step: &mut em::Step<'_>| {
//!     println!("{}: {} nats per sample", step.iteration, step.mean_log_likelihood);
//!     ControlFlow::Continue(())
//! };
//! let fit = em::fit(&mut engine, &FitOptions::new(2), &mut watch)?;
//! # assert_eq!(fit.model.parameters.n_features(), 1);
//! # Ok(())
//! # }
//! ```
//! [`FitOptions::notebook`] is the algorithm of the teaching notebook that this crate grew out of.
//!
//! # Begin, go on, recover
//! [`Init`] says how a start is found, [`PartialStart`] gives any part of it, and [`Init::Given`] goes on from a fitted
//! mixture: 10 iterations and 15 more are 25, bit for bit. [`OnCollapse`] says what happens to a component that lost its
//! samples or its covariance; the [report](report::FitReport) lists what was done. [`em::Step::state`] is all that a fit
//! needs to go on with [`em::resume`].
//!
//! # Choose K
//! [`select::select`] fits every K and covariance type asked for on one engine and keeps the best by BIC, AIC or ICL.
//!
//! # Precision
//! The CPU engine computes in f64 and agrees with 256-bit references to about 1e-11. The GPU engine centers and scales the
//! samples in f64, sums in f32 in runs of at most 4096 samples and finishes in f64: weights agree to 1e-5, means to 1e-4
//! standard deviations, covariances to 1e-4 and log-likelihoods to 1e-5 nats per sample, or less if the conditioning of the
//! data does not allow that in f32. The report estimates what f32 left ([`report::FitReport::rounding_errors`]).
//!
//! # Features
//! `gpu` (default): the WGSL engine. `cli` (default): the `wgmm` command. `plot` (part of `cli`): pictures. `ndarray`:
//! samples from views. `default-features = false` leaves a light CPU library.

#[macro_use]
mod names;

mod bench;
mod compare;
mod data;
mod engine;
mod error;
mod fit;
pub mod infer;
#[doc(hidden)]
pub mod internals;
mod mixture;
mod model;
mod output;
#[cfg(feature = "plot")]
pub mod plot;
pub mod report;

pub use data::{Data, Dataset, Facts, Part, Rows, Samples, Scratch, Values};
pub use engine::Engine;
pub use error::{Error, Remedy, Result};
pub use fit::em::Fit;
pub use fit::options::{FitOptions, Init, OnCollapse};
pub use mixture::Parameters;
pub use mixture::moments::{CovarianceCenter, Moments};
pub use mixture::shape::CovarianceType;
pub use model::{GaussianMixture, PartialStart};

/// What computes: the engines, how one is opened, and how several add.
pub mod engines {
    pub use crate::engine::choose::{EngineRequest, Fallback, open_engine};
    pub use crate::engine::cpu::CpuEngine;
    pub use crate::engine::fallback::FallbackEngine;
    #[cfg(feature = "gpu")]
    pub use crate::engine::gpu::{AdapterSummary, GpuEngine, GpuOptions, adapters};
    pub use crate::engine::parts::{PartSums, SumLayout};
    pub use crate::engine::reference::ReferenceEngine;
    pub use crate::engine::rounding::RoundingError;
    pub use crate::engine::sum::SumEngine;
}

/// The EM loop on any engine, step by step.
pub mod em {
    pub use crate::fit::em::{FitState, NoObserver, Observer, Step, finish, fit, resume};
}

/// Tables in files.
pub mod files {
    pub use crate::data::{Header, Missing, ReadOptions, Table, open, open_labels, open_weights};
}

/// Samples drawn from mixtures.
pub mod sampling {
    pub use crate::mixture::sample::{Sampler, random_mixture};
}

/// A sweep over K and covariance types.
pub mod select {
    pub use crate::fit::select::{
        Candidate, Cell, Criterion, NoSweepObserver, Scores, SelectOptions, Selection, SweepObserver,
        best_sound, select,
    };
}

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
