//! What a long fit shows while it runs: on a terminal a bar with the course of the log-likelihood, plain lines
//! elsewhere if asked for and on terminals that cannot go back in a line. No colours, so `NO_COLOR` has nothing
//! to turn off.

use std::collections::VecDeque;
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use wgmm::internals::fit::em::Step;

use crate::talk::say;

/// Least time between two plain lines.
const LINE_INTERVAL: Duration = Duration::from_millis(500);

/// Steps that the sparkline shows.
const SPARKS: usize = 16;

/// When progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

wgmm::named!(When: "progress" { Auto = "auto", Always = "always", Never = "never" });

/// Shows the steps of a fit on stderr.
pub(crate) struct Progress {
    target: Target,
    n_init: usize,
    /// The fit that the steps belong to, if a command does several.
    label: String,
    started: Instant,
}

enum Target {
    Nothing,
    /// With the log-likelihoods of the last steps of this restart.
    Bar(ProgressBar, VecDeque<f64>),
    /// A line that was held back, because the line before it was printed only just now.
    Lines {
        last: Option<Instant>,
        pending: Option<String>,
    },
}

impl Progress {
    /// Starts the clock. Quiet runs show progress only if it is asked for by name.
    pub(crate) fn new(when: When, quiet: bool, n_init: usize, max_iter: usize) -> Self {
        let target = match when {
            When::Never => Target::Nothing,
            When::Auto if quiet || !stderr().is_terminal() => Target::Nothing,
            When::Always if !stderr().is_terminal() => Target::Lines { last: None, pending: None },
            _ if is_dumb() => Target::Lines { last: None, pending: None },
            _ => Target::Bar(bar(max_iter), VecDeque::new()),
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
            Target::Bar(bar, course) => {
                if step.iteration == 1 {
                    course.clear();
                }
                course.push_back(step.mean_log_likelihood);
                if course.len() > SPARKS {
                    course.pop_front();
                }
                let sparks = sparkline(course.make_contiguous(), is_utf8());
                bar.set_message(format!("{sparks:SPARKS$}  {restart}{state}"));
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
            Target::Bar(bar, _) => bar.finish_and_clear(),
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

/// One character per value, by its height between the least and the largest.
fn sparkline(values: &[f64], utf8: bool) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const ASCII: [char; 8] = ['_', '.', ',', '-', '~', '=', '^', '#'];
    let heights = if utf8 { BLOCKS } else { ASCII };
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let range = values.iter().copied().fold(f64::NEG_INFINITY, f64::max) - least;
    let height = |value: &f64| {
        let share = if range > 0.0 { (value - least) / range } else { 0.0 };
        // `as` maps NaN, which an overflow of the range could give, to 0.
        heights.get((share * 7.99) as usize).copied().unwrap_or(heights[7])
    };
    values.iter().map(height).collect()
}

/// A terminal that cannot go back in a line.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Whether the terminal shows UTF-8, as its locale says; the first of the three variables that is set decides.
pub(crate) fn is_utf8() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    match ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set) {
        Some(locale) => ["utf-8", "utf8"].iter().any(|utf8| locale.to_lowercase().contains(utf8)),
        // Other systems have no such variables, and terminals of UTF-8.
        None => !cfg!(target_os = "linux"),
    }
}

#[cfg(test)]
mod tests {
    use super::sparkline;

    #[test]
    fn sparklines() {
        assert_eq!(sparkline(&[-3.0, -2.0, -1.5, -1.0], true), "▁▄▆█");
        assert_eq!(sparkline(&[-3.0, -2.0, -1.5, -1.0], false), "_-=#");
        assert_eq!(sparkline(&[1.0, 1.0], true), "▁▁");
        assert_eq!(sparkline(&[], true), "");
        assert_eq!(sparkline(&[f64::MIN, 0.0, f64::MAX], false).len(), 3);
    }
}
