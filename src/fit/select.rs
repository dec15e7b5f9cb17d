//! Which K and which covariance type: a sweep of fits over the same samples on the same engine, judged by
//! an information criterion.

use std::ops::ControlFlow;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::fit::em::{self, Fit, Step};
use crate::fit::options::FitOptions;
use crate::infer;
use crate::mixture::shape::CovarianceType;

/// What a candidate is judged by; lower is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Criterion {
    /// Bayesian information criterion ([`crate::GaussianMixture::bic`]).
    #[default]
    Bic,
    /// Akaike information criterion ([`crate::GaussianMixture::aic`]).
    Aic,
    /// Integrated completed likelihood ([`crate::GaussianMixture::icl`]): the BIC less what overlapping components
    /// explain twice.
    Icl,
}

named!(Criterion: "criterion" { Bic = "bic", Aic = "aic", Icl = "icl" });

/// What to try.
#[derive(Debug, Clone)]
pub struct SelectOptions {
    /// Values of K, in the order they are tried.
    pub components: Vec<usize>,
    /// One per covariance type to try, with everything else of its fits: all K of the first, then of the next.
    /// `n_components` is not used.
    pub fits: Vec<FitOptions>,
    /// What decides.
    pub criterion: Criterion,
}

impl SelectOptions {
    /// The options of every fit of the sweep, in its order.
    fn cells(&self) -> impl Iterator<Item = FitOptions> + '_ {
        self.fits.iter().flat_map(|fit| {
            self.components.iter().map(|&n_components| FitOptions { n_components, ..fit.clone() })
        })
    }

    /// The options of candidate `index`.
    pub fn fit_of(&self, index: usize) -> Option<FitOptions> {
        self.cells().nth(index)
    }
}

/// One fit of the sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Cell {
    /// K.
    pub n_components: usize,
    /// Form of the covariances.
    pub covariance_type: CovarianceType,
}

/// How good a fit is.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Scores {
    /// Total log-likelihood, nats.
    pub log_likelihood: f64,
    /// Mean log-likelihood, nats per sample.
    pub mean_log_likelihood: f64,
    /// Bayesian information criterion.
    pub bic: f64,
    /// Akaike information criterion.
    pub aic: f64,
    /// Integrated completed likelihood.
    pub icl: f64,
    /// M-steps of the best restart.
    pub n_iter: usize,
    /// Whether it reached `tol`.
    pub converged: bool,
    /// Components of too few samples ([`FitReport::degenerate`](crate::report::FitReport::degenerate)): where there
    /// are any, the criteria look better than the fit is.
    pub degenerate: usize,
}

impl Scores {
    /// The value of `criterion`.
    pub const fn criterion(&self, criterion: Criterion) -> f64 {
        match criterion {
            Criterion::Bic => self.bic,
            Criterion::Aic => self.aic,
            Criterion::Icl => self.icl,
        }
    }
}

/// A cell and what came of it.
#[derive(Debug)]
pub struct Candidate {
    /// What was tried.
    pub cell: Cell,
    /// Free parameters p.
    pub n_parameters: usize,
    /// How good it is, or why the fit failed.
    pub outcome: Result<Scores>,
}

/// The outcome of a sweep.
#[derive(Debug)]
#[non_exhaustive]
pub struct Selection {
    /// One entry per cell that was tried, in the order of the sweep.
    pub candidates: Vec<Candidate>,
    /// The best candidate's index and fit; none if every fit failed. Of equals the first, that is the
    /// smaller K where K rises.
    pub best: Option<(usize, Fit)>,
    /// Whether the observer ended the sweep before its end.
    pub interrupted: bool,
}

/// The best candidate by `criterion` without a component of too few samples.
pub fn best_sound(candidates: &[Candidate], criterion: Criterion) -> Option<&Candidate> {
    let value = |candidate: &Candidate| {
        let scores = candidate.outcome.as_ref().ok().filter(|scores| scores.degenerate == 0)?;
        Some(scores.criterion(criterion))
    };
    let sound = candidates.iter().filter_map(|candidate| Some((value(candidate)?, candidate)));
    sound.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, candidate)| candidate)
}

/// Watches a sweep.
pub trait SweepObserver {
    /// Cell `index` of `n_cells` begins.
    fn on_cell(&mut self, cell: Cell, index: usize, n_cells: usize) {
        let _ = (cell, index, n_cells);
    }

    /// After every M-step; [`ControlFlow::Break`] ends the sweep, and the fit so far still counts.
    fn on_step(&mut self, step: &mut Step<'_>) -> ControlFlow<()> {
        let _ = step;
        ControlFlow::Continue(())
    }

    /// A cell is done.
    fn on_candidate(&mut self, candidate: &Candidate) {
        let _ = candidate;
    }
}

/// An observer that watches nothing.
#[derive(Debug)]
pub struct NoSweepObserver;

impl SweepObserver for NoSweepObserver {}

/// Fits every cell to the data of `engine`, and keeps the best model. A fit that fails is a
/// candidate with its error, and the sweep goes on. The same inputs give the same answer: every cell
/// starts from the same seed.
///
/// # Errors
/// [`Error::Option`] for an empty sweep or options that no fit accepts.
pub fn select(
    engine: &mut dyn Engine,
    options: &SelectOptions,
    observer: &mut dyn SweepObserver,
) -> Result<Selection> {
    let cells: Vec<FitOptions> = options.cells().collect();
    if cells.is_empty() {
        return Err(Error::option("components", "none", "at least one K and one covariance type"));
    }
    let mut selection = Selection { candidates: Vec::new(), best: None, interrupted: false };
    let mut best = f64::INFINITY;
    cells.iter().try_for_each(FitOptions::check_values)?;
    for (index, fit_options) in cells.iter().enumerate() {
        let FitOptions { n_components, covariance_type, .. } = *fit_options;
        let cell = Cell { n_components, covariance_type };
        observer.on_cell(cell, index, cells.len());
        let mut watch = |step: &mut Step<'_>| {
            let flow = observer.on_step(step);
            selection.interrupted |= flow.is_break();
            flow
        };
        let fitted = scored(engine, fit_options, &mut watch);
        // Components may have been dropped.
        let n_parameters = match &fitted {
            Ok((fit, _)) => fit.model.n_parameters(),
            Err(_) => covariance_type.n_parameters(n_components, engine.data().facts().n_features),
        };
        let outcome = fitted.map(|(fit, scores)| {
            let value = scores.criterion(options.criterion);
            if value < best {
                best = value;
                selection.best = Some((index, fit));
            }
            scores
        });
        let candidate = Candidate { cell, n_parameters, outcome };
        observer.on_candidate(&candidate);
        selection.candidates.push(candidate);
        if selection.interrupted {
            break;
        }
    }
    Ok(selection)
}

/// One cell: its fit and how good it is.
fn scored(
    engine: &mut dyn Engine,
    options: &FitOptions,
    watch: &mut dyn FnMut(&mut Step<'_>) -> ControlFlow<()>,
) -> Result<(Fit, Scores)> {
    let mut observer = |step: &mut Step<'_>| watch(step);
    let fit = em::fit(engine, options, &mut observer)?;
    let Fit { model, report, .. } = &fit;
    let (log_likelihood, weight) = (report.log_likelihood(), report.total_weight);
    let assignment = infer::assignment_log_probability(engine, &model.parameters)?;
    let scores = Scores {
        log_likelihood,
        mean_log_likelihood: report.final_mean_log_likelihood,
        bic: model.bic(log_likelihood, weight),
        aic: model.aic(log_likelihood),
        icl: model.icl(log_likelihood, weight, assignment),
        n_iter: report.n_iter,
        converged: report.converged,
        degenerate: report.degenerate.len(),
    };
    Ok((fit, scores))
}
