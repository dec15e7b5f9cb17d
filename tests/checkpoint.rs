//! Checkpoint files: whole or refused, of this fit or refused, and never at the cost of another file.

mod damage;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use wgmm::internals::fit::checkpoint::{Checkpoint, Identity, Interval, Writer, previous};
use wgmm::internals::fit::em::{self, FitState, NoObserver, Step};
use wgmm::internals::report::EngineInfo;
use wgmm::{CovarianceCenter, CovarianceType, Error, FitOptions, Init, OnCollapse, PartialStart, Samples};

use crate::support::engines::{Kind, on_every_engine};
use crate::support::problem::Problem;

on_every_engine!(a_fit_goes_on_from_its_file);

fn identity(kind: Kind, samples: &Samples<'_>, options: &FitOptions) -> Identity {
    Identity::new(samples, options, &kind.open(samples).unwrap().info()).unwrap()
}

/// The states of all steps of a fit.
fn states(kind: Kind, samples: &Samples<'_>, options: &FitOptions) -> Vec<FitState> {
    let mut states = Vec::new();
    let mut keep = |step: &mut Step<'_>| {
        states.push(step.state());
        ControlFlow::Continue(())
    };
    let _ = kind.fit_observed(samples, options, &mut keep);
    states
}

/// Two restarts of three steps.
fn small() -> (Problem, FitOptions) {
    let problem = Problem::medium(CovarianceType::Full);
    let options = FitOptions { n_init: 2, ..problem.steps(3) };
    (problem, options)
}

fn a_fit_goes_on_from_its_file(kind: Kind) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::medium(covariance_type);
        let samples = problem.samples();
        let on_collapse = OnCollapse::Reseed;
        let options = FitOptions { n_init: 2, tol: 1e-2, on_collapse, ..problem.steps(3) };
        let identity = identity(kind, &samples, &options);
        let whole = kind.fit(&samples, &options).unwrap();
        // Stops at the fourth step, which is written.
        let mut writer = Writer::create(&path, Interval::Time(Duration::from_secs(3600))).unwrap();
        let mut steps = 0;
        let mut stop = |step: &mut Step<'_>| {
            steps += 1;
            assert_eq!(writer.on_step(&identity, step, steps == 4).unwrap(), steps == 4);
            if steps == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        kind.fit_observed(&samples, &options, &mut stop).unwrap();
        let state = Checkpoint::read(&path).unwrap().state_of(&identity).unwrap();
        let mut engine = kind.open(&samples).unwrap();
        let model = em::resume(engine.as_mut(), &options, &mut NoObserver, state).unwrap();
        assert_eq!(model.into_model(), whole, "{covariance_type}");
    }
}

#[test]
fn checkpoints_are_written_when_they_are_due() {
    let folder = tempfile::tempdir().unwrap();
    let (problem, options) = small();
    let samples = problem.samples();
    let identity = identity(Kind::Reference, &samples, &options);
    let hour = Interval::Time(Duration::from_secs(3600));
    for (interval, expected) in [
        (Interval::Iterations(1), [true; 6]),
        (Interval::Iterations(4), [false, false, false, true, false, false]),
        (Interval::Time(Duration::ZERO), [true; 6]),
        (hour, [false; 6]),
    ] {
        let path = folder.path().join(format!("{interval:?}"));
        let mut writer = Writer::create(&path, interval).unwrap();
        let mut written = Vec::new();
        let mut watch = |step: &mut Step<'_>| {
            written.push(writer.on_step(&identity, step, false).unwrap());
            ControlFlow::Continue(())
        };
        Kind::Reference.fit_observed(&samples, &options, &mut watch).unwrap();
        assert_eq!(written, expected, "{interval:?}");
        assert_eq!(path.exists(), expected.contains(&true));
        assert_eq!(previous(&path).exists(), expected.iter().filter(|due| **due).count() > 1);
    }
}

#[test]
fn the_checkpoint_before_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    let (problem, options) = small();
    let identity = identity(Kind::Reference, &problem.samples(), &options);
    let writer = Writer::create(&path, Interval::Iterations(1)).unwrap();
    let states = states(Kind::Reference, &problem.samples(), &options);
    let read = |path: &Path| Checkpoint::read(path).unwrap().state_of(&identity).unwrap();
    for (i, state) in states.iter().enumerate() {
        writer.write(&identity, state).unwrap();
        assert_eq!(read(&path), *state);
        if i > 0 {
            assert_eq!(read(&previous(&path)), states[i - 1]);
        }
    }
    let names = crate::support::files::names(folder.path());
    assert_eq!(names, ["c", "c.previous"], "nothing else is left");
    #[cfg(unix)]
    {
        let (link, other) = (folder.path().join("link"), tempfile::tempdir().unwrap());
        let target = other.path().join("target");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let writer = Writer::create(&link, Interval::Iterations(1)).unwrap();
        states[..2].iter().for_each(|state| writer.write(&identity, state).unwrap());
        assert!(link.is_symlink() && read(&target) == states[1] && read(&previous(&link)) == states[0]);
        assert_eq!(crate::support::files::names(other.path()), ["target", "target.previous"]);
    }
}

/// Sums that overflow stay in the parameters until the next E-step finds them.
#[test]
fn every_bit_of_a_number_is_kept() {
    let (problem, options) = small();
    let samples = problem.samples();
    let identity = identity(Kind::Reference, &samples, &options);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    let content = rmp_serde::to_vec_named(&states(Kind::Reference, &samples, &options)[0]).unwrap();
    let state: FitState = rmp_serde::from_slice(&content).unwrap();
    let covariance = |state: &FitState| state.parameters().unwrap().covariances()[0];
    let number = covariance(&state).to_be_bytes();
    let at = content.windows(8).position(|bytes| bytes == number).unwrap();
    for bits in [f64::INFINITY, f64::NAN, -0.0, 5e-324, f64::MAX, 0.1].map(f64::to_bits) {
        let mut content = content.clone();
        content[at..at + 8].copy_from_slice(&bits.to_be_bytes());
        let state: FitState = rmp_serde::from_slice(&content).unwrap();
        Writer::create(&path, Interval::Iterations(1)).unwrap().write(&identity, &state).unwrap();
        let read = Checkpoint::read(&path).unwrap().state_of(&identity).unwrap();
        assert_eq!(covariance(&read).to_bits(), bits);
    }
}

#[test]
fn other_data_options_and_engines_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    let (problem, options) = small();
    let samples = problem.samples();
    let was = identity(Kind::Reference, &samples, &options);
    let state = &states(Kind::Reference, &samples, &options)[1];
    Writer::create(&path, Interval::Iterations(1)).unwrap().write(&was, state).unwrap();
    let refused = |is: &Identity, names: &[&str]| {
        let Err(error @ Error::Checkpoint { .. }) = Checkpoint::read(&path).unwrap().state_of(is) else {
            panic!("{names:?} may not differ");
        };
        let Error::Checkpoint { differences, .. } = &error else { unreachable!() };
        let found: Vec<&str> = differences.iter().map(|d| d.split(" was ").next().unwrap()).collect();
        assert_eq!(found, names, "{error}");
        assert!(error.to_string().contains(" was ") && error.to_string().contains(", is "), "{error}");
    };
    assert!(Checkpoint::read(&path).unwrap().state_of(&was).is_ok());

    let of = |options: &FitOptions| identity(Kind::Reference, &samples, options);
    let base = options.clone();
    refused(&of(&FitOptions { tol: 1e-9, ..base.clone() }), &["tol"]);
    refused(&of(&FitOptions { max_iter: 4, ..base.clone() }), &["max_iter"]);
    refused(&of(&FitOptions { n_init: 3, ..base.clone() }), &["n_init"]);
    refused(&of(&FitOptions { reg_covar: 1e-9, ..base.clone() }), &["reg_covar"]);
    refused(&of(&FitOptions { seed: 1, ..base.clone() }), &["seed"]);
    let covariance_center = CovarianceCenter::OldMean;
    refused(&of(&FitOptions { covariance_center, ..base.clone() }), &["covariance_center"]);
    refused(&of(&FitOptions { on_collapse: OnCollapse::Drop, ..base.clone() }), &["on_collapse"]);
    let given = &["checksum of the given start", "init"];
    refused(&of(&FitOptions { init: Init::KMeans, ..base.clone() }), given);
    let few = FitOptions { n_components: 3, init: Init::KMeans, ..base.clone() };
    refused(&of(&few), &["n_components", given[0], given[1]]);
    let diag = FitOptions { covariance_type: CovarianceType::Diag, init: Init::KMeans, ..base.clone() };
    refused(&of(&diag), &["covariance_type", given[0], given[1]]);
    let start = PartialStart { weights: Some(vec![0.25; 4]), ..Default::default() };
    let partial = FitOptions { init: Init::KMeans, start, ..base.clone() };
    refused(&of(&partial), &[given[0], given[1], "start"]);
    let moved = Problem::new(CovarianceType::Full, 700, 3, 4, 12).start;
    refused(&of(&FitOptions { init: Init::Given(moved), ..base.clone() }), &given[..1]);

    let with = |samples: &Samples<'_>| identity(Kind::Reference, samples, &options);
    let mut values = problem.values.clone();
    values[1234] = f64::from_bits(values[1234].to_bits() ^ 1);
    refused(&with(&Samples::new(&values, 3).unwrap()), &["checksum of the values"]);
    let singles: Vec<f32> = problem.values.iter().map(|v| *v as f32).collect();
    refused(&with(&Samples::new(singles, 3).unwrap()), &["checksum of the values"]);
    refused(&with(&samples.first(699).unwrap()), &["n_samples", "checksum of the values"]);
    let names = ["a", "b", "c"].map(String::from).to_vec();
    refused(&with(&samples.clone().with_feature_names(names).unwrap()), &["feature names"]);
    let weighted = samples.clone().with_sample_weights(vec![1.0; 700]).unwrap();
    refused(&with(&weighted), &["checksum of the sample weights"]);

    refused(&identity(Kind::Cpu, &samples, &options), &["engine"]);
    refused(&was.clone().with("chunk_rows", 7), &["chunk_rows"]);
}

#[test]
fn another_device_is_told_and_accepted() {
    let (problem, options) = small();
    let samples = problem.samples();
    let on = |device: &str| {
        let info = Kind::Cpu.open(&samples).unwrap().info();
        Identity::new(&samples, &options, &EngineInfo { device: device.into(), ..info }).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    let state = &states(Kind::Cpu, &samples, &options)[0];
    Writer::create(&path, Interval::Iterations(1)).unwrap().write(&on("this"), state).unwrap();
    let checkpoint = Checkpoint::read(&path).unwrap();
    assert_eq!(checkpoint.other_device(&on("this")), None);
    assert_eq!(checkpoint.other_device(&on("that")), Some("this"));
    assert_eq!(checkpoint.state_of(&on("that")).unwrap(), *state);
}
