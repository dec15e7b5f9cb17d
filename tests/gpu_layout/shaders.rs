//! Every template, rendered for every plan of the table: valid WGSL that agrees with Rust.

use std::collections::BTreeSet;

use wgmm::internals::engine::gpu::layout::{Binding, HUGE, bindings};
use wgmm::internals::engine::gpu::plan::{Kernel, Plan};
use wgmm::internals::engine::gpu::shader::{self, SLAB, ShaderEdit, Template};

use super::reflect::{bindings_mismatch, entry_mismatch, hidden_cost, parse, slab_mismatch, workgroup_bytes};
use super::{LIMITS, kernels, plans, problems};

fn rendered(kernel: &Kernel) -> String {
    shader::render(kernel.template, &kernel.values, None).unwrap_or_else(|e| panic!("{e}"))
}

/// All that must hold of the text of one kernel.
fn check(text: &str, kernel: &Kernel, declared: &[Vec<(u32, Binding)>; 3]) -> Result<(), String> {
    let module = parse(text)?;
    slab_mismatch(&module)?;
    bindings_mismatch(&module, declared)?;
    entry_mismatch(&module, kernel.template.name, kernel.invocations)?;
    hidden_cost(&module)?;
    let bytes = workgroup_bytes(&module);
    if bytes > kernel.workgroup_bytes {
        return Err(format!("{bytes} bytes of workgroup memory, {} were planned", kernel.workgroup_bytes));
    }
    Ok(())
}

/// Distinct texts of the whole table; most plans share theirs.
#[test]
fn every_text_of_the_table_agrees_with_rust() {
    let mut values_seen = BTreeSet::new();
    let mut templates = BTreeSet::new();
    for (name, limits, plan) in plans() {
        for kernel in kernels(&plan) {
            assert!(kernel.workgroup_bytes <= limits.workgroup_bytes, "{:?} under {name}", plan.problem);
            assert!(kernel.invocations <= limits.invocations, "{:?} under {name}", plan.problem);
            let weighted = plan.problem.weighted;
            if values_seen.insert(format!("{} {weighted} {:?}", kernel.template.name, kernel.values)) {
                templates.insert(kernel.template.name);
                let declared = bindings(&plan, kernel.template);
                if let Err(e) = check(&rendered(kernel), kernel, &declared) {
                    panic!("{} for {:?} under {name}: {e}", kernel.template.name, plan.problem);
                }
            }
        }
    }
    println!("{} distinct texts", values_seen.len());
    let probes: BTreeSet<&str> = [shader::PROBE_FMA.name, shader::PROBE_COPY.name].into();
    let all: BTreeSet<&str> = shader::ALL.iter().map(|t| t.name).collect();
    assert_eq!(&templates | &probes, all, "a template that no plan uses");
}

#[test]
fn the_probes_agree_with_rust() {
    use wgmm::internals::engine::gpu::probe;

    for kernel in [probe::kernel(1), probe::kernel(256), probe::copy_kernel()] {
        let any = any_plan();
        check(&rendered(&kernel), &kernel, &bindings(&any, kernel.template)).unwrap();
    }
}

/// The files in shaders/ are exactly the templates and the common text.
#[test]
fn every_file_is_a_template() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let files = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path());
    let stems: BTreeSet<String> = files
        .filter(|f| f.extension().is_some_and(|e| e == "wgsl"))
        .map(|f| f.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let expected = shader::ALL.iter().map(|t| t.name.to_owned()).chain(["slab".to_owned()]);
    assert_eq!(stems, expected.collect());
}

/// The cells of `file`'s row in shaders/README.md; its test must be a file that exists.
fn row_mismatch(readme: &str, file: &str) -> Result<(), String> {
    let row = readme.lines().find(|l| l.starts_with(&format!("| `{file}` |")));
    let Some(row) = row else { return Err(format!("{file} has no row")) };
    let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
    if cells.len() != 5 || cells.iter().any(|c| c.is_empty()) {
        return Err(format!("{file}: its row has not five filled cells: {cells:?}"));
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = [cells[3], cells[4]].map(|c| c.trim_matches('`'));
    match named.iter().find(|f| f.ends_with(".rs") && !root.join(f).is_file()) {
        Some(missing) => Err(format!("{file}: there is no {missing}")),
        None if !named[1].ends_with(".rs") => Err(format!("{file}: its row names no test")),
        None => Ok(()),
    }
}

#[test]
fn every_file_has_a_whole_row() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    for template in shader::ALL {
        row_mismatch(&readme, &format!("{}.wgsl", template.name)).unwrap();
    }
    row_mismatch(&readme, "slab.wgsl").unwrap();
    let right = "| `a.wgsl` | sums | none | `src/em.rs` | `tests/device.rs` |";
    row_mismatch(right, "a.wgsl").unwrap();
    let faults = [
        right.replace("a.wgsl", "b.wgsl"),
        right.replace("sums", ""),
        right.replace("| none ", ""),
        right.replace("src/em.rs", "src/no_such.rs"),
        right.replace("tests/device.rs", "tests/no_such.rs"),
        right.replace("`tests/device.rs`", "none"),
    ];
    for fault in faults {
        assert!(row_mismatch(&fault, "a.wgsl").is_err(), "{fault}");
    }
}

/// What stands for a density of 0 is the same number on both sides, and adding two of it stays finite.
#[test]
fn huge_is_one_finite_number() {
    let line = SLAB.lines().find_map(|l| l.strip_prefix("const HUGE = ")).unwrap();
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
    let kernel = &plan.density.kernel;
    let (text, declared) = (rendered(kernel), bindings(&plan, kernel.template));
    check(&text, kernel, &declared).unwrap();
    let slab = |find: &str, replace: &str| {
        assert!(SLAB.contains(find), "{find}");
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
        ("other entry point", text.replace(kernel.template.name, "start")),
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
        assert!(check(&fault, kernel, &declared).is_err(), "{name} passed");
    }
    // What Rust declares is compared as well.
    let mut other = declared.clone();
    other[2].pop();
    assert!(check(&text, kernel, &other).is_err());
    let mut other = declared.clone();
    other[2][0].1 = Binding::Read;
    assert!(check(&text, kernel, &other).is_err());
}

#[test]
fn an_edit_that_finds_nothing_is_an_error() {
    let plan = any_plan();
    let render = |find: &str, template: Template| {
        let edit = ShaderEdit { template: template.name.into(), find: find.into(), replace: "x".into() };
        shader::render(plan.sum.template, &plan.sum.values, Some(&edit))
    };
    assert!(render("no such text", plan.sum.template).is_err());
    assert!(render("no such text", plan.moments.template).is_ok());
    assert_ne!(render("sum", plan.sum.template).unwrap(), rendered(&plan.sum));
    // A value that the template does not know, or that is missing, is an error too.
    assert!(shader::render(plan.moments.template, &plan.sum.values, None).is_err());
}
