//! Shaders introduce themselves by five comment lines, and one name leads to all of a kernel: the stem of its file is its
//! entry point, its module in the engine, its line in the table of kernels, and its twin in the reference.

use super::{Source, assert_none, planted, sources};

/// The five lines, in this order.
const HEADINGS: [&str; 5] = ["Computes", "One invocation", "Bindings", "Assumes", "Twin"];
/// The table of kernels.
const TABLE: &str = "src/engine/gpu/kernels.rs";

/// Every file of shaders/.
fn shaders() -> Vec<Source> {
    let all = sources("shaders", "wgsl");
    let kernels = all.iter().filter(|s| !entry_points(s).is_empty()).count();
    assert!(kernels >= 3 && 2 * kernels > all.len(), "{kernels} of {} files have an entry point", all.len());
    all
}

/// The comment lines at the top, `//` taken off.
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

/// The functions that are entry points.
fn entry_points(source: &Source) -> Vec<&str> {
    let name = |text: &'_ str| -> Option<usize> { text.find("fn ").map(|at| at + 3) };
    let after = source.text.split("@compute").skip(1);
    after.filter_map(|text| text[name(text)?..].split('(').next()).collect()
}

/// Whatever does not lie where the stem of `shader` leads. A text without an entry point has a twin, too, but no line in
/// the table; a kernel whose result is no number has no twin and says so.
fn misnamed(shader: &Source, rust: &[Source]) -> Vec<String> {
    let stem = shader.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".wgsl");
    let text = |path: &str| rust.iter().find(|s| s.path == path).map_or("", |s| &s.text);
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            wrong.push(format!("{}: {what}", shader.path));
        }
    };
    let entries = entry_points(shader);
    if !entries.is_empty() {
        must(entries == [stem], "its entry point has another name");
        let module = text(&format!("src/engine/gpu/kernels/{stem}.rs"));
        must(module.contains(&format!("template!(\"{stem}\"")), "no module of its name renders it");
        must(text(TABLE).contains(&format!(" {stem}::KERNEL,")), "the table of kernels has no line for it");
    }
    let head = head(shader);
    let twin = head.iter().find_map(|l| l.strip_prefix("Twin:")).unwrap_or_default().trim();
    if let Some(reason) = twin.strip_prefix("none") {
        must(reason.len() > 5, "it does not say why it has no twin");
    } else if entries.is_empty() {
        must(!text(&format!("src/engine/{twin}")).is_empty(), "its twin does not exist");
    } else {
        must(twin == format!("reference/{stem}.rs"), "its twin has another name");
        let twin = text(&format!("src/engine/{twin}"));
        must(twin.contains(&format!("pub fn {stem}(")), "its twin has no function of its name");
    }
    wrong
}

#[test]
fn shaders_introduce_themselves() {
    assert_none(shaders().iter().filter_map(bad_head).collect());
}

#[test]
fn one_name_leads_to_all_of_a_kernel() {
    let rust = sources("src", "rs");
    assert_none(shaders().iter().flat_map(|s| misnamed(s, &rust)).collect());
}

const RIGHT: &str = "// Computes: sums.\n// One invocation: one sample.\n// Bindings: 0 samples.\n// Assumes: N > 0.\n// Twin: reference/sum.rs\n@compute @workgroup_size(1)\nfn sum(x: u32) {}";

#[test]
fn planted_shaders_are_rejected() {
    let right = planted("shaders/sum.wgsl", RIGHT);
    assert_eq!(bad_head(&right), None);
    let faults = [
        "fn f() {}".to_string(),
        RIGHT.replace("// Twin: reference/sum.rs\n", ""),
        RIGHT.replace("// Assumes: N > 0.", "// Assumes:"),
        RIGHT.replace("// Bindings", "// Assumes"),
        format!("fn g() {{}}\n{RIGHT}"),
    ];
    for text in faults {
        assert!(bad_head(&planted("shaders/sum.wgsl", &text)).is_some(), "{text}");
    }
}

#[test]
fn planted_names_are_rejected() {
    let module = || planted("src/engine/gpu/kernels/sum.rs", "const T: Template = template!(\"sum\");");
    let table = || planted(TABLE, "const ALL: &[Kernel] = &[\n    sum::KERNEL,\n];");
    let twin = || planted("src/engine/reference/sum.rs", "pub fn sum(x: f64) {}");
    let check = |shader: &str, rust: &[Source]| misnamed(&planted("shaders/sum.wgsl", shader), rust).len();
    let all = || vec![module(), table(), twin()];
    assert_eq!(check(RIGHT, &all()), 0);
    for missing in 0..3 {
        let mut rust = all();
        rust.remove(missing);
        assert_eq!(check(RIGHT, &rust), 1, "without {missing}");
    }
    for (found, faults) in [
        (RIGHT.replace("fn sum", "fn total"), 1),
        (format!("{RIGHT}\n@compute @workgroup_size(1)\nfn other() {{}}"), 1),
        (RIGHT.replace("reference/sum.rs", "reference/moments.rs"), 2),
        (RIGHT.replace("reference/sum.rs", "none"), 1),
        (RIGHT.replace("reference/sum.rs", "none; its figure is a rate"), 0),
    ] {
        assert_eq!(check(&found, &all()), faults, "{found}");
    }
    let other = planted("src/engine/reference/sum.rs", "pub fn total(x: f64) {}");
    assert_eq!(check(RIGHT, &[module(), table(), other]), 1);
    // A shared text needs its twin only.
    let shared = RIGHT.replace("@compute @workgroup_size(1)\n", "");
    assert_eq!(check(&shared, &[twin()]), 0);
    assert_eq!(check(&shared, &[module(), table()]), 1);
}
