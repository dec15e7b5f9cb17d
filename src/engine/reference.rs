//! The oracle: f64, sequential, textbook. It shares no arithmetic with the production engines. Each shader is tested
//! against the file of the same name here, which holds a function of that name.

pub mod density;
pub mod fused;
pub mod log_density_diag;
pub mod log_density_full;
pub mod log_density_full_tiled;
pub mod moments;
pub mod sum_partials;
pub mod whiten;

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
        let d = parameters.n_features();
        let components = density::components(parameters)?;
        let origins = parameters.means().to_vec();
        let mut moments = Moments::zero(parameters.covariance_type(), d, origins);
        let mut scratch = Scratch::default();
        let rows = self.data.rows();
        for start in rows.clone().step_by(BLOCK) {
            let mut block = Moments::zero(parameters.covariance_type(), d, moments.origins.clone());
            for (x, weight) in self.data.read(start..(start + BLOCK).min(rows.end), &mut scratch)?.iter() {
                fused::fused(&mut block, &components, x, weight);
            }
            sum_partials::sum_partials(&mut moments, &block)?;
        }
        Ok(moments)
    }

    fn weighted_log_densities(&mut self, parameters: &Parameters, rows: Range<usize>) -> Result<Vec<f64>> {
        check_features(&*self.data, parameters)?;
        let k = parameters.n_components();
        let components = density::components(parameters)?;
        let mut densities = vec![0.0; rows.len() * k];
        let mut scratch = Scratch::default();
        for (row, out) in rows.zip(densities.chunks_exact_mut(k)) {
            let x = self.data.read(row..row + 1, &mut scratch)?.values();
            log_density_full::log_density_full(&components, x, out);
        }
        Ok(densities)
    }

    fn info(&self) -> EngineInfo {
        EngineInfo::new(EngineKind::Reference, "one core", Precision::F64)
    }
}
