//! What a long fit shows while it runs: a bar on a terminal, plain lines elsewhere if asked for.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use wgmm::em::Step;

use crate::exit::say;

/// Least time between two plain lines.
const LINE_INTERVAL: Duration = Duration::from_millis(500);

/// When progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

/// Shows the steps of a fit on stderr.
pub(crate) struct Progress {
    target: Target,
    n_init: usize,
    /// What the steps belong to, where a command does several fits.
    label: String,
    started: Instant,
}

enum Target {
    Nothing,
    Bar(ProgressBar),
    /// `pending` was not said, because the line before it was said only just now.
    Lines {
        last: Option<Instant>,
        pending: Option<String>,
    },
}

impl Progress {
    /// Starts the clock. Quiet runs show progress only where it is asked for by name.
    pub(crate) fn new(when: When, quiet: bool, n_init: usize, max_iter: usize) -> Self {
        let target = match when {
            When::Never => Target::Nothing,
            When::Auto if quiet || !stderr().is_terminal() => Target::Nothing,
            When::Always if !stderr().is_terminal() => Target::Lines { last: None, pending: None },
            _ => Target::Bar(bar(max_iter)),
        };
        Progress { target, n_init, label: String::new(), started: Instant::now() }
    }

    /// Names the fit that the next steps belong to.
    pub(crate) fn begin(&mut self, label: String) {
        self.label = label;
    }

    /// Shows one step.
    pub(crate) fn step(&mut self, step: &Step<'_>) {
        let restart = match self.n_init {
            1 => self.label.clone(),
            n => format!("{}restart {}/{n}: ", self.label, step.restart + 1),
        };
        let change = step.change.map_or(String::new(), |c| format!(" ({c:+.2e})"));
        let state = format!("mean log-likelihood {:.6}{change}", step.mean_log_likelihood);
        match &mut self.target {
            Target::Nothing => {}
            Target::Bar(bar) => {
                bar.set_message(format!("{restart}{state}"));
                bar.set_position(step.iteration as u64);
            }
            Target::Lines { last, pending } => {
                let seconds = self.started.elapsed().as_secs_f64();
                let line = format!("{restart}iteration {}: {state}, {seconds:.1} s", step.iteration);
                let now = Instant::now();
                if last.is_none_or(|last| now - last >= LINE_INTERVAL) {
                    *last = Some(now);
                    *pending = None;
                    say(line);
                } else {
                    *pending = Some(line);
                }
            }
        }
    }

    /// Takes the bar away, or says the last line.
    pub(crate) fn finish(self) {
        match self.target {
            Target::Bar(bar) => bar.finish_and_clear(),
            Target::Lines { pending: Some(line), .. } => say(line),
            Target::Lines { .. } | Target::Nothing => {}
        }
    }
}

fn bar(max_iter: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(max_iter as u64), ProgressDrawTarget::stderr_with_hz(10));
    // A template that does not parse would only cost the looks.
    if let Ok(style) = ProgressStyle::with_template("[{elapsed}] {bar:12} {pos}/{len}  {wide_msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}
