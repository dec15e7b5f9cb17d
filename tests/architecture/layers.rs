//! Layers: a module of the library uses only lower ones. [`super::circles`] looks inside the modules.

use super::graph::{Graph, LIBRARY};
use super::{Source, assert_none, planted, sources};

/// Lowest first. A module may use modules of lower layers; modules of one layer do not know each other.
const LAYERS: &[&[&str]] = &[
    &["error"],
    &["names"],
    &["report", "output"],
    &["data", "mixture"],
    &["model", "engine"],
    &["infer"],
    &["fit"],
    &["compare"],
    &["bench", "plot"],
    &["lib", "internals"],
];

/// Above the engines, but with nothing to know of them except the trait: files, and beginnings of paths.
/// (`infer/calls.rs` is a front door that opens an engine for its caller.)
const KNOW_NO_ENGINE: &[&str] = &[
    "src/infer.rs",
    "src/infer/agreement",
    "src/fit/init",
    "src/fit/em",
    "src/fit/update",
    "src/fit/collapse",
    "src/plot",
];
const ENGINES: &[&str] = &[
    "src/engine/reference",
    "src/engine/cpu",
    "src/engine/gpu",
    "src/engine/sum",
    "src/engine/choose",
    "src/engine/fallback",
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|names| names.contains(&module))
}

/// The module of the crate that `path` belongs to: `gpu/plan.rs` to `engine`.
fn module(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

/// Whether `path` is the file `start`, or one of those that begin with it: `src/fit/em.rs`, `src/fit/em/state.rs`.
fn is_of(path: &str, start: &str) -> bool {
    path == start || path.strip_prefix(start).is_some_and(|rest| rest.starts_with(['/', '.']))
}

fn violations(sources: &[Source]) -> Vec<String> {
    let graph = Graph::new(sources, LIBRARY);
    let mut wrong: Vec<String> = graph.strangers.clone();
    for path in graph.paths() {
        if layer(module(path)).is_none() {
            wrong.push(format!("{path}: module `{}` is not in the layers table", module(path)));
        }
    }
    for ((from, to), line) in &graph.edges {
        let is_upwards = match (layer(module(from)), layer(module(to))) {
            (Some(own), Some(other)) => module(from) != module(to) && other >= own,
            _ => false,
        };
        let knows = |paths: &[&str], path: &str| paths.iter().any(|start| is_of(path, start));
        if is_upwards || knows(KNOW_NO_ENGINE, from) && knows(ENGINES, to) {
            wrong.push(format!("{from}:{line}: may not use {to}"));
        }
    }
    wrong
}

#[test]
fn modules_use_only_lower_layers() {
    let sources = sources("src", "rs");
    assert!(sources.len() > 20, "only {} sources were found", sources.len());
    assert_none(violations(&sources));
    for name in LAYERS.iter().flat_map(|names| names.iter()) {
        assert!(sources.iter().any(|s| module(&s.path) == *name), "there is no module `{name}`");
    }
    for start in KNOW_NO_ENGINE.iter().chain(ENGINES) {
        assert!(sources.iter().any(|s| is_of(&s.path, start)), "there is no {start}");
    }
}

#[test]
fn planted_edges_are_rejected() {
    let lib = "mod error;\nmod mixture;\nmod engine;\nmod infer;\nmod fit;\nmod plot;\nmod report;\nmod data;\n\
               pub use error::{Error, Result};\npub use fit::em::fit;";
    let files = [
        ("src/error.rs", "pub enum Error {}\npub type Result<T> = T;"),
        ("src/report.rs", "pub struct FitReport;"),
        ("src/mixture.rs", "pub mod moments;\nmod parameters;\npub use parameters::Parameters;"),
        ("src/mixture/parameters.rs", "pub struct Parameters;"),
        ("src/mixture/moments.rs", "pub struct Moments;"),
        ("src/engine.rs", "pub mod cpu;\npub mod reference;\npub trait Engine {}"),
        ("src/engine/cpu.rs", "pub struct CpuEngine;"),
        ("src/engine/reference.rs", "pub struct ReferenceEngine;"),
        ("src/infer.rs", "pub fn predict() {}"),
        ("src/fit.rs", "pub mod em;\npub mod init;"),
        ("src/fit/em.rs", "pub fn fit() {}\npub struct Step;"),
        ("src/fit/init.rs", "pub fn seed() {}"),
    ];
    let check = |path: &str, text: &str| {
        let others = files.iter().filter(|(other, _)| *other != path).map(|(path, text)| planted(path, text));
        violations(&others.chain([planted("src/lib.rs", lib), planted(path, text)]).collect::<Vec<_>>())
    };
    let faults = [
        ("src/mixture/moments.rs", "use crate::fit::em::fit;"),
        ("src/mixture/moments.rs", "use crate::{error::Error, fit::em::{self, Step}};"),
        ("src/mixture/moments.rs", "fn f(e: &dyn crate::engine::Engine) {}"),
        ("src/mixture/moments.rs", "use super::super::fit::em::Step;"),
        ("src/mixture.rs", "use super::fit::em::Step;"),
        // The same layer.
        ("src/data.rs", "use crate::mixture::Parameters;"),
        // Through a name of lib.rs, and through one of a module.
        ("src/error.rs", "fn f() { crate::fit() }"),
        ("src/report.rs", "use crate::mixture::Parameters;"),
        ("src/report.rs", "use crate::mixture;\nfn f(p: mixture::Parameters) {}"),
        // A particular engine.
        ("src/fit/em.rs", "fn f() { crate::engine::cpu::CpuEngine::new(); }"),
        ("src/fit/em/state.rs", "use crate::engine::cpu::CpuEngine;"),
        ("src/fit/init.rs", "use crate::engine::reference::ReferenceEngine;"),
        ("src/infer.rs", "use crate::engine::cpu;"),
        ("src/infer/agreement.rs", "use crate::engine::cpu::CpuEngine;"),
        ("src/plot.rs", "use crate::engine::cpu::CpuEngine;"),
        // What there is not.
        ("src/data.rs", "use crate::nowhere::X;"),
        ("src/newcomer.rs", "use crate::error::Error;"),
        ("src/fit/em.rs", "use crate::bin::x;"),
        ("src/fit/em.rs", "use super::super::super::x;"),
    ];
    for (path, text) in faults {
        assert!(!check(path, text).is_empty(), "{path}: {text}");
    }
    let right = [
        ("src/fit/em.rs", "use super::init; use crate::{Error, infer::predict}; // crate::engine::cpu"),
        (
            "src/fit/em.rs",
            "use crate::engine::Engine;\npub fn fit(e: &dyn Engine) { init::seed() }\nuse super::init;",
        ),
        ("src/fit/verify.rs", "use crate::engine::cpu::CpuEngine;"),
        ("src/infer/calls.rs", "use crate::engine::cpu::CpuEngine;"),
        (
            "src/engine/cpu.rs",
            "use crate::error::Error; use super::super::mixture::Parameters; pub struct CpuEngine;",
        ),
        ("src/mixture.rs", "#[cfg(test)]\nmod tests { use crate::fit::em::Step; }"),
        ("src/infer.rs", "use std::fmt; use rayon::prelude::*; use serde::Serialize;"),
        ("src/bin/wgmm/args.rs", "use crate::output; use super::exit; use wgmm::internals::fit::em;"),
    ];
    for (path, text) in right {
        let found = check(path, text);
        assert!(found.is_empty(), "{path}: {found:?}");
    }
}
