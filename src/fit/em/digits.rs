//! What f32 sums leave in every iteration, and the change to f64 where that is too little.

use crate::engine::Engine;
use crate::engine::rounding::{POOR, warn, worst};
use crate::error::{Error, Result};
use crate::mixture::Parameters;
use crate::report::{FitReport, Warning, WorstRounding};

/// Estimates what f32 leaves of every component of `parameters` (`[K]`, empty in f64), before their E-step in
/// `iteration`, and keeps the worst of a restart in `kept`. Where that is fewer than three digits, an engine that can
/// goes on in f64, which is `told` once a fit. Numbers alone decide, so that the same fit always switches in the same
/// iteration.
pub(super) fn look(
    engine: &mut dyn Engine,
    parameters: &Parameters,
    iteration: usize,
    kept: &mut Option<WorstRounding>,
    told: &mut bool,
) -> Result<Vec<f64>> {
    let errors = engine.rounding_errors(parameters)?;
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
    if std::mem::replace(told, true) {
        tracing::info!("{}", warning.facts());
    } else {
        warning.tell();
    }
    Ok(Vec::new())
}

/// Puts `engine` into the state of a restart that came to `kept`.
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

/// Warns of the components of the returned mixture to which f32 leaves fewer than three digits, else where such a
/// stretch lies behind the fit.
pub(super) fn judge(report: &FitReport) {
    if warn(&report.rounding_errors) {
        return;
    }
    let Some(kept) = report.worst_rounding.filter(|kept| kept.error > POOR && !kept.switched) else { return };
    let WorstRounding { iteration, component, error, digits, .. } = kept;
    Warning::FewDigitsPassed { iteration, component, digits, error }.tell();
}
