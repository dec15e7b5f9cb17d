//! The parameters that a device holds, with what the host keeps of them.

use super::pack::{self, Kept, Upload};
use super::plan::Plan;
use crate::data::Scaling;
use crate::engine::rounding::{self, RoundingError};
use crate::error::Result;
use crate::mixture::Parameters;
use crate::mixture::factors::Factors;

/// Parameters on the device. Its memory stays from one set to the next: fresh pages for large matrices cost as
/// much as what fills them.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    parameters: Option<Parameters>,
    precisions: Factors,
    pub(super) kept: Kept,
    /// Estimated for every component, `[K]`.
    pub(super) rounding_errors: Vec<RoundingError>,
}

impl Loaded {
    /// Takes the place of the present parameters: what to send for `plan`; none where they are the same.
    ///
    /// # Errors
    /// As [`Factors::new`]; the present parameters stay.
    pub(super) fn replace(
        &mut self,
        plan: &Plan,
        parameters: &Parameters,
        scaling: &Scaling,
    ) -> Result<Option<Upload>> {
        if self.parameters.as_ref() == Some(parameters) {
            return Ok(None);
        }
        self.precisions.update(parameters)?;
        let (upload, kept) = pack::pack(plan, parameters, &self.precisions, scaling);
        self.rounding_errors = rounding::of_factors(parameters, &self.precisions, scaling);
        self.kept = kept;
        match &mut self.parameters {
            Some(present) => present.copy_from(parameters),
            None => self.parameters = Some(parameters.clone()),
        }
        Ok(Some(upload))
    }
}
