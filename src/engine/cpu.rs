//! The production CPU engine: f64, blocks of samples on all cores, the same bits for any number of
//! threads.
//!
//! Rows are cut into parts by N alone (`plan`); a task runs the whole E-step over one part block by block (`estep`), and
//! the parts' sums are added in one fixed tree ([`super::parts`]).

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
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon::prelude::*;

use super::parts::{PartSums, SumLayout};
use super::{Engine, check_features, total};
use crate::data::{Data, Dataset};
use crate::error::{Error, Result};
use crate::mixture::Parameters;
use crate::mixture::moments::Moments;
use crate::report::{EngineInfo, EngineKind, Precision};

use block::Block;
use estep::{Densities, EStep};
use plan::{Mixture, Plan};

/// Sums that are added in one piece when parts are added in parallel.
const COMBINE_LEN: usize = 2048;
/// Numbers in a wave's sums below which one thread adds them.
const ADDED_INLINE: usize = 1 << 16;

/// All cores, f64.
#[derive(Debug)]
pub struct CpuEngine<'a> {
    data: Data<'a>,
    /// Threads of its own; the global pool if there are none.
    pool: Option<rayon::ThreadPool>,
    arch: pulp::Arch,
    /// Working memory of finished tasks, to be used again.
    blocks: Mutex<Vec<Block>>,
    /// Sums of the tasks of a wave.
    partials: Vec<f64>,
}

impl<'a> CpuEngine<'a> {
    /// An engine over `data` that uses `threads` threads (all cores if none is given).
    ///
    /// # Errors
    /// [`Error::Option`] for 0 threads, or if they cannot be started.
    pub fn new(data: impl Into<Data<'a>>, threads: Option<usize>) -> Result<Self> {
        let start = |threads: usize| {
            if threads == 0 {
                return Err(Error::option("threads", threads, "a whole number of at least 1"));
            }
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| {
                Error::option("threads", threads, format!("a number of threads this system starts ({error})"))
            })
        };
        Ok(CpuEngine {
            data: data.into(),
            pool: threads.map(start).transpose()?,
            arch: pulp::Arch::new(),
            blocks: Mutex::default(),
            partials: Vec::new(),
        })
    }

    /// Rows of a part of `n_samples` samples: engines over consecutive rows of one data set add up to the bits of one
    /// engine if each starts at a multiple of this.
    pub fn part_rows(n_samples: usize) -> usize {
        plan::part_rows(n_samples)
    }

    /// Calls `work` with working memory.
    fn with_block<T>(&self, work: impl FnOnce(&mut Block) -> T) -> T {
        let recycled = self.blocks.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut block = recycled.unwrap_or_default();
        let outcome = work(&mut block);
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner).push(block);
        outcome
    }

    /// The sums of all parts. A wave of them is held at once and added level by level before it joins the others.
    fn sums(&mut self, plan: &Plan, layout: &Arc<Layout>) -> Result<PartSums> {
        let mixture = &layout.mixture;
        let len = mixture.sums_len();
        let mut partials = std::mem::take(&mut self.partials);
        partials.resize(plan.wave * len, 0.0);
        let engine = &*self;
        let rows = engine.data.rows();
        // Parts are counted from row 0 of the data set. An engine that starts within one counts its own.
        let is_aligned = rows.start.is_multiple_of(plan.task_rows);
        let base = if is_aligned { 0 } else { rows.start };
        let tasks = (rows.start - base) / plan.task_rows..(rows.end - base).div_ceil(plan.task_rows);
        let shared: Arc<dyn SumLayout> = Arc::<Layout>::clone(layout);
        let mut sums = PartSums::default();
        let outcome = engine.run(plan.inline, || {
            let mut start = tasks.start;
            while start < tasks.end {
                // The tree's pairs lie within a wave.
                let first = start / plan.wave * plan.wave;
                let wave = start..(first + plan.wave).min(tasks.end);
                let slots = &mut partials[(wave.start - first) * len..(wave.end - first) * len];
                try_for_each(slots.par_chunks_exact_mut(len), plan.inline, |slot, sums| {
                    let from = base + (wave.start + slot) * plan.task_rows;
                    let rows = from..(from + plan.task_rows).min(rows.end);
                    let data = &*engine.data;
                    engine.with_block(|block| {
                        engine.arch.dispatch(EStep { data, mixture, plan, rows, block, sums })
                    })
                })?;
                add_pairs(&mut partials, len, first, &wave, plan.inline);
                let mut at = wave.start;
                while at < wave.end {
                    // The largest node that starts here and lies in the wave.
                    let level = at.trailing_zeros().min((wave.end - at).ilog2());
                    let slot = &partials[(at - first) * len..][..len];
                    sums.push(&shared, plan.level() + level, at >> level, slot.to_vec());
                    at += 1 << level;
                }
                start = wave.end;
            }
            Ok(())
        });
        self.partials = partials;
        outcome?;
        if is_aligned {
            return Ok(sums);
        }
        // Its nodes are not those of the data set's tree.
        Ok(sums.total()?.map(PartSums::from).unwrap_or_default())
    }

    /// Runs `work` on the engine's threads, or right here if that is quicker.
    fn run<T: Send>(&self, inline: bool, work: impl FnOnce() -> T + Send) -> T {
        match &self.pool {
            Some(pool) if !inline => pool.install(work),
            _ => work(),
        }
    }
}

/// Adds the sums of a wave pair by pair, level by level. Slot i holds task `first` + i; `wave` says which are filled.
fn add_pairs(slots: &mut [f64], len: usize, first: usize, wave: &Range<usize>, inline: bool) {
    // To wake threads for every level would take longer than to add few numbers.
    let inline = inline || slots.len() < ADDED_INLINE;
    let mut stride = 1;
    while stride * 2 <= wave.len() {
        for_each(slots.par_chunks_mut(2 * stride * len), inline, |pair, slots| {
            let at = first + pair * 2 * stride;
            if at < wave.start || at + 2 * stride > wave.end {
                return;
            }
            let (left, right) = slots.split_at_mut(stride * len);
            let pieces = left[..len].par_chunks_mut(COMBINE_LEN).zip(right[..len].par_chunks(COMBINE_LEN));
            for_each(pieces, inline, |_, (to, from)| to.iter_mut().zip(from).for_each(|(t, f)| *t += f));
        });
        stride *= 2;
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

/// [`for_each`] of what may fail.
fn try_for_each<T: Send>(
    items: impl IndexedParallelIterator<Item = T>,
    inline: bool,
    work: impl Fn(usize, T) -> Result<()> + Sync + Send,
) -> Result<()> {
    let min_len = if inline { usize::MAX } else { 1 };
    items.enumerate().with_min_len(min_len).try_for_each(|(i, item)| work(i, item))
}

/// The order of the sums of a task, and the mixture they are about.
struct Layout {
    mixture: Mixture,
    means: Vec<f64>,
}

impl Layout {
    fn new(parameters: &Parameters) -> Result<Self> {
        Ok(Layout { mixture: Mixture::new(parameters)?, means: parameters.means().to_vec() })
    }
}

impl SumLayout for Layout {
    /// Engines are added under the same parameters, which decide everything else.
    fn name(&self) -> &str {
        if self.mixture.near { "cpu, about the center" } else { "cpu" }
    }

    fn moments(&self, sums: &[f64]) -> Moments {
        let Mixture { covariance_type, n_components: k, n_features: d, .. } = self.mixture;
        let mut moments = Moments::zero(covariance_type, d, self.means.clone());
        moments.log_likelihood = sums[0];
        moments.effective_counts.copy_from_slice(&sums[1..=k]);
        moments.first_moments.copy_from_slice(&sums[1 + k..1 + k + k * d]);
        moments.second_moments.copy_from_slice(&sums[1 + k + k * d..]);
        let Moments { effective_counts, first_moments, second_moments, .. } = &mut moments;
        separable::shift(&self.mixture, effective_counts, first_moments, second_moments);
        moments
    }
}

impl Engine for CpuEngine<'_> {
    fn data(&self) -> &dyn Dataset {
        &*self.data
    }

    fn e_step(&mut self, parameters: &Parameters) -> Result<Moments> {
        total(self.part_sums(parameters)?, parameters)
    }

    fn part_sums(&mut self, parameters: &Parameters) -> Result<PartSums> {
        check_features(&*self.data, parameters)?;
        let layout = Arc::new(Layout::new(parameters)?);
        let plan = Plan::new(self.data.facts().n_samples, &layout.mixture);
        self.sums(&plan, &layout)
    }

    fn weighted_log_densities(&mut self, parameters: &Parameters, rows: Range<usize>) -> Result<Vec<f64>> {
        check_features(&*self.data, parameters)?;
        let mixture = Mixture::new(parameters)?;
        let k = mixture.n_components;
        let plan = Plan::new(rows.len(), &mixture);
        let mut densities = vec![0.0; rows.len() * k];
        let engine = &*self;
        engine.run(plan.inline, || {
            try_for_each(densities.par_chunks_mut(plan.task_rows * k), plan.inline, |task, out| {
                let start = rows.start + task * plan.task_rows;
                let rows = start..start + out.len() / k;
                let (data, mixture, plan) = (&*engine.data, &mixture, &plan);
                engine.with_block(|block| {
                    engine.arch.dispatch(Densities { data, mixture, plan, rows, block, out })
                })
            })
        })?;
        Ok(densities)
    }

    fn info(&self) -> EngineInfo {
        let info = EngineInfo::new(EngineKind::Cpu, processor_name(), Precision::F64);
        EngineInfo { kernels: Some(simd::name(self.arch).into()), ..info }
    }
}

/// The processor's name if the system tells it, else its architecture. It is looked up once.
pub(crate) fn processor_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(find_processor_name)
}

fn find_processor_name() -> String {
    let from_linux = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    from_linux.filter(|name| !name.is_empty()).unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Samples;
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
        let layout = Arc::new(Layout::new(&parameters)?);
        let plan = Plan { task_rows: 64, ..Plan::new(1000, &layout.mixture) };
        let mut engine = CpuEngine::new(&samples, None)?;
        let expected = engine.sums(&Plan { wave: 16, inline: true, ..plan }, &layout)?.total()?;
        for wave in [1, 2, 4, 8] {
            for inline in [false, true] {
                let found = engine.sums(&Plan { wave, inline, ..plan }, &layout)?.total()?;
                assert_eq!(found, expected, "{wave}");
            }
        }
        Ok(())
    }
}
