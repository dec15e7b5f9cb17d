//! The golden cases of `tests/data/golden`: data, starts and what 256-bit arithmetic says.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use wgmm::{CovarianceCenter, CovarianceType, FitOptions, Init, Parameters, Samples};

use super::distance::{Distances, Mixture};
use super::engines::Kind;
use super::files;

/// One `expected*.json` of one case.
pub struct Golden {
    pub header: Header,
    pub samples: Samples<'static>,
    pub start: Parameters,
    pub center: CovarianceCenter,
    pub outcome: Outcome,
}

/// What every expected file says.
#[derive(Deserialize)]
pub struct Header {
    pub input: String,
    pub covariance_type: CovarianceType,
    pub reg_covar: f64,
}

pub enum Outcome {
    /// The fit must end in an error.
    Error,
    Fit(Box<Expected>),
}

#[derive(Deserialize)]
pub struct Expected {
    pub n_rows: usize,
    pub n_dims: usize,
    pub n_components: usize,
    pub n_parameters: usize,
    pub log_likelihood_trace: Vec<f64>,
    pub trace_tolerance: Tolerance<f64>,
    pub tol: Option<f64>,
    pub max_iter: usize,
    pub converged_iterations: Option<usize>,
    pub snapshots: Vec<Snapshot>,
    pub predict: Predict,
}

/// A bound per precision of the sums; absent where f32 cannot do the case.
#[derive(Deserialize, Clone, Copy)]
pub struct Tolerance<T> {
    pub float64: Option<T>,
    pub float32: Option<T>,
}

impl<T: Copy> Tolerance<T> {
    pub fn of(&self, kind: Kind) -> Option<T> {
        if kind.is_f64() { self.float64 } else { self.float32 }
    }
}

#[derive(Deserialize)]
pub struct Snapshot {
    pub iterations: usize,
    pub converged: bool,
    weights: Vec<f64>,
    means: Value,
    covariances: Value,
    pub nk: Vec<f64>,
    pub final_mean_log_likelihood: f64,
    pub bic: f64,
    pub aic: f64,
    pub tolerance: Tolerance<Distances>,
}

impl Snapshot {
    pub fn mixture(&self, covariance_type: CovarianceType) -> Mixture {
        let means = files::numbers(&self.means);
        Mixture {
            covariance_type,
            n_features: means.len() / self.weights.len(),
            weights: self.weights.clone(),
            means,
            covariances: files::numbers(&self.covariances),
        }
    }
}

#[derive(Deserialize)]
pub struct Predict {
    pub iterations: usize,
    pub rows: Vec<usize>,
    pub responsibilities: Vec<Vec<f64>>,
    pub log_density: Vec<f64>,
    pub label_counts: Vec<usize>,
    pub labels: Option<Vec<u32>>,
    pub rows_with_margin_below_1e_3: usize,
}

impl Golden {
    /// Loads one expected file with its data and start; whatever is missing fails the test.
    #[track_caller]
    pub fn load(path: &Path) -> Golden {
        let name = path.to_str().unwrap();
        let folder = path.parent().unwrap();
        let value = files::json(path);
        let header = Header::deserialize(&value).unwrap_or_else(|e| panic!("{name}: {e}"));
        let notebook = name.ends_with("expected_seed.json");
        let init = if notebook { "init_seed.json" } else { "init.json" };
        let start = Parameters::read_start(&folder.join(init), header.covariance_type).unwrap();
        let outcome = match value.get("expected_error") {
            Some(_) => Outcome::Error,
            None => Outcome::Fit(Box::new(
                Expected::deserialize(&value).unwrap_or_else(|e| panic!("{name}: {e}")),
            )),
        };
        let golden = Golden {
            samples: files::samples(&folder.join(&header.input)),
            header,
            start,
            center: if notebook { CovarianceCenter::OldMean } else { CovarianceCenter::NewMean },
            outcome,
        };
        if let Outcome::Fit(e) = &golden.outcome {
            assert_eq!(
                (e.n_rows, e.n_dims),
                (golden.samples.n_samples(), golden.samples.n_features()),
                "{name}"
            );
            assert_eq!(e.n_components, golden.start.n_components(), "{name}");
            assert_eq!(notebook, value["algorithm"].as_str().unwrap().contains("OLD mean"), "{name}");
            let converged = e.snapshots.iter().find(|s| s.converged).map(|s| s.iterations);
            assert_eq!(converged, e.converged_iterations, "{name}");
            assert_eq!(e.predict.iterations, e.snapshots.last().unwrap().iterations, "{name}");
        }
        golden
    }

    /// Options for exactly `n` M-steps from the stored start.
    pub fn steps(&self, n: usize) -> FitOptions {
        FitOptions {
            covariance_type: self.header.covariance_type,
            tol: 0.0,
            max_iter: n,
            init: Init::Given(self.start.clone()),
            reg_covar: self.header.reg_covar,
            covariance_center: self.center,
            ..FitOptions::new(self.start.n_components())
        }
    }
}
