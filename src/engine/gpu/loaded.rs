//! The parameters that a device holds, with what the host keeps of them.

use std::sync::Arc;

use super::packing::{Kept, Packing};
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
    factors: Factors,
    pub(super) kept: Arc<Kept>,
    /// Estimated for every component, `[K]`.
    pub(super) rounding_errors: Vec<RoundingError>,
}

impl Loaded {
    /// Replaces the present parameters. Returns what the kernels pack, or `None` if the parameters did not change.
    ///
    /// # Errors
    /// As [`Factors::new`]; the present parameters stay.
    pub(super) fn replace<'a>(
        &'a mut self,
        parameters: &'a Parameters,
        scaling: &'a Scaling,
        whitened: bool,
    ) -> Result<Option<Packing<'a>>> {
        if self.parameters.as_ref() == Some(parameters) {
            return Ok(None);
        }
        self.factors.update(parameters)?;
        let packing = Packing::new(parameters, &self.factors, scaling);
        self.kept = Arc::new(packing.kept(whitened));
        self.rounding_errors = rounding::of_factors(parameters, &self.factors, scaling);
        match &mut self.parameters {
            Some(present) => present.copy_from(parameters),
            None => self.parameters = Some(parameters.clone()),
        }
        Ok(Some(packing))
    }
}
