//! Problems for the device: samples, a mixture whose components overlap, how the work is cut.

use wgmm::internals::engine::gpu::Testing;
use wgmm::internals::engine::gpu::plan::{Problem, Tuning};
use wgmm::internals::mixture::sample::{Sampler, random_mixture};
use wgmm::{CovarianceType, Parameters, Samples};

use super::judge::judge;
use super::open;

/// One problem and one way to run it.
#[derive(Clone)]
pub struct Case {
    pub name: String,
    pub values: Vec<f64>,
    pub weights: Option<Vec<f64>>,
    pub parameters: Parameters,
    pub chunk_rows: Option<usize>,
    pub testing: Testing,
}

impl Case {
    /// `n` samples of a random mixture; some weights are 0 where samples are weighted.
    pub fn new(covariance_type: CovarianceType, n: usize, d: usize, k: usize, weighted: bool) -> Case {
        let seed = (n * 31 + d * 7 + k) as u64;
        let parameters = overlapping(covariance_type, d, k, seed);
        let mut sampler = Sampler::new(&parameters, seed).unwrap();
        let mut values = vec![0.0; n * d];
        values.chunks_exact_mut(d).for_each(|row| {
            sampler.draw(row);
        });
        // The first sample always counts, so that a single one does.
        let weights = weighted.then(|| (0..n).map(|i| [1.0, 0.0, 2.5, 0.3, 7.0][i % 5]).collect());
        let weight = if weighted { " weighted" } else { "" };
        Case {
            name: format!("{covariance_type} N={n} D={d} K={k}{weight}"),
            values,
            weights,
            parameters,
            chunk_rows: None,
            testing: Testing::default(),
        }
    }

    /// The case with its work cut into slabs of about `rows` samples.
    pub fn in_slabs(mut self, rows: usize) -> Case {
        self.testing.slab = Some(rows);
        self.name += &format!(" slab={rows}");
        self
    }

    /// What a plan needs to know of it.
    pub fn problem(&self) -> Problem {
        Problem {
            n_samples: self.values.len() / self.parameters.n_features(),
            n_features: self.parameters.n_features(),
            n_components: self.parameters.n_components(),
            covariance_type: self.parameters.covariance_type(),
            weighted: self.weights.is_some(),
        }
    }

    /// The case on a kernel that the table may not choose for it.
    pub fn with_kernel(mut self, kernel: &str) -> Case {
        self.testing.tuning = Some(Tuning::with_kernel(&self.problem(), kernel).unwrap());
        self.name += &format!(" {kernel}");
        self
    }

    /// The case with groups of at least `slices` slices, which the table has for more samples only.
    pub fn in_groups(mut self, slices: usize) -> Case {
        let tuning = self.testing.tuning.unwrap_or_else(|| Tuning::new(&self.problem()));
        self.testing.tuning = Some(Tuning { group: slices, ..tuning });
        self.name += &format!(" groups={slices}");
        self
    }

    pub fn samples(&self) -> Samples<'_> {
        let samples = Samples::new(&self.values, self.parameters.n_features()).unwrap();
        match &self.weights {
            Some(weights) => samples.with_sample_weights(weights.as_slice()).unwrap(),
            None => samples,
        }
    }

    /// Runs the case and compares every stage with its twin: what is wrong, if anything.
    pub fn run(&self) -> Result<(), String> {
        let samples = self.samples();
        let mut engine = open(&samples, self.chunk_rows, self.testing.clone());
        judge(&mut engine, &samples, &self.parameters).map_err(|e| format!("{}: {e}", self.name))
    }
}

/// Runs all cases and lists every one that fails.
#[track_caller]
pub fn run_all(cases: impl IntoIterator<Item = Case>) {
    let failed: Vec<String> = cases.into_iter().filter_map(|case| case.run().err()).collect();
    assert!(failed.is_empty(), "{} cases failed:\n{}", failed.len(), failed.join("\n"));
}

/// A random mixture with means drawn together until components lie about two standard deviations
/// apart: responsibilities between 0 and 1 are where a wrong exponent shows.
fn overlapping(covariance_type: CovarianceType, d: usize, k: usize, seed: u64) -> Parameters {
    let wide = random_mixture(k, d, covariance_type, seed).unwrap();
    let closer = 0.25 / (d as f64).sqrt();
    let means = wide.means().iter().map(|m| m * closer).collect();
    Parameters::new(covariance_type, wide.weights().to_vec(), means, wide.covariances().to_vec()).unwrap()
}
