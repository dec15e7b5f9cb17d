//! A fixed number of iterations without a seeding, restarts or a verdict: for measuring and comparing.

use std::time::{Duration, Instant};

use crate::engine::{Engine, all_rows};
use crate::error::{Error, Result};
use crate::fit::update::{Rescued, Update};
use crate::mixture::Parameters;
use crate::mixture::moments::{COUNT_TOLERANCE, MStep, Moments};

/// Where a run of iterations ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Parameters after the last M-step.
    pub parameters: Parameters,
    /// Mean log-likelihood under them, nats per sample.
    pub mean_log_likelihood: f64,
    /// The least effective count that each component had in any iteration, `[K]`.
    pub least_counts: Vec<f64>,
}

/// How long the halves of one iteration took.
#[derive(Debug, Clone, Copy)]
pub struct Lap {
    /// The E-step and the check of its sums.
    pub e_step: Duration,
    /// The M-step.
    pub m_step: Duration,
}

/// `n_iter` iterations of `update` from `start`, and one E-step more for the log-likelihood. Every iteration, counted
/// from 1, is shown to `watch`.
///
/// # Errors
/// As [`Engine::e_step`] and [`Update::m_step`]; [`Error::NonFiniteResult`] for sums that are not finite or lost samples.
pub fn steps(
    engine: &mut dyn Engine,
    update: &mut dyn Update,
    start: &Parameters,
    n_iter: usize,
    mut watch: impl FnMut(usize, Lap),
) -> Result<Outcome> {
    all_rows(engine)?;
    let total_weight = engine.data().facts().total_weight;
    let mut parameters = update.start(engine, start.clone())?;
    let mut least_counts = vec![f64::INFINITY; start.n_components()];
    let e_step = |engine: &mut dyn Engine, parameters: &Parameters, found: usize| {
        let moments = engine.e_step(parameters)?;
        moments.check(total_weight, COUNT_TOLERANCE).map_err(|e: Error| e.in_iteration(found))?;
        Ok::<Moments, Error>(moments)
    };
    let mut keep = |moments: &Moments| {
        least_counts.iter_mut().zip(&moments.effective_counts).for_each(|(l, n)| *l = l.min(*n));
    };
    for iteration in 1..=n_iter {
        let started = Instant::now();
        let moments = e_step(engine, &parameters, iteration - 1)?;
        let summed = Instant::now();
        parameters = update.m_step(engine, &moments, &parameters, iteration)?;
        watch(iteration, Lap { e_step: summed - started, m_step: summed.elapsed() });
        keep(&moments);
    }
    let moments = e_step(engine, &parameters, n_iter)?;
    keep(&moments);
    let mean_log_likelihood = update.objective(&moments) / total_weight;
    Ok(Outcome { parameters, mean_log_likelihood, least_counts })
}

/// The M-step by its rule alone: a component that collapses is an error.
#[derive(Debug, Clone, Default)]
pub struct Plain {
    rule: MStep,
    rescued: Rescued,
}

impl From<MStep> for Plain {
    fn from(rule: MStep) -> Self {
        Plain { rule, rescued: Rescued::default() }
    }
}

impl Update for Plain {
    fn start(&mut self, _: &mut dyn Engine, start: Parameters) -> Result<Parameters> {
        Ok(start)
    }

    fn m_step(
        &mut self,
        _: &mut dyn Engine,
        moments: &Moments,
        old: &Parameters,
        iteration: usize,
    ) -> Result<Parameters> {
        self.rule.parameters(moments, old.means(), iteration)
    }

    fn rescued(&self) -> &Rescued {
        &self.rescued
    }
}
