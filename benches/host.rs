//! Parts of the host's work, by criterion: `cargo bench`, or `cargo bench -- m_step`.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use wgmm::internals::bench::Problem;
use wgmm::internals::bench::case::Case;
use wgmm::internals::data::{self, ReadOptions, Scratch};
use wgmm::internals::engine::cpu::CpuEngine;
use wgmm::internals::fit::init;
use wgmm::internals::mixture::moments::MStep;
use wgmm::{CovarianceType, Dataset, Engine, FitOptions, Init};

fn problem(text: &str, covariance_type: CovarianceType) -> Problem<'static> {
    Problem::generate(Case::parse(text, covariance_type).unwrap(), 0).unwrap()
}

fn m_steps(c: &mut Criterion) {
    let problem = problem("8192,64,64", CovarianceType::Full);
    let mut engine = CpuEngine::new(problem.samples(), None).unwrap();
    let moments = engine.e_step(problem.start()).unwrap();
    let means = problem.start().means();
    let rule = MStep { reg_covar: 1e-6, ..MStep::default() };
    c.bench_function("m_step/full/K64/D64", |b| {
        b.iter(|| rule.parameters(black_box(&moments), means, 1).unwrap());
    });
}

fn csv(c: &mut Criterion) {
    const ROWS: usize = 20_000;
    let problem = problem("20000,8,4", CovarianceType::Full);
    let mut scratch = Scratch::default();
    let mut text = String::from("a,b,c,d,e,f,g,h\n");
    for row in problem.samples().read(0..ROWS, &mut scratch).unwrap().values().chunks_exact(8) {
        text += &row.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
        text.push('\n');
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.csv");
    std::fs::write(&path, &text).unwrap();
    let mut group = c.benchmark_group("csv");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("20000x8", |b| {
        b.iter(|| data::open(black_box(&path), &ReadOptions::default()).unwrap());
    });
}

fn seeding(c: &mut Criterion) {
    let problem = problem("65536,8,32", CovarianceType::Full);
    let samples = problem.samples();
    let options = FitOptions { init: Init::KMeansPlusPlus, ..FitOptions::new(32) };
    let checked = options.check(samples.facts()).unwrap();
    let mut group = c.benchmark_group("seed");
    group.sample_size(10);
    group.bench_function("k-means++/65536x8/K32", |b| {
        b.iter(|| init::seed(black_box(samples), &checked, 0).unwrap());
    });
}

fn e_steps(c: &mut Criterion) {
    let mut group = c.benchmark_group("e_step");
    group.throughput(Throughput::Elements(20_000)).sample_size(20);
    for covariance_type in CovarianceType::ALL {
        let problem = problem("20000,16,32", covariance_type);
        let mut engine = CpuEngine::new(problem.samples(), None).unwrap();
        group.bench_function(format!("{covariance_type}/20000x16/K32"), |b| {
            b.iter_batched(
                || problem.start().clone(),
                |start| engine.e_step(&start).unwrap(),
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(benches, m_steps, csv, seeding, e_steps);
criterion_main!(benches);
