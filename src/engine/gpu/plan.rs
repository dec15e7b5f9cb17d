//! What will run, decided before anything runs: steps, slices and sizes of buffers, from the problem's shape
//! and the adapter's limits. Pure: no device is touched.
//!
//! A *slice* of samples is summed by one workgroup into one row of partials; slices are fixed by row
//! number alone. G slices are added up to a *group*, G groups to a *part*, in f32 on the device; the host adds the
//! parts in f64. Slices and groups follow from the whole data set, whichever rows of it are here. A *slab* is what one
//! dispatch takes: how many slices it holds changes no bit of the result.

use std::ops::Range;

pub use super::kernels::kernels_for;
pub use super::lead::Tuning;
pub use super::problem::{ALIGNMENT, Limits, Problem, TILE};

use super::blocks::Blocks;
use super::kernels::sum_partials;
use super::layout::Slab;
use super::lead::Frame;
use super::sections::Sections;
use super::step::{Buffer, Count, Step};
use crate::error::{Error, Result};

/// Slices per group, at most; more if the totals would not fit.
pub const SLICES_PER_GROUP: usize = 64;
/// Numbers that the host reads after an E-step, about: as many parts as that makes, from 8 to 64.
const READ_FLOATS: usize = 1 << 18;
/// Samples of the shortest slice: shorter ones are more rows of partials than they are worth.
const SHORTEST_SLICE: usize = 256;
/// Scratch for one number per sample and component, at most.
const MAX_SCRATCH_BYTES: u64 = 512 << 20;
/// Partials of one slab, at most (one slice must fit whatever this says).
const MAX_PARTIALS_BYTES: u64 = 256 << 20;
/// Samples whose log densities have room at once if an E-step needs none: a multiple of [`ALIGNMENT`].
const PREDICTED_ROWS: usize = 1 << 16;
/// Workgroups of the moments kernel that keep a large card busy.
const BUSY_WORKGROUPS: usize = 1500;

/// Everything decided for one problem on one adapter.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The problem.
    pub problem: Problem,
    /// The steps in the order in which they run. The last one adds partials up.
    pub steps: Vec<Step>,
    /// How the moments are spread over roles and lanes.
    pub blocks: Blocks,
    /// Samples per slice.
    pub slice: usize,
    /// Slices per group, and groups per part: a power of two.
    pub slices_per_group: usize,
    /// Samples that are here, of those of the problem.
    rows: usize,
    /// Where the parameters lie.
    pub sections: Sections,
    /// Samples whose log densities have room at once if an E-step needs none.
    predicted_rows: usize,
    /// Samples per slab, at most.
    pub max_slab: usize,
    /// Useful floating-point operations per sample of one E-step.
    pub flops_per_sample: f64,
}

impl Plan {
    /// Decides everything for `problem` under `limits`.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`] if no split of the work can fit.
    pub fn new(problem: Problem, limits: &Limits) -> Result<Plan> {
        Plan::tuned(problem, limits, &Tuning::new(&problem))
    }

    /// [`Plan::new`] with other tile sizes, for measuring.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn tuned(problem: Problem, limits: &Limits, tuning: &Tuning) -> Result<Plan> {
        let lead = tuning.kernel;
        let blocks = Blocks::new(&problem, tuning.moments_threads, tuning.moments_held);
        let slice = slice(&problem, tuning, &blocks);
        let unit = slice.max((lead.rows)(&problem, tuning));
        let row_bytes = (blocks.row_length(problem.n_components) * 4) as u64;
        let slices = problem.n_samples.next_multiple_of(unit) / slice;
        let slices_per_group = slices_per_group(slices, unit / slice, tuning.group, row_bytes, limits);
        let frame = Frame { problem: &problem, limits, tuning, blocks, slice, slices_per_group };
        let mut steps = (lead.steps)(&frame);
        steps.push(sum_partials::step(&frame));
        let sections = Sections::new(steps.iter().flat_map(|s| &s.sections).copied());
        let mut plan = Plan {
            problem,
            steps,
            blocks,
            slice,
            slices_per_group,
            rows: problem.n_samples,
            sections,
            predicted_rows: 0,
            max_slab: 0,
            flops_per_sample: problem.covariance_type.useful_flops(problem.n_components, problem.n_features),
        };
        let units = |budget: u64, bytes: usize| (budget / bytes.max(1) as u64) as usize;
        let (sample_bytes, slice_bytes) = (plan.sample_bytes(|_| true), row_bytes as usize);
        let scratch_bytes = MAX_SCRATCH_BYTES.min(limits.binding_bytes);
        plan.predicted_rows = (units(scratch_bytes, unit * sample_bytes) * unit).min(PREDICTED_ROWS);
        let unit_slices = unit / slice;
        let partials_bytes = MAX_PARTIALS_BYTES.max(row_bytes * unit_slices as u64).min(limits.binding_bytes);
        let most_units = units(scratch_bytes, unit * plan.sample_bytes(|step| step.sums))
            .min(units(partials_bytes, slice_bytes * unit_slices))
            .min(limits.workgroups / (unit / TILE))
            .min(limits.workgroups / unit_slices);
        plan.max_slab = (most_units * unit).min(problem.n_samples.next_multiple_of(unit));
        plan.check(limits)?;
        Ok(plan)
    }

    /// The same plan where only `rows` samples of the problem are.
    #[must_use]
    pub fn over(self, rows: usize) -> Plan {
        let max_slab = self.max_slab.min(rows.next_multiple_of(self.slab_unit()));
        Plan { rows, max_slab, ..self }
    }

    /// The longest scratch of one number or more per sample that steps bind, bytes per sample.
    fn sample_bytes(&self, steps: impl Fn(&Step) -> bool) -> usize {
        let bindings = self.steps.iter().filter(|s| steps(s)).flat_map(|s| &s.bindings);
        let bytes = |buffer| if let Buffer::PerSample(_, bytes) = buffer { bytes } else { 0 };
        bindings.map(|b| bytes(b.buffer)).max().unwrap_or_default()
    }

    /// Samples a slab's length is a multiple of.
    pub fn slab_unit(&self) -> usize {
        self.steps.iter().map(|s| s.rows).max().unwrap_or(1)
    }

    /// Samples whose densities have room at once: all of a slab, or those of one piece of a prediction.
    pub fn scratch_rows(&self) -> usize {
        let is_for_sums = self.sample_bytes(|step| step.sums) > 0;
        if is_for_sums { self.max_slab } else { self.max_slab.min(self.predicted_rows) }
    }

    /// Samples per partial sum of the log-likelihood.
    pub fn log_likelihood_rows(&self) -> usize {
        let writes = |step: &&Step| step.sums && step.binds(Buffer::LogLikelihoods);
        self.steps.iter().find(writes).map_or(self.slice, |step| step.rows)
    }

    /// Samples that densities of single samples are cut by.
    pub fn predicted_unit(&self) -> usize {
        self.steps.iter().filter(|s| s.predicts).map(|s| s.rows).max().unwrap_or(1)
    }

    /// Samples per part: a power of two.
    pub fn part_rows(&self) -> usize {
        self.slice * self.slices_per_group * self.slices_per_group
    }

    /// The samples that are here, counted from the first of them, part by part.
    pub fn parts(&self) -> impl Iterator<Item = Range<usize>> {
        let (rows, part) = (self.rows, self.part_rows());
        (0..rows).step_by(part).map(move |start| start..(start + part).min(rows))
    }

    /// Groups of slices over the samples that are here.
    pub fn groups(&self) -> usize {
        // Only the last chunk is padded: all others are whole multiples of `ALIGNMENT`.
        let padded = self.rows.next_multiple_of(self.slab_unit());
        (padded / self.slice).div_ceil(self.slices_per_group)
    }

    /// Statistics of one slice.
    pub fn row_length(&self) -> usize {
        self.blocks.row_length(self.problem.n_components)
    }

    /// Bytes of the totals of all groups.
    pub fn totals_bytes(&self) -> u64 {
        (self.groups() * self.row_length() * 4) as u64
    }

    /// Rows left after groups are added up to parts: what the host reads.
    pub fn result_rows(&self) -> usize {
        self.parts().count()
    }

    /// The numbers of the steps that are `wanted`.
    pub fn numbers(&self, wanted: impl Fn(&Step) -> bool) -> Vec<usize> {
        (0..self.steps.len()).filter(|&i| wanted(&self.steps[i])).collect()
    }

    /// The totals of all groups as the slices of a slab, for the last sum: totals are to groups of groups what
    /// partials are to groups of slices.
    pub fn last_slab(&self) -> Slab {
        Slab {
            n_slices: self.groups() as u32,
            row_length: self.row_length() as u32,
            n_components: self.problem.n_components as u32,
            ..Slab::default()
        }
    }

    /// Names of the kernels that E-steps run, for people.
    pub fn kernels(&self) -> String {
        let named = self.steps.iter().filter(|s| s.sums && s.template != sum_partials::TEMPLATE);
        named.map(|s| s.template.name).collect::<Vec<_>>().join(" + ")
    }

    /// The slabs of chunks with `chunk_rows` samples each, at most `slab` samples long; chunk by chunk.
    pub fn slabs(&self, chunk_rows: &[usize], slab: usize) -> Vec<Vec<Slab>> {
        let unit = self.slab_unit();
        let (mut first_partial, mut first_slice) = (0, 0);
        let mut chunks = Vec::new();
        for &rows in chunk_rows {
            let padded = rows.next_multiple_of(unit);
            let mut slabs = Vec::new();
            for start in (0..padded).step_by(slab) {
                let stride = slab.min(padded - start);
                let n_slices = (stride / self.slice) as u32;
                slabs.push(Slab {
                    first_tile: (start / TILE) as u32,
                    n_samples: rows as u32,
                    stride: stride as u32,
                    n_components: self.problem.n_components as u32,
                    first_partial,
                    n_slices,
                    first_slice,
                    row_length: self.row_length() as u32,
                });
                first_partial += (stride / self.log_likelihood_rows()) as u32;
                first_slice += n_slices;
            }
            chunks.push(slabs);
        }
        chunks
    }

    /// Asserts the whole plan against `limits`: a driver may hang instead of refusing.
    fn check(&self, limits: &Limits) -> Result<()> {
        let exceeded = |limit, required: usize, available: u64| {
            let required = required as u64;
            if required > available {
                Err(Error::LimitExceeded { limit, required, available })
            } else {
                Ok(())
            }
        };
        for step in &self.steps {
            exceeded("workgroup memory (bytes)", step.workgroup_bytes, limits.workgroup_bytes as u64)?;
            exceeded("invocations per workgroup", step.invocations, limits.invocations as u64)?;
            for count in step.grid {
                if let Count::Fixed(count) = count {
                    exceeded("workgroups per dimension", count, limits.workgroups as u64)?;
                }
            }
        }
        let (unit, binding) = (self.slab_unit(), limits.binding_bytes.min(limits.buffer_bytes));
        exceeded("scratch binding (bytes)", unit * self.sample_bytes(|_| true), binding)?;
        // The smallest slab there is must be one dispatch: `max_slab` is 0 otherwise.
        exceeded("workgroups per dimension", unit / TILE, limits.workgroups as u64)?;
        exceeded("partials binding (bytes)", self.row_length() * 4 * (unit / self.slice), binding)?;
        exceeded("totals binding (bytes)", self.totals_bytes() as usize, binding)?;
        for (_, place) in self.sections.iter() {
            exceeded("factors binding (bytes)", place.len(), binding)?;
        }
        exceeded("parameters (bytes)", self.sections.bytes(), limits.buffer_bytes)
    }
}

/// Samples per slice: short enough that the moments of few samples keep a large card busy.
fn slice(problem: &Problem, tuning: &Tuning, blocks: &Blocks) -> usize {
    let per_slice = problem.n_components.div_ceil(blocks.components()) * blocks.role_groups();
    let least = tuning.kernel.least_slice;
    // One invocation adds a slice up in f32: longer ones would lose digits.
    let mut slice = tuning.slice.max(least).min(ALIGNMENT);
    while slice > least.max(SHORTEST_SLICE) && problem.n_samples.div_ceil(slice) * per_slice < BUSY_WORKGROUPS
    {
        slice /= 2;
    }
    slice
}

/// The fewest slices per group that leave the host no more parts than it likes to read, and no more than one dispatch can
/// give it, each a whole number of slabs' units.
/// `slices` there are over all samples, `unit` to a slab's unit, `least` to a group at least.
fn slices_per_group(slices: usize, unit: usize, least: usize, row_bytes: u64, limits: &Limits) -> usize {
    let most_parts = (READ_FLOATS as u64 * 4 / row_bytes.max(1)).clamp(8, 64) as usize;
    let parts = |group: usize| slices.div_ceil(group * group);
    let mut group = least;
    while group < SLICES_PER_GROUP && (parts(group) > most_parts || group * group < unit) {
        group *= 2;
    }
    while group < slices
        && (slices.div_ceil(group) as u64 * row_bytes > limits.binding_bytes
            || parts(group) > limits.workgroups)
    {
        group *= 2;
    }
    group
}
