//! The one seam: what EM needs of a device.

pub mod choose;
pub mod cpu;
pub mod fallback;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod parts;
pub mod reference;
pub mod rounding;
pub mod sum;

use std::ops::Range;

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::mixture::Parameters;
use crate::mixture::moments::Moments;
use crate::report::{EngineInfo, Precision};
use parts::PartSums;
use rounding::RoundingError;

/// Samples on a device that sums their sufficient statistics.
///
/// Statistics add, so a plain loop, all cores, a graphics card, rows streamed from a file and several of these together
/// ([`sum::SumEngine`]) are all engines. [`Engine::e_step`] and [`Engine::weighted_log_densities`] are enough for one
/// that computes in f64.
pub trait Engine: Send {
    /// The data set this computes with, and by [`Dataset::rows`] which rows of it.
    fn data(&self) -> &dyn Dataset;

    /// Sums the moments of the rows under `parameters`.
    ///
    /// # Errors
    /// [`Error::Shape`] for a mixture of another D; [`Error::NotPositiveDefinite`]; a failure of the device.
    fn e_step(&mut self, parameters: &Parameters) -> Result<Moments>;

    /// The same sums in a form that adds to the same bits, however the rows are dealt to engines of one kind. An engine
    /// without this one is added as a whole.
    ///
    /// # Errors
    /// As [`Engine::e_step`].
    fn part_sums(&mut self, parameters: &Parameters) -> Result<PartSums> {
        self.e_step(parameters).map(PartSums::from)
    }

    /// ln π_k + ln N(x_n | μ_k, Σ_k) of `rows`, which are some of its own, row-major `[rows, K]`, nats.
    ///
    /// # Errors
    /// As [`Engine::e_step`].
    fn weighted_log_densities(&mut self, parameters: &Parameters, rows: Range<usize>) -> Result<Vec<f64>>;

    /// Estimated rounding errors of sums under `parameters`, `[K]` ([`rounding`]); empty if sums are in f64. What an
    /// E-step under the same parameters needs is prepared on the way, so that asking before each of them costs little.
    ///
    /// # Errors
    /// As [`Engine::e_step`].
    fn rounding_errors(&mut self, _parameters: &Parameters) -> Result<Vec<RoundingError>> {
        Ok(Vec::new())
    }

    /// Switches to f64 sums (`true`) or back to the engine's own precision (`false`). Returns whether sums are now in
    /// f64; engines with one precision ignore the request.
    ///
    /// # Errors
    /// A thread pool that cannot be started.
    fn use_f64(&mut self, _on: bool) -> Result<bool> {
        Ok(self.info().precision == Precision::F64)
    }

    /// What computes here.
    fn info(&self) -> EngineInfo;
}

/// Fails unless `parameters` have the D of `data`.
pub(crate) fn check_features(data: &dyn Dataset, parameters: &Parameters) -> Result<()> {
    let (expected, found) = (data.facts().n_features, parameters.n_features());
    if expected == found { Ok(()) } else { Err(Error::shape("features of the mixture", expected, found)) }
}

/// The moments of `sums` of an E-step under `parameters`.
pub(crate) fn total(sums: PartSums, parameters: &Parameters) -> Result<Moments> {
    let zero =
        || Moments::zero(parameters.covariance_type(), parameters.n_features(), parameters.means().to_vec());
    Ok(sums.total()?.unwrap_or_else(zero))
}

/// Fails unless `engine` computes with all rows of its data set: sums of a part would be taken for those of the whole.
pub(crate) fn all_rows(engine: &dyn Engine) -> Result<()> {
    let (rows, n) = (engine.data().rows(), engine.data().facts().n_samples);
    if rows == (0..n) {
        return Ok(());
    }
    let found = format!("{} to {}", rows.start, rows.end);
    Err(Error::shape("rows of the engine", format!("0 to {n}"), found))
}
