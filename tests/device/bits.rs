//! What may change the device's answer, and what must not change a single bit of it.

use wgmm::internals::engine::gpu::Testing;
use wgmm::internals::engine::gpu::plan::{Limits, Tuning};
use wgmm::internals::mixture::moments::Moments;
use wgmm::{CovarianceType, Engine, Samples};

use super::case::{Case, run_all};
use super::{bounds, open};
use crate::support::compare::{Bound, assert_close};

/// A few slabs' worth of samples: 9000 make two groups of slices, the last slab ragged.
const N: usize = 9000;

fn moments(case: &Case) -> Moments {
    let samples = case.samples();
    let mut engine = open(&samples, case.chunk_rows, case.testing.clone());
    let first = engine.e_step(&case.parameters).unwrap();
    let second = engine.e_step(&case.parameters).unwrap();
    assert_same_bits(&format!("{}, a second time", case.name), &second, &first);
    first
}

#[track_caller]
pub fn assert_same_bits(what: &str, found: &Moments, expected: &Moments) {
    let parts = |m: &Moments| {
        [&m.origins, &m.effective_counts, &m.first_moments, &m.second_moments, &vec![m.log_likelihood]]
            .map(Clone::clone)
    };
    for (name, (found, expected)) in ["origins", "counts", "first", "second", "log-likelihood"]
        .into_iter()
        .zip(parts(found).into_iter().zip(parts(expected)))
    {
        assert_close(&format!("{what}: {name}"), &found, &expected, Bound::Exact);
    }
}

/// Every type at a size that fills several slabs and slices.
fn several() -> Vec<Case> {
    let weighted = |t| t == CovarianceType::Tied;
    CovarianceType::ALL.into_iter().map(|t| Case::new(t, N, 2, 5, weighted(t))).collect()
}

#[test]
fn slabs_change_no_bit() {
    let mut cases = several();
    cases.push(Case::new(CovarianceType::Full, 1500, 33, 9, false));
    for case in cases {
        let whole = moments(&case.clone().in_slabs(1 << 20));
        for rows in [1, 1024, 2560, 4096] {
            let cut = case.clone().in_slabs(rows);
            assert_same_bits(&cut.name, &moments(&cut), &whole);
        }
    }
}

#[test]
fn small_slabs_stay_right() {
    run_all(several().into_iter().map(|case| case.in_slabs(1)));
}

/// Recalibration happens within one engine: the slab is chosen anew after every E-step.
#[test]
fn a_calibrated_engine_keeps_its_bits() {
    let case = &several()[0];
    let samples = case.samples();
    let mut engine = open(&samples, None, Testing::default());
    let first = engine.e_step(&case.parameters).unwrap();
    for _ in 0..3 {
        assert_same_bits("after calibration", &engine.e_step(&case.parameters).unwrap(), &first);
    }
    // Densities in between use the same scratch.
    engine.weighted_log_densities(&case.parameters, 5..700).unwrap();
    assert_same_bits("after densities", &engine.e_step(&case.parameters).unwrap(), &first);
}

#[test]
fn chunks_stay_right() {
    for chunk_rows in [1, 4096, 8192] {
        run_all(several().into_iter().map(|case| Case {
            name: format!("{} chunks={chunk_rows}", case.name),
            chunk_rows: Some(chunk_rows),
            ..case
        }));
    }
}

/// Any part of the densities is the same part of the whole, also across chunks.
#[test]
fn ranges_of_densities_are_parts_of_the_whole() {
    for case in several() {
        let samples = case.samples();
        let mut engine = open(&samples, Some(4096), Testing::default());
        let whole = engine.weighted_log_densities(&case.parameters, 0..N).unwrap();
        for rows in [0..0, 0..1, 127..129, 511..513, 4095..4097, 4096..N, N - 1..N, 300..8700] {
            let part = engine.weighted_log_densities(&case.parameters, rows.clone()).unwrap();
            let k = case.parameters.n_components();
            let expected = &whole[rows.start * k..rows.end * k];
            assert_close(&format!("{} {rows:?}", case.name), &part, expected, Bound::Exact);
        }
    }
}

#[test]
fn runtime_checks_find_nothing() {
    let sizes = [(700, 3, 5), (300, 17, 33), (300, 33, 9)];
    let full = sizes.map(|(n, d, k)| Case::new(CovarianceType::Full, n, d, k, d == 3));
    run_all(full.into_iter().chain(several()).map(|mut case| {
        case.name += " checked";
        case.testing.checked = true;
        case
    }));
}

/// Smaller limits than the adapter's: other tiles, more slabs, the same answers.
#[test]
fn smaller_limits_stay_right() {
    let tight = Limits {
        binding_bytes: 1 << 20,
        buffer_bytes: 1 << 20,
        workgroup_bytes: 16 << 10,
        workgroups: 8,
        ..Limits::DOWNLEVEL
    };
    let mut cases = several();
    cases.push(Case::new(CovarianceType::Full, 4500, 33, 9, false));
    let limited = |mut case: Case, name: &str, limits| {
        case.name += name;
        case.testing = Testing { limits: Some(limits), slab: Some(usize::MAX), ..case.testing };
        case
    };
    run_all(cases.clone().into_iter().map(|case| limited(case, " downlevel", Limits::DOWNLEVEL)));
    run_all(cases.into_iter().map(|case| limited(case, " tight", tight)));
}

/// Shorter slices, other stages and unrolling than the table's.
#[test]
fn other_tile_sizes_stay_right() {
    let tunings = [(2, 1, 256), (8, 4, 128), (64, 2, 64)];
    run_all(tunings.into_iter().flat_map(|(stage, moments_unroll, slice)| {
        several().into_iter().map(move |mut case| {
            let tuning = Tuning { stage, moments_unroll, slice, ..Tuning::new(&case.problem()) };
            case.name += &format!(" {tuning:?}");
            case.testing.tuning = Some(tuning);
            case
        })
    }));
}

/// More samples than 65 535 workgroups of the densities take, in one slab if the plan allowed it. The
/// samples repeat a pattern, so their sums are known.
#[test]
fn more_workgroups_than_a_dispatch_may_have() {
    const PATTERN: [f32; 4] = [-1.5, -0.5, 0.5, 1.5];
    const PERIODS: usize = 65_536 * 512 / 4 + 300;
    let values: Vec<f32> = PATTERN.iter().copied().cycle().take(PERIODS * 4).collect();
    let samples = Samples::new(&values, 1).unwrap();
    let parameters = wgmm::Parameters::new(CovarianceType::Full, vec![1.0], vec![0.25], vec![2.0]).unwrap();
    let slab = Some(usize::MAX);
    let mut engine = open(&samples, None, Testing { slab, ..Testing::default() });
    let found = engine.e_step(&parameters).unwrap();
    let n = (PERIODS * 4) as f64;
    let origin = found.origins[0];
    let first: f64 = PATTERN.iter().map(|x| f64::from(*x) - origin).sum();
    let second: f64 = PATTERN.iter().map(|x| (f64::from(*x) - origin).powi(2)).sum();
    // With one component every responsibility is 2^(l − l): counts come out exact.
    assert_close("count", &found.effective_counts, &[n], Bound::Absolute(0.5));
    // The samples' and the responsibilities' own errors are small beside those of adding up.
    let adding = bounds::adding(samples.n_samples());
    let terms: f64 = PATTERN.iter().map(|x| (f64::from(*x) - origin).abs()).sum();
    let periods = PERIODS as f64;
    let allowed = [adding * terms * periods, adding * second * periods];
    let found = [found.first_moments[0], found.second_moments[0]];
    assert_close("moments", &found, &[first * periods, second * periods], Bound::Each(&allowed));
}
