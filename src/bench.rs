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
mod oracle;
pub mod report;
pub mod timing;

use std::time::{Duration, Instant};

use case::Case;
use machine::Machine;
use oracle::host_engine;
use report::{CaseReport, Ceiling, Memory, Report, Setup};
use timing::{Clock, Spread};

use crate::compare::judge::{Check, Tier};
use crate::compare::run::Outcome;
use crate::data::Samples;
use crate::engine::Engine;
use crate::engine::choose::{EngineKind, EngineRequest};
use crate::error::{Error, Result};
use crate::mixture::Parameters;
use crate::mixture::moments::CovarianceCenter;
use crate::mixture::moments::m_step;

/// Runs of short iterations are repeated for this long, from the same start to the same end.
const ENOUGH: Duration = Duration::from_millis(300);
/// Repeats at most.
const MOST_REPEATS: usize = 1000;

/// How to time.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What computes.
    pub engine: EngineRequest,
    /// Untimed iterations at the start of every run.
    pub warmup: usize,
    /// Timed iterations of every run, at least 1.
    pub iters: usize,
    /// Added to the variances in every M-step.
    pub reg_covar: f64,
    /// Seed of the data and the start.
    pub seed: u64,
    /// What the bounds of the check are multiplied by; a hook for tests of the checker.
    #[doc(hidden)]
    pub bounds_factor: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            engine: EngineRequest::default(),
            warmup: 2,
            iters: 5,
            reg_covar: 1e-6,
            seed: 0,
            bounds_factor: 1.0,
        }
    }
}

/// Data and a start to iterate from.
#[derive(Debug, Clone)]
pub struct Problem<'a> {
    case: Case,
    samples: Samples<'a>,
    start: Parameters,
    data: String,
    seconds: f64,
}

impl<'a> Problem<'a> {
    /// Fresh random data for `case`, with its start.
    ///
    /// # Errors
    /// None but those of a broken generator.
    pub fn generate(case: Case, seed: u64) -> Result<Problem<'static>> {
        let started = Instant::now();
        let samples = generate::samples(&case, seed)?;
        let start = generate::start(&case, &samples, seed)?;
        let seconds = started.elapsed().as_secs_f64();
        Ok(Problem { case, samples, start, data: "generated".into(), seconds })
    }

    /// The user's samples and start; `data` says where they came from, and took `seconds` to read.
    ///
    /// # Errors
    /// [`Error::Shape`] if the features differ; [`Error::TooFewSamples`].
    pub fn given(data: &str, samples: Samples<'a>, start: Parameters, seconds: f64) -> Result<Self> {
        let (n, d, k) = (samples.n_samples(), samples.n_features(), start.n_components());
        if start.n_features() != d {
            return Err(Error::shape("features of the start", d, start.n_features()));
        }
        if samples.n_effective() < k {
            return Err(Error::TooFewSamples { n_samples: samples.n_effective(), n_components: k });
        }
        let covariance_type = start.covariance_type();
        let name = format!("{n},{d},{k}");
        let name = match covariance_type {
            crate::CovarianceType::Full => name,
            other => format!("{name},{other}"),
        };
        let case = Case { name, n_samples: n, n_features: d, n_components: k, covariance_type };
        Ok(Problem { case, samples, start, data: data.into(), seconds })
    }

    /// The samples.
    pub fn samples(&self) -> &Samples<'a> {
        &self.samples
    }

    /// The start.
    pub fn start(&self) -> &Parameters {
        &self.start
    }
}

/// Times cases one after the other, and keeps the ceilings it measured.
#[derive(Debug)]
pub struct Bench {
    settings: Settings,
    /// Of the processor.
    fma: f64,
    #[cfg(feature = "gpu")]
    card: device::Card,
}

/// Timed runs and where they ended.
struct Timed {
    clock: Clock,
    outcome: Outcome,
    repeats: usize,
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

    /// Times `problem` and checks where it ended. A failed check is part of the report, not an error.
    ///
    /// # Errors
    /// No suitable device; a run that failed.
    pub fn run(&mut self, problem: &Problem<'_>) -> Result<CaseReport> {
        if self.settings.iters == 0 {
            return Err(Error::option("iters", 0, "a whole number of at least 1"));
        }
        match self.resolve(&problem.case) {
            #[cfg(feature = "gpu")]
            EngineKind::Gpu => device::run(self, problem),
            #[cfg(not(feature = "gpu"))]
            EngineKind::Gpu => Err(Error::NoDevice {
                requested: self.settings.engine.adapter.clone().unwrap_or_else(|| "gpu".into()),
                available: "none, because this program was built without the `gpu` feature".into(),
            }),
            kind => self.run_host(problem, kind),
        }
    }

    /// The engine of `case`: an automatic choice takes a hardware adapter where the case gains from it.
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
        let tier = Tier::of_precision(&info.precision);
        let e_step = |samples: &Samples<'_>, p: &Parameters| host_engine(kind, samples, threads)?.e_step(p);
        let started = Instant::now();
        let check = oracle::check(&self.settings, problem, &timed.outcome, (oracle, &tier), e_step)?;
        setup.check = started.elapsed().as_secs_f64();
        let report = CaseReport { setup, memory, ..timed.report(problem, info, check) };
        Ok(report.with_ceiling(Ceiling { fma: self.fma, ..Ceiling::default() }))
    }
}

impl Settings {
    fn n_iter(&self) -> usize {
        self.warmup + self.iters
    }
}

/// Seconds of the first iteration of an engine.
fn first_iteration(engine: &mut dyn Engine, problem: &Problem<'_>, settings: &Settings) -> Result<f64> {
    let started = Instant::now();
    let start = &problem.start;
    let moments = engine.e_step(start)?;
    m_step(&moments, start.means(), CovarianceCenter::NewMean, settings.reg_covar, 1)?;
    Ok(started.elapsed().as_secs_f64())
}

/// Timed runs, repeated where they are short.
fn measure(engine: &mut dyn Engine, problem: &Problem<'_>, settings: &Settings) -> Result<Timed> {
    let mut clock = Clock::default();
    let started = Instant::now();
    let mut repeats = 0;
    loop {
        let (n_iter, warmup) = (settings.n_iter(), settings.warmup);
        let outcome = timing::run(engine, &problem.start, n_iter, warmup, settings.reg_covar, &mut clock)?;
        repeats += 1;
        let elapsed = started.elapsed();
        // Another run must fit into the time, too.
        if elapsed + elapsed / repeats as u32 > ENOUGH || repeats == MOST_REPEATS {
            return Ok(Timed { clock, outcome, repeats });
        }
    }
}

impl Memory {
    /// The peak since it was reset, and what of it is more than `before`.
    fn since(before: Option<u64>) -> Memory {
        let peak = machine::peak_bytes();
        let beyond_data = peak.zip(before).map(|(peak, before)| peak.saturating_sub(before));
        Memory { peak, beyond_data }
    }
}

impl Timed {
    /// The report of `problem`, without set-up, memory, device times and ceilings.
    fn report(self, problem: &Problem<'_>, engine: crate::report::EngineInfo, check: Check) -> CaseReport {
        let case = problem.case.clone();
        let iteration = Spread::of(&self.clock.iterations);
        let samples_per_second = case.n_samples as f64 / iteration.median;
        let flops_per_sample = case.flops_per_sample();
        CaseReport {
            data: problem.data.clone(),
            engine,
            marks: Vec::new(),
            repeats: self.repeats,
            iteration,
            e_step: Spread::of(&self.clock.e_steps),
            m_step: Spread::of(&self.clock.m_steps),
            device: None,
            setup: Setup::default(),
            samples_per_second,
            flops_per_sample,
            flops: samples_per_second * flops_per_sample,
            ceiling: Ceiling::default(),
            memory: Memory::default(),
            mean_log_likelihood: self.outcome.mean_log_likelihood,
            check,
            case,
        }
    }
}
