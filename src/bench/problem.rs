//! What is timed, and how.

use std::time::Instant;

use super::case::Case;
use super::generate;
use crate::data::Samples;
use crate::engine::choose::EngineRequest;
use crate::error::{Error, Result};
use crate::mixture::Parameters;
use crate::mixture::shape::CovarianceType;

/// How to time.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What computes.
    pub engine: EngineRequest,
    /// Untimed iterations at the start of every run.
    pub warmup: usize,
    /// Timed iterations of every run, at least 1.
    pub iters: usize,
    /// Added to the variances in every M-step.
    pub reg_covar: f64,
    /// Seed of the data and the start.
    pub seed: u64,
    /// What the bounds of the check are multiplied by; a hook for tests of the checker.
    #[doc(hidden)]
    pub bounds_factor: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            engine: EngineRequest::default(),
            warmup: 2,
            iters: 5,
            reg_covar: 1e-6,
            seed: 0,
            bounds_factor: 1.0,
        }
    }
}

/// Data and a start to iterate from.
#[derive(Debug, Clone)]
pub struct Problem<'a> {
    pub(super) case: Case,
    pub(super) samples: Samples<'a>,
    pub(super) start: Parameters,
    /// Where the samples come from.
    pub(super) data: String,
    /// How long it took to make or read them.
    pub(super) seconds: f64,
}

impl<'a> Problem<'a> {
    /// Fresh random data for `case`, with its start.
    ///
    /// # Errors
    /// None but those of a broken generator.
    pub fn generate(case: Case, seed: u64) -> Result<Problem<'static>> {
        let started = Instant::now();
        let samples = generate::samples(&case, seed)?;
        let start = generate::start(&case, &samples, seed)?;
        let seconds = started.elapsed().as_secs_f64();
        Ok(Problem { case, samples, start, data: "generated".into(), seconds })
    }

    /// The user's samples and start; `data` says where they came from, and took `seconds` to read.
    ///
    /// # Errors
    /// [`Error::Shape`] if the features differ; [`Error::TooFewSamples`].
    pub fn given(data: &str, samples: Samples<'a>, start: Parameters, seconds: f64) -> Result<Self> {
        let (n, d, k) = (samples.n_samples(), samples.n_features(), start.n_components());
        if start.n_features() != d {
            return Err(Error::shape("features of the start", d, start.n_features()));
        }
        if samples.n_effective() < k {
            return Err(Error::TooFewSamples { n_samples: samples.n_effective(), n_components: k });
        }
        let covariance_type = start.covariance_type();
        let name = format!("{n},{d},{k}");
        let name = match covariance_type {
            CovarianceType::Full => name,
            other => format!("{name},{other}"),
        };
        let case = Case { name, n_samples: n, n_features: d, n_components: k, covariance_type };
        Ok(Problem { case, samples, start, data: data.into(), seconds })
    }

    /// The samples.
    pub fn samples(&self) -> &Samples<'a> {
        &self.samples
    }

    /// The start.
    pub fn start(&self) -> &Parameters {
        &self.start
    }
}

impl Settings {
    /// Iterations of a run, timed or not.
    pub(super) fn n_iter(&self) -> usize {
        self.warmup + self.iters
    }
}
