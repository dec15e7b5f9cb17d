//! The one seam: what EM needs of a device.

pub mod choose;
pub mod cpu;
pub mod fallback;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod reference;
pub mod rounding;

use std::ops::Range;

use crate::data::Scaling;
use crate::error::Result;
use crate::mixture::Parameters;
use crate::mixture::moments::Moments;
use crate::report::EngineInfo;

/// Samples on a device, able to sum their sufficient statistics.
///
/// Statistics add, so a reference loop, all cores, a graphics card, data streamed from disk or several
/// machines are all engines.
pub trait Engine {
    /// N.
    fn n_samples(&self) -> usize;
    /// D.
    fn n_features(&self) -> usize;
    /// Σ sample weights (N without weights).
    fn total_weight(&self) -> f64;

    /// Sums the moments of all samples under `parameters` (`n_features` must agree).
    ///
    /// # Errors
    /// [`crate::Error::NotPositiveDefinite`], or a failure of the device.
    fn e_step(&mut self, parameters: &Parameters) -> Result<Moments>;

    /// ln π_k + ln N(x_n | μ_k, Σ_k) of the samples `rows`, row-major `[rows, K]`, nats.
    ///
    /// # Errors
    /// As [`Engine::e_step`].
    fn weighted_log_densities(&mut self, parameters: &Parameters, rows: Range<usize>) -> Result<Vec<f64>>;

    /// How the samples were centred and scaled before they were rounded to f32; none where sums are in
    /// f64. It decides how many digits are left ([`crate::engine::rounding`]).
    fn scaling(&self) -> Option<&Scaling> {
        None
    }

    /// Estimated rounding errors of sums under `parameters`, the larger one of each component
    /// ([`crate::engine::rounding`]), `[K]`; empty where sums are in f64. What an E-step under the same parameters needs
    /// is prepared on the way, so that asking before each of them costs little.
    ///
    /// # Errors
    /// As [`Engine::e_step`].
    fn rounding_errors(&mut self, _parameters: &Parameters) -> Result<Vec<f64>> {
        Ok(Vec::new())
    }

    /// Asks for sums in f64 from here on, or (`false`) for those that the engine began with: whether sums are in
    /// f64 now. Only an automatic choice has both ([`crate::engine::fallback`]).
    ///
    /// # Errors
    /// A thread pool that cannot be started.
    fn use_f64(&mut self, _on: bool) -> Result<bool> {
        Ok(self.info().precision == "f64")
    }

    /// Says to which iteration of a fit the next E-step belongs, for messages about it.
    fn begin_iteration(&mut self, _iteration: usize) {}

    /// What computes here.
    fn info(&self) -> EngineInfo;
}
