//! The library knows no command line: no text of it names a flag or a command. A `Remedy` says what can be done, and
//! the command words it.

use super::tokens::{code, literal_end, without_comments_and_literals};
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

/// Every string literal outside of comments and tests, with its line.
fn strings(text: &str) -> Vec<(usize, String)> {
    let chars: Vec<char> = text.chars().collect();
    let outside: Vec<char> = without_comments_and_literals(text).chars().collect();
    let shipped: Vec<char> = code(text).chars().collect();
    let mut found = Vec::new();
    let (mut i, mut line) = (0, 1);
    while i < chars.len() {
        let end = literal_end(&chars, i).max(i + 1);
        // What stands before a literal of a test is gone with the test.
        let before = (0..i).rev().find(|&j| !outside[j].is_whitespace());
        let is_string = chars[i] == '"' || (chars[i] == 'r' && end > i + 1);
        if is_string && end > i + 1 && before.is_none_or(|j| shipped[j] == outside[j]) {
            found.push((line, chars[i..end].iter().collect()));
        }
        line += chars[i..end].iter().filter(|c| **c == '\n').count();
        i = end;
    }
    found
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

#[test]
fn strings_are_found_outside_of_comments_and_tests() {
    let text = "// \"no\"\nconst A: &str = \"a\\\"b\";\nconst B: &str = r#\"c\"d\"#; // \"no\"\nconst C: char = '\"';\n\
                #[cfg(test)]\nmod tests {\n    const D: &str = \"no\";\n    const E: &str = r\"no\";\n}\nconst F: &str = \"f\";";
    let found = strings(text);
    let expected = [(2, "\"a\\\"b\""), (3, "r#\"c\"d\"#"), (10, "\"f\"")];
    assert_eq!(found, expected.map(|(line, text)| (line, text.to_string())));
}
