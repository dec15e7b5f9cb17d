//! Digits that f32 leaves in every iteration: where they are too few, a fit goes on in f64, if its engine has that.
//! The engine here computes in f64 and says what it is told to say, so that every switch is planted.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(feature = "gpu")]
use wgmm::internals::data::Scaling;
use wgmm::internals::data::{Facts, Rows, Scratch};
use wgmm::internals::engine::choose::{EngineKind, EngineRequest, Fallback};
use wgmm::internals::engine::cpu::CpuEngine;
use wgmm::internals::engine::fallback::FallbackEngine;
use wgmm::internals::engine::rounding::{POOR, RoundingError};
use wgmm::internals::fit::checkpoint::Identity;
use wgmm::internals::fit::em::{self, FitState, Step};
use wgmm::internals::report::{EngineInfo, Precision, WorstRounding};
use wgmm::{
    CovarianceType, Dataset, Engine, Error, FitOptions, GaussianMixture, Init, Parameters, Result, Samples,
};

use crate::support::engines::{Kind, left_to_inner};
use crate::support::problem::Problem;

/// What rounding errors there are in a restart that was seeded (counted from 1) and an iteration.
type Script = fn(usize, usize) -> Vec<f64>;

/// Samples that count the seedings from them: every restart begins with one, which reads the first sample alone.
struct Counted<'a> {
    samples: &'a Samples<'a>,
    seedings: AtomicUsize,
}

impl Dataset for Counted<'_> {
    fn facts(&self) -> &Facts {
        self.samples.facts()
    }
    fn read<'r>(&'r self, rows: Range<usize>, scratch: &'r mut Scratch) -> Result<Rows<'r>> {
        if rows == (0..1) {
            self.seedings.fetch_add(1, Ordering::Relaxed);
        }
        self.samples.read(rows, scratch)
    }
}

/// Says that its sums are in f32, with the errors of `script`.
struct Scripted<'a> {
    inner: CpuEngine<'a>,
    data: Arc<Counted<'a>>,
    script: Script,
    restart: usize,
    iteration: usize,
}

impl Engine for Scripted<'_> {
    left_to_inner!(e_step, weighted_log_densities);

    fn rounding_errors(&mut self, _: &Parameters) -> Result<Vec<RoundingError>> {
        let restart = self.data.seedings.load(Ordering::Relaxed);
        if restart > self.restart {
            (self.restart, self.iteration) = (restart, 0);
        }
        self.iteration += 1;
        let errors = (self.script)(self.restart, self.iteration);
        Ok(errors.into_iter().map(|error| RoundingError { density: error, moments: error / 2.0 }).collect())
    }
    fn info(&self) -> EngineInfo {
        EngineInfo {
            kind: EngineKind::Gpu,
            precision: Precision::F32,
            device: "planted".into(),
            ..self.inner.info()
        }
    }
}

/// For a fit that goes on from `state`.
fn scripted_from<'a>(samples: &'a Samples<'a>, script: Script, state: &FitState) -> Scripted<'a> {
    let traces: Vec<usize> = state.traces().map(<[f64]>::len).collect();
    let iteration = if state.parameters().is_some() { traces.last().copied().unwrap_or(0) } else { 0 };
    let seedings = AtomicUsize::new(traces.len());
    let data = Arc::new(Counted { samples, seedings });
    let inner = CpuEngine::new(Arc::clone(&data), None).unwrap();
    Scripted { inner, data, script, restart: traces.len(), iteration }
}

fn scripted<'a>(samples: &'a Samples<'a>, script: Script) -> Scripted<'a> {
    scripted_from(samples, script, &FitState::default())
}

fn switching_from<'a>(samples: &'a Samples<'a>, script: Script, state: &FitState) -> FallbackEngine<'a> {
    let first = scripted_from(samples, script, state);
    let data = Arc::clone(&first.data);
    FallbackEngine::new(Box::new(first), data, None).switching()
}

fn switching<'a>(samples: &'a Samples<'a>, script: Script) -> FallbackEngine<'a> {
    switching_from(samples, script, &FitState::default())
}

/// Goes on from `state`, and gives the state and the engine's precision of every step, too.
fn run(
    engine: &mut dyn Engine,
    options: &FitOptions,
    state: FitState,
) -> Result<(GaussianMixture, Vec<(FitState, Precision)>)> {
    let mut steps = Vec::new();
    let mut watch = |step: &mut Step<'_>| {
        let precision = step.engine().precision;
        let is_f64 = precision == Precision::F64;
        assert_eq!(step.rounding_errors.is_empty(), is_f64, "iteration {}", step.iteration);
        steps.push((step.state(), precision));
        ControlFlow::Continue(())
    };
    let fit = em::resume(engine, options, &mut watch, state)?;
    Ok((fit.into_model(), steps))
}

fn precisions(steps: &[(FitState, Precision)]) -> Vec<&str> {
    steps.iter().map(|(_, precision)| precision.name()).collect()
}

/// Component 2 is poor in iteration 3 and after, less in 4.
fn poor_from_3(_: usize, iteration: usize) -> Vec<f64> {
    let error = match iteration {
        1 | 2 => 1e-5,
        3 => 4e-3,
        _ => 2e-3,
    };
    vec![1e-6, 1e-7, error, 1e-6]
}

#[test]
fn few_digits_switch_to_f64() {
    let problem = Problem::medium(CovarianceType::Full);
    let (samples, options) = (problem.samples(), problem.steps(5));
    let mut engine = switching(&samples, poor_from_3);
    let (model, steps) = run(&mut engine, &options, FitState::default()).unwrap();
    assert_eq!(precisions(&steps), ["f32", "f32", "f64", "f64", "f64"]);
    let report = model.report.as_ref().unwrap();
    let worst = report.worst_rounding.unwrap();
    assert_eq!((worst.iteration, worst.component, worst.error, worst.switched), (3, 2, 4e-3, true));
    assert!((worst.digits - 2.39794).abs() < 1e-5, "{worst:?}");
    assert_eq!((report.engine.kind, report.engine.precision), (EngineKind::Cpu, Precision::F64));
    let first = report.engine.began_on.as_ref().unwrap();
    assert_eq!((first.kind, first.device.as_str()), (EngineKind::Gpu, "planted"));
    // What was f64 in truth has no errors at the end, and the fit is that of the cpu engine.
    assert!(report.rounding_errors.is_empty() && report.engine.failed.is_none());
    assert_eq!(model.parameters, Kind::Cpu.fit(&samples, &options).unwrap().parameters);
    // The file holds all of it.
    let mut text = Vec::new();
    model.write_json(&mut text).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
    crate::exchange::schema::check_model(&value);
    assert_eq!(value["worst_rounding"]["iteration"], 3);
    assert_eq!(value["engine"]["began_on"]["kind"], "gpu");
    assert_eq!(GaussianMixture::from_bytes(&text, "m").unwrap(), model);
}

/// Where nobody asked for a switch there is none, and the report has the worst moment all the same.
#[test]
fn nobody_switches_by_itself() {
    let problem = Problem::medium(CovarianceType::Full);
    let (samples, options) = (problem.samples(), problem.steps(5));
    let mut alone = scripted(&samples, poor_from_3);
    let mut fallback = FallbackEngine::new(Box::new(scripted(&samples, poor_from_3)), &samples, None);
    for engine in [&mut alone as &mut dyn Engine, &mut fallback] {
        let (model, steps) = run(engine, &options, FitState::default()).unwrap();
        assert_eq!(precisions(&steps), ["f32"; 5]);
        let report = model.report.unwrap();
        let expected = WorstRounding { switched: false, ..report.worst_rounding.unwrap() };
        assert_eq!(report.worst_rounding, Some(expected));
        assert_eq!((expected.iteration, expected.component, expected.error), (3, 2, 4e-3));
        assert!(report.engine.began_on.is_none() && report.rounding_errors.len() == 4);
    }
}

#[test]
fn three_digits_are_enough() {
    let problem = Problem::medium(CovarianceType::Full);
    let (samples, options) = (problem.samples(), problem.steps(3));
    let scripts: [(Script, bool); 3] = [
        (|_, _| vec![POOR; 4], false),
        (|_, _| vec![POOR, POOR, POOR * 1.001, 0.0], true),
        (|_, _| vec![f64::MAX, 0.0, 0.0, 0.0], true),
    ];
    for (script, expected) in scripts {
        let mut engine = switching(&samples, script);
        let (model, steps) = run(&mut engine, &options, FitState::default()).unwrap();
        let worst = model.report.unwrap().worst_rounding.unwrap();
        assert_eq!((worst.switched, worst.iteration), (expected, 1));
        assert!(worst.digits >= 0.0 && worst.digits.is_finite(), "{worst:?}");
        assert_eq!(precisions(&steps), [if expected { "f64" } else { "f32" }; 3]);
    }
    // The last E-step, for the likelihood alone, counts as well.
    let last: Script = |_, iteration| vec![if iteration == 4 { 1e-2 } else { 1e-6 }; 4];
    let mut engine = switching(&samples, last);
    let (model, _) = run(&mut engine, &options, FitState::default()).unwrap();
    assert_eq!(model.report.unwrap().worst_rounding.unwrap().iteration, 4);
    assert!(engine.info().began_on.is_some());
}

/// From any step, before the switch and after it, in the same bits; the same engine is needed.
#[test]
fn a_switched_fit_is_resumed() {
    let problem = Problem::medium(CovarianceType::Full);
    let options = FitOptions { n_init: 2, init: Init::Random, ..problem.steps(5) };
    let samples = problem.samples();
    let (whole, steps) = run(&mut switching(&samples, poor_from_3), &options, FitState::default()).unwrap();
    assert_eq!(precisions(&steps)[..5], precisions(&steps)[5..], "every restart begins in f32");
    assert_eq!(precisions(&steps)[1..4], ["f32", "f64", "f64"]);
    for (step, (state, precision)) in steps.iter().enumerate() {
        let text = serde_json::to_string(state).unwrap();
        let read: FitState = serde_json::from_str(&text).unwrap();
        assert_eq!(read, *state);
        let mut engine = switching_from(&samples, poor_from_3, &read);
        let (resumed, _) = run(&mut engine, &options, read.clone()).unwrap();
        assert_eq!(resumed, whole, "from step {step}");
        let alone = run(&mut scripted_from(&samples, poor_from_3, &read), &options, read);
        if *precision == Precision::F64 {
            let error = alone.unwrap_err();
            assert!(matches!(error, Error::Shape { .. }) && error.to_string().contains("f64"), "{error}");
        }
    }
}

/// A checkpoint of a fit that may switch is none of a fit that may not.
#[test]
fn identities_tell_who_switches() {
    let problem = Problem::medium(CovarianceType::Full);
    let samples = problem.samples();
    let options = problem.steps(3);
    let mut engine = switching(&samples, poor_from_3);
    let plain = || Identity::new(&samples, &options, &scripted(&samples, poor_from_3).info()).unwrap();
    assert_ne!(plain(), plain().switching());
    // Nor does the switch itself make it another fit's.
    let mut after = plain().switching();
    assert!(engine.use_f64(true).unwrap());
    after.set_engine(&engine.info());
    assert_eq!(after, plain().switching());
}

/// The engine, and what the report says of it, are those of the restart that is kept.
#[test]
fn restarts_owe_each_other_nothing() {
    let problem = Problem::medium(CovarianceType::Full);
    let options = FitOptions { n_init: 2, init: Init::Random, ..problem.steps(3) };
    let samples = problem.samples();
    let (first, second): (Script, Script) = (
        |restart, _| vec![if restart == 1 { 1e-2 } else { 1e-6 }; 4],
        |restart, _| vec![if restart == 2 { 1e-2 } else { 1e-6 }; 4],
    );
    let mut switched = Vec::new();
    for (script, poor) in [(first, 0), (second, 1)] {
        let mut engine = switching(&samples, script);
        let (model, steps) = run(&mut engine, &options, FitState::default()).unwrap();
        let expected: Vec<&str> = (0..6).map(|step| if step / 3 == poor { "f64" } else { "f32" }).collect();
        assert_eq!(precisions(&steps), expected);
        let report = model.report.unwrap();
        let worst = report.worst_rounding.unwrap();
        assert_eq!(report.engine.began_on.is_some(), worst.switched);
        assert_eq!(report.rounding_errors.is_empty(), worst.switched);
        assert_eq!(engine.info(), report.engine);
        switched.push(worst.switched);
    }
    // One of them is the best in both fits.
    assert_ne!(switched[0], switched[1]);
}

/// `--engine gpu` never switches, whatever its fallback; nor does anything without a fallback.
#[test]
fn only_an_automatic_choice_switches() {
    let switches = |kind, fallback, adapter: Option<&str>| {
        EngineRequest { kind, fallback, adapter: adapter.map(Into::into), ..Default::default() }.switches()
    };
    assert!(switches(EngineKind::Auto, None, None) && switches(EngineKind::Auto, None, Some("0")));
    assert!(switches(EngineKind::Auto, Some(Fallback::Cpu), None));
    assert!(!switches(EngineKind::Auto, Some(Fallback::None), None));
    for kind in [EngineKind::Gpu, EngineKind::Cpu, EngineKind::Reference] {
        for fallback in [None, Some(Fallback::Cpu), Some(Fallback::None)] {
            assert!(!switches(kind, fallback, None), "{kind:?}, {fallback:?}");
        }
    }
}

#[cfg(feature = "gpu")]
mod device {
    use super::*;

    /// On a device the estimate is that of its parameters, in every iteration and every covariance type.
    #[test]
    fn every_step_has_its_estimate() {
        for t in CovarianceType::ALL {
            let problem = Problem::medium(t);
            let samples = problem.samples();
            let scaling = Scaling::of(&samples).unwrap();
            let (mut steps, mut worst) = (0, 0.0f64);
            let mut watch = |step: &mut Step<'_>| {
                let errors =
                    wgmm::internals::engine::rounding::rounding_errors(step.parameters, scaling).unwrap();
                let expected: Vec<f64> = errors.iter().map(|e| e.largest()).collect();
                assert_eq!(step.rounding_errors, expected, "{t}, iteration {}", step.iteration);
                worst = expected.iter().copied().fold(worst, f64::max);
                steps += 1;
                ControlFlow::Continue(())
            };
            let model = Kind::Gpu.fit_observed(&samples, &problem.steps(4), &mut watch).unwrap();
            let report = model.report.unwrap();
            worst = report.rounding_errors.iter().copied().fold(worst, f64::max);
            assert_eq!((steps, report.worst_rounding.unwrap().error), (4, worst));
        }
    }
}
