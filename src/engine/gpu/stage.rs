//! The kernels of a plan, compiled, with the bind groups that stay.

use std::ops::Range;

use rayon::prelude::*;

use super::buffers::Buffers;
use super::context::Context;
use super::layout;
use super::pipeline::Pipeline;
use super::plan::{Kernel, Plan};
use super::testing::Testing;
use crate::error::Result;

/// What a dispatch does; the order of the kernels of one slab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Whiten,
    Density,
    Moments,
    Fused,
    Sum,
}

/// One kernel with the bind groups that stay: 1 and 2.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) work: Work,
    pub(super) pipeline: Pipeline,
    pub(super) groups: [Option<wgpu::BindGroup>; 2],
}

impl Stage {
    /// Every stage of `plan` in order. Drivers take most of a second to compile a kernel of many features: all
    /// are compiled at once.
    pub(super) fn all(
        context: &Context,
        plan: &Plan,
        buffers: &Buffers,
        testing: &Testing,
    ) -> Result<Vec<Stage>> {
        let sums = plan.fused.as_ref().map_or((Work::Moments, &plan.moments), |fused| (Work::Fused, fused));
        let mut kernels: Vec<(Work, &Kernel)> = plan.whiten.iter().map(|k| (Work::Whiten, k)).collect();
        kernels.extend([(Work::Density, &plan.density.kernel), sums, (Work::Sum, &plan.sum)]);
        let stage = |(work, kernel): (Work, &Kernel)| {
            let bindings = layout::bindings(plan, kernel.template);
            let pipeline = Pipeline::new(context, kernel, bindings, testing.edit.as_ref(), testing.checked)?;
            let groups = fixed_groups(context, work, &pipeline, buffers)?;
            Ok(Stage { work, pipeline, groups })
        };
        kernels.into_par_iter().map(stage).collect()
    }
}

/// Groups 1 and 2.
fn fixed_groups(
    context: &Context,
    work: Work,
    pipeline: &Pipeline,
    b: &Buffers,
) -> Result<[Option<wgpu::BindGroup>; 2]> {
    let parts = &b.parts;
    let (parts, buffers): (&[&Range<usize>], &[&wgpu::Buffer]) = match work {
        Work::Whiten => (&[&parts.whitening], &[&b.whitened]),
        Work::Density => (
            &[&parts.factors, &parts.constants],
            &[&b.weighted_log_densities, &b.log_normalisers, &b.log_likelihoods],
        ),
        Work::Moments => {
            (&[&parts.origins, &parts.factors], &[&b.weighted_log_densities, &b.log_normalisers, &b.partials])
        }
        Work::Fused => (&[&parts.fused], &[&b.partials, &b.log_likelihoods]),
        Work::Sum => (&[], &[&b.partials, &b.totals]),
    };
    let bind = |index, buffers: &[wgpu::BufferBinding<'_>]| {
        (!buffers.is_empty()).then(|| pipeline.bind(context, index, buffers)).transpose()
    };
    let parts: Vec<_> = parts.iter().map(|part| b.part(part)).collect();
    Ok([bind(1, &parts)?, bind(2, &whole(buffers))?])
}

/// Whole buffers as bindings.
pub(super) fn whole<'b>(buffers: &[&'b wgpu::Buffer]) -> Vec<wgpu::BufferBinding<'b>> {
    buffers.iter().map(|buffer| buffer.as_entire_buffer_binding()).collect()
}
