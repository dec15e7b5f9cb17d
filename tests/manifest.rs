//! Cargo.toml keeps the rules of crates.io, and the published package holds what it should and no more.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// crates.io refuses more keywords, or longer ones.
const MOST_KEYWORDS: usize = 5;
const LONGEST_KEYWORD: usize = 20;
/// crates.io refuses more categories.
const MOST_CATEGORIES: usize = 5;
/// crates.io refuses a longer description.
const LONGEST_DESCRIPTION: usize = 1000;
/// The package is text and two pictures; 1.4 MiB on 2026-11-28. More is a file that does not belong there.
const LARGEST_PACKAGE: u64 = 2 << 20;

/// Folders and files that may be published.
const PUBLISHED: &[&str] = &[
    "src/",
    "shaders/",
    "examples/",
    "docs/",
    "tests/data/README.md",
    "tests/data/iris.csv",
    "tests/data/landscape.png",
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "Cargo.toml",
    "Cargo.toml.orig",
    "Cargo.lock",
    ".cargo_vcs_info.json",
];
/// Files without which the package is not complete.
const NEEDED: &[&str] = &[
    "src/lib.rs",
    "src/bin/wgmm/main.rs",
    "shaders/moments.wgsl",
    "README.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
];

/// What `cargo ARGS` prints in the root of the repository.
fn cargo(args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    let output = command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "cargo {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The package as `cargo metadata` describes it.
fn package() -> Value {
    let text = cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"]);
    let metadata: Value = serde_json::from_str(&text).unwrap();
    metadata["packages"][0].clone()
}

fn strings<'p>(package: &'p Value, field: &str) -> Vec<&'p str> {
    package[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Rules that crates.io enforces when a version is published.
fn violations(package: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut rule = |kept: bool, text: String| {
        if !kept {
            wrong.push(text);
        }
    };
    let keywords = strings(package, "keywords");
    rule((1..=MOST_KEYWORDS).contains(&keywords.len()), format!("{} keywords", keywords.len()));
    for keyword in keywords {
        rule(keyword.len() <= LONGEST_KEYWORD, format!("keyword {keyword} has {} characters", keyword.len()));
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-+".contains(c);
        let first = keyword.starts_with(|c: char| c.is_ascii_alphanumeric());
        rule(
            first && keyword.chars().all(allowed),
            format!("keyword {keyword:?} has a character not allowed"),
        );
    }
    let categories = strings(package, "categories");
    rule((1..=MOST_CATEGORIES).contains(&categories.len()), format!("{} categories", categories.len()));
    for category in categories {
        let allowed = |c: char| c.is_ascii_lowercase() || "-:".contains(c);
        rule(
            !category.is_empty() && category.chars().all(allowed),
            format!("category {category:?} is no slug"),
        );
    }
    let description = package["description"].as_str().unwrap_or_default();
    let length = description.chars().count();
    rule((1..=LONGEST_DESCRIPTION).contains(&length), format!("a description of {length} characters"));
    for field in ["license", "readme", "rust_version"] {
        rule(package[field].as_str().is_some_and(|text| !text.is_empty()), format!("no {field}"));
    }
    wrong
}

/// Names in `list` that must not be published, and names that are missing.
fn misplaced(list: &[&str]) -> Vec<String> {
    let may = |name: &str| {
        PUBLISHED.iter().any(|p| if p.ends_with('/') { name.starts_with(p) } else { name == *p })
    };
    let foreign = list.iter().filter(|name| !may(name)).map(|name| format!("{name} is published"));
    let missing = NEEDED.iter().filter(|name| !list.contains(name)).map(|name| format!("{name} is missing"));
    foreign.chain(missing).collect()
}

#[test]
fn the_manifest_keeps_the_rules_of_the_registry() {
    assert_eq!(violations(&package()), Vec::<String>::new());
}

#[test]
fn the_package_is_complete_and_small() {
    let list = cargo(&["package", "--list", "--allow-dirty", "--offline"]);
    // On Windows cargo prints the separators of that system.
    let list = list.replace('\\', "/");
    let names: Vec<&str> = list.lines().collect();
    assert_eq!(misplaced(&names), Vec::<String>::new());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // Some files are made by cargo itself.
    let size = |name: &&str| std::fs::metadata(root.join(name)).map_or(0, |file| file.len());
    let total: u64 = names.iter().map(size).sum();
    assert!((1 << 18..=LARGEST_PACKAGE).contains(&total), "{total} bytes");
    let shaders = std::fs::read_dir(root.join("shaders")).unwrap().count();
    assert_eq!(names.iter().filter(|name| name.starts_with("shaders/")).count(), shaders);
}

#[test]
fn planted_manifests_are_rejected() {
    let good = package();
    let faults = [
        ("keywords", json!(["gaussian-mixture", "expectation-maximization"]), "24 characters"),
        ("keywords", json!(["a", "b", "c", "d", "e", "f"]), "6 keywords"),
        ("keywords", json!([]), "0 keywords"),
        ("keywords", json!(["two words"]), "not allowed"),
        ("keywords", json!(["-first"]), "not allowed"),
        ("keywords", json!(["größe"]), "not allowed"),
        ("categories", json!(["a", "b", "c", "d", "e", "f"]), "6 categories"),
        ("categories", json!([]), "0 categories"),
        ("categories", json!(["Science"]), "no slug"),
        ("description", json!(""), "0 characters"),
        ("description", Value::Null, "0 characters"),
        ("description", json!("x".repeat(1001)), "1001 characters"),
        ("license", Value::Null, "no license"),
        ("readme", Value::Null, "no readme"),
    ];
    for (field, value, expected) in faults {
        let mut planted = good.clone();
        planted[field] = value;
        let wrong = violations(&planted);
        assert!(wrong.len() == 1 && wrong[0].contains(expected), "{expected}: {wrong:?}");
    }
}

#[test]
fn planted_packages_are_rejected() {
    assert_eq!(misplaced(NEEDED), Vec::<String>::new());
    for foreign in ["tests/all.rs", "tests/data/golden/README.md", "fuzz/Cargo.toml", ".ci/run", "notes.txt"]
    {
        let list = [NEEDED, &[foreign]].concat();
        assert_eq!(misplaced(&list), [format!("{foreign} is published")]);
    }
    assert_eq!(misplaced(&NEEDED[1..]), ["src/lib.rs is missing"]);
}
