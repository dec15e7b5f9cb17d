//! A graphics device that fails does not take the fit with it: the model of the last M-step is saved.

use wgmm::internals::engine::cpu::CpuEngine;
use wgmm::internals::fit::em::Fit;
use wgmm::{Error, Samples};

use super::args::FitArgs;
use super::files::Files;
use super::report::TraceRow;
use crate::exit::{Failure, shown};
use crate::words::quoted;

/// Saves what is left of a fit that `error` ended; the failure that the command ends with tells what was done.
pub(super) fn save(
    args: &FitArgs,
    samples: &Samples<'_>,
    (error, fit): (Error, Fit),
    files: Files,
    trace: &[TraceRow],
) -> Failure {
    let failure = Failure::about(&args.data, error);
    let Some(path) = &args.output else { return failure.and("No model was saved") };
    let iterations: usize = fit.report.restarts.iter().map(|restart| restart.n_iter).sum();
    let saved = || {
        let mut engine = CpuEngine::new(samples, None)?;
        files.write(args, &fit.into_model(), &mut engine, trace)
    };
    match saved() {
        Ok(()) => failure.and(format!(
            "The model after {iterations} iterations is saved to {}: `--init {}` goes on from it",
            shown(path),
            quoted(&path.display().to_string())
        )),
        Err(other) => failure.and(format!("Its model could not be saved: {}", other.message())),
    }
}
