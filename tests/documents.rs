//! The documents: links lead to files and headings that exist, and so do the paths they name.

use std::path::Path;

/// Every page that a reader comes to.
const PAGES: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/command.md",
    "docs/library.md",
    "docs/precision.md",
    "docs/promises.md",
    "docs/scikit-learn.md",
    "docs/speed.md",
    "benches/README.md",
    "fuzz/README.md",
    "shaders/README.md",
];
/// How a path in backticks begins, if it is meant from the root of the repository.
const ROOTS: &[&str] = &["src/", "tests/", "shaders/", "docs/", "benches/", "examples/", "fuzz/"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of `page` without its blocks of code, which hold the files of users.
fn prose(page: &str) -> String {
    page.split("```").step_by(2).collect()
}

/// Targets of the links and pictures in Markdown `text`, but for those on the web.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.starts_with("https://")).collect()
}

/// Words in backticks that are paths in the repository. Names with capital words or patterns stand for many files.
fn paths(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted
        .filter(|word| ROOTS.iter().any(|r| word.starts_with(r)) && !word.contains(['*', ' ', '…']))
        .collect()
}

/// A heading as the links to it write it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_');
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Whether `text` has a heading for `wanted`.
fn has_anchor(text: &str, wanted: &str) -> bool {
    let prose = prose(text);
    prose.lines().any(|line| line.starts_with('#') && anchor(line.trim_start_matches('#')) == wanted)
}

/// What in `text`, the page at `path` below `root`, leads nowhere.
fn dead(root: &Path, path: &str, text: &str) -> Vec<String> {
    let folder = root.join(path).parent().unwrap().to_owned();
    let prose = prose(text);
    let mut dead = Vec::new();
    for link in links(&prose) {
        let (file, heading) = link.split_once('#').unwrap_or((link, ""));
        let target = folder.join(file);
        let exists = file.is_empty() || target.exists();
        let found = heading.is_empty() || {
            let other = std::fs::read_to_string(&target).unwrap_or_default();
            has_anchor(if file.is_empty() { text } else { &other }, heading)
        };
        if !exists || !found {
            dead.push(format!("{path}: the link {link} leads nowhere"));
        }
    }
    // A kernel's files are named by a word in capitals.
    for named in paths(&prose).into_iter().filter(|named| !named.contains("NAME")) {
        if !root.join(named).exists() {
            dead.push(format!("{path}: there is no {named}"));
        }
    }
    dead
}

#[test]
fn links_and_paths_lead_somewhere() {
    let mut count = 0;
    let mut found = Vec::new();
    for page in PAGES {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        count += links(&prose(&text)).len() + paths(&prose(&text)).len();
        found.extend(dead(root(), page, &text));
    }
    assert_eq!(found, Vec::<String>::new());
    assert!(count > 100, "only {count} links and paths were seen");
}

/// README shows what it is before it explains anything, and stays one page.
#[test]
fn the_first_page_is_short() {
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(text.lines().count() <= 100, "{} lines", text.lines().count());
    for needed in
        ["cargo run --release -- fit tests/data/iris.csv -k 3", "\ntests/run\n", "docs/images/iris.svg"]
    {
        assert!(text.contains(needed), "no {needed:?}");
    }
}

/// The result that README shows is what the command prints; the line about the engine, on stderr, is the machine's.
#[cfg(feature = "cli")]
#[test]
fn the_first_page_shows_what_the_command_prints() {
    let page = std::fs::read_to_string(root().join("README.md")).unwrap();
    let block = page.split("```console\n$ wgmm ").nth(1).unwrap().split("```").next().unwrap();
    let (command, shown) = block.split_once('\n').unwrap();
    let (_engine, shown) = shown.split_once('\n').unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("tests/data")).unwrap();
    std::fs::copy(root().join("tests/data/iris.csv"), folder.path().join("tests/data/iris.csv")).unwrap();
    let mut wgmm = std::process::Command::new(env!("CARGO_BIN_EXE_wgmm"));
    let output = wgmm.args(command.split(' ')).current_dir(folder.path()).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), shown);
}

#[test]
fn planted_dead_ends_are_found() {
    let faults = [
        ("a [b](docs/nowhere.md)", "docs/nowhere.md"),
        ("![b](docs/images/nothing.svg)", "nothing.svg"),
        ("[b](docs/speed.md#no-such-heading)", "no-such-heading"),
        ("# One\n[b](#two)", "#two"),
        ("the file `src/nowhere.rs`", "src/nowhere.rs"),
        ("| `tests/data/nothing` |", "tests/data/nothing"),
    ];
    for (text, named) in faults {
        let found = dead(root(), "README.md", text);
        assert!(found.len() == 1 && found[0].contains(named), "{text}: {found:?}");
    }
    let fine = "# One two\n[b](#one-two) [c](docs/speed.md#when-a-card-fails) [d](https://x.y) `src/lib.rs` `src/nope here`\n\
        ```sh\nwgmm fit `src/nothing` [x](y)\n```";
    assert_eq!(dead(root(), "README.md", fine), Vec::<String>::new());
}
