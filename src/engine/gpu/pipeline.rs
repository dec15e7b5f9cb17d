//! Compute pipelines from rendered WGSL, with explicit layouts: group 0 is fixed for the fit, group 1
//! changes every iteration, group 2 is scratch and results.

use super::context::Context;
use super::layout::Binding;
use super::plan::Kernel;
use super::shader::{self, ShaderEdit};
use crate::error::{Error, Result};

/// One pipeline and the layouts its bind groups need.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) pipeline: wgpu::ComputePipeline,
    groups: Vec<Option<wgpu::BindGroupLayout>>,
    bindings: [Vec<(u32, Binding)>; 3],
    label: &'static str,
}

impl Pipeline {
    /// Compiles `kernel`. `checked` keeps the runtime checks that trusted shaders do without.
    pub(super) fn new(
        context: &Context,
        kernel: &Kernel,
        bindings: [Vec<(u32, Binding)>; 3],
        edit: Option<&ShaderEdit>,
        checked: bool,
    ) -> Result<Pipeline> {
        let name = kernel.template.name;
        let source = shader::render(kernel.template, &kernel.values, edit)?;
        let device = &context.device;
        context.scoped(name, 0, || {
            // A group the kernel does not use has no layout at all.
            let groups: Vec<_> = bindings
                .iter()
                .map(|entries| (!entries.is_empty()).then(|| group_layout(device, name, entries)))
                .collect();
            let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some(name),
                bind_group_layouts: &groups.iter().map(Option::as_ref).collect::<Vec<_>>(),
                immediate_size: 0,
            });
            let module = create_module(device, name, source, checked);
            let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(name),
                layout: Some(&layout),
                module: &module,
                entry_point: Some(name),
                compilation_options: wgpu::PipelineCompilationOptions {
                    zero_initialize_workgroup_memory: checked,
                    ..Default::default()
                },
                cache: None,
            });
            Pipeline { pipeline, groups, bindings, label: name }
        })
    }

    /// Bind group `group` from its buffers, in the order of the bindings.
    pub(super) fn bind(
        &self,
        context: &Context,
        group: usize,
        buffers: &[wgpu::BufferBinding<'_>],
    ) -> Result<wgpu::BindGroup> {
        let entries: Vec<_> = self.bindings[group]
            .iter()
            .zip(buffers)
            .map(|(&(binding, kind), buffer)| wgpu::BindGroupEntry {
                binding,
                resource: wgpu::BindingResource::Buffer(match kind {
                    Binding::Slab => wgpu::BufferBinding {
                        size: wgpu::BufferSize::new(size_of::<super::layout::Slab>() as u64),
                        ..buffer.clone()
                    },
                    _ => buffer.clone(),
                }),
            })
            .collect();
        let Some(layout) = &self.groups[group] else {
            return Err(Error::Shader {
                stage: self.label.into(),
                message: format!("group {group} is not used"),
            });
        };
        context.scoped(self.label, 0, || {
            context.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(self.label),
                layout,
                entries: &entries,
            })
        })
    }
}

/// The one place where runtime checks are left out.
fn create_module(device: &wgpu::Device, name: &str, source: String, checked: bool) -> wgpu::ShaderModule {
    let descriptor =
        wgpu::ShaderModuleDescriptor { label: Some(name), source: wgpu::ShaderSource::Wgsl(source.into()) };
    if checked {
        return device.create_shader_module(descriptor);
    }
    // SAFETY: the text is rendered from this crate's own templates. Every index is bounded by sizes that
    // `plan` fixed together with the buffers (tests run the same shaders with checks on), every loop ends,
    // and workgroup memory is written before it is read.
    #[allow(unsafe_code)]
    unsafe {
        device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked())
    }
}

fn group_layout(device: &wgpu::Device, label: &str, entries: &[(u32, Binding)]) -> wgpu::BindGroupLayout {
    let entries: Vec<_> = entries
        .iter()
        .map(|&(binding, kind)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: match kind {
                    Binding::Read => wgpu::BufferBindingType::Storage { read_only: true },
                    Binding::Write => wgpu::BufferBindingType::Storage { read_only: false },
                    Binding::Slab | Binding::Uniform => wgpu::BufferBindingType::Uniform,
                },
                has_dynamic_offset: kind == Binding::Slab,
                min_binding_size: None,
            },
            count: None,
        })
        .collect();
    device
        .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(label), entries: &entries })
}
