//! What a mixture says about samples, what others got wrong there, and mixtures of fewer features.

mod agreement;
mod condition;
mod criteria;
mod rivals;

use wgmm::internals::infer;
use wgmm::{Parameters, Samples};

use crate::support::engines::Kind;

/// ln p(x) of rows of the mixture's features, by the reference engine.
fn log_densities(parameters: &Parameters, rows: &[f64]) -> Vec<f64> {
    let samples = Samples::new(rows, parameters.n_features()).unwrap();
    let mut engine = Kind::Reference.open(&samples).unwrap();
    infer::sample_log_likelihoods(engine.as_mut(), parameters).unwrap()
}
