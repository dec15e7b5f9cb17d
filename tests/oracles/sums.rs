//! Engines add: several over consecutive parts of the rows are one engine, bit for bit if they are of one kind.

use std::sync::Arc;

use wgmm::internals::data::{Data, Part};
use wgmm::internals::engine::cpu::CpuEngine;
use wgmm::internals::engine::fallback::FallbackEngine;
use wgmm::internals::engine::reference::ReferenceEngine;
use wgmm::internals::engine::sum::SumEngine;
use wgmm::internals::fit::em::{self, NoObserver};
use wgmm::{CovarianceType, Dataset, Engine, Error, FitOptions, Parameters, Result, Samples};

use crate::support::distance::{Distances, assert_mixtures_agree};
use crate::support::problem::Problem;

/// Rows of a part of these problems: 11 000 rows are 22 parts of 512, the last one short.
const N: usize = 11_000;

/// Cuts 0..`n` into `shares` pieces of very different lengths, each but the first starting at a multiple of `unit`.
fn cut(n: usize, unit: usize, shares: usize) -> Vec<std::ops::Range<usize>> {
    let parts = n.div_ceil(unit);
    let mut starts: Vec<usize> = (0..shares).map(|i| i * i * parts / (shares * shares)).collect();
    // No empty share.
    for i in 1..shares {
        starts[i] = starts[i].max(starts[i - 1] + 1);
    }
    let ends = starts.iter().skip(1).map(|s| s * unit).chain([n]);
    starts.iter().map(|s| s * unit).zip(ends).map(|(a, b)| a..b).collect()
}

fn on_parts<'a>(
    data: &Data<'a>,
    parts: impl IntoIterator<Item = std::ops::Range<usize>>,
    open: impl Fn(Arc<Part<'a>>) -> Result<Box<dyn Engine + 'a>>,
) -> SumEngine<'a> {
    let engines =
        parts.into_iter().map(|rows| open(Arc::new(Part::new(data.clone(), rows).unwrap())).unwrap());
    SumEngine::new(data.clone(), engines.collect()).unwrap()
}

fn cpu<'a>(part: Arc<Part<'a>>) -> Result<Box<dyn Engine + 'a>> {
    Ok(Box::new(CpuEngine::new(part, None)?))
}

/// The model file of a fit of a few steps.
fn file(engine: &mut dyn Engine, start: &Parameters) -> Vec<u8> {
    let options = FitOptions { reg_covar: 1e-6, ..crate::support::problem::steps_from(start, 3) };
    let model = em::fit(engine, &options, &mut NoObserver).unwrap().into_model();
    let mut text = Vec::new();
    model.write_json(&mut text).unwrap();
    text
}

#[test]
fn processors_add_up_to_one_bit_for_bit() {
    let unit = CpuEngine::part_rows(N);
    assert_eq!(unit, 512, "the shares below are meant for this");
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::new(covariance_type, N, 3, 4, 23);
        let weights: Vec<f64> = (0..N).map(|n| (n % 5) as f64 / 3.0).collect();
        let plain = problem.samples();
        let weighted = problem.samples().with_sample_weights(&weights[..]).unwrap();
        for samples in [&plain, &weighted] {
            let mut one = CpuEngine::new(samples, None).unwrap();
            let moments = one.e_step(&problem.start).unwrap();
            let whole = file(&mut one, &problem.start);
            for shares in [1, 2, 3, 5, 7] {
                let data = Data::from(samples);
                let mut sum = on_parts(&data, cut(N, unit, shares), cpu);
                assert_eq!(sum.e_step(&problem.start).unwrap(), moments, "{covariance_type}, {shares}");
                assert_eq!(file(&mut sum, &problem.start), whole, "{covariance_type}, {shares}");
                let rows = 500..9000;
                assert_eq!(
                    sum.weighted_log_densities(&problem.start, rows.clone()).unwrap(),
                    one.weighted_log_densities(&problem.start, rows).unwrap()
                );
            }
        }
    }
}

/// The guard notices an order of additions that is not the tree's: shares that start within a part add, but not to the
/// same bits.
#[test]
fn shares_that_start_anywhere_add_to_rounding() {
    let problem = Problem::new(CovarianceType::Full, N, 3, 4, 23);
    let samples = problem.samples();
    let whole = CpuEngine::new(&samples, None).unwrap().e_step(&problem.start).unwrap();
    let data = Data::from(&samples);
    let mut sum = on_parts(&data, [0..3333, 3333..3334, 3334..N], cpu);
    let found = sum.e_step(&problem.start).unwrap();
    assert_ne!(found, whole);
    let pairs = found.second_moments.iter().zip(&whole.second_moments);
    let largest = pairs.map(|(a, b)| ((a - b) / b).abs()).fold(0.0, f64::max);
    assert!(largest < 1e-12, "{largest:e}");
}

/// Engines of different kinds agree within the tier of the lesser one.
#[test]
fn a_processor_and_the_oracle_add() {
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::new(covariance_type, 2000, 3, 4, 23);
        let samples = problem.samples();
        let data = Data::from(&samples);
        let halves = |rows| Arc::new(Part::new(data.clone(), rows).unwrap());
        let engines: Vec<Box<dyn Engine + '_>> = vec![
            Box::new(CpuEngine::new(halves(0..700), Some(1)).unwrap()),
            Box::new(ReferenceEngine::new(halves(700..2000))),
        ];
        let mut sum = SumEngine::new(data.clone(), engines).unwrap();
        let options = problem.steps(3);
        let found = em::fit(&mut sum, &options, &mut NoObserver).unwrap();
        let expected = em::fit(&mut ReferenceEngine::new(&samples), &options, &mut NoObserver).unwrap();
        let of = |fit: &em::Fit| fit.report.final_mean_log_likelihood;
        assert_mixtures_agree(
            covariance_type.name(),
            (&found.model.parameters, of(&found)),
            (&expected.model.parameters, of(&expected)),
            &Distances::FLOAT64,
        );
    }
}

#[test]
fn shares_that_do_not_fit_are_refused() {
    let problem = Problem::medium(CovarianceType::Full);
    let samples = problem.samples();
    let data = Data::from(&samples);
    let wrong: [&[(usize, usize)]; 5] =
        [&[(0, 300), (301, 700)], &[(0, 300), (299, 700)], &[(0, 300)], &[(300, 700)], &[]];
    for wrong in wrong {
        let part = |&(from, to): &(usize, usize)| Arc::new(Part::new(data.clone(), from..to).unwrap());
        let parts = wrong.iter().map(part);
        let outcome = SumEngine::new(data.clone(), parts.map(|part| cpu(part).unwrap()).collect());
        assert!(matches!(outcome.err(), Some(Error::Shape { .. })), "{wrong:?}");
    }
    for (from, to) in [(0, 0), (5, 3), (600, 701), (700, 800)] {
        assert!(Part::new(data.clone(), from..to).is_err(), "{from} to {to}");
    }
}

/// Sums of other data mean something else, even if the rows would fit.
#[test]
fn engines_over_other_data_are_refused() {
    let problem = Problem::medium(CovarianceType::Full);
    let (samples, half) = (problem.samples(), problem.samples());
    let half = half.first(350).unwrap();
    let data = Data::from(&samples);
    let rest = Arc::new(Part::new(data.clone(), 350..700).unwrap());
    let engines: Vec<Box<dyn Engine + '_>> =
        vec![Box::new(CpuEngine::new(&half, None).unwrap()), cpu(rest).unwrap()];
    assert!(matches!(SumEngine::new(data.clone(), engines).err(), Some(Error::Shape { .. })));
    let mut sum = on_parts(&data, [0..350, 350..700], cpu);
    assert!(sum.weighted_log_densities(&problem.start, 600..701).is_err(), "there are 700 rows");
}

/// A device that fails on its share: all cores take over that share alone.
#[test]
fn a_share_that_fails_is_taken_over() {
    struct Failing<'a>(CpuEngine<'a>);
    impl Engine for Failing<'_> {
        fn data(&self) -> &dyn Dataset {
            self.0.data()
        }
        fn e_step(&mut self, parameters: &Parameters) -> Result<wgmm::Moments> {
            let mut moments = self.0.e_step(parameters)?;
            moments.first_moments[0] = f64::NAN;
            Ok(moments)
        }
        fn weighted_log_densities(
            &mut self,
            parameters: &Parameters,
            rows: std::ops::Range<usize>,
        ) -> Result<Vec<f64>> {
            self.0.weighted_log_densities(parameters, rows)
        }
        fn info(&self) -> wgmm::report::EngineInfo {
            wgmm::report::EngineInfo { kind: wgmm::report::EngineKind::Gpu, ..self.0.info() }
        }
    }

    let problem = Problem::new(CovarianceType::Full, N, 3, 4, 23);
    let samples = problem.samples();
    let expected = CpuEngine::new(&samples, None).unwrap().e_step(&problem.start).unwrap();
    let data = Data::from(&samples);
    let share = Arc::new(Part::new(data.clone(), 5120..N).unwrap());
    let failing = Failing(CpuEngine::new(Arc::clone(&share), None).unwrap());
    let fallback = FallbackEngine::new(Box::new(failing), share, None);
    let first = cpu(Arc::new(Part::new(data.clone(), 0..5120).unwrap())).unwrap();
    let mut sum = SumEngine::new(data, vec![first, Box::new(fallback)]).unwrap();
    assert_eq!(sum.e_step(&problem.start).unwrap(), expected);
    assert!(sum.info().failed.is_some(), "the report must tell");
}

/// An engine may own its data, and be sent to another thread with them.
#[test]
fn an_engine_that_owns_its_data() {
    let problem = Problem::medium(CovarianceType::Diag);
    let samples = Arc::new(Samples::new(problem.values.clone(), 3).unwrap());
    let expected = CpuEngine::new(&*samples, None).unwrap().e_step(&problem.start).unwrap();
    let mut engine: Box<dyn Engine> = Box::new(CpuEngine::new(Arc::clone(&samples), None).unwrap());
    drop(samples);
    let start = problem.start.clone();
    let found = std::thread::spawn(move || engine.e_step(&start)).join().unwrap().unwrap();
    assert_eq!(found, expected);
}

/// A part alone is no data set to fit, and inference on it is about its own rows.
#[test]
fn a_part_alone() {
    let problem = Problem::medium(CovarianceType::Full);
    let samples = problem.samples();
    let part = Part::new(&samples, 100..350).unwrap();
    let mut engine = CpuEngine::new(&part, None).unwrap();
    let outcome = em::fit(&mut engine, &problem.steps(2), &mut NoObserver);
    assert!(matches!(outcome, Err(Error::Shape { .. })), "{outcome:?}");
    let labels = wgmm::infer::predict(&mut engine, &problem.start).unwrap();
    let all = wgmm::infer::predict(&mut CpuEngine::new(&samples, None).unwrap(), &problem.start).unwrap();
    assert_eq!(labels, all[100..350]);
}

/// A part knows the whole: facts are those of all rows, and so is the scaling.
#[test]
fn a_part_has_the_facts_of_the_whole() {
    let problem = Problem::medium(CovarianceType::Full);
    let samples = problem.samples();
    let part = Part::new(&samples, 100..200).unwrap();
    assert_eq!((part.facts().n_samples, part.rows()), (700, 100..200));
    let scaling = wgmm::internals::data::Scaling::of(&part).unwrap().clone();
    let again = problem.samples();
    assert_eq!(&scaling, wgmm::internals::data::Scaling::of(&again).unwrap());
}
