//! The teaching notebook from data to picture: draw clustered data, watch EM find the clusters, compare with the
//! truth. `cargo run --release --example watch_em` writes watch_em.gif and watch_em.svg.

use std::error::Error;
use std::ops::ControlFlow;

use wgmm::em;
use wgmm::engines::CpuEngine;
use wgmm::plot::{self, Animation, PlotOptions};
use wgmm::sampling::{Sampler, random_mixture};
use wgmm::{CovarianceType, FitOptions, Samples};

fn main() -> Result<(), Box<dyn Error>> {
    let truth = random_mixture(3, 2, CovarianceType::Full, 3)?;
    let mut sampler = Sampler::new(&truth, 1)?;
    let mut values = vec![0.0; 1000 * 2];
    let labels: Vec<String> = values.chunks_exact_mut(2).map(|row| sampler.draw(row).to_string()).collect();
    let samples = Samples::new(&values, 2)?;

    let options = FitOptions::notebook(3);
    let mut engine = CpuEngine::new(&samples, None)?;
    let mut film = Animation::new(std::fs::File::create("watch_em.gif")?);
    let mut watch = |step: &mut em::Step<'_>| {
        println!("iteration {:2}: {:.6} nats per sample", step.iteration, step.mean_log_likelihood);
        match plot::step(step, &samples, &PlotOptions::default()).and_then(|figure| film.add(&figure)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    };
    let model = em::fit(&mut engine, &options, &mut watch)?.model;
    film.finish()?;

    let beside = PlotOptions { truth: Some(&labels), ..PlotOptions::default() };
    std::fs::write("watch_em.svg", plot::mixture(&mut engine, &samples, &model.parameters, &beside)?.svg())?;
    Ok(())
}
