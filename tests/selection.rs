//! The sweep over K and covariance types.

use std::ops::ControlFlow;

use wgmm::internals::fit::em::Step;
use wgmm::internals::fit::select::{
    Candidate, Cell, Criterion, NoSweepObserver, SelectOptions, Selection, SweepObserver, select,
};
use wgmm::internals::mixture::sample::{Sampler, random_mixture};
use wgmm::{CovarianceType, Error, FitOptions, Init, Samples};

use crate::support::engines::{Kind, on_every_engine};

/// 600 samples of three components far apart.
fn three_groups(covariance_type: CovarianceType) -> Vec<f64> {
    let truth = random_mixture(3, 2, covariance_type, 12).unwrap();
    let mut sampler = Sampler::new(&truth, 4).unwrap();
    let mut values = vec![0.0; 1200];
    values.chunks_exact_mut(2).for_each(|row| {
        sampler.draw(row);
    });
    values
}

fn options(components: &[usize], covariance_types: &[CovarianceType], criterion: Criterion) -> SelectOptions {
    let fit = |&covariance_type| FitOptions { covariance_type, n_init: 3, ..FitOptions::new(1) };
    let fits = covariance_types.iter().map(fit).collect();
    SelectOptions { components: components.to_vec(), fits, criterion }
}

fn sweep(kind: Kind, samples: &Samples<'_>, options: &SelectOptions) -> Selection {
    let mut engine = kind.open(samples).unwrap();
    select(engine.as_mut(), options, &mut NoSweepObserver).unwrap()
}

fn the_true_number_is_found(kind: Kind) {
    for covariance_type in [CovarianceType::Full, CovarianceType::Spherical] {
        let values = three_groups(covariance_type);
        let samples = Samples::new(&values, 2).unwrap();
        for criterion in [Criterion::Bic, Criterion::Icl] {
            let selection = sweep(kind, &samples, &options(&[1, 2, 3, 4], &[covariance_type], criterion));
            let (best, fit) = selection.best.unwrap();
            assert_eq!(selection.candidates[best].cell.n_components, 3, "{covariance_type} {criterion:?}");
            assert_eq!(fit.model.parameters.n_components(), 3);
            let scores = selection.candidates[best].outcome.as_ref().unwrap();
            let report = &fit.report;
            assert_eq!((scores.bic, scores.aic), (report.bic, report.aic));
            assert!(scores.icl >= scores.bic, "the ICL never rewards overlap");
        }
    }
}

/// One engine for the whole sweep gives what an engine for each fit gives, whatever was fitted before.
fn cells_do_not_touch_each_other(kind: Kind) {
    let values = three_groups(CovarianceType::Full);
    let samples = Samples::new(&values, 2).unwrap();
    let mut sweep_options = options(&[3, 1, 2], &CovarianceType::ALL, Criterion::Aic);
    for fit in &mut sweep_options.fits {
        fit.n_init = 1;
        fit.max_iter = 5;
    }
    let first = sweep(kind, &samples, &sweep_options);
    let second = sweep(kind, &samples, &sweep_options);
    assert_eq!(first.best, second.best, "the same sweep gives the same answer");
    assert_eq!(first.candidates.len(), 12);
    for (a, b) in first.candidates.iter().zip(&second.candidates) {
        assert_eq!(a.cell, b.cell);
        let a_scores = a.outcome.as_ref().unwrap();
        assert_eq!(a_scores, b.outcome.as_ref().unwrap());
        let fit = sweep_options.fits.iter().find(|fit| fit.covariance_type == a.cell.covariance_type);
        let alone =
            kind.fit(&samples, &FitOptions { n_components: a.cell.n_components, ..fit.unwrap().clone() });
        let report = alone.unwrap().report.unwrap();
        assert_eq!(report.final_mean_log_likelihood, a_scores.mean_log_likelihood, "{:?}", a.cell);
    }
}

on_every_engine!(the_true_number_is_found, cells_do_not_touch_each_other);

/// Counts what it is told, and may stop.
#[derive(Default)]
struct Watch {
    cells: Vec<(Cell, usize, usize)>,
    steps: usize,
    candidates: usize,
    stop_after: Option<usize>,
}

impl SweepObserver for Watch {
    fn on_cell(&mut self, cell: Cell, index: usize, n_cells: usize) {
        self.cells.push((cell, index, n_cells));
    }
    fn on_step(&mut self, _: &mut Step<'_>) -> ControlFlow<()> {
        self.steps += 1;
        if self.stop_after.is_some_and(|n| self.steps >= n) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
    fn on_candidate(&mut self, _: &Candidate) {
        self.candidates += 1;
    }
}

#[test]
fn a_failed_cell_is_told_and_skipped() {
    let samples = Samples::new(&[0.0, 0.1, 5.0, 5.2, 5.1][..], 1).unwrap();
    let options = options(&[2, 9, 1], &[CovarianceType::Full], Criterion::Bic);
    let mut watch = Watch::default();
    let mut engine = Kind::Cpu.open(&samples).unwrap();
    let selection = select(engine.as_mut(), &options, &mut watch).unwrap();
    assert!(matches!(selection.candidates[1].outcome, Err(Error::TooFewSamples { .. })));
    assert!(selection.candidates[0].outcome.is_ok() && selection.candidates[2].outcome.is_ok());
    assert_eq!(selection.best.unwrap().0, 0);
    assert_eq!((watch.cells.len(), watch.candidates), (3, 3));
    assert_eq!(watch.cells[2], (selection.candidates[2].cell, 2, 3));
    assert!(watch.steps >= 4);
}

#[test]
fn all_failed_is_no_best() {
    let samples = Samples::new(&[0.0, 1.0][..], 1).unwrap();
    let selection = sweep(Kind::Cpu, &samples, &options(&[3, 4], &[CovarianceType::Diag], Criterion::Bic));
    assert!(selection.best.is_none() && selection.candidates.iter().all(|c| c.outcome.is_err()));
}

#[test]
fn the_observer_may_end_the_sweep() {
    let values = three_groups(CovarianceType::Full);
    let samples = Samples::new(&values, 2).unwrap();
    let mut watch = Watch { stop_after: Some(1), ..Watch::default() };
    let mut engine = Kind::Cpu.open(&samples).unwrap();
    let options = options(&[2, 3], &[CovarianceType::Full], Criterion::Bic);
    let selection = select(engine.as_mut(), &options, &mut watch).unwrap();
    assert!(selection.interrupted && selection.candidates.len() == 1 && watch.steps == 1);
    assert_eq!(selection.best.unwrap().1.report.n_iter, 1, "the fit so far is kept");
}

/// A given start serves the cells of its K and type; the others are told apart.
#[test]
fn a_given_start_serves_its_k() {
    let values = three_groups(CovarianceType::Full);
    let samples = Samples::new(&values, 2).unwrap();
    let start = random_mixture(3, 2, CovarianceType::Full, 12).unwrap();
    let mut options = options(&[2, 3], &[CovarianceType::Full, CovarianceType::Diag], Criterion::Bic);
    for fit in &mut options.fits {
        let start = start.clone().with_covariance_type(fit.covariance_type).unwrap();
        fit.init = Init::Given(start);
    }
    let selection = sweep(Kind::Cpu, &samples, &options);
    let worked: Vec<bool> = selection.candidates.iter().map(|c| c.outcome.is_ok()).collect();
    assert_eq!(worked, [false, true, false, true]);
}

#[test]
fn an_empty_sweep_is_refused() {
    let samples = Samples::new(&[0.0, 1.0][..], 1).unwrap();
    let mut engine = Kind::Cpu.open(&samples).unwrap();
    for (k, types) in [(&[][..], &[CovarianceType::Full][..]), (&[1], &[]), (&[0], &[CovarianceType::Full])] {
        let result = select(engine.as_mut(), &options(k, types, Criterion::Bic), &mut NoSweepObserver);
        assert!(matches!(result, Err(Error::Option { .. })), "{result:?}");
    }
}
