//! Just enough of a Rust lexer: sources without comments, literals and `#[cfg(test)]` items.

/// `text` with comments, string and char literals blanked (same length, same lines); the quote that
/// opens a string stays.
pub(super) fn without_comments_and_literals(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
    while i < chars.len() {
        let end = literal_end(&chars, i);
        if end > i {
            let opens = chars[i] == '"';
            out.extend(
                chars[i..end].iter().enumerate().map(|(n, c)| if opens && n == 0 { '"' } else { blank(*c) }),
            );
            i = end;
        } else {
            out.push(chars[i]);
            i += 1;
        }
    }
    out
}

/// End of the comment or literal that starts at `i`; `i` itself where none does.
fn literal_end(chars: &[char], i: usize) -> usize {
    let at = |j: usize| chars.get(j).copied().unwrap_or('\0');
    let find = |from: usize, stop: &dyn Fn(usize) -> bool| {
        (from..chars.len()).find(|&j| stop(j)).unwrap_or(chars.len())
    };
    let in_word = i > 0 && (at(i - 1).is_alphanumeric() || at(i - 1) == '_');
    match (at(i), at(i + 1)) {
        ('/', '/') => find(i, &|j| at(j) == '\n'),
        ('/', '*') => {
            let (mut depth, mut j) = (1, i + 2);
            while j < chars.len() && depth > 0 {
                match (at(j), at(j + 1)) {
                    ('/', '*') => (depth, j) = (depth + 1, j + 2),
                    ('*', '/') => (depth, j) = (depth - 1, j + 2),
                    _ => j += 1,
                }
            }
            j.min(chars.len())
        }
        ('"', _) => quoted_end(chars, i + 1, '"'),
        ('r', '"' | '#') if !in_word => {
            let hashes = chars[i + 1..].iter().take_while(|c| **c == '#').count();
            if at(i + 1 + hashes) != '"' {
                return i;
            }
            let closes = |j: usize| at(j) == '"' && (1..=hashes).all(|h| at(j + h) == '#');
            (find(i + 2 + hashes, &closes) + 1 + hashes).min(chars.len())
        }
        // 'x' and '\n', but not the lifetime 'x.
        ('\'', '\\') => quoted_end(chars, i + 1, '\''),
        ('\'', _) if at(i + 2) == '\'' => i + 3,
        _ => i,
    }
}

fn quoted_end(chars: &[char], from: usize, quote: char) -> usize {
    let mut j = from;
    while j < chars.len() && chars[j] != quote {
        j += if chars[j] == '\\' { 2 } else { 1 };
    }
    (j + 1).min(chars.len())
}

/// Blanks every item under `#[cfg(test)]`: up to its closing brace, or its semicolon.
pub(super) fn without_tests(code: &str) -> String {
    let mut out = code.to_string();
    while let Some(start) = out.find("#[cfg(test)]") {
        let rest = &out[start..];
        let mut depth = 0;
        let end = rest.char_indices().find_map(|(i, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            (depth == 0 && matches!(c, '}' | ';')).then_some(start + i + 1)
        });
        let end = end.unwrap_or(out.len());
        let blank: String = out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
    }
    out
}

/// What the library is made of: no comments, literals or tests.
pub(super) fn code(text: &str) -> String {
    without_tests(&without_comments_and_literals(text))
}

/// Every string literal outside of comments and tests, with its line.
pub(super) fn strings(text: &str) -> Vec<(usize, String)> {
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

/// Every path that starts with the word `head`, with groups opened up: `crate::a::{b, c::d}` gives
/// `a::b` and `a::c::d`; each with its line.
pub(super) fn paths(code: &str, head: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices(head) {
        let before = code[..start].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
            continue;
        }
        let line = code[..start].lines().count().max(1);
        let Some(rest) = after_colons(&code[start + head.len()..]) else { continue };
        expand(rest, "", &mut |path| found.push((line, path)));
    }
    found
}

fn after_colons(text: &str) -> Option<&str> {
    text.trim_start().strip_prefix("::").map(str::trim_start)
}

/// Calls `emit` for every path of the tree at the start of `text`; returns what follows it.
fn expand<'t>(text: &'t str, prefix: &str, emit: &mut dyn FnMut(String)) -> &'t str {
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                return rest;
            }
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            if let Some(after) = rest.strip_prefix(',') {
                rest = after;
                continue;
            }
            rest = expand(rest, prefix, emit);
            // `as name` and whatever else stands before the next entry.
            let next = rest.find([',', '}']).unwrap_or(rest.len());
            rest = &rest[next..];
        }
    }
    let length = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '*')).unwrap_or(text.len());
    if length == 0 {
        return text.get(1..).unwrap_or("");
    }
    let path =
        if prefix.is_empty() { text[..length].to_string() } else { format!("{prefix}::{}", &text[..length]) };
    match after_colons(&text[length..]) {
        Some(rest) if rest.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '{' || c == '*') => {
            expand(rest, &path, emit)
        }
        _ => {
            emit(path);
            &text[length..]
        }
    }
}

mod tests {
    use super::*;

    #[test]
    fn comments_literals_and_tests_disappear() {
        let text =
            "a // crate::x\n/* crate::y /* z */ */ b \"crate::\\\"q\" 'c' '\\'' r#\"crate::\"r\"# &'a str";
        let left = without_comments_and_literals(text);
        assert!(!left.contains("crate") && !left.contains('q') && left.contains("&'a str"), "{left}");
        assert_eq!(left.lines().count(), 2);
        let left = code(
            "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { if x {} } }\nfn c() {}\n#[cfg(test)]\nuse x;\nfn d() {}",
        );
        assert!(
            ["a", "c", "d"].iter().all(|f| left.contains(&format!("fn {f}()"))) && !left.contains("fn b")
        );
    }

    #[test]
    fn strings_are_found_outside_of_comments_and_tests() {
        let text = "// \"no\"\nconst A: &str = \"a\\\"b\";\nconst B: &str = r#\"c\"d\"#; // \"no\"\nconst C: char = '\"';\n\
                    #[cfg(test)]\nmod tests {\n    const D: &str = \"no\";\n    const E: &str = r\"no\";\n}\nconst F: &str = \"f\";";
        let found = strings(text);
        let expected = [(2, "\"a\\\"b\""), (3, "r#\"c\"d\"#"), (10, "\"f\"")];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_string())));
    }

    #[test]
    fn paths_are_opened_up() {
        let found = |text: &str| paths(text, "crate").into_iter().map(|(_, p)| p).collect::<Vec<_>>();
        assert_eq!(found("use crate::a;"), ["a"]);
        assert_eq!(
            found("use crate::a::{B, c::{D as E, F}, self};"),
            ["a::B", "a::c::D", "a::c::F", "a::self"]
        );
        assert_eq!(
            found("use crate::{\n  a::B,\n  c,\n};\nfn f() -> crate::G<crate::h::I> {}"),
            ["a::B", "c", "G", "h::I"]
        );
        assert_eq!(found("use crate :: a::*; mycrate::b(); x::crate::y"), ["a::*"]);
        assert_eq!(paths("\n\nuse crate::a;", "crate"), [(3, "a".to_string())]);
    }
}
