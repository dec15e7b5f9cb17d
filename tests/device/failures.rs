//! The device fails in every place in turn: the fit goes on with the same bits, or ends in an error that
//! says what happened. Every loop ends where its fault no longer strikes, and says how often it did.

use std::time::Duration;

use wgmm::internals::engine::gpu::plan::Limits;
use wgmm::internals::engine::gpu::shader::ShaderEdit;
use wgmm::internals::engine::gpu::{Fault, Faults, GpuEngine, GpuOptions, Testing};
use wgmm::internals::fit::em::{self, NoObserver};
use wgmm::{CovarianceType, Error, GaussianMixture, Result};

use crate::support::problem::Problem;

/// M-steps of every fit here: one E-step more.
const STEPS: usize = 3;

/// Slabs so short that an E-step is two submissions.
const SHORT: usize = 512;

/// 9000 samples: several slabs, slices and groups, the last slab ragged. Full covariances of so few
/// features are one kernel.
fn problem(covariance_type: CovarianceType) -> Problem {
    Problem::new(covariance_type, 9000, 3, 4, 5)
}

/// Full covariances of so many components that densities and moments are kernels of their own.
fn apart() -> Problem {
    Problem::new(CovarianceType::Full, 9000, 4, 7, 5)
}

fn every_kernel() -> impl Iterator<Item = Problem> {
    CovarianceType::ALL.map(problem).into_iter().chain([apart()])
}

fn fit(problem: &Problem, testing: Testing) -> Result<GaussianMixture> {
    let samples = problem.samples();
    let device = GpuOptions { allow_software: true, testing, ..GpuOptions::default() };
    let mut engine = GpuEngine::new(&samples, &device)?;
    Ok(em::fit(&mut engine, &problem.steps(STEPS), &mut NoObserver)?.into_model())
}

/// Plants `fault(1)`, `fault(2)` and so on until one does not strike any more; how many did.
fn each(
    problem: &Problem,
    fault: impl Fn(u32) -> Fault,
    judge: impl Fn(u32, Result<GaussianMixture>),
) -> u32 {
    each_in_slabs(problem, 2048, fault, judge)
}

/// [`each`] with slabs of `slab` samples.
fn each_in_slabs(
    problem: &Problem,
    slab: usize,
    fault: impl Fn(u32) -> Fault,
    judge: impl Fn(u32, Result<GaussianMixture>),
) -> u32 {
    for n in 1.. {
        let faults = Faults::plant(fault(n));
        let outcome =
            fit(problem, Testing { slab: Some(slab), faults: faults.clone(), ..Testing::default() });
        if faults.fired() == 0 {
            assert!(outcome.is_ok(), "without a fault: {outcome:?}");
            return n - 1;
        }
        judge(n, outcome);
    }
    0
}

#[test]
fn no_memory_for_the_nth_buffer() {
    for problem in every_kernel() {
        let whole = fit(&problem, Testing::default()).unwrap();
        let same = |n, outcome: Result<GaussianMixture>| {
            let is_same = outcome.as_ref().ok() == Some(&whole);
            assert!(is_same, "{}, buffer {n}: {outcome:?}", problem.start.covariance_type());
        };
        let struck = each(&problem, Fault::Buffer, same);
        assert!(struck >= 12, "only {struck} buffers of a fit");
    }
}

/// So few samples that nothing can be cut: the error names the buffer.
#[test]
fn no_memory_and_nothing_to_cut() {
    let problem = Problem::new(CovarianceType::Full, 300, 3, 4, 5);
    let struck = each(&problem, Fault::Buffer, |n, outcome| {
        let Err(error @ Error::OutOfMemory { .. }) = outcome else { panic!("buffer {n}: {outcome:?}") };
        let text = error.to_string();
        assert!(text.contains("wgmm/") && text.contains("cpu engine"), "{text}");
    });
    assert!(struck >= 12, "only {struck} buffers of a fit");
}

/// A device with less and less memory in one piece.
#[test]
fn no_memory_for_large_buffers() {
    let problem = problem(CovarianceType::Full);
    let whole = fit(&problem, Testing::default()).unwrap();
    let (mut went_on, mut refused) = (0, 0);
    for most in (4..20).rev().map(|log2| 1u64 << log2) {
        let faults = Faults::plant(Fault::BuffersAbove(most));
        match fit(&problem, Testing { faults: faults.clone(), ..Testing::default() }) {
            Ok(model) => {
                assert_eq!(model, whole, "buffers of at most {most} bytes");
                went_on += usize::from(faults.fired() > 0);
            }
            Err(Error::OutOfMemory { bytes, .. }) => {
                assert!(bytes > most);
                refused += 1;
            }
            Err(error) => panic!("buffers of at most {most} bytes: {error}"),
        }
    }
    assert!(went_on >= 2 && refused >= 2, "{went_on} fits went on, {refused} were refused");
}

fn is_lost(n: u32, outcome: Result<GaussianMixture>) {
    let Err(Error::DeviceLost { message, .. }) = outcome else { panic!("{n}: {outcome:?}") };
    assert!(message.contains("destroyed") || message.contains("is lost"), "{n}: {message}");
}

#[test]
fn a_device_that_is_destroyed() {
    let struck = each_in_slabs(&problem(CovarianceType::Full), SHORT, Fault::Destroyed, is_lost);
    // One submission of the upload, two of every E-step.
    assert_eq!(struck as usize, 1 + 2 * (STEPS + 1));
}

/// wgpu panics where a driver reports the loss during a poll.
#[test]
fn a_driver_that_reports_the_loss() {
    let struck = each(&problem(CovarianceType::Full), Fault::Panic, is_lost);
    assert!(struck as usize > STEPS, "{struck}");
}

/// The driver says nothing: the host sees it from the numbers.
#[test]
fn submissions_that_are_lost() {
    for problem in every_kernel() {
        let struck = each_in_slabs(&problem, SHORT, Fault::Submission, |n, outcome| {
            let noticed = matches!(&outcome, Err(Error::NonFiniteResult { .. } | Error::DeviceLost { .. }));
            assert!(noticed, "{}, submission {n}: {outcome:?}", problem.start.covariance_type());
        });
        assert_eq!(struck as usize, 2 * (STEPS + 1));
    }
}

/// Not for tied covariances: samples whose whitening is lost are those of the slab before, which no sum
/// tells.
#[test]
fn dispatches_that_are_lost() {
    let problems = [(problem(CovarianceType::Full), 2), (apart(), 3), (problem(CovarianceType::Diag), 3)];
    for (problem, kernels) in problems {
        // 5 slabs, and the last sum.
        let dispatches = 5 * kernels + 1;
        let struck = each(&problem, Fault::Dispatch, |n, outcome| {
            let Err(error @ Error::NonFiniteResult { iteration, .. }) = outcome else {
                panic!("{kernels} kernels, dispatch {n}: {outcome:?}");
            };
            assert_eq!(iteration, Some(1 + (n as usize - 1) / dispatches), "dispatch {n}: {error}");
            assert!(error.to_string().contains("cpu engine"), "{error}");
        });
        assert_eq!(struck as usize, dispatches * (STEPS + 1));
    }
}

#[test]
fn a_sum_that_is_not_a_number_is_named() {
    for covariance_type in CovarianceType::ALL {
        for component in 0..4 {
            let struck = each(
                &problem(covariance_type),
                |n| Fault::NotANumber(n, component),
                |n, outcome| {
                    let Err(Error::NonFiniteResult { iteration, what, .. }) = outcome else {
                        panic!("{covariance_type}, E-step {n}: {outcome:?}");
                    };
                    assert_eq!(iteration, Some(n as usize), "{what}");
                    let whose = match covariance_type {
                        CovarianceType::Tied => "of all components".into(),
                        _ => format!("of component {component} is NaN"),
                    };
                    assert!(what.contains(&whose), "{what}");
                },
            );
            assert_eq!(struck as usize, STEPS + 1);
        }
    }
}

/// NaN in one partial sum of one slice on the device itself.
#[test]
fn a_partial_sum_that_is_not_a_number_is_named() {
    let edit = ShaderEdit {
        template: "moments".into(),
        find: "+ component] = sum;".into(),
        replace:
            "+ component] = select(sum, bitcast<f32>(0x7fc00000u + slab.first_slice - slab.first_slice), \
                  workgroup.x == 1u && component == 2u && q == 0u);"
                .into(),
    };
    let outcome = fit(&apart(), Testing { edit: Some(edit), ..Testing::default() });
    let Err(Error::NonFiniteResult { iteration: Some(1), what, .. }) = outcome else { panic!("{outcome:?}") };
    assert!(what.contains("component 2") && what.contains("NaN"), "{what}");
}

/// Nobody waits for a device that does not answer, not even to put it away.
#[test]
fn a_device_that_hangs() {
    let timeout = Some(Duration::from_millis(20));
    let problem = problem(CovarianceType::Full);
    for n in 1.. {
        let faults = Faults::plant(Fault::Hang(n));
        let outcome = fit(&problem, Testing { timeout, faults: faults.clone(), ..Testing::default() });
        if faults.fired() == 0 {
            assert!(n as usize > STEPS + 2, "only {n} waits");
            break;
        }
        let Err(Error::Timeout { stage, .. }) = outcome else { panic!("wait {n}: {outcome:?}") };
        assert!(stage == "the E-step" || n == 1, "wait {n}: {stage}");
    }
}

/// An adapter with WebGPU's guaranteed limits, and ones that force chunks and slabs: the device enforces
/// them, and the tile sizes, so the bits, are the same.
#[test]
fn a_lesser_adapter_gives_the_same_model() {
    for problem in every_kernel() {
        let whole = fit(&problem, Testing::default()).unwrap();
        let tight = Limits { binding_bytes: 64 << 10, buffer_bytes: 64 << 10, ..Limits::DOWNLEVEL };
        for limits in [Limits::DOWNLEVEL, tight] {
            let lesser = fit(&problem, Testing { limits: Some(limits), ..Testing::default() });
            let is_same = lesser.as_ref().ok() == Some(&whole);
            assert!(is_same, "{}, {limits:?}: {lesser:?}", problem.start.covariance_type());
        }
    }
}
