//! Outliers by density: the rows that a fitted mixture finds least likely.
//!
//! `cargo run --release --example outliers [TABLE]`

use std::path::Path;

use wgmm::em;
use wgmm::engines::CpuEngine;
use wgmm::{FitOptions, Result};
use wgmm::{files, infer};

/// Rows of the table at `path` among its least likely `share`, least likely first: where they stand in the
/// file, and their log-likelihood.
pub(crate) fn outliers(path: &Path, share: f64) -> Result<Vec<(u64, f64)>> {
    let table = files::open(path, &files::ReadOptions::default())?;
    let samples = &table.samples;
    let options = FitOptions { n_init: 5, ..FitOptions::new(3) };

    let mut engine = CpuEngine::new(samples, None)?;
    let model = em::fit(&mut engine, &options, &mut em::NoObserver)?.model;
    let density = infer::sample_log_likelihoods(&mut engine, &model.parameters)?;
    let rows = infer::least_likely(&density, share);
    Ok(rows.into_iter().map(|row| (table.row_number(row), density[row])).collect())
}

fn main() -> Result<()> {
    let iris = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/iris.csv");
    let path = std::env::args().nth(1).unwrap_or_else(|| iris.into());
    println!("the least likely 5 % of {path}:");
    for (line, log_likelihood) in outliers(Path::new(&path), 0.05)? {
        println!("line {line:4}: {log_likelihood:8.2} nats");
    }
    Ok(())
}
