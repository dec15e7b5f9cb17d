//! [`Update`]: the host's half of an iteration, from moments to parameters.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::options::CheckedOptions;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::mixture::Parameters;
use crate::mixture::moments::Moments;
use crate::report::Collapse;

/// What an M-step makes of the moments of an E-step, and what it climbs. One is made for every restart.
///
/// Maximum likelihood is the first rule. Engines never ask that weights sum to 1, so that a rule may give weights and
/// covariances whose densities are expectations under a posterior.
pub trait Update {
    /// The parameters to begin with, from those of the seeding or of a given start.
    ///
    /// # Errors
    /// As [`Update::m_step`].
    fn start(&mut self, engine: &mut dyn Engine, start: Parameters) -> Result<Parameters>;

    /// New parameters from the `moments` of an E-step under `old`. The engine is there for a look at single samples.
    ///
    /// # Errors
    /// [`crate::Error::ComponentCollapsed`], [`crate::Error::NotPositiveDefinite`]; a failure of the engine.
    fn m_step(
        &mut self,
        engine: &mut dyn Engine,
        moments: &Moments,
        old: &Parameters,
        iteration: usize,
    ) -> Result<Parameters>;

    /// What the fit maximises, nats: ln p(X) under the parameters of the E-step.
    fn objective(&self, moments: &Moments) -> f64 {
        moments.log_likelihood
    }

    /// What was done about collapsed components so far.
    fn rescued(&self) -> &Rescued;
}

/// What was done in a restart so far, which decides what is done next.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rescued {
    /// Reseeds of every component.
    pub(super) reseeds: Vec<usize>,
    /// What was floored in the last M-step; none is the covariance that tied components share.
    pub(super) floored: BTreeSet<Option<usize>>,
    /// Every collapse, in order of time.
    pub(crate) collapses: Vec<Collapse>,
}

impl Rescued {
    /// Whether iteration `iteration` changed a component otherwise than by an M-step.
    pub(crate) fn interfered(&self, iteration: usize) -> bool {
        self.collapses.last().is_some_and(|last| last.iteration == iteration)
    }

    /// Whether a fit with `options` can have come to this.
    ///
    /// # Errors
    /// [`Error::Shape`].
    pub(crate) fn check(&self, options: &CheckedOptions) -> Result<()> {
        let (expected, found) = (options.n_components, self.reseeds.len());
        if found != expected {
            return Err(Error::shape("components of the fit to go on with", expected, found));
        }
        Ok(())
    }
}
