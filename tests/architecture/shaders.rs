//! Shaders introduce themselves: five comment lines, a row in shaders/README.md, a twin that exists.

use super::{Source, assert_none, planted, root, sources};

/// The five lines, in this order.
const HEADINGS: [&str; 5] = ["Computes", "One invocation", "Bindings", "Assumes", "Twin"];

/// Every file of shaders/.
fn shaders() -> Vec<Source> {
    sources("shaders", "wgsl")
}

/// Those with an entry point; the others are text they share, which says what it is in its own words.
fn entry_points() -> Vec<Source> {
    let all = shaders();
    let count = all.len();
    let found: Vec<Source> = all.into_iter().filter(|s| s.text.contains("@compute")).collect();
    assert!(
        found.len() >= 3 && 2 * found.len() > count,
        "{} of {count} files have an entry point",
        found.len()
    );
    found
}

/// The comment lines at the top, `//` taken off. A template may hide its own in `{# … #}`.
fn head(source: &Source) -> Vec<&str> {
    let lines = source.text.lines().map(str::trim);
    lines.take_while(|l| l.starts_with("//")).map(|l| l.trim_start_matches('/').trim()).collect()
}

fn bad_head(source: &Source) -> Option<String> {
    let head = head(source);
    let headings: Vec<&str> =
        head.iter().filter_map(|line| HEADINGS.into_iter().find(|h| line.starts_with(h))).collect();
    if headings != HEADINGS {
        return Some(format!("{}: starts with {headings:?}, not with {HEADINGS:?}", source.path));
    }
    let empty = head.iter().find(|line| {
        HEADINGS
            .iter()
            .any(|h| line.strip_prefix(h).is_some_and(|rest| rest.trim_matches([':', ' ', '.']).is_empty()))
    });
    empty.map(|line| format!("{}: `{line}` says nothing", source.path))
}

/// The Twin line names a source file or a function (`Type::function`) that exists, or says `none` and
/// why.
fn missing_twin(source: &Source, exists: &dyn Fn(&str) -> bool) -> Option<String> {
    let head = head(source);
    let line = head.iter().find_map(|line| line.strip_prefix("Twin"))?.trim_start_matches([':', ' ']);
    if line.strip_prefix("none").is_some_and(|reason| reason.len() > 5) {
        return None;
    }
    let twins: Vec<&str> = line
        .split([' ', ',', ';', '`', '(', ')'])
        .map(|w| w.trim_end_matches('.'))
        .filter(|w| w.ends_with(".rs") || w.contains("::"))
        .collect();
    match twins.iter().find(|twin| !exists(twin)) {
        Some(twin) => Some(format!("{}: its twin {twin} does not exist", source.path)),
        None if twins.is_empty() => Some(format!("{}: its Twin line names nothing", source.path)),
        None => None,
    }
}

/// A table row of the README that names the file.
fn no_row(source: &Source, readme: &str) -> Option<String> {
    let name = source.path.rsplit('/').next().unwrap_or_default();
    let has = |line: &str| {
        line.trim_start().starts_with('|')
            && line.split(['|', '`', ' ', '/', '(', ')', '[', ']']).any(|w| w == name)
    };
    (!readme.lines().any(has)).then(|| format!("{}: no row in shaders/README.md", source.path))
}

#[test]
fn shaders_introduce_themselves() {
    assert_none(entry_points().iter().filter_map(bad_head).collect());
    let silent = |s: &Source| head(s).is_empty().then(|| format!("{}: starts without a comment", s.path));
    assert_none(shaders().iter().filter_map(silent).collect());
}

#[test]
fn twins_exist() {
    let rust = sources("src", "rs");
    let exists = |twin: &str| match twin.rsplit_once("::") {
        Some((_, function)) => rust.iter().any(|s| s.text.contains(&format!("fn {function}("))),
        None => ["", "src", "src/engine", "src/mixture"].iter().any(|f| root().join(f).join(twin).is_file()),
    };
    assert_none(entry_points().iter().filter_map(|s| missing_twin(s, &exists)).collect());
}

#[test]
fn every_shader_has_its_row() {
    let readme = std::fs::read_to_string(root().join("shaders/README.md")).expect("shaders/README.md");
    assert_none(shaders().iter().filter_map(|s| no_row(s, &readme)).collect());
}

const RIGHT: &str = "// Computes: sums.\n// One invocation: one sample.\n// Bindings: 0 samples.\n// Assumes: N > 0.\n// Twin: `reference/moments.rs`.\nfn f() {}";

#[test]
fn planted_shaders_are_rejected() {
    let right = planted("shaders/sum.wgsl", RIGHT);
    assert_eq!(bad_head(&right), None);
    assert_eq!(missing_twin(&right, &|f| f == "reference/moments.rs"), None);
    assert!(missing_twin(&right, &|_| false).is_some());
    let faults = [
        "fn f() {}".to_string(),
        RIGHT.replace("// Twin: `reference/moments.rs`.\n", ""),
        RIGHT.replace("// Assumes: N > 0.", "// Assumes:"),
        RIGHT.replace("// Bindings", "// Assumes"),
        format!("fn g() {{}}\n{RIGHT}"),
    ];
    for text in faults {
        assert!(bad_head(&planted("shaders/sum.wgsl", &text)).is_some(), "{text}");
    }
    let none = |reason: &str| planted("shaders/sum.wgsl", &RIGHT.replace("`reference/moments.rs`.", reason));
    assert_eq!(missing_twin(&none("none; its figure is a rate"), &|_| false), None);
    assert!(missing_twin(&none("none"), &|_| true).is_some());
    assert!(missing_twin(&none("Moments::add"), &|t| t == "Moments::add").is_none());
    assert!(missing_twin(&none("Moments::sub"), &|t| t == "Moments::add").is_some());
    let nameless = planted("shaders/sum.wgsl", &RIGHT.replace("`reference/moments.rs`", "the CPU"));
    assert!(missing_twin(&nameless, &|_| true).is_some());
    assert_eq!(no_row(&right, "| file | computes |\n| `sum.wgsl` | sums |"), None);
    for readme in ["", "sum.wgsl", "| `checksum.wgsl` | sums |", "| sum | sums |"] {
        assert!(no_row(&right, readme).is_some(), "{readme}");
    }
}
