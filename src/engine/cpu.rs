//! The production CPU engine: f64, blocks of samples on all cores, the same bits for any number of
//! threads.
//!
//! Rows are cut into tasks by their index alone (`plan`); a task runs the whole E-step block by
//! block (`estep`) and the tasks' sums are added in the order of the rows.

mod block;
mod density;
mod estep;
mod lanewise;
mod math;
mod plan;
mod rowwise;
mod separable;
mod simd;

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::data::Samples;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::mixture::Parameters;
use crate::mixture::moments::Moments;
use crate::report::EngineInfo;

use block::Block;
use estep::{Densities, EStep};
use plan::{Mixture, Plan};

/// Sums that are added in one piece when tasks are combined in parallel.
const COMBINE_LEN: usize = 2048;

/// All cores, f64.
#[derive(Debug)]
pub struct CpuEngine<'a> {
    samples: &'a Samples<'a>,
    /// Threads of its own; the global pool where none.
    pool: Option<rayon::ThreadPool>,
    arch: pulp::Arch,
    /// Working memory of finished tasks, to be used again.
    blocks: Mutex<Vec<Block>>,
    /// Sums of the tasks of a wave.
    partials: Vec<f64>,
}

impl<'a> CpuEngine<'a> {
    /// An engine over `samples` that uses `threads` threads (all cores if none is given).
    ///
    /// # Errors
    /// [`Error::Option`] for 0 threads, or if they cannot be started.
    pub fn new(samples: &'a Samples<'a>, threads: Option<usize>) -> Result<Self> {
        let start = |threads: usize| {
            if threads == 0 {
                return Err(Error::option("threads", threads, "a whole number of at least 1"));
            }
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| {
                Error::option("threads", threads, format!("a number of threads this system starts ({error})"))
            })
        };
        Ok(CpuEngine {
            samples,
            pool: threads.map(start).transpose()?,
            arch: pulp::Arch::new(),
            blocks: Mutex::default(),
            partials: Vec::new(),
        })
    }

    /// Calls `work` with working memory.
    fn with_block(&self, work: impl FnOnce(&mut Block)) {
        let recycled = self.blocks.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut block = recycled.unwrap_or_default();
        work(&mut block);
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner).push(block);
    }

    /// The sums of all tasks, wave by wave, each number added up in the order of the rows.
    fn totals(&mut self, plan: &Plan, mixture: &Mixture) -> Vec<f64> {
        let len = mixture.sums_len();
        let mut partials = std::mem::take(&mut self.partials);
        partials.resize(plan.wave * len, 0.0);
        let mut totals = vec![0.0; len];
        let engine = &*self;
        let n = engine.samples.n_samples();
        engine.run(plan.inline, || {
            for wave in (0..plan.n_tasks).step_by(plan.wave) {
                let tasks = plan.wave.min(plan.n_tasks - wave);
                let partials = &mut partials[..tasks * len];
                for_each(partials.par_chunks_exact_mut(len), plan.inline, |task, sums| {
                    let start = (wave + task) * plan.task_rows;
                    let rows = start..(start + plan.task_rows).min(n);
                    let samples = engine.samples;
                    engine.with_block(|block| {
                        engine.arch.dispatch(EStep { samples, mixture, plan, rows, block, sums });
                    });
                });
                // Task after task for every number, whoever adds it.
                for_each(totals.par_chunks_mut(COMBINE_LEN), plan.inline, |piece, totals| {
                    for sums in partials.chunks_exact(len) {
                        let sums = &sums[piece * COMBINE_LEN..];
                        totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
                    }
                });
            }
        });
        self.partials = partials;
        totals
    }

    /// Runs `work` on the engine's threads, or right here where that is quicker.
    fn run<T: Send>(&self, inline: bool, work: impl FnOnce() -> T + Send) -> T {
        match &self.pool {
            Some(pool) if !inline => pool.install(work),
            _ => work(),
        }
    }
}

/// Calls `work` for every item, in parallel unless `inline`.
fn for_each<T: Send>(
    items: impl IndexedParallelIterator<Item = T>,
    inline: bool,
    work: impl Fn(usize, T) + Sync + Send,
) {
    // One long piece is run by the calling thread itself, without waking any other.
    let min_len = if inline { usize::MAX } else { 1 };
    items.enumerate().with_min_len(min_len).for_each(|(i, item)| work(i, item));
}

impl Engine for CpuEngine<'_> {
    fn n_samples(&self) -> usize {
        self.samples.n_samples()
    }
    fn n_features(&self) -> usize {
        self.samples.n_features()
    }
    fn total_weight(&self) -> f64 {
        self.samples.total_weight()
    }

    fn e_step(&mut self, parameters: &Parameters) -> Result<Moments> {
        let mixture = Mixture::new(parameters)?;
        let plan = Plan::new(self.samples.n_samples(), &mixture);
        let totals = self.totals(&plan, &mixture);
        let (k, d) = (mixture.n_components, mixture.n_features);
        let mut moments = Moments::zero(mixture.covariance_type, d, parameters.means().to_vec());
        moments.log_likelihood = totals[0];
        moments.effective_counts.copy_from_slice(&totals[1..=k]);
        moments.first_moments.copy_from_slice(&totals[1 + k..1 + k + k * d]);
        moments.second_moments.copy_from_slice(&totals[1 + k + k * d..]);
        let Moments { effective_counts, first_moments, second_moments, .. } = &mut moments;
        separable::shift(&mixture, effective_counts, first_moments, second_moments);
        Ok(moments)
    }

    fn weighted_log_densities(&mut self, parameters: &Parameters, rows: Range<usize>) -> Result<Vec<f64>> {
        let mixture = Mixture::new(parameters)?;
        let k = mixture.n_components;
        let plan = Plan::new(rows.len(), &mixture);
        let mut densities = vec![0.0; rows.len() * k];
        let engine = &*self;
        engine.run(plan.inline, || {
            for_each(densities.par_chunks_mut(plan.task_rows * k), plan.inline, |task, out| {
                let start = rows.start + task * plan.task_rows;
                let rows = start..start + out.len() / k;
                let (samples, mixture, plan) = (engine.samples, &mixture, &plan);
                engine.with_block(|block| {
                    engine.arch.dispatch(Densities { samples, mixture, plan, rows, block, out });
                });
            });
        });
        Ok(densities)
    }

    fn info(&self) -> EngineInfo {
        EngineInfo {
            kind: "cpu".into(),
            device: processor_name(),
            driver: None,
            backend: None,
            precision: "f64".into(),
            kernels: Some(simd::name(self.arch).into()),
            failed: None,
            began_on: None,
        }
    }
}

/// The processor's name where the system tells it, else its architecture.
pub(crate) fn processor_name() -> String {
    let from_linux = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    from_linux.filter(|name| !name.is_empty()).unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mixture::shape::CovarianceType;

    fn draw(parameters: &Parameters, n: usize) -> Result<Vec<f64>> {
        let d = parameters.n_features();
        let mut sampler = crate::mixture::sample::Sampler::new(parameters, 2)?;
        let mut values = vec![0.0; n * d];
        values.chunks_exact_mut(d).for_each(|x| {
            sampler.draw(x);
        });
        Ok(values)
    }

    /// Other orders of the same sums, of terms known to a few 1e-13.
    const BOUND: f64 = 1e-10;

    #[test]
    fn every_instruction_set_computes_the_same() -> Result<()> {
        for covariance_type in CovarianceType::ALL {
            for d in [1, 2, 3, 4, 6, 13, 40, 45] {
                let parameters = crate::mixture::sample::random_mixture(5, d, covariance_type, 1)?;
                let samples = Samples::new(draw(&parameters, 333)?, d)?;
                let mut engine = CpuEngine::new(&samples, None)?;
                let expected = engine.e_step(&parameters)?;
                for arch in simd::available() {
                    engine.arch = arch;
                    let actual = engine.e_step(&parameters)?;
                    let pairs = [
                        (&actual.effective_counts, &expected.effective_counts),
                        (&actual.first_moments, &expected.first_moments),
                        (&actual.second_moments, &expected.second_moments),
                    ];
                    for (actual, expected) in pairs {
                        let scale = expected.iter().fold(0.0f64, |m, v| m.max(v.abs()));
                        for (a, e) in actual.iter().zip(expected) {
                            let close = (a - e).abs() <= BOUND * scale;
                            assert!(close, "{covariance_type} D={d} {}: {a:e}, {e:e}", simd::name(arch));
                        }
                    }
                    let gap = (actual.log_likelihood - expected.log_likelihood).abs();
                    assert!(gap <= BOUND * expected.log_likelihood.abs(), "{}: {gap:e}", simd::name(arch));
                }
            }
        }
        Ok(())
    }

    #[test]
    fn waves_change_no_bit() -> Result<()> {
        let parameters = crate::mixture::sample::random_mixture(3, 5, CovarianceType::Full, 1)?;
        let samples = Samples::new(draw(&parameters, 1000)?, 5)?;
        let mixture = Mixture::new(&parameters)?;
        let plan = Plan { task_rows: 96, n_tasks: 11, ..Plan::new(1000, &mixture) };
        let mut engine = CpuEngine::new(&samples, None)?;
        let expected = engine.totals(&Plan { wave: 11, inline: true, ..plan }, &mixture);
        for wave in 1..11 {
            for inline in [false, true] {
                assert_eq!(engine.totals(&Plan { wave, inline, ..plan }, &mixture), expected, "{wave}");
            }
        }
        Ok(())
    }
}
