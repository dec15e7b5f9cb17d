//! A result is checked in f64: right ones pass, planted wrong ones do not.

use std::ops::Range;

use wgmm::internals::fit::verify::{Verify, verification, verify};
use wgmm::internals::report::{EngineInfo, Precision};
use wgmm::{CovarianceType, Engine, GaussianMixture, Parameters, Result, Samples};

use crate::support::engines::{HOST, Kind, left_to_inner, on_every_engine};
use crate::support::problem::Problem;

on_every_engine!(right_results_are_verified, the_file_keeps_the_verification);

/// An engine whose densities are changed by `fault`, row by row.
struct Faulty<'a, F> {
    inner: Box<dyn Engine + 'a>,
    precision: Precision,
    fault: F,
}

impl<F: Fn(usize, &mut [f64]) + Send> Engine for Faulty<'_, F> {
    left_to_inner!(e_step);

    fn weighted_log_densities(&mut self, parameters: &Parameters, rows: Range<usize>) -> Result<Vec<f64>> {
        let mut values = self.inner.weighted_log_densities(parameters, rows.clone())?;
        let k = parameters.n_components();
        rows.zip(values.chunks_exact_mut(k)).for_each(|(row, values)| (self.fault)(row, values));
        Ok(values)
    }
    fn info(&self) -> EngineInfo {
        EngineInfo { precision: self.precision, ..self.inner.info() }
    }
}

/// Checks the model of a fit.
fn check(engine: &mut dyn Engine, model: &mut GaussianMixture, which: Verify) {
    verify(engine, &model.parameters, model.report.as_mut().unwrap(), &which.into()).unwrap();
}

fn fitted(kind: Kind, problem: &Problem) -> GaussianMixture {
    kind.fit(&problem.samples(), &problem.steps(5)).unwrap()
}

fn right_results_are_verified(kind: Kind) {
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::medium(covariance_type);
        let weights: Vec<f64> = (0..problem.n_samples()).map(|n| (n % 3) as f64).collect();
        for samples in [problem.samples(), problem.samples().with_sample_weights(weights).unwrap()] {
            let model = kind.fit(&samples, &problem.steps(5)).unwrap();
            let mut engine = kind.open(&samples).unwrap();
            let v = verification(engine.as_mut(), &model.parameters, &Verify::All.into()).unwrap();
            let v = v.unwrap();
            assert!(v.within && v.n_samples == 700, "{v:?}");
            let reported = model.report.unwrap().final_mean_log_likelihood;
            assert!((v.expected_mean_log_likelihood - reported).abs() <= v.bound, "{v:?} {reported}");
            // What computes in f64 needs no check.
            let by_default =
                verification(engine.as_mut(), &model.parameters, &Verify::Sample.into()).unwrap();
            assert_eq!(by_default.is_some(), !kind.is_f64());
            let none = verification(engine.as_mut(), &model.parameters, &Verify::None.into());
            assert_eq!(none.unwrap(), None);
        }
    }
}

fn the_file_keeps_the_verification(kind: Kind) {
    let problem = Problem::medium(CovarianceType::Full);
    let (samples, mut model) = (problem.samples(), fitted(kind, &problem));
    let mut engine = kind.open(&samples).unwrap();
    check(engine.as_mut(), &mut model, Verify::All);
    let mut text = Vec::new();
    model.write_json(&mut text).unwrap();
    let read = GaussianMixture::from_bytes(&text, "m").unwrap();
    assert!(read.report.as_ref().unwrap().verification.is_some_and(|v| v.within));
    assert_eq!(read, model);
    let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
    crate::exchange::schema::check_model(&value);
    assert_eq!(value.get("rounding_errors").is_some(), !kind.is_f64());
}

type Fault = fn(usize, &mut [f64]);

#[test]
fn planted_faults_are_not_verified() {
    let faults: [(&str, Fault, bool); 6] = [
        ("none", |_, _| {}, true),
        ("f32", |_, v| v.iter_mut().for_each(|v| *v = f64::from(*v as f32)), true),
        ("all off by 1e-3", |_, v| v.iter_mut().for_each(|v| *v += 1e-3), false),
        ("one component off", |_, v| v[1] -= 1e-2, false),
        (
            "the last rows are lost",
            |n, v| {
                if n >= 690 {
                    v.fill(-50.0)
                }
            },
            false,
        ),
        (
            "NaN in one row",
            |n, v| {
                if n == 3 {
                    v[0] = f64::NAN
                }
            },
            false,
        ),
    ];
    let problem = Problem::medium(CovarianceType::Full);
    let samples = problem.samples();
    for kind in HOST {
        let model = fitted(kind, &problem);
        for (name, fault, passes) in faults {
            let mut engine = Faulty { inner: kind.open(&samples).unwrap(), precision: Precision::F32, fault };
            let mut checked = model.clone();
            check(&mut engine, &mut checked, Verify::Sample);
            let v = checked.report.as_ref().unwrap().verification.unwrap();
            assert_eq!(v.within, passes, "{name}: {v:?}");
            // No null, NaN or infinity in the file.
            let mut text = Vec::new();
            checked.write_json(&mut text).unwrap();
            assert_eq!(GaussianMixture::from_bytes(&text, "m").unwrap(), checked, "{name}");
        }
    }
}

/// More rows than the sample: runs from everywhere, the last row included.
#[test]
fn a_sample_of_many_rows() {
    let problem = Problem::new(CovarianceType::Diag, 70_000, 2, 3, 5);
    let samples = problem.samples();
    let check = |fault: Fault| {
        let mut engine =
            Faulty { inner: Kind::Cpu.open(&samples).unwrap(), precision: Precision::F32, fault };
        verification(&mut engine, &problem.start, &Verify::Sample.into()).unwrap().unwrap()
    };
    let v = check(|_, _| {});
    assert!(v.within && v.n_samples == 65_536, "{v:?}");
    assert!(
        !check(|n, v| if n == 69_999 {
            v.fill(-1e3)
        })
        .within
    );
    assert!(
        !check(|n, v| if n == 0 {
            v.fill(-1e3)
        })
        .within
    );
}

/// Rows of weight 0 may be anything.
#[test]
fn absent_rows_do_not_count() {
    let problem = Problem::medium(CovarianceType::Full);
    let weights: Vec<f64> = (0..700).map(|n| if n == 5 { 0.0 } else { 1.0 }).collect();
    let samples = problem.samples().with_sample_weights(weights).unwrap();
    let fault = |n: usize, v: &mut [f64]| {
        if n == 5 {
            v.fill(f64::NAN)
        }
    };
    let mut engine = Faulty { inner: Kind::Cpu.open(&samples).unwrap(), precision: Precision::F32, fault };
    let v = verification(&mut engine, &problem.start, &Verify::Sample.into()).unwrap().unwrap();
    assert!(v.within, "{v:?}");
    assert_eq!(v.n_samples, 700);
}

#[test]
fn samples_in_single_precision() {
    let values: Vec<f32> = (0..200).map(|n| (n % 17) as f32 + if n % 2 == 0 { 40.0 } else { 0.0 }).collect();
    let samples = Samples::new(&values, 2).unwrap();
    let model = wgmm::fit(&samples, &wgmm::FitOptions::new(2)).unwrap().model;
    let mut engine = Kind::Cpu.open(&samples).unwrap();
    let v = verification(engine.as_mut(), &model.parameters, &Verify::All.into()).unwrap().unwrap();
    assert!(v.within, "{v:?}");
}
