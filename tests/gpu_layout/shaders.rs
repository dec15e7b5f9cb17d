//! Every template, rendered for every plan of the table: valid WGSL that agrees with Rust.

use std::collections::BTreeSet;

use wgmm::internals::engine::gpu::kernels::{self, probe_copy, probe_fma};
use wgmm::internals::engine::gpu::layout::HUGE;
use wgmm::internals::engine::gpu::plan::Plan;
use wgmm::internals::engine::gpu::shader::{self, SLAB, ShaderEdit};
use wgmm::internals::engine::gpu::step::{Access, Step};

use super::reflect::{bindings_mismatch, entry_mismatch, hidden_cost, parse, slab_mismatch, workgroup_bytes};
use super::{LIMITS, plans, problems};

fn rendered(step: &Step) -> String {
    shader::render(step.template, &step.values, None).unwrap_or_else(|e| panic!("{e}"))
}

/// All that must hold of the text of one kernel.
fn check(text: &str, step: &Step) -> Result<(), String> {
    let module = parse(text)?;
    slab_mismatch(&module)?;
    bindings_mismatch(&module, &step.bindings)?;
    entry_mismatch(&module, step.template.name, step.invocations)?;
    hidden_cost(&module)?;
    let bytes = workgroup_bytes(&module);
    if bytes > step.workgroup_bytes {
        return Err(format!("{bytes} bytes of workgroup memory, {} were planned", step.workgroup_bytes));
    }
    Ok(())
}

/// Distinct texts of the whole table; most plans share theirs.
#[test]
fn every_text_of_the_table_agrees_with_rust() {
    let mut values_seen = BTreeSet::new();
    let mut templates = BTreeSet::new();
    for (name, limits, plan) in plans() {
        for step in &plan.steps {
            assert!(step.workgroup_bytes <= limits.workgroup_bytes, "{:?} under {name}", plan.problem);
            assert!(step.invocations <= limits.invocations, "{:?} under {name}", plan.problem);
            if values_seen.insert(format!(
                "{} {:?} {:?}",
                step.template.name,
                step.values,
                step.bindings.len()
            )) {
                templates.insert(step.template.name);
                if let Err(e) = check(&rendered(step), step) {
                    panic!("{} for {:?} under {name}: {e}", step.template.name, plan.problem);
                }
            }
        }
    }
    println!("{} distinct texts", values_seen.len());
    let probes = BTreeSet::from(["probe_copy", "probe_fma"]);
    let all: BTreeSet<&str> = kernels::ALL.iter().map(|kernel| kernel.template.name).collect();
    assert_eq!(&templates | &probes, all, "a kernel that no plan uses");
}

#[test]
fn the_probes_agree_with_rust() {
    for step in [probe_fma::step(1, 1), probe_fma::step(2112, 256), probe_copy::step(7)] {
        check(&rendered(&step), &step).unwrap();
    }
}

/// Bindings of one name are one buffer: its size must not depend on the step that names it. What a step reads, another
/// one writes or packs.
#[test]
fn steps_agree_on_their_buffers() {
    use wgmm::internals::engine::gpu::step::Buffer;

    for (name, _, plan) in plans() {
        let bindings: Vec<_> = plan.steps.iter().flat_map(|s| &s.bindings).collect();
        let named = |buffer| match buffer {
            Buffer::PerSample(name, _) | Buffer::PerSlice(name, _) => Some(name),
            _ => None,
        };
        for binding in &bindings {
            let others = bindings.iter().filter(|b| named(b.buffer) == named(binding.buffer));
            let is_one =
                named(binding.buffer).is_none() || others.clone().all(|b| b.buffer == binding.buffer);
            let is_filled = match binding.buffer {
                Buffer::Section(section) => plan.sections.find(section).is_some(),
                buffer if named(buffer).is_some() => others.clone().any(|b| b.access == Access::Write),
                _ => true,
            };
            assert!(is_one && is_filled, "{binding:?} of {:?} under {name}", plan.problem);
        }
    }
}

/// The files in shaders/ are exactly the kernels and the shared texts.
#[test]
fn every_file_is_a_template() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let files = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path());
    let stems: BTreeSet<String> = files
        .filter(|f| f.extension().is_some_and(|e| e == "wgsl"))
        .map(|f| f.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let shared = kernels::ALL.iter().flat_map(|kernel| kernel.template.before);
    let expected = kernels::ALL.iter().map(|kernel| &kernel.template).chain(shared).chain([&SLAB]);
    assert_eq!(stems, expected.map(|text| text.name.to_owned()).collect());
}

/// What stands for a density of 0 is the same number on both sides, and adding two of it stays finite.
#[test]
fn huge_is_one_finite_number() {
    let line = SLAB.source.lines().find_map(|l| l.strip_prefix("const HUGE = ")).unwrap();
    let huge: f32 = line.trim_end_matches(';').parse().unwrap();
    assert!((huge + huge).is_finite() && huge > 1e30);
    assert_eq!(huge, HUGE);
}

fn any_plan() -> Plan {
    Plan::new(problems().next().unwrap(), &LIMITS[0].1).unwrap()
}

#[test]
fn planted_texts_are_rejected() {
    let plan = any_plan();
    let step = &plan.steps[0];
    let text = rendered(step);
    check(&text, step).unwrap();
    let slab = |find: &str, replace: &str| {
        assert!(SLAB.source.contains(find), "{find}");
        text.replacen(find, replace, 1)
    };
    let swapped = text
        .replacen("n_samples: u32,", "other: u32,", 1)
        .replacen("stride: u32,", "n_samples: u32,", 1)
        .replacen("other: u32,", "stride: u32,", 1);
    let faults = [
        ("swapped fields", swapped),
        ("renamed field", text.replace("n_slices", "slices")),
        ("missing field", slab("    n_slices: u32,", "//")),
        ("wider field", slab("    row_length: u32,", "    row_length: vec2<u32>,")),
        ("signed field", slab("    n_slices: u32,", "    n_slices: i32,")),
        ("wrong binding", text.replacen("@group(1) @binding(0)", "@group(1) @binding(4)", 1)),
        ("wrong group", text.replacen("@group(1) @binding(0)", "@group(0) @binding(7)", 1)),
        (
            "writable input",
            text.replacen("var<storage, read> samples", "var<storage, read_write> samples", 1),
        ),
        ("other entry point", text.replace(&format!("fn {}(", step.template.name), "fn start(")),
        ("two entry points", format!("{text}\n@compute @workgroup_size(1) fn other() {{}}")),
        ("workgroup size", text.replace("@workgroup_size(128)", "@workgroup_size(64)")),
        ("workgroup memory", format!("{text}\nvar<workgroup> wg_more: array<f32, 16>;")),
        ("private array", text.replacen("let row0 =", "var a = array<f32, 4>(); let row0 =", 1)),
        ("private variable", format!("var<private> p: f32;\n{text}")),
        ("f64", format!("{text}\nconst A: f64 = 1.0lf;")),
        ("not WGSL", format!("{text}}}")),
    ];
    for (name, fault) in faults {
        assert_ne!(fault, text, "{name} changes nothing");
        assert!(check(&fault, step).is_err(), "{name} passed");
    }
    // What Rust declares is compared as well.
    let mut other = step.clone();
    other.bindings.pop();
    assert!(check(&text, &other).is_err());
    let mut other = step.clone();
    other.bindings.iter_mut().find(|b| b.access == Access::Write).unwrap().access = Access::Read;
    assert!(check(&text, &other).is_err());
}

#[test]
fn an_edit_that_finds_nothing_is_an_error() {
    let plan = any_plan();
    let (step, other) = (&plan.steps[0], plan.steps.last().unwrap());
    let render = |find: &str, template: &str| {
        let edit = ShaderEdit { template: template.into(), find: find.into(), replace: "x".into() };
        shader::render(step.template, &step.values, Some(&edit))
    };
    assert!(render("no such text", step.template.name).is_err());
    assert!(render("no such text", other.template.name).is_ok());
    // Nor is it known which place is meant of a text that occurs more than once.
    assert!(render("mahalanobis", step.template.name).is_err());
    assert_ne!(render("var  mahalanobis${g}", step.template.name).unwrap(), rendered(step));
    // The texts before the kernel's own may be edited, too.
    assert!(render("no such text", "density").is_err());
    assert_ne!(render("let shrunk", "density").unwrap(), rendered(step));
    // A value that the template does not know, or that is missing, is an error too.
    assert!(shader::render(step.template, &other.values, None).is_err());
}
