//! Several engines over consecutive parts of the samples are one engine, to the last bit.

use wgmm::internals::data::Part;
use wgmm::internals::engine::gpu::plan::{Limits, Plan};
use wgmm::internals::engine::sum::SumEngine;
use wgmm::internals::fit::em::{self, NoObserver};
use wgmm::{CovarianceType, Engine, Error, Samples};

use super::bits::assert_same_bits;
use super::case::Case;
use super::open;
use crate::support::problem::steps_from;

/// Samples that make more parts than there are engines, the last one short.
const N: usize = 9000;

/// Every type, with and without weights, and every kernel.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for weighted in [false, true] {
        cases.extend(CovarianceType::ALL.map(|t| Case::new(t, N, 3, 5, weighted)));
        cases.push(Case::new(CovarianceType::Full, N, 4, 9, weighted));
    }
    // Rows of sums so long that groups hold several slices.
    cases.push(Case::new(CovarianceType::Full, N, 18, 65, true));
    cases.push(Case::new(CovarianceType::Full, 5000, 33, 40, false));
    cases
}

/// Samples per part, as an engine plans them.
fn part_rows(case: &Case) -> usize {
    Plan::new(case.problem(), &Limits::DOWNLEVEL).unwrap().part_rows()
}

/// `count` engines over consecutive parts of about one length, as one.
fn summed<'a>(samples: &'a Samples<'a>, parts: &'a [Part<'a>], case: &Case) -> SumEngine<'a> {
    let engine = |part| Box::new(open(part, case.chunk_rows, case.testing.clone())) as Box<dyn Engine + '_>;
    SumEngine::new(samples, parts.iter().map(engine).collect()).unwrap()
}

/// The samples in `count` parts.
fn split<'a>(samples: &'a Samples<'a>, part: usize, count: usize) -> Vec<Part<'a>> {
    let n = samples.n_samples();
    let parts = n.div_ceil(part);
    assert!(parts >= count, "{parts} parts of {part} samples for {count} engines");
    let edge = |i: usize| (parts * i / count * part).min(n);
    (0..count).map(|i| Part::new(samples, edge(i)..edge(i + 1)).unwrap()).collect()
}

#[test]
fn engines_over_parts_give_the_bits_of_one() {
    for case in cases() {
        let samples = case.samples();
        let part = part_rows(&case);
        let whole = open(&samples, None, case.testing.clone()).e_step(&case.parameters).unwrap();
        for count in [1, 2, 3, 5, 7].into_iter().filter(|count| samples.n_samples().div_ceil(part) >= *count)
        {
            let parts = split(&samples, part, count);
            let mut cut = case.clone().in_slabs([1, 2560, 1 << 20][count % 3]);
            cut.chunk_rows = [None, Some(4096)][count % 2];
            let found = summed(&samples, &parts, &cut).e_step(&case.parameters).unwrap();
            assert_same_bits(&format!("{} by {count} engines", cut.name), &found, &whole);
        }
    }
}

#[test]
fn engines_over_parts_give_the_file_of_one() {
    for weighted in [false, true] {
        for covariance_type in CovarianceType::ALL {
            let case = Case::new(covariance_type, N, 3, 4, weighted);
            let samples = case.samples();
            let options = steps_from(&case.parameters, 3);
            let file = |engine: &mut dyn Engine| {
                let mut file = Vec::new();
                let fit = em::fit(engine, &options, &mut NoObserver).unwrap();
                fit.into_model().write_json(&mut file).unwrap();
                String::from_utf8(file).unwrap()
            };
            let whole = file(&mut open(&samples, None, case.testing.clone()));
            for count in [2, 3, 7] {
                let parts = split(&samples, part_rows(&case), count);
                let found = file(&mut summed(&samples, &parts, &case));
                assert_eq!(found, whole, "{} by {count} engines", case.name);
            }
        }
    }
}

/// Densities are of rows by their number in the data set.
#[test]
fn parts_know_their_rows() {
    let case = Case::new(CovarianceType::Full, 3000, 2, 3, false);
    let samples = case.samples();
    let whole = open(&samples, None, case.testing.clone());
    let whole = { whole }.weighted_log_densities(&case.parameters, 1000..2500).unwrap();
    let parts = split(&samples, part_rows(&case), 3);
    let found = summed(&samples, &parts, &case).weighted_log_densities(&case.parameters, 1000..2500);
    assert_eq!(found.unwrap(), whole);
}

/// A part must start where the engine would start one: the error says where that is.
#[test]
fn a_part_that_starts_elsewhere_is_refused() {
    let case = Case::new(CovarianceType::Diag, N, 3, 4, true);
    let samples = case.samples();
    let part = part_rows(&case);
    let odd = Part::new(&samples, part + 128..N).unwrap();
    let refused = open(&odd, None, case.testing.clone()).e_step(&case.parameters);
    let Err(error @ Error::Shape { .. }) = refused else { panic!("{refused:?}") };
    assert!(error.to_string().contains(&format!("a multiple of {part}")), "{error}");
}
