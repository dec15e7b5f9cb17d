//! The kernels: which there are, which can serve a problem, and with which tile sizes.
//!
//! One file each, of the name of its shader. A new kernel is its two files, its twin in the reference, and a line
//! of the table here.

mod density;
mod fused;
mod log_density_diag;
mod log_density_full;
mod log_density_full_tiled;
mod moments;
pub mod probe_copy;
pub mod probe_fma;
pub(super) mod sum_partials;
mod whiten;

use super::lead::{Kernel, Lead, Tuning};
use super::problem::{ALIGNMENT, Problem, TILE};
use super::shader::Template;
use crate::error::{Error, Result};

/// The table of kernels.
pub const ALL: &[Kernel] = &[
    fused::KERNEL,
    log_density_diag::KERNEL,
    log_density_full::KERNEL,
    log_density_full_tiled::KERNEL,
    moments::KERNEL,
    probe_copy::KERNEL,
    probe_fma::KERNEL,
    sum_partials::KERNEL,
    whiten::KERNEL,
];

/// The kernels that can lead a plan for `problem`, the best one first.
fn leads(problem: &Problem) -> Vec<&'static Lead> {
    let leads = ALL.iter().filter_map(|kernel| kernel.lead);
    let mut ranked: Vec<(u32, &Lead)> = leads.filter_map(|l| Some(((l.rank)(problem)?, l))).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, lead)| lead).collect()
}

/// The kernels that can serve `problem`, as `--kernel` names them; the first one does unless another is asked
/// for.
pub fn kernels_for(problem: &Problem) -> Vec<Template> {
    leads(problem).into_iter().map(|lead| lead.template).collect()
}

impl Tuning {
    /// The tile sizes of the kernel that serves `problem` best: every covariance type has one for every size.
    pub fn new(problem: &Problem) -> Tuning {
        Tuning::of(problem, leads(problem)[0])
    }

    /// The tile sizes of a kernel asked for by name.
    ///
    /// # Errors
    /// [`Error::Option`] for a kernel that cannot serve the problem.
    pub fn with_kernel(problem: &Problem, name: &str) -> Result<Tuning> {
        let leads = leads(problem);
        leads.iter().find(|l| l.template.name == name).map(|l| Tuning::of(problem, l)).ok_or_else(|| {
            let names: Vec<&str> = leads.iter().map(|l| l.template.name).collect();
            let allowed =
                format!("must be {} for these features, components and covariances", names.join(" or "));
            Error::option("kernel", name, allowed)
        })
    }

    /// The common sizes, then those of the moments and of the kernel that leads.
    fn of(problem: &Problem, kernel: &'static Lead) -> Tuning {
        let mut tuning = Tuning {
            kernel,
            staged_factor_bytes: 12 << 10,
            density_groups: 1,
            density_threads: TILE,
            density_unroll: 16,
            moments_threads: TILE,
            stage: 1,
            moments_unroll: 1,
            moments_held: 1,
            moments_quads: 1,
            slice: ALIGNMENT,
        };
        moments::tune(problem, &mut tuning);
        (kernel.tune)(problem, &mut tuning);
        tuning
    }
}
