//! WGSL read back by naga and compared with what Rust declares. Each comparison returns what is wrong,
//! so that planted faults can be shown to it.

use std::mem::{offset_of, size_of};

use wgmm::internals::engine::gpu::layout::Slab;
use wgmm::internals::engine::gpu::step::{Access, Binding, Buffer};
use wgpu::naga::proc::Layouter;
use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};
use wgpu::naga::{AddressSpace, Expression, Module, ScalarKind, StorageAccess, TypeInner, front};

/// Parses and validates without any optional capability: no f64, no subgroups, no 64-bit integers.
pub fn parse(text: &str) -> Result<Module, String> {
    let module = front::wgsl::parse_str(text).map_err(|e| e.emit_to_string(text))?;
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::empty());
    validator.validate(&module).map_err(|e| e.emit_to_string(text))?;
    Ok(module)
}

/// Name and offset of every field of the Rust struct.
fn slab_fields() -> Vec<(&'static str, usize)> {
    macro_rules! fields {
        ($($field:ident),*) => { vec![$((stringify!($field), offset_of!(Slab, $field))),*] };
    }
    // A field missing here makes the sizes differ.
    fields!(first_tile, n_samples, stride, n_components, first_partial, n_slices, first_slice, row_length)
}

/// The WGSL struct `Slab` against Rust's: names, offsets, types, size.
pub fn slab_mismatch(module: &Module) -> Result<(), String> {
    let found = module.types.iter().find(|(_, t)| t.name.as_deref() == Some("Slab"));
    let Some((_, ty)) = found else { return Err("there is no struct Slab".into()) };
    let TypeInner::Struct { members, span } = &ty.inner else { return Err("Slab is not a struct".into()) };
    if *span as usize != size_of::<Slab>() {
        return Err(format!("Slab has {span} bytes in WGSL, {} in Rust", size_of::<Slab>()));
    }
    let wgsl: Vec<(&str, usize)> =
        members.iter().map(|m| (m.name.as_deref().unwrap_or_default(), m.offset as usize)).collect();
    if wgsl != slab_fields() {
        return Err(format!("Slab is {wgsl:?} in WGSL, {:?} in Rust", slab_fields()));
    }
    let is_u32 = |m: &wgpu::naga::StructMember| matches!(module.types[m.ty].inner, TypeInner::Scalar(s) if s.kind == ScalarKind::Uint && s.width == 4);
    match members.iter().find(|m| !is_u32(m)) {
        Some(member) => Err(format!("Slab.{:?} is not a u32", member.name)),
        None => Ok(()),
    }
}

/// Groups, numbers and access of every binding against `declared`.
pub fn bindings_mismatch(module: &Module, declared: &[Binding]) -> Result<(), String> {
    let mut wgsl = Vec::new();
    for (_, variable) in module.global_variables.iter() {
        let Some(at) = &variable.binding else { continue };
        let is_slab = module.types[variable.ty].name.as_deref() == Some("Slab");
        let access = match variable.space {
            AddressSpace::Uniform => Access::Uniform,
            AddressSpace::Storage { access } if access == StorageAccess::LOAD => Access::Read,
            AddressSpace::Storage { access } if access == StorageAccess::LOAD | StorageAccess::STORE => {
                Access::Write
            }
            other => return Err(format!("{:?} lies in {other:?}", variable.name)),
        };
        wgsl.push((at.group as usize, at.binding, format!("{access:?}"), is_slab));
    }
    let mut rust: Vec<_> = declared
        .iter()
        .map(|b| (b.group, b.number, format!("{:?}", b.access), b.buffer == Buffer::Slabs))
        .collect();
    wgsl.sort();
    rust.sort();
    if wgsl == rust { Ok(()) } else { Err(format!("bindings are {wgsl:?} in WGSL, {rust:?} in Rust")) }
}

/// The one entry point: its name and workgroup size.
pub fn entry_mismatch(module: &Module, name: &str, invocations: usize) -> Result<(), String> {
    let [entry] = &module.entry_points[..] else {
        return Err(format!("{} entry points", module.entry_points.len()));
    };
    let size = entry.workgroup_size.iter().product::<u32>() as usize;
    if entry.name != name || size != invocations {
        return Err(format!(
            "entry point {} of {size} invocations, expected {name} of {invocations}",
            entry.name
        ));
    }
    Ok(())
}

/// Bytes of workgroup memory.
pub fn workgroup_bytes(module: &Module) -> usize {
    let mut layouter = Layouter::default();
    layouter.update(module.to_ctx()).expect("a valid module has a layout");
    let variables = module.global_variables.iter().filter(|(_, v)| v.space == AddressSpace::WorkGroup);
    variables.map(|(_, v)| layouter[v.ty].to_stride() as usize).sum()
}

/// Things whose cost is not seen in the text: f64, and private memory indexed at run time, which a
/// driver may move out of registers.
pub fn hidden_cost(module: &Module) -> Result<(), String> {
    for (_, ty) in module.types.iter() {
        if matches!(ty.inner, TypeInner::Scalar(s) | TypeInner::Vector { scalar: s, .. } if s.width == 8) {
            return Err("64-bit numbers".into());
        }
    }
    let is_array = |ty| matches!(module.types[ty].inner, TypeInner::Array { .. });
    let functions = module.functions.iter().map(|(_, f)| f);
    for function in functions.chain(module.entry_points.iter().map(|e| &e.function)) {
        if let Some((_, v)) = function.local_variables.iter().find(|(_, v)| is_array(v.ty)) {
            return Err(format!("the private array {:?}", v.name));
        }
        for (_, expression) in function.expressions.iter() {
            if let Expression::Access { base, .. } = expression
                && matches!(function.expressions[*base], Expression::LocalVariable(_))
            {
                return Err("a private vector indexed at run time".into());
            }
        }
    }
    let is_private = |v: &wgpu::naga::GlobalVariable| v.space == AddressSpace::Private;
    match module.global_variables.iter().find(|(_, v)| is_private(v)) {
        Some((_, v)) => Err(format!("the private variable {:?}", v.name)),
        None => Ok(()),
    }
}
