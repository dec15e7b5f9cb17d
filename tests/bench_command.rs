//! The bench as a test: it passes right results and rejects planted wrong ones.

use std::ops::Range;

use wgmm::internals::bench::case::Case;
use wgmm::internals::bench::timing::{Clock, run};
use wgmm::internals::bench::{Bench, Problem, Settings};
use wgmm::internals::compare::judge::{Tier, judge};
use wgmm::internals::engine::choose::{EngineKind, EngineRequest};
use wgmm::internals::engine::cpu::CpuEngine;
use wgmm::internals::engine::reference::ReferenceEngine;
use wgmm::internals::fit::em::steps::Outcome;
use wgmm::internals::mixture::moments::Moments;
use wgmm::internals::report::EngineInfo;
use wgmm::{CovarianceType, Dataset, Engine, Parameters, Result};

/// An engine whose sums are changed by `fault` before anybody sees them.
struct Faulty<'a, F> {
    engine: CpuEngine<'a>,
    fault: F,
}

impl<F: Fn(&mut Moments) + Send> Engine for Faulty<'_, F> {
    fn data(&self) -> &dyn Dataset {
        self.engine.data()
    }
    fn e_step(&mut self, parameters: &Parameters) -> Result<Moments> {
        let mut moments = self.engine.e_step(parameters)?;
        (self.fault)(&mut moments);
        Ok(moments)
    }
    fn weighted_log_densities(&mut self, parameters: &Parameters, rows: Range<usize>) -> Result<Vec<f64>> {
        self.engine.weighted_log_densities(parameters, rows)
    }
    fn info(&self) -> EngineInfo {
        self.engine.info()
    }
}

const N_ITER: usize = 7;

fn iterate(engine: &mut dyn Engine, start: &Parameters) -> Result<Outcome> {
    run(engine, start, N_ITER, 2, 1e-6, &mut Clock::default())
}

fn problem(text: &str, covariance_type: CovarianceType) -> Problem<'static> {
    Problem::generate(Case::parse(text, covariance_type).unwrap(), 0).unwrap()
}

#[test]
fn planted_faults_are_rejected() {
    type Fault = fn(&mut Moments);
    let faults: [(&str, Fault, bool); 6] = [
        ("no fault", |_| {}, true),
        // As much as f32 sums may be off.
        ("rounding", |m| m.second_moments.iter_mut().for_each(|s| *s *= 1.0 + 1e-7), true),
        ("a second moment", |m| m.second_moments[0] *= 1.0 + 2e-3, false),
        ("a first moment", |m| m.first_moments[3] += 1e-2 * m.effective_counts[1], false),
        (
            "counts",
            |m| {
                let moved = 1e-3 * m.effective_counts[0];
                m.effective_counts[0] -= moved;
                m.effective_counts[1] += moved;
            },
            false,
        ),
        ("the log-likelihood", |m| m.log_likelihood *= 1.0 + 1e-4, false),
    ];
    for covariance_type in CovarianceType::ALL {
        let problem = problem("3000,3,4", covariance_type);
        let expected = iterate(&mut ReferenceEngine::new(problem.samples()), problem.start()).unwrap();
        for (name, fault, passes) in faults {
            let engine = CpuEngine::new(problem.samples(), None).unwrap();
            let found = iterate(&mut Faulty { engine, fault }, problem.start()).unwrap();
            let check = judge(&found, &expected, &Tier::FLOAT32, ("reference", 3000, N_ITER)).unwrap();
            assert_eq!(check.within, passes, "{covariance_type}, {name}: {check:?}");
        }
    }
}

#[test]
fn lost_samples_are_an_error() {
    let problem = problem("3000,3,4", CovarianceType::Full);
    let engine = CpuEngine::new(problem.samples(), None).unwrap();
    let fault = |m: &mut Moments| m.effective_counts[2] *= 0.99;
    assert!(iterate(&mut Faulty { engine, fault }, problem.start()).is_err());
}

#[test]
fn a_bound_of_nothing_is_missed() {
    for (bounds_factor, passes) in [(1.0, true), (0.0, false)] {
        let engine = EngineRequest { kind: EngineKind::Cpu, ..Default::default() };
        let mut bench = Bench::new(Settings { engine, iters: 3, bounds_factor, ..Default::default() });
        let report = bench.run(&problem("2000,5,3", CovarianceType::Full)).unwrap();
        assert_eq!(report.check.within, passes, "{:?}", report.check);
        assert!(report.repeats > 1 && report.iteration.count == 3 * report.repeats);
    }
}

#[cfg(feature = "gpu")]
mod device {
    use super::*;

    /// The software adapter is timed, checked and marked.
    #[test]
    fn a_graphics_adapter_is_timed_and_checked() {
        let engine = EngineRequest { kind: EngineKind::Gpu, ..Default::default() };
        let mut bench = Bench::new(Settings { engine, iters: 2, ..Default::default() });
        let report = bench.run(&problem("5000,4,3", CovarianceType::Full)).unwrap();
        assert!(report.check.within, "{:?}", report.check);
        assert!(report.ceiling.fma > 0.0 && report.ceiling.copy > Some(0.0));
        let is_software = wgmm::internals::engine::gpu::adapters()[0].is_software;
        assert_eq!(report.marks.iter().any(|mark| mark == "smoke, not speed"), is_software);
    }

    /// 30 samples a component in 48 features: f32 sums alone lose more of the covariances than `reg_covar`
    /// gives back. The run ends in a valid mixture; its log-likelihood is known to no tier.
    #[test]
    fn components_of_fewer_samples_than_features_stay_positive_definite() {
        let engine = EngineRequest { kind: EngineKind::Gpu, ..Default::default() };
        for case in ["600,48,20", "2000,96,40"] {
            let mut bench = Bench::new(Settings { engine: engine.clone(), iters: 6, ..Default::default() });
            let report = bench.run(&problem(case, CovarianceType::Full)).unwrap();
            assert!(report.check.solid_components < 3, "{:?}", report.check);
            let failures = &report.check.failures;
            assert!(
                failures.iter().all(|line| line.starts_with("mean log-likelihood is off")),
                "{failures:?}"
            );
        }
    }
}

/// The constant in the source is what this crate is really built with.
#[cfg(feature = "gpu")]
#[test]
fn the_version_of_wgpu_is_the_locked_one() {
    let lock = include_str!("../Cargo.lock");
    let version = lock.split("[[package]]").find(|p| p.contains("\nname = \"wgpu\"\n")).unwrap();
    assert!(
        version.contains(&format!("version = \"{}\"", wgmm::internals::engine::gpu::WGPU_VERSION)),
        "{version}"
    );
}
