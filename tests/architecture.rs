//! The design, read from the sources: who may use whom, and never in a circle, where the devices and the command line are
//! known, how much users see, how long files are, what a shader says about itself. Every checker is shown faulty sources
//! that it must reject.

use std::path::{Path, PathBuf};

mod circles;
mod graph;
mod layers;
mod shaders;
mod style;
mod surface;
mod tokens;
mod words;

/// A source file: its path below the repository (with `/`) and its text.
struct Source {
    path: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file with extension `extension` below `folder` of the repository, sorted.
fn sources(folder: &str, extension: &str) -> Vec<Source> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    walk(&root().join(folder), &mut paths);
    paths.retain(|p| p.extension().is_some_and(|e| e == extension));
    paths.sort();
    paths
        .into_iter()
        .map(|p| Source {
            text: std::fs::read_to_string(&p).unwrap(),
            path: p.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/"),
        })
        .collect()
}

/// A planted source for the checkers' own tests.
fn planted(path: &str, text: &str) -> Source {
    Source { path: path.into(), text: text.into() }
}

#[track_caller]
fn assert_none(violations: Vec<String>) {
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}
