//! The observer of `wgmm fit`: it shows and keeps every step.

use std::ops::ControlFlow;

use wgmm::internals::fit::em::{FitState, Observer, Step};

use super::args::FitArgs;
use super::report::TraceRow;
use crate::interrupt;
use crate::progress::Progress;

/// The observer of a fit: progress on stderr, rows of the trace, signals.
pub(super) struct Watch {
    progress: Progress,
    /// Rows of the trace, if one is written.
    trace: Option<Vec<TraceRow>>,
}

impl Watch {
    /// For a fit that goes on from `state`.
    pub(super) fn new(args: &FitArgs, state: &FitState) -> Self {
        let (when, quiet) = (args.progress.progress, args.talk.quiet);
        Watch {
            progress: Progress::new(when, quiet, args.flags.n_init, args.flags.max_iter),
            trace: args.trace.is_some().then(|| TraceRow::of(state)),
        }
    }

    /// Ends the progress and gives the trace.
    pub(super) fn finish(self) -> Vec<TraceRow> {
        self.progress.finish();
        self.trace.unwrap_or_default()
    }
}

impl Observer for Watch {
    fn on_step(&mut self, step: &mut Step<'_>) -> ControlFlow<()> {
        self.progress.step(step);
        if let Some(rows) = &mut self.trace {
            rows.push(TraceRow::from(&*step));
        }
        if interrupt::arrived().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
