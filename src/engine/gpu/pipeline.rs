//! Compute pipelines from rendered WGSL, with explicit layouts: group 0 is fixed for the fit, group 1
//! changes every iteration, group 2 is scratch and results.

use super::context::Context;
use super::layout::Slab;
use super::shader::{self, ShaderEdit};
use super::step::{Access, Binding, Buffer, Step};
use crate::error::{Error, Result};

/// Bind groups that a kernel may use.
const GROUPS: usize = 3;

/// Its bind groups, by number; a group that it does not use has none.
pub(super) type Groups = [Option<wgpu::BindGroup>; GROUPS];

/// One pipeline and the layouts its bind groups need.
#[derive(Debug)]
pub(super) struct Pipeline {
    pipeline: wgpu::ComputePipeline,
    layouts: [Option<wgpu::BindGroupLayout>; GROUPS],
    bindings: Vec<Binding>,
    label: &'static str,
}

impl Pipeline {
    /// Compiles the kernel of `step`. `checked` keeps the runtime checks that trusted shaders do without.
    pub(super) fn new(
        context: &Context,
        step: &Step,
        edit: Option<&ShaderEdit>,
        checked: bool,
    ) -> Result<Pipeline> {
        let name = step.template.name;
        let source = shader::render(step.template, &step.values, edit)?;
        let device = &context.device;
        context.scoped(name, 0, || {
            let layouts = [0, 1, 2].map(|group| group_layout(device, name, &step.bindings, group));
            let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some(name),
                bind_group_layouts: &layouts.each_ref().map(Option::as_ref),
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
            Pipeline { pipeline, layouts, bindings: step.bindings.clone(), label: name }
        })
    }

    /// Its bind groups over the buffers that `find` gives.
    ///
    /// # Errors
    /// [`Error::Shader`] for a buffer that `find` does not know.
    pub(super) fn bind<'b>(
        &self,
        context: &Context,
        find: impl Fn(Buffer) -> Option<wgpu::BufferBinding<'b>>,
    ) -> Result<Groups> {
        let mut groups = [None, None, None];
        for (number, layout) in self.layouts.iter().enumerate() {
            let Some(layout) = layout else { continue };
            let mut entries = Vec::new();
            for binding in self.bindings.iter().filter(|b| b.group == number) {
                let Some(buffer) = find(binding.buffer) else {
                    let message = format!("there is no {:?} to bind", binding.buffer);
                    return Err(Error::Shader { stage: self.label.into(), message });
                };
                entries.push(wgpu::BindGroupEntry {
                    binding: binding.number,
                    resource: wgpu::BindingResource::Buffer(match binding.buffer {
                        // One slab of all, at an offset that each dispatch gives.
                        Buffer::Slabs => wgpu::BufferBinding {
                            size: wgpu::BufferSize::new(size_of::<Slab>() as u64),
                            ..buffer
                        },
                        _ => buffer,
                    }),
                });
            }
            groups[number] = Some(context.scoped(self.label, 0, || {
                context.device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some(self.label),
                    layout,
                    entries: &entries,
                })
            })?);
        }
        Ok(groups)
    }

    /// Records a dispatch; `offset` is that of the slab, if the kernel binds one.
    pub(super) fn dispatch(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        groups: &Groups,
        offset: u32,
        [x, y, z]: [u32; 3],
    ) {
        pass.set_pipeline(&self.pipeline);
        for (number, group) in groups.iter().enumerate() {
            let Some(group) = group else { continue };
            let slabs = self.bindings.iter().filter(|b| b.group == number && b.buffer == Buffer::Slabs);
            let offsets: Vec<u32> = slabs.map(|_| offset).collect();
            pass.set_bind_group(number as u32, group, &offsets);
        }
        pass.dispatch_workgroups(x, y, z);
    }
}

/// The one place where runtime checks are left out.
#[expect(unsafe_code, reason = "wgpu has no safe way to leave runtime checks out")]
fn create_module(device: &wgpu::Device, name: &str, source: String, checked: bool) -> wgpu::ShaderModule {
    let descriptor =
        wgpu::ShaderModuleDescriptor { label: Some(name), source: wgpu::ShaderSource::Wgsl(source.into()) };
    if checked {
        return device.create_shader_module(descriptor);
    }
    // SAFETY: the text is rendered from this crate's own templates. Every index is bounded by sizes that
    // `plan` fixed together with the buffers (tests run the same shaders with checks on), every loop ends,
    // and workgroup memory is written before it is read.
    unsafe { device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) }
}

/// The layout of one group; none if no binding is in it.
fn group_layout(
    device: &wgpu::Device,
    label: &str,
    bindings: &[Binding],
    group: usize,
) -> Option<wgpu::BindGroupLayout> {
    let entries: Vec<_> = bindings
        .iter()
        .filter(|b| b.group == group)
        .map(|binding| wgpu::BindGroupLayoutEntry {
            binding: binding.number,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: match binding.access {
                    Access::Read => wgpu::BufferBindingType::Storage { read_only: true },
                    Access::Write => wgpu::BufferBindingType::Storage { read_only: false },
                    Access::Uniform => wgpu::BufferBindingType::Uniform,
                },
                has_dynamic_offset: binding.buffer == Buffer::Slabs,
                min_binding_size: None,
            },
            count: None,
        })
        .collect();
    let descriptor = wgpu::BindGroupLayoutDescriptor { label: Some(label), entries: &entries };
    (!entries.is_empty()).then(|| device.create_bind_group_layout(&descriptor))
}
