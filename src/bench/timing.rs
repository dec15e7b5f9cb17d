//! EM with a clock: a fixed number of iterations, each timed, and what the checker needs of them.

use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::Result;
use crate::fit::em::steps::{Outcome, Plain, steps};
use crate::mixture::Parameters;
use crate::mixture::moments::MStep;

/// Least, median and spread of some times, seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The shortest.
    pub min: f64,
    /// The middle one.
    pub median: f64,
    /// Median absolute deviation from the median.
    pub mad: f64,
    /// How many there were.
    pub count: usize,
}

impl Spread {
    /// Of `seconds`; all 0 for none.
    pub fn of(seconds: &[f64]) -> Spread {
        let median = median(seconds.to_vec());
        Spread {
            min: seconds.iter().copied().fold(f64::INFINITY, f64::min).min(median),
            median,
            mad: median_of(seconds.iter().map(|s| (s - median).abs())),
            count: seconds.len(),
        }
    }
}

fn median_of(values: impl Iterator<Item = f64>) -> f64 {
    median(values.collect())
}

/// The middle value, the mean of both middle ones for an even number; 0 of none.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n == 0 { 0.0 } else { 0.5 * (values[(n - 1) / 2] + values[n / 2]) }
}

/// Seconds of every iteration after the warm-up.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// E-step, check of its sums and M-step.
    pub iterations: Vec<f64>,
    /// E-steps alone.
    pub e_steps: Vec<f64>,
    /// M-steps alone.
    pub m_steps: Vec<f64>,
}

/// `iterations` iterations of EM from `start`, one E-step more for the log-likelihood. Those after the first `warmup` are
/// timed into `clock`.
///
/// # Errors
/// As [`steps`].
pub fn run(
    engine: &mut dyn Engine,
    start: &Parameters,
    iterations: usize,
    warmup: usize,
    reg_covar: f64,
    clock: &mut Clock,
) -> Result<Outcome> {
    let mut update = Plain::from(MStep { reg_covar, ..MStep::default() });
    steps(engine, &mut update, start, iterations, |iteration, lap| {
        if iteration > warmup {
            clock.iterations.push((lap.e_step + lap.m_step).as_secs_f64());
            clock.e_steps.push(lap.e_step.as_secs_f64());
            clock.m_steps.push(lap.m_step.as_secs_f64());
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads() {
        let spread = Spread::of(&[3.0, 1.0, 2.0, 10.0]);
        assert_eq!(spread, Spread { min: 1.0, median: 2.5, mad: 1.0, count: 4 });
        assert_eq!(Spread::of(&[]), Spread { min: 0.0, median: 0.0, mad: 0.0, count: 0 });
    }
}
