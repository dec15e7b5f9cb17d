//! The library knows no command line: no text of it names a flag or a command. A `Remedy` says what can be done, and
//! the command words it.

use super::tokens::strings;
use super::{Source, assert_none, planted, sources};

const COMMANDS: &[&str] = &[
    "fit",
    "predict",
    "score",
    "select",
    "compare",
    "plot",
    "report",
    "marginal",
    "conditional",
    "sample",
    "synth",
    "bench",
    "devices",
    "completions",
    "man",
];

/// Whether `text` has a word like `--flag`, or a command of `wgmm`.
fn speaks_to_a_shell(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let words: Vec<&str> = text.split(|c| !is_word(c)).collect();
    let is_flag = |word: &&str| {
        let name = word.strip_prefix("--").unwrap_or_default();
        name.starts_with(|c: char| c.is_ascii_lowercase())
    };
    let is_command = |pair: &[&str]| pair[0] == "wgmm" && COMMANDS.contains(&pair[1]);
    // `wgmm fit`, but not `wgmm/fit`, which labels a buffer, nor `wgmm.fit/1`, a schema.
    let spoken = text.split_whitespace().collect::<Vec<_>>();
    let spoken: Vec<&str> = spoken.iter().map(|word| word.trim_matches(|c| !is_word(c))).collect();
    words.iter().any(is_flag) || spoken.windows(2).any(is_command)
}

fn shell_words(source: &Source) -> Vec<String> {
    let spoken = strings(&source.text).into_iter().filter(|(_, text)| speaks_to_a_shell(text));
    spoken.map(|(line, text)| format!("{}:{line}: {text}", source.path)).collect()
}

#[test]
fn the_library_names_no_flag_and_no_command() {
    let mut library = sources("src", "rs");
    library.retain(|source| !source.path.starts_with("src/bin/"));
    assert!(library.iter().map(|source| strings(&source.text).len()).sum::<usize>() > 1000);
    assert_none(library.iter().flat_map(shell_words).collect());
}

/// The checker sees what it looks for: the command is full of it.
#[test]
fn the_command_names_its_flags() {
    let words = sources("src/bin/wgmm", "rs");
    let words = words.iter().find(|source| source.path.ends_with("/words.rs")).unwrap();
    assert!(shell_words(words).len() > 10);
}

#[test]
fn planted_words_are_rejected() {
    let faults = [
        "use `--engine cpu`",
        "--header yes",
        "such rows (--missing drop)",
        "see `wgmm devices`",
        "run wgmm fit again",
        "first line\\\n  `wgmm\\\n  report`",
    ];
    for text in faults {
        for literal in [format!("\"{text}\""), format!("r#\"{text}\"#")] {
            let planted = planted("src/x.rs", &format!("fn f() {{ g({literal}) }}"));
            assert_eq!(shell_words(&planted).len(), 1, "{text}");
        }
    }
    let right = "// use `--engine cpu`\n/// `wgmm fit`\nfn f() { g(\"a -- b, on_collapse = reseed, wgmm/fit, wgmm.fit/1, 1e--3\") }\n\
                 #[cfg(test)]\nmod tests { fn t() { g(\"--engine\") } }";
    assert_none(shell_words(&planted("src/x.rs", right)));
}
