//! Plans: what fits, how samples are cut into slabs and slices.

use std::collections::BTreeMap;

use wgmm::internals::engine::gpu::layout::Slab;
use wgmm::internals::engine::gpu::plan::{ALIGNMENT, Limits, Plan, Problem, SLICES_PER_GROUP, TILE, Tuning};
use wgmm::internals::engine::gpu::step::Buffer;
use wgmm::{CovarianceType, Error};

use super::{H100, LIMITS, LLVMPIPE, plans};

/// What a driver may answer with a hang instead of an error.
fn too_much(plan: &Plan, limits: &Limits, slabs: &[Slab]) -> Result<(), String> {
    let at_most = |what: &str, value: u64, limit: u64| {
        if value <= limit { Ok(()) } else { Err(format!("{what}: {value}, {limit} allowed")) }
    };
    let binding = limits.binding_bytes.min(limits.buffer_bytes);
    let row_bytes = (plan.row_length() * 4) as u64;
    for step in &plan.steps {
        for bound in &step.bindings {
            let bytes = match bound.buffer {
                Buffer::PerSample(_, bytes) if step.sums => plan.max_slab * bytes,
                Buffer::PerSample(_, bytes) => plan.scratch_rows() * bytes,
                Buffer::PerSlice(_, bytes) => plan.max_slab / plan.slice * bytes,
                Buffer::Section(name) => plan.sections.find(name).map_or(usize::MAX, |place| place.len()),
                _ => 0,
            };
            at_most("binding", bytes as u64, binding)?;
        }
    }
    at_most("totals", plan.groups() as u64 * row_bytes, binding)?;
    at_most("run", plan.slice as u64, ALIGNMENT as u64)?;
    for size in plan.steps.iter().last().map_or([0; 3], |sum| sum.workgroups(&plan.last_slab())) {
        at_most("workgroups of the last sum", size.into(), limits.workgroups as u64)?;
    }
    for slab in slabs {
        at_most("slab", slab.stride.into(), plan.max_slab as u64)?;
        for size in plan.steps.iter().filter(|s| s.sums).flat_map(|s| s.workgroups(slab)) {
            at_most("workgroups", size.into(), limits.workgroups as u64)?;
        }
    }
    Ok(())
}

#[test]
fn every_plan_of_the_table_fits() {
    for (name, limits, plan) in plans() {
        let problem = plan.problem;
        assert!(plan.slice.is_power_of_two() && plan.slice <= ALIGNMENT, "{problem:?} under {name}");
        assert!(plan.max_slab > 0 && plan.max_slab % plan.slab_unit() == 0, "{problem:?} under {name}");
        assert_eq!(plan.slab_unit() % plan.slice, 0, "{problem:?} under {name}");
        assert_eq!(plan.slab_unit() % plan.log_likelihood_rows(), 0, "{problem:?} under {name}");
        assert_eq!(ALIGNMENT % plan.slab_unit(), 0, "{problem:?} under {name}");
        // Chunks as `upload` cuts them: as many rows as a binding holds, in multiples of the alignment.
        let bytes = limits.binding_bytes.min(limits.buffer_bytes);
        let chunk = (bytes / (4 * problem.n_features as u64)) as usize / ALIGNMENT * ALIGNMENT;
        let chunks: Vec<usize> =
            (0..problem.n_samples).step_by(chunk).map(|s| chunk.min(problem.n_samples - s)).collect();
        let cut: Vec<Slab> = plan.slabs(&chunks, plan.max_slab).concat();
        if let Err(e) = too_much(&plan, &limits, &cut) {
            panic!("{problem:?} under {name}: {e}");
        }
        let last = cut.last().unwrap();
        let groups = (last.first_slice + last.n_slices) as usize;
        // Few parts, or groups as long as they may be; parts start where slabs do.
        let most = ((1 << 18) / plan.row_length()).clamp(8, 64);
        let is_grouped = plan.result_rows() <= most || plan.slices_per_group >= SLICES_PER_GROUP;
        assert!(is_grouped && plan.slices_per_group.is_power_of_two(), "{problem:?} under {name}");
        assert_eq!(plan.part_rows() % plan.slab_unit(), 0, "{problem:?} under {name}");
        assert_eq!(plan.part_rows() % plan.log_likelihood_rows(), 0, "{problem:?} under {name}");
        assert_eq!(groups.div_ceil(plan.slices_per_group), plan.groups(), "{problem:?} under {name}");
    }
}

#[test]
fn absurd_problems_are_refused() {
    let problem = |n_samples, n_features, n_components| Problem {
        n_samples,
        n_features,
        n_components,
        covariance_type: CovarianceType::Full,
        weighted: false,
    };
    for (name, limits) in LIMITS {
        for absurd in [problem(1000, 100_000, 1), problem(1000, 2000, 100_000), problem(1000, 2, 1 << 40)] {
            let refused = Plan::new(absurd, &limits);
            assert!(matches!(refused, Err(Error::LimitExceeded { .. })), "{absurd:?} under {name}");
        }
    }
    let small = problem(1000, 64, 3);
    for limits in [
        Limits { workgroup_bytes: 1 << 10, ..LLVMPIPE },
        Limits { invocations: 64, ..LLVMPIPE },
        Limits { binding_bytes: 1 << 10, ..LLVMPIPE },
        Limits { buffer_bytes: 1 << 10, ..LLVMPIPE },
        Limits { workgroups: 0, ..LLVMPIPE },
        Limits { workgroups: 1, ..LLVMPIPE },
    ] {
        assert!(matches!(Plan::new(small, &limits), Err(Error::LimitExceeded { .. })), "{limits:?}");
    }
}

#[test]
fn planted_plans_are_rejected() {
    let problem = Problem {
        n_samples: 1_000_000,
        n_features: 4,
        n_components: 7,
        covariance_type: CovarianceType::Full,
        weighted: false,
    };
    let right = Plan::new(problem, &H100).unwrap();
    let cut = |plan: &Plan| plan.slabs(&[problem.n_samples], plan.max_slab).concat();
    too_much(&right, &H100, &cut(&right)).unwrap();
    let mut faults = vec![(right.clone(), H100); 4];
    faults[0].0.max_slab = 1 << 28;
    faults[1].0.slice = 2 * ALIGNMENT;
    faults[2].1.workgroups = 100;
    faults[3].1.binding_bytes = 1 << 16;
    for (i, (plan, limits)) in faults.iter().enumerate() {
        assert!(too_much(plan, limits, &cut(&right)).is_err(), "fault {i} passed");
    }
    // Slabs that fit, but more groups than the last sum can add up to parts.
    let few = Limits { workgroups: 16, ..H100 };
    let mut grouped = Plan::new(problem, &few).unwrap();
    let slabs = cut(&grouped);
    too_much(&grouped, &few, &slabs).unwrap();
    grouped.slices_per_group = 2;
    assert!(too_much(&grouped, &few, &slabs).is_err());
    let mut long = cut(&right);
    long[0].stride *= 2;
    long[0].stride += right.max_slab as u32;
    assert!(too_much(&right, &H100, &long).is_err());
}

/// Slice and log-likelihood partial of every workgroup-sized run of samples: chunk, row → both numbers.
type Numbering = BTreeMap<(usize, usize), (u32, u32)>;

/// Numbers of the samples' slices and partials; fails unless the slabs cover every sample exactly once.
fn numbering(plan: &Plan, chunks: &[usize], cut: &[Vec<Slab>]) -> Result<Numbering, String> {
    let mut found = Numbering::new();
    if cut.len() != chunks.len() {
        return Err(format!("slabs of {} chunks, expected {}", cut.len(), chunks.len()));
    }
    for (chunk, (&rows, slabs)) in chunks.iter().zip(cut).enumerate() {
        for slab in slabs {
            let start = slab.first_tile as usize * TILE;
            if slab.n_samples as usize != rows || slab.n_slices as usize * plan.slice != slab.stride as usize
            {
                return Err(format!("{slab:?} in a chunk of {rows}"));
            }
            for row in 0..slab.stride as usize {
                let slice = slab.first_slice + (row / plan.slice) as u32;
                let partial = slab.first_partial + (row / plan.log_likelihood_rows()) as u32;
                // Rows beyond the chunk are padding.
                if start + row < rows && found.insert((chunk, start + row), (slice, partial)).is_some() {
                    return Err(format!("row {} of chunk {chunk} is in two slabs", start + row));
                }
            }
        }
    }
    let total: usize = chunks.iter().sum();
    if found.len() == total { Ok(found) } else { Err(format!("{} of {total} rows are covered", found.len())) }
}

/// Where parts begin follows from the whole data set: an engine that holds some of the rows plans the same ones.
#[test]
fn parts_follow_from_the_whole() {
    for n_samples in [1000, 1_000_000, 40_000_000, 1 << 30] {
        let problem = Problem {
            n_samples,
            n_features: 8,
            n_components: 20,
            covariance_type: CovarianceType::Full,
            weighted: false,
        };
        let whole = Plan::new(problem, &H100).unwrap();
        let part = whole.part_rows();
        assert!(whole.result_rows() <= 64, "{n_samples} samples in {} parts", whole.result_rows());
        for rows in [1, part, 3 * part + 1, n_samples].into_iter().filter(|rows| *rows <= n_samples) {
            let some = whole.clone().over(rows);
            assert_eq!((some.part_rows(), some.result_rows()), (part, rows.div_ceil(part)));
            assert!(some.max_slab > 0 && some.max_slab <= rows.next_multiple_of(some.slab_unit()));
            assert_eq!(some.parts().last().unwrap().end, rows);
        }
    }
}

/// The plan, with slices of `slice` samples if they are given: so few samples would get the shortest ones.
fn planned(problem: Problem, slice: Option<usize>) -> Plan {
    let mut plan = Plan::new(problem, &LLVMPIPE).unwrap();
    if let Some(slice) = slice {
        // Enough samples that the plan leaves slices as long as they are asked for; then the samples that there are.
        let many = Problem { n_samples: 100_000_000, ..problem };
        let tuning = Tuning { slice, ..Tuning::new(&many) };
        plan = Plan::tuned(many, &LLVMPIPE, &tuning).unwrap();
        plan.problem = problem;
        assert_eq!((plan.slice, plan.log_likelihood_rows()), (slice, slice), "{}", plan.kernels());
    }
    plan
}

#[test]
fn slabs_cover_every_sample_once_and_never_renumber_slices() {
    let n = 20_001;
    // The fused kernel has a partial of the log-likelihood per slice, the others one per workgroup of the densities.
    for (d, k, covariance_type, slice) in [
        (2, 3, CovarianceType::Full, None),
        (2, 3, CovarianceType::Full, Some(2048)),
        (4, 7, CovarianceType::Full, None),
        (40, 3, CovarianceType::Full, None),
        (3, 600, CovarianceType::Tied, None),
        (20, 2, CovarianceType::Diag, None),
    ] {
        let problem =
            Problem { n_samples: n, n_features: d, n_components: k, covariance_type, weighted: false };
        let plan = planned(problem, slice);
        for chunk in [1, 7, 64, n - 1, n, 4096, 8192] {
            // Chunks of one sample are many: fewer samples do.
            let n = if chunk < 100 { 10 * chunk + 1 } else { n };
            let chunks: Vec<usize> = (0..n).step_by(chunk).map(|s| chunk.min(n - s)).collect();
            let unit = plan.slab_unit();
            let whole = numbering(&plan, &chunks, &plan.slabs(&chunks, 1 << 20)).unwrap();
            for slab in [unit, 2 * unit, 3 * unit, 7 * unit] {
                let cut = plan.slabs(&chunks, slab);
                assert_eq!(numbering(&plan, &chunks, &cut).unwrap(), whole, "{problem:?} {chunk} {slab}");
                let mut wrong = cut.clone();
                wrong[0][0].first_tile += 1;
                assert!(numbering(&plan, &chunks, &wrong).is_err(), "a shifted slab passed");
                let mut wrong = cut;
                wrong[0].pop();
                assert!(numbering(&plan, &chunks, &wrong).is_err(), "a missing slab passed");
            }
            // Numbers rise with the row and none is left out.
            let mut last = (0, 0);
            for &(slice, partial) in whole.values() {
                assert!(slice >= last.0 && slice <= last.0 + plan.slab_unit() as u32 / plan.slice as u32);
                assert!(
                    partial >= last.1 && partial <= last.1 + 1 + (unit / plan.log_likelihood_rows()) as u32
                );
                last = (slice, partial);
            }
            if chunk % ALIGNMENT == 0 || chunk >= n {
                assert_eq!(last.0 as usize, (n - 1) / plan.slice, "absolute rows number the slices");
            }
        }
    }
}
