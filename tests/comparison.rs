//! Judging two runs: right engines are within the bounds however badly conditioned the run, wrong ones are not.

#[cfg(feature = "gpu")]
use wgmm::internals::compare::judge::BoundSource;
use wgmm::internals::compare::judge::{Check, Tier, judge_conditioned};
use wgmm::internals::compare::run::{disturbed, follow};
use wgmm::internals::fit::em::NoObserver;
use wgmm::internals::mixture::moments::Moments;
use wgmm::{CovarianceType, Engine, FitOptions, Init, Parameters, Result};

use crate::support::engines::{Kind, left_to_inner};
use crate::support::problem::Problem;

/// An engine whose sums are changed by `fault`.
struct Faulty<'a> {
    inner: Box<dyn Engine + 'a>,
    fault: fn(&mut Moments),
}

impl Engine for Faulty<'_> {
    left_to_inner!(weighted_log_densities, info);

    fn e_step(&mut self, parameters: &Parameters) -> Result<Moments> {
        let mut moments = self.inner.e_step(parameters)?;
        (self.fault)(&mut moments);
        Ok(moments)
    }
}

/// More components than there are, from a random start: EM wanders for long and amplifies every rounding.
fn wandering(t: CovarianceType, n_iter: usize) -> (Problem, FitOptions) {
    let problem = Problem::new(t, 3000, 3, 3, 17);
    let options = FitOptions {
        covariance_type: t,
        init: Init::RandomFromData,
        tol: 0.0,
        max_iter: n_iter,
        seed: 3,
        ..FitOptions::new(8)
    };
    (problem, options)
}

fn compared(engine: &mut dyn Engine, problem: &Problem, options: &FitOptions, tier: &Tier) -> Check {
    let samples = problem.samples();
    let mut cpu = Kind::Cpu.open(&samples).unwrap();
    let expected = follow(cpu.as_mut(), options, &mut NoObserver).unwrap();
    let found = follow(engine, options, &mut NoObserver).unwrap();
    let (n_iter, is_double) = (options.max_iter, *tier != Tier::FLOAT32);
    let facts = ("cpu", samples.n_samples(), n_iter);
    let check = judge_conditioned(&found.outcome, &expected.outcome, tier, facts, || {
        disturbed(cpu.as_mut(), &expected.start, options.m_step(), n_iter, is_double)
    });
    check.unwrap()
}

#[test]
fn f64_engines_agree_on_wandering_runs() {
    for t in CovarianceType::ALL {
        for n_iter in [5, 60] {
            let (problem, options) = wandering(t, n_iter);
            let samples = problem.samples();
            let mut engine = Kind::Reference.open(&samples).unwrap();
            let check = compared(engine.as_mut(), &problem, &options, &Tier::EXACT);
            assert!(check.within, "{t}, {n_iter}: {check:?}");
        }
    }
}

#[test]
fn planted_faults_are_outside_even_on_wandering_runs() {
    type Fault = (&'static str, fn(&mut Moments));
    let faults: [Fault; 4] = [
        ("a second moment", |m| m.second_moments[0] *= 1.01),
        ("a first moment", |m| m.first_moments[0] += 1e-2 * m.effective_counts[0]),
        ("a count", |m| {
            let moved = 1e-2 * m.effective_counts[0];
            m.effective_counts[0] -= moved;
            m.effective_counts[1] += moved;
        }),
        ("the log-likelihood", |m| m.log_likelihood *= 1.0 + 1e-3),
    ];
    for t in CovarianceType::ALL {
        let (problem, options) = wandering(t, 30);
        let samples = problem.samples();
        for (name, fault) in faults {
            let mut engine = Faulty { inner: Kind::Cpu.open(&samples).unwrap(), fault };
            for tier in [Tier::FLOAT32, Tier::EXACT] {
                let check = compared(&mut engine, &problem, &options, &tier);
                assert!(!check.within, "{t}, {name}: {check:?}");
            }
        }
    }
}

#[cfg(feature = "gpu")]
mod device {
    use super::*;

    #[test]
    fn the_device_agrees_on_wandering_runs() {
        for t in CovarianceType::ALL {
            for n_iter in [5, 30, 100] {
                let (problem, options) = wandering(t, n_iter);
                let samples = problem.samples();
                let mut engine = Kind::Gpu.open(&samples).unwrap();
                let check = compared(engine.as_mut(), &problem, &options, &Tier::FLOAT32);
                assert!(check.within, "{t}, {n_iter}: {check:?}");
            }
        }
    }

    /// Two groups 100 000 standard deviations apart: f32 misses the contract, and the bound follows.
    #[test]
    fn bounds_follow_the_conditioning() {
        for t in CovarianceType::ALL {
            let (mut problem, options) = wandering(t, 10);
            problem.values.chunks_exact_mut(6).for_each(|pair| pair[0] += 1e5);
            let options = FitOptions { init: Init::KMeans, n_components: 6, ..options };
            let samples = problem.samples();
            let mut engine = Kind::Gpu.open(&samples).unwrap();
            let check = compared(engine.as_mut(), &problem, &options, &Tier::FLOAT32);
            assert!(check.within && check.bound_source == BoundSource::Conditioning, "{t}: {check:?}");
        }
    }
}
