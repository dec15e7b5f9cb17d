//! Hostile input: whatever the bytes, a reader gives a valid result or an error that names the file. It does
//! not panic, hang or take more memory than 20 times the file and 100 MB.

#[cfg(all(feature = "cli", target_os = "linux"))]
mod limits;
mod mutate;
#[cfg(feature = "cli")]
mod options;
#[cfg(feature = "cli")]
#[allow(dead_code)]
#[path = "../src/bin/wgmm/args/parse.rs"]
mod parse;
mod readers;

use std::path::Path;
use std::time::{Duration, Instant};

use mutate::Mutator;

use crate::support::files;

/// Mutants of each reader; `fuzz/` goes on from here for minutes.
const MUTANTS: usize = 2000;
/// Most time for one file.
const LONGEST: Duration = Duration::from_secs(1);

/// Files below `tests/data` whose names end in `end`.
fn corpus(folders: &[&str], end: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for folder in folders {
        let folder = files::data(folder);
        for name in files::names(&folder).iter().filter(|name| name.ends_with(end)) {
            found.push(std::fs::read(folder.join(name)).unwrap());
        }
    }
    found
}

/// Runs `reader` on the corpus and on mutants of it; how many files were read and refused.
fn trial(seed: u64, corpus: &[Vec<u8>], reader: fn(&Path, &[u8]) -> bool) -> (usize, usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    let mut mutator = Mutator::new(seed, corpus);
    let (mut read, mut refused) = (0, 0);
    for bytes in corpus.iter().cloned().chain((0..MUTANTS).map(|_| mutator.mutant())) {
        let start = Instant::now();
        match reader(&path, &bytes) {
            true => read += 1,
            false => refused += 1,
        }
        assert!(
            start.elapsed() < LONGEST,
            "{:?} for {:?}",
            start.elapsed(),
            bytes.escape_ascii().to_string()
        );
    }
    (read, refused)
}

/// Mutants must reach both ends: a mutator that only breaks files tests little.
#[track_caller]
fn reaches_both((read, refused): (usize, usize)) {
    assert!(read > MUTANTS / 50 && refused > MUTANTS / 5, "{read} read, {refused} refused");
}

#[test]
fn mutants_of_csv() {
    reaches_both(trial(1, &corpus(&["badinputs", "."], ".csv"), readers::csv));
}

#[test]
fn mutants_of_npy() {
    reaches_both(trial(2, &corpus(&["badinputs"], ".npy"), readers::npy));
}

#[test]
fn mutants_of_json_models() {
    let mut seeds = corpus(&["badinputs", "thirdparty/JSONTestSuite/test_parsing"], ".json");
    // Most of a corpus of broken files is broken: whole models weigh as much as they.
    for model in models() {
        let mut text = Vec::new();
        model.write_json(&mut text).unwrap();
        seeds.extend(std::iter::repeat_n(text, 40));
    }
    reaches_both(trial(3, &seeds, readers::model));
}

#[test]
fn mutants_of_archives() {
    let mut seeds = corpus(&["sklearn"], ".npz");
    let arrays: Vec<Vec<u8>> = seeds.iter().map(|bytes| readers::arrays(bytes)).collect();
    seeds.extend(arrays.iter().cycle().take(40).cloned());
    reaches_both(trial(4, &seeds, readers::npz));
}

#[test]
fn mutants_of_labels() {
    reaches_both(trial(5, &vectors(), readers::labels));
}

#[test]
fn mutants_of_weights() {
    reaches_both(trial(6, &vectors(), readers::weights));
}

#[test]
fn mutants_of_checkpoints() {
    use wgmm::internals::fit::checkpoint::{Identity, Interval, Writer};
    let problem = crate::support::problem::Problem::medium(wgmm::CovarianceType::Diag);
    let (samples, options) = (problem.samples(), problem.steps(2));
    let engine = crate::support::engines::Kind::Reference;
    let identity = Identity::new(&samples, &options, &engine.open(&samples).unwrap().info()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    let mut seeds = Vec::new();
    let mut keep = |step: &mut wgmm::internals::fit::em::Step<'_>| {
        let writer = Writer::create(&path, Interval::Iterations(1)).unwrap();
        writer.write(&identity, &step.state()).unwrap();
        seeds.push(std::fs::read(&path).unwrap());
        std::ops::ControlFlow::Continue(())
    };
    engine.fit_observed(&samples, &options, &mut keep).unwrap();
    reaches_both(trial(9, &seeds, readers::checkpoint));
}

#[cfg(feature = "cli")]
#[test]
fn mutants_of_options() {
    let values = ["a,w", "\"b,c\",3", "1..10,12", "a=1.5,b=2", "1e-3", "0.5", "3", "out.npy", "kmeans"];
    let seeds = values.iter().flat_map(|v| (0..8u8).map(|i| [&[i], v.as_bytes()].concat()));
    reaches_both(trial(7, &seeds.collect::<Vec<_>>(), options::options));
}

/// Files of one value per row.
fn vectors() -> Vec<Vec<u8>> {
    let mut seeds = vec![b"label\nsetosa\nvirginica\n".to_vec(), b"w\r\n1\r\n0.5\r\n2e-3\r\n".to_vec()];
    seeds.push(b"1\n0\n2\n2\n".to_vec());
    seeds.extend(corpus(&["badinputs"], "n13_1d.npy").iter().cycle().take(3).cloned());
    seeds.extend(corpus(&["badinputs"], "c40_quoted_numbers.csv"));
    seeds
}

fn models() -> Vec<wgmm::GaussianMixture> {
    let fit = |covariance_type| {
        let problem = crate::support::problem::Problem::medium(covariance_type);
        crate::support::engines::Kind::Reference.fit(&problem.samples(), &problem.steps(2)).unwrap()
    };
    wgmm::CovarianceType::ALL.map(fit).to_vec()
}

/// A reader that breaks on the number 1e999, which no seed holds: the mutants must find it.
#[test]
fn a_planted_fault_is_found() {
    let broken = |_: &Path, bytes: &[u8]| {
        assert!(!bytes.windows(5).any(|w| w == b"1e999"));
        true
    };
    let seeds = [b"1,2\n3,4\n".to_vec(), b"a;b\n1;2\n".to_vec()];
    assert!(std::panic::catch_unwind(|| trial(8, &seeds, broken)).is_err());
    let slow = |_: &Path, _: &[u8]| {
        std::thread::sleep(LONGEST);
        true
    };
    assert!(std::panic::catch_unwind(|| trial(8, &seeds, slow)).is_err());
}
