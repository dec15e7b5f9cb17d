//! Layers: a module uses only lower ones.

use super::tokens::{code, paths};
use super::{Source, assert_none, planted, sources};

/// Lowest first. A module may use modules of lower layers and its own submodules; modules of one layer
/// do not know each other.
const LAYERS: &[&[&str]] = &[
    &["error"],
    &["shape", "linalg", "agreement"],
    &["data"],
    &["report"],
    &["model"],
    &["options"],
    &["moments", "precision"],
    &["engine"],
    &["conditioning"],
    &["reference", "cpu", "gpu", "sample"],
    &["init"],
    &["infer"],
    &["collapse"],
    &["em"],
    &["fallback"],
    &["checkpoint", "choose", "select", "compare", "verify"],
    &["bench", "plot"],
    &["lib"],
    &["bin"],
];
/// Modules above the engines that know only the trait.
const KNOW_NO_ENGINE: &[&str] = &["init", "infer", "collapse", "em", "plot"];
const ENGINES: &[&str] = &["reference", "cpu", "gpu"];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|names| names.contains(&module))
}

/// The module path of a source: `src/gpu/plan.rs` is `["gpu", "plan"]`; everything of a binary is `bin`.
fn module_path(path: &str) -> Vec<String> {
    let inside = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
    if inside.starts_with("bin/") || inside == "main" {
        return vec!["bin".into()];
    }
    inside.split('/').filter(|part| *part != "mod").map(String::from).collect()
}

/// Modules that `pub use` in lib.rs makes reachable as `crate::Name`: name to module.
fn reexports(lib: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for statement in code(lib).split(';') {
        let Some(path) = statement.trim().strip_prefix("pub use ") else { continue };
        for (_, path) in paths(&format!("crate::{}", path.trim_start_matches("crate::")), "crate") {
            if let (Some(module), Some(name)) = (path.split("::").next(), path.split("::").last()) {
                found.push((name.to_string(), module.to_string()));
            }
        }
    }
    found
}

/// Top-level modules that `source` uses, with their lines. Names are looked up in `exports`.
fn uses(source: &Source, exports: &[(String, String)]) -> Result<Vec<(usize, String)>, String> {
    let module = module_path(&source.path);
    if module == ["bin"] {
        // A binary's `crate` is itself; the library is `wgmm` there, all of it below.
        return Ok(Vec::new());
    }
    let code = code(&source.text);
    let mut used = Vec::new();
    let mut add = |line: usize, name: &str| {
        let exported = exports.iter().find(|(n, _)| n == name).map(|(_, module)| module.as_str());
        let module = if layer(name).is_some() { Some(name) } else { exported };
        let module = module.ok_or_else(|| {
            format!("{}:{line}: `crate::{name}` is no module of the layers table", source.path)
        })?;
        used.push((line, module.to_string()));
        Ok::<(), String>(())
    };
    for (line, path) in paths(&code, "crate") {
        add(line, path.split("::").next().unwrap_or_default())?;
    }
    for (line, path) in paths(&code, "super") {
        // Each further `super` climbs one more module; above the first name is the crate.
        let ups = 1 + path.split("::").take_while(|p| *p == "super").count();
        if ups == module.len() && module != ["lib"] {
            add(line, path.split("::").nth(ups - 1).unwrap_or_default())?;
        } else if ups > module.len() {
            return Err(format!("{}:{line}: `super` climbs above the crate", source.path));
        }
    }
    Ok(used)
}

fn violations(sources: &[Source]) -> Vec<String> {
    let lib = sources.iter().find(|s| s.path == "src/lib.rs").map_or("", |s| &s.text);
    let exports = reexports(lib);
    let mut wrong = Vec::new();
    for source in sources {
        let module = module_path(&source.path)[0].clone();
        let Some(own) = layer(&module) else {
            wrong.push(format!("{}: module `{module}` is not in the layers table", source.path));
            continue;
        };
        match uses(source, &exports) {
            Err(unknown) => wrong.push(unknown),
            Ok(used) => {
                for (line, name) in used.into_iter().filter(|(_, name)| *name != module) {
                    let hidden =
                        KNOW_NO_ENGINE.contains(&module.as_str()) && ENGINES.contains(&name.as_str());
                    if hidden || layer(&name).is_none_or(|other| other >= own) {
                        wrong.push(format!("{}:{line}: `{module}` may not use `{name}`", source.path));
                    }
                }
            }
        }
    }
    wrong
}

#[test]
fn modules_use_only_lower_layers() {
    let sources = sources("src", "rs");
    assert!(sources.len() > 20, "only {} sources were found", sources.len());
    assert_none(violations(&sources));
}

/// The checker sees the edges that are there, not an empty set.
#[test]
fn the_known_edges_are_found() {
    let sources = sources("src", "rs");
    let lib = sources.iter().find(|s| s.path == "src/lib.rs").unwrap();
    let exports = reexports(&lib.text);
    assert!(exports.contains(&("Samples".into(), "data".into())), "{exports:?}");
    let of = |path: &str| {
        let source = sources.iter().find(|s| s.path == path).unwrap();
        let mut names: Vec<String> = uses(source, &exports).unwrap().into_iter().map(|(_, n)| n).collect();
        names.sort();
        names.dedup();
        names
    };
    assert_eq!(of("src/engine.rs"), ["data", "error", "model", "moments", "report"]);
    assert!(of("src/em.rs").iter().any(|n| n == "init") && of("src/em.rs").iter().any(|n| n == "infer"));
    assert!(of("src/model/json.rs").iter().any(|n| n == "report"));
}

#[test]
fn planted_edges_are_rejected() {
    let lib = "pub mod em;\npub use em::fit;\npub use error::{Error, Result};";
    let faults = [
        ("src/moments.rs", "use crate::em::fit;"),
        ("src/moments.rs", "use crate::{error::Error, em::{self, Step}};"),
        ("src/gpu.rs", "use crate::cpu::CpuEngine;"),
        ("src/cpu.rs", "use crate::reference::ReferenceEngine;"),
        ("src/gpu/plan.rs", "use super::super::em;"),
        ("src/gpu.rs", "use super::em::fit;"),
        ("src/em.rs", "fn f() { crate::gpu::adapters(); }"),
        ("src/init.rs", "use crate::reference::log_density;"),
        ("src/infer.rs", "use crate::cpu;"),
        ("src/error.rs", "fn f() -> crate::fit {}"),
        ("src/data.rs", "use crate::nowhere::X;"),
        ("src/newcomer.rs", "use crate::error::Error;"),
        ("src/shape.rs", "use crate::linalg;"),
        ("src/em.rs", "use crate::bin::x;"),
    ];
    for (path, text) in faults {
        let found = violations(&[planted("src/lib.rs", lib), planted(path, text)]);
        assert!(!found.is_empty(), "{path}: {text}");
    }
    let right = [
        ("src/em.rs", "use crate::init; use crate::{Error, infer::predict}; // crate::gpu"),
        ("src/gpu/plan.rs", "use super::layout; use super::super::error::Error; use crate::gpu::context;"),
        ("src/gpu.rs", "#[cfg(test)]\nmod tests { use crate::reference::ReferenceEngine; }"),
        ("src/model/json.rs", "use super::{GaussianMixture, Parameters};"),
        ("src/bin/wgmm/args.rs", "use crate::output; use super::exit; use wgmm::internals::fit::em;"),
    ];
    for (path, text) in right {
        let found = violations(&[planted("src/lib.rs", lib), planted(path, text)]);
        assert!(found.is_empty(), "{path}: {found:?}");
    }
}
