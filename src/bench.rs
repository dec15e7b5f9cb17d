//! The bench behind `wgmm bench`: times whole EM iterations on fresh random data, says what share of
//! the device's measured ceilings that is, and checks every result against f64 arithmetic.
//!
//! ```no_run
//! use wgmm::CovarianceType;
//! use wgmm::internals::bench::{Bench, Problem, Settings};
//! use wgmm::internals::bench::case::Case;
//!
//! let mut bench = Bench::new(Settings::default());
//! let case = Case::parse("mid:100000", CovarianceType::Full)?;
//! let report = bench.run(&Problem::generate(case, 0)?)?;
//! assert!(report.check.within, "{:?}", report.check.failures);
//! # Ok::<(), wgmm::Error>(())
//! ```

pub mod case;
pub mod ceiling;
pub mod check;
#[cfg(feature = "gpu")]
mod device;
pub mod generate;
pub mod machine;
mod measure;
mod oracle;
mod problem;
pub mod report;
pub mod timing;

pub use problem::{Problem, Settings};

use std::time::Instant;

use case::Case;
use machine::Machine;
use measure::{first_iteration, measure};
use oracle::host_engine;
use report::{CaseReport, Ceiling, Memory, Report, Setup};

use crate::compare::judge::Tier;
use crate::data::Samples;
use crate::engine::choose::EngineKind;
use crate::error::{Error, Result};
use crate::mixture::Parameters;

/// Times cases one after the other, and keeps the ceilings it measured.
#[derive(Debug)]
pub struct Bench {
    settings: Settings,
    /// Of the processor.
    fma: f64,
    #[cfg(feature = "gpu")]
    card: device::Card,
}

impl Bench {
    /// A bench with `settings`.
    pub fn new(settings: Settings) -> Bench {
        Bench {
            settings,
            fma: 0.0,
            #[cfg(feature = "gpu")]
            card: device::Card::default(),
        }
    }

    /// A report without cases.
    pub fn report(&self, command: Vec<String>, commit: Option<String>) -> Report {
        let settings = &self.settings;
        Report {
            schema: report::SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            commit,
            #[cfg(feature = "gpu")]
            wgpu_version: Some(crate::engine::gpu::WGPU_VERSION.into()),
            #[cfg(not(feature = "gpu"))]
            wgpu_version: None,
            date: machine::now(),
            command,
            machine: Machine::here(),
            warmup: settings.warmup,
            iters: settings.iters,
            seed: settings.seed,
            reg_covar: settings.reg_covar,
            useful_flops: "per sample, T = D(D+1)/2: full 2K(2T+2D+1), tied 2(2T+K(3D+1)), \
                           diag and spherical 2K(4D+1); exponentials and M-step not counted"
                .into(),
            cases: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Times `problem` and checks its result. A failed check is part of the report, not an error.
    ///
    /// # Errors
    /// No suitable device; a run that failed.
    pub fn run(&mut self, problem: &Problem<'_>) -> Result<CaseReport> {
        if self.settings.iters == 0 {
            return Err(Error::option("iters", 0, "a whole number of at least 1"));
        }
        match self.resolve(&problem.case) {
            #[cfg(feature = "gpu")]
            EngineKind::Gpu => device::run(&mut self.card, &self.settings, problem),
            #[cfg(not(feature = "gpu"))]
            EngineKind::Gpu => Err(Error::NoDevice {
                requested: self.settings.engine.adapter.clone().unwrap_or_else(|| "gpu".into()),
                available: "none, because this program was built without the `gpu` feature".into(),
            }),
            kind => self.run_host(problem, kind),
        }
    }

    /// The engine of `case`: an automatic choice takes a hardware adapter if the case gains from it.
    fn resolve(&self, case: &Case) -> EngineKind {
        let request = &self.settings.engine;
        if request.kind != EngineKind::Auto {
            return request.kind;
        }
        if request.adapter.is_some() {
            return EngineKind::Gpu;
        }
        #[cfg(feature = "gpu")]
        if crate::engine::gpu::is_worthwhile(case.n_samples, case.n_features, case.n_components)
            && crate::engine::gpu::adapters().iter().any(|adapter| !adapter.is_software)
        {
            return EngineKind::Gpu;
        }
        let _ = case;
        EngineKind::Cpu
    }

    /// On all cores, or by the reference.
    fn run_host(&mut self, problem: &Problem<'_>, kind: EngineKind) -> Result<CaseReport> {
        let is_reference = kind == EngineKind::Reference;
        let threads = if is_reference { Some(1) } else { self.settings.engine.threads };
        // On a shared machine one probe may see less than there is: the best of the run counts.
        self.fma = self.fma.max(ceiling::cpu_fma(threads)?);
        let before = machine::resident_bytes();
        machine::reset_peak();
        let mut engine = host_engine(kind, &problem.samples, threads)?;
        let mut setup = Setup { data: problem.seconds, ..Setup::default() };
        setup.first_iteration = first_iteration(engine.as_mut(), problem, &self.settings)?;
        let timed = measure(engine.as_mut(), problem, &self.settings)?;
        let memory = Memory::since(before);
        let info = engine.info();
        drop(engine);
        let oracle = if is_reference { EngineKind::Cpu } else { EngineKind::Reference };
        let tier = Tier::of_precision(info.precision);
        let e_step = |samples: &Samples<'_>, p: &Parameters| host_engine(kind, samples, threads)?.e_step(p);
        let started = Instant::now();
        let check = oracle::check(&self.settings, problem, &timed.outcome, (oracle, &tier), e_step)?;
        setup.check = started.elapsed().as_secs_f64();
        let report = CaseReport { setup, memory, ..timed.report(problem, info, check) };
        Ok(report.with_ceiling(Ceiling { fma: self.fma, ..Ceiling::default() }))
    }
}
