//! The digits that f32 sums leave in every iteration, and the change to f64 if they are too few.

use crate::engine::Engine;
use crate::engine::rounding::{POOR, largest, worst};
use crate::error::{Error, Result};
use crate::mixture::Parameters;
use crate::report::{Warning, WorstRounding};

/// Estimates what f32 leaves of every component of `parameters` (`[K]`, empty in f64), before their E-step in
/// `iteration`, and keeps the worst of a restart in `kept`. Where that is fewer than three digits, an engine that can
/// goes on in f64, of which the user is `warned` once a fit. Numbers alone decide, so that the same fit always switches in the same
/// iteration.
pub(super) fn look(
    engine: &mut dyn Engine,
    parameters: &Parameters,
    iteration: usize,
    kept: &mut Option<WorstRounding>,
    warned: &mut bool,
) -> Result<Vec<f64>> {
    let errors = largest(&engine.rounding_errors(parameters)?);
    let Some((component, error)) = worst(&errors) else { return Ok(errors) };
    if kept.is_some_and(|kept| kept.error >= error) {
        return Ok(errors);
    }
    let switched = error > POOR && engine.use_f64(true)?;
    let digits = (-error.log10()).max(0.0);
    *kept = Some(WorstRounding { iteration, component, error, digits, switched });
    if !switched {
        return Ok(errors);
    }
    let (n_components, engine) = (errors.len(), engine.info().kind);
    let warning = Warning::SwitchedToF64 { iteration, component, n_components, digits, error, engine };
    if std::mem::replace(warned, true) {
        tracing::info!("{}", warning.facts());
    } else {
        warning.tell();
    }
    Ok(Vec::new())
}

/// Sets `engine` to the precision in which a restart with the record `kept` must go on.
///
/// # Errors
/// [`Error::Shape`] if that was f64 and the engine has none.
pub(super) fn restore(engine: &mut dyn Engine, kept: Option<WorstRounding>) -> Result<()> {
    let switched = kept.is_some_and(|kept| kept.switched);
    if !engine.use_f64(switched)? && switched {
        let found = format!("the {} engine alone", engine.info().kind);
        return Err(Error::shape("engine of the fit to go on with", "one that can go on in f64", found));
    }
    Ok(())
}
