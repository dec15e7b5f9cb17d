//! One start, the same iterations on the graphics card (f32 sums) and on all cores (f64): how far apart do
//! they end, and how long does each take?
//!
//! `cargo run --release --example gpu_vs_cpu`

use std::time::{Duration, Instant};

use wgmm::em;
use wgmm::engines::{EngineRequest, open_engine};
use wgmm::report::EngineKind;
use wgmm::sampling;
use wgmm::{CovarianceType, Error, FitOptions, GaussianMixture, Init, Result, Samples};

/// The larger of two numbers' relative differences, element by element.
fn difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs() / a.abs().max(b.abs()).max(1e-300)).fold(0.0, f64::max)
}

/// Ten iterations on both; what the card's driver says where there is none.
pub(crate) fn compare(n: usize) -> Result<[(GaussianMixture, Duration); 2]> {
    let truth = sampling::random_mixture(8, 4, CovarianceType::Full, 1)?;
    let mut sampler = sampling::Sampler::new(&truth, 2)?;
    let mut values = vec![0.0; n * 4];
    for row in values.chunks_exact_mut(4) {
        sampler.draw(row);
    }
    let samples = Samples::new(&values, 4)?;
    let options = FitOptions { tol: 0.0, max_iter: 10, init: Init::Given(truth), ..FitOptions::new(8) };

    let fit = |kind| {
        let request = EngineRequest { kind, ..EngineRequest::default() };
        let (mut engine, line) = open_engine(&samples, 8, &request)?;
        println!("{line}");
        let start = Instant::now();
        let fit = em::fit(engine.as_mut(), &options, &mut em::NoObserver)?;
        Ok((fit.model, start.elapsed()))
    };
    Ok([fit(EngineKind::Gpu)?, fit(EngineKind::Cpu)?])
}

fn main() -> Result<()> {
    let [(gpu, gpu_time), (cpu, cpu_time)] = match compare(200_000) {
        Err(error @ (Error::NoDevice { .. } | Error::LimitExceeded { .. })) => {
            println!("nothing to compare: {error}");
            return Ok(());
        }
        other => other?,
    };
    let (g, c) = (&gpu.parameters, &cpu.parameters);
    println!("largest relative difference of weights     {:.1e}", difference(g.weights(), c.weights()));
    println!("                            of means       {:.1e}", difference(g.means(), c.means()));
    println!(
        "                            of covariances {:.1e}",
        difference(g.covariances(), c.covariances())
    );
    println!("10 iterations: {gpu_time:.2?} on the card, {cpu_time:.2?} on all cores");
    Ok(())
}
