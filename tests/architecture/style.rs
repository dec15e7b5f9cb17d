//! Where devices and the command line are known, what the library may not call, how long files are.

use super::tokens::code;
use super::{Source, assert_none, planted, sources};

/// Lines of a file at most; about 300 is the aim.
const LONGEST: usize = 400;

/// Words that may stand only in some files: the word, and whether a path may hold it.
type Place = (&'static str, fn(&str) -> bool);
const PLACES: &[Place] = &[
    ("wgpu", |path| path == "src/engine/gpu.rs" || path.starts_with("src/engine/gpu/")),
    ("clap", |path| path.starts_with("src/bin/")),
    ("clap_complete", |path| path.starts_with("src/bin/")),
    ("clap_mangen", |path| path.starts_with("src/bin/")),
    ("indicatif", |path| path.starts_with("src/bin/")),
];

/// What ends a program instead of returning an error. `expect` with a message: a parser may have a
/// method of that name; clippy's `expect_used` knows the types.
const FORBIDDEN: &[&str] = &[
    ".unwrap()",
    ".unwrap_err()",
    ".expect(\"",
    ".expect_err(\"",
    "panic!(",
    "todo!(",
    "unimplemented!(",
    "unreachable!(",
];

fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.lines()
        .enumerate()
        .flat_map(move |(n, line)| line.split(move |c| !is_word(c)).map(move |w| (n + 1, w)))
}

fn misplaced(source: &Source) -> Vec<String> {
    let code = code(&source.text);
    let wrong = words(&code)
        .filter(|(_, w)| PLACES.iter().any(|(name, allowed)| w == name && !allowed(&source.path)));
    wrong.map(|(line, word)| format!("{}:{line}: `{word}` does not belong here", source.path)).collect()
}

fn panicking(source: &Source) -> Vec<String> {
    // Whitespace must not hide a call that rustfmt broke over two lines.
    let code = code(&source.text);
    let mut wrong = Vec::new();
    for (n, line) in code.lines().enumerate() {
        for call in FORBIDDEN.iter().filter(|call| line.contains(**call)) {
            wrong.push(format!("{}:{}: {call} in the library", source.path, n + 1));
        }
    }
    wrong
}

fn too_long(source: &Source) -> Option<String> {
    let lines = source.text.lines().count();
    (lines > LONGEST).then(|| format!("{}: {lines} lines, {LONGEST} at most", source.path))
}

#[test]
fn devices_and_the_command_line_stay_in_their_place() {
    let sources = sources("src", "rs");
    assert_none(sources.iter().flat_map(misplaced).collect());
}

#[test]
fn the_library_never_panics_by_itself() {
    let sources = sources("src", "rs");
    assert_none(sources.iter().flat_map(panicking).collect());
}

#[test]
fn files_stay_readable() {
    let mut all = sources("src", "rs");
    all.extend(sources("tests", "rs"));
    for folder in ["benches", "shaders"] {
        if super::root().join(folder).is_dir() {
            all.extend(sources(folder, if folder == "shaders" { "wgsl" } else { "rs" }));
        }
    }
    assert!(all.len() > 30);
    assert_none(all.iter().filter_map(too_long).collect());
}

/// One package, one test binary: a stray file under tests/ would be built on its own.
#[test]
fn there_is_one_test_binary() {
    let manifest = std::fs::read_to_string(super::root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("autotests = false"));
    assert_eq!(manifest.matches("[[test]]").count(), 1);
    assert!(!super::root().join("build.rs").exists());
}

#[test]
fn planted_words_are_rejected() {
    let faults = [
        ("src/fit/em.rs", "use wgpu::Device;"),
        ("src/engine/gpu_like.rs", "fn f(d: &wgpu::Device) {}"),
        ("src/fit/options.rs", "#[derive(clap::Args)]\nstruct A;"),
        ("src/fit/options.rs", "use clap as c;"),
        ("src/fit/em.rs", "indicatif::ProgressBar::new(1);"),
    ];
    for (path, text) in faults {
        assert_eq!(misplaced(&planted(path, text)).len(), 1, "{path}: {text}");
    }
    let right = [
        ("src/engine/gpu/context.rs", "use wgpu::Device;"),
        ("src/engine/gpu.rs", "use wgpu::Device;"),
        ("src/bin/wgmm/args.rs", "use clap::Parser;"),
        ("src/fit/em.rs", "// wgpu, clap\nconst A: &str = \"wgpu\"; fn clapping() {}"),
    ];
    for (path, text) in right {
        assert_none(misplaced(&planted(path, text)));
    }
}

#[test]
fn planted_panics_are_rejected() {
    let faults = [
        "fn f() { x.unwrap(); }",
        "fn f() {\n    x\n        .unwrap();\n}",
        "fn f() { x.expect(\"why\"); }",
        "fn f() { panic!(\"x\"); }",
        "fn f() { todo!() }",
        "fn f() { unimplemented!() }",
        "fn f() { core::panic!() }",
        "#[cfg(test)]\nmod tests {}\nfn f() { x.unwrap(); }",
    ];
    for text in faults {
        assert_eq!(panicking(&planted("src/x.rs", text)).len(), 1, "{text}");
    }
    assert_none(panicking(&planted("src/x.rs", "fn f() { cursor.expect(b'{')?; }")));
    let right = "// x.unwrap()\nfn f() { x.unwrap_or(0); let s = \"panic!()\"; }\n#[cfg(test)]\nmod tests { fn g() { x.unwrap(); } }";
    assert_none(panicking(&planted("src/x.rs", right)));
    assert!(too_long(&planted("src/x.rs", &"a\n".repeat(LONGEST + 1))).is_some());
    assert!(too_long(&planted("src/x.rs", &"a\n".repeat(LONGEST))).is_none());
}
