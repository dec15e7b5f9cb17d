//! The oracle: f64, sequential, textbook. It shares no arithmetic with the production engines; each shader names the file
//! here that it is tested against.

pub mod log_density;
pub mod moments;

use std::ops::Range;

use super::{Engine, check_features};
use crate::data::{Data, Dataset, Scratch};
use crate::error::Result;
use crate::mixture::Parameters;
use crate::mixture::moments::Moments;
use crate::report::{EngineInfo, EngineKind, Precision};

/// Samples summed before their sum joins the total: one run over 262 144 samples would lose the mean
/// log-likelihood's eleventh decimal.
const BLOCK: usize = 512;

/// Sums over samples one after the other in f64.
#[derive(Debug)]
pub struct ReferenceEngine<'a> {
    data: Data<'a>,
}

impl<'a> ReferenceEngine<'a> {
    /// An engine over `data`.
    pub fn new(data: impl Into<Data<'a>>) -> Self {
        ReferenceEngine { data: data.into() }
    }
}

impl Engine for ReferenceEngine<'_> {
    fn data(&self) -> &dyn Dataset {
        &*self.data
    }

    fn e_step(&mut self, parameters: &Parameters) -> Result<Moments> {
        check_features(&*self.data, parameters)?;
        let (k, d) = (parameters.n_components(), parameters.n_features());
        let components = log_density::components(parameters)?;
        let origins = parameters.means().to_vec();
        let mut moments = Moments::zero(parameters.covariance_type(), d, origins);
        let mut scratch = Scratch::default();
        let mut densities = vec![0.0; k];
        let rows = self.data.rows();
        for start in rows.clone().step_by(BLOCK) {
            let mut block = Moments::zero(parameters.covariance_type(), d, moments.origins.clone());
            for (x, weight) in self.data.read(start..(start + BLOCK).min(rows.end), &mut scratch)?.iter() {
                log_density::weighted_log_density(&components, x, &mut densities);
                let log_density = log_density::normalise(&mut densities);
                // A row of weight 0 is absent, whatever its density.
                if weight > 0.0 {
                    block.log_likelihood += weight * log_density;
                    moments::accumulate(&mut block, x, weight, &densities);
                }
            }
            moments.add(&block)?;
        }
        Ok(moments)
    }

    fn weighted_log_densities(&mut self, parameters: &Parameters, rows: Range<usize>) -> Result<Vec<f64>> {
        check_features(&*self.data, parameters)?;
        let k = parameters.n_components();
        let components = log_density::components(parameters)?;
        let mut densities = vec![0.0; rows.len() * k];
        let mut scratch = Scratch::default();
        for (row, out) in rows.zip(densities.chunks_exact_mut(k)) {
            let x = self.data.read(row..row + 1, &mut scratch)?.values();
            log_density::weighted_log_density(&components, x, out);
        }
        Ok(densities)
    }

    fn info(&self) -> EngineInfo {
        EngineInfo::new(EngineKind::Reference, "one core", Precision::F64)
    }
}
