//! What one kind of mixture (K, covariance type) needs on the device.

use super::dump;
use super::loaded::Loaded;
use super::options::GpuOptions;
use super::plan::{Plan, Problem, Tuning};
use super::resident::Resident;
use super::room::Room;
use super::scratch::Scratch;
use crate::data::Scaling;
use crate::error::Result;
use crate::mixture::Parameters;

/// A plan with all that it takes to run it.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) plan: Plan,
    pub(super) scratch: Scratch,
    /// What is on the device.
    pub(super) loaded: Loaded,
}

impl Prepared {
    /// Plans, compiles and allocates for so many rows of the problem.
    pub(super) fn new(
        resident: &Resident,
        options: &GpuOptions,
        (problem, rows): (Problem, usize),
        room: &mut Room,
    ) -> Result<Prepared> {
        let Resident { context, chunks, .. } = resident;
        let tuning = match (&options.testing.tuning, &options.kernel) {
            (Some(tuning), _) => *tuning,
            (None, Some(name)) => Tuning::with_kernel(&problem, name)?,
            (None, None) => Tuning::new(&problem),
        };
        let mut plan = Plan::tuned(problem, &context.limits, &tuning)?.over(rows);
        tracing::info!("kernels: {}", plan.kernels());
        if let Some(folder) = &options.dump_shaders {
            dump::dump(&plan, folder)?;
        }
        room.fit(&mut plan);
        let scratch = Scratch::new(context, &plan, chunks, &options.testing)?;
        Ok(Prepared { plan, scratch, loaded: Loaded::default() })
    }

    /// Packs `parameters` for the next E-step or density. Returns whether there was anything to do: the device may
    /// have them.
    pub(super) fn load(&mut self, parameters: &Parameters, scaling: &Scaling) -> Result<bool> {
        let whitened = self.plan.problem.has_whitened_moments();
        let packing = self.loaded.replace(parameters, scaling, whitened)?;
        if let Some(packing) = &packing {
            self.scratch.set(packing);
        }
        Ok(packing.is_some())
    }
}
