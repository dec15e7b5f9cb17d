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

/// One name that a `use` declaration binds.
#[derive(Debug, PartialEq)]
pub(super) struct Import {
    pub(super) line: usize,
    /// Whether others can see the name, in the crate at least.
    pub(super) public: bool,
    /// Whether users of the crate can, as far as this declaration goes.
    pub(super) unlimited: bool,
    /// As written: `["super", "a", "B"]`; the last is `*` for a glob.
    pub(super) path: Vec<String>,
    /// The name it has here.
    pub(super) name: String,
    /// The inline modules it stands in.
    pub(super) inside: Vec<String>,
}

/// What a source says about other modules.
#[derive(Default)]
pub(super) struct Mentions {
    pub(super) imports: Vec<Import>,
    /// Paths of two words or more outside `use` declarations, with their lines and the inline modules around them.
    pub(super) paths: Vec<(usize, Vec<String>, Vec<String>)>,
    /// Every other word.
    pub(super) words: Vec<(usize, String)>,
    /// Names of the items that are defined here.
    pub(super) items: Vec<String>,
    /// Names of the macros that are.
    pub(super) macros: Vec<String>,
}

const ITEMS: [&str; 8] = ["fn", "struct", "enum", "trait", "const", "static", "type", "union"];

/// Reads `code` (see [`code`]) word by word.
pub(super) fn mentions(code: &str) -> Mentions {
    let mut found = Mentions::default();
    let tokens = tokens(code);
    let text = |i: usize| tokens.get(i).map_or("", |(_, token)| token.as_str());
    // Inline modules around the token, each with the depth of braces outside it.
    let (mut inside, mut depth): (Vec<(String, usize)>, usize) = (Vec::new(), 0);
    let (mut public, mut unlimited, mut hidden) = (false, false, false);
    let mut i = 0;
    while i < tokens.len() {
        let line = tokens[i].0;
        let here = || inside.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        match text(i) {
            "{" => {
                hidden = false;
                depth += 1;
            }
            "}" => {
                hidden = false;
                depth = depth.saturating_sub(1);
                inside.pop_if(|(_, outside)| *outside == depth);
            }
            // Of the next item.
            "doc" if text(i + 1) == "(" && text(i + 2) == "hidden" => hidden = true,
            ";" => hidden = false,
            "pub" => {
                public = true;
                unlimited = text(i + 1) != "(" && !hidden;
                if text(i + 1) == "(" {
                    i += tokens[i..].iter().position(|(_, t)| t == ")").unwrap_or(0);
                }
                i += 1;
                continue;
            }
            "mod" if text(i + 2) == "{" => {
                inside.push((text(i + 1).to_owned(), depth));
                i += 2;
                continue;
            }
            // A declaration is no use.
            "mod" if text(i + 2) == ";" => i += 1,
            // Not the `use<'a>` of an `impl Trait`.
            "use" if text(i + 1) != "<" => {
                let mut tree = |path: Vec<String>, name: String, line| {
                    found.imports.push(Import { line, public, unlimited, path, name, inside: here() });
                };
                i = expand(&tokens, i + 1, &mut Vec::new(), &mut tree);
                (public, unlimited) = (false, false);
                continue;
            }
            word if is_word(word) => {
                if ITEMS.contains(&word) && is_word(text(i + 1)) {
                    found.items.push(text(i + 1).to_owned());
                }
                if word == "macro_rules" {
                    found.macros.push(text(i + 2).to_owned());
                }
                let mut path = vec![word.to_owned()];
                // `.field` and `::<T>::f` are no beginning of a path.
                let starts = i == 0 || !matches!(text(i - 1), "::" | "." | "$");
                while text(i + 1) == "::" && is_word(text(i + 2)) {
                    path.push(text(i + 2).to_owned());
                    i += 2;
                }
                match path.len() {
                    1 => found.words.push((line, word.to_owned())),
                    _ if starts => found.paths.push((line, path, here())),
                    _ => {}
                }
            }
            _ => {}
        }
        (public, unlimited) = (false, false);
        i += 1;
    }
    found
}

pub(super) fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// Words, `::` and single characters, with their lines. A raw identifier loses its `r#`.
pub(super) fn tokens(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (n, line) in code.lines().enumerate() {
        let line = line.replace("r#", "");
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = match first {
                c if c.is_alphanumeric() || c == '_' => {
                    rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
                }
                ':' if rest.starts_with("::") => 2,
                c => c.len_utf8(),
            };
            found.push((n + 1, rest[..length].to_owned()));
            rest = rest[length..].trim_start();
        }
    }
    found
}

/// Emits every name that the tree of a `use` at token `i` binds; returns where the tree ends.
fn expand(
    tokens: &[(usize, String)],
    mut i: usize,
    prefix: &mut Vec<String>,
    emit: &mut dyn FnMut(Vec<String>, String, usize),
) -> usize {
    let text = |i: usize| tokens.get(i).map_or("", |(_, token)| token.as_str());
    let depth = prefix.len();
    if text(i) == "::" {
        i += 1; // `use ::name`: another crate, whatever is called so here.
        prefix.push(String::new());
    }
    loop {
        match text(i) {
            "{" => {
                i += 1;
                while !matches!(text(i), "}" | "") {
                    i = expand(tokens, i, prefix, emit);
                    i += usize::from(text(i) == ",");
                }
                i += 1;
                break;
            }
            "*" => {
                let path = prefix.iter().cloned().chain(["*".to_owned()]).collect();
                emit(path, "*".into(), tokens[i].0);
                i += 1;
                break;
            }
            word if is_word(word) => {
                prefix.push(word.to_owned());
                i += 1;
                if text(i) == "::" {
                    i += 1;
                    continue;
                }
                let mut path = prefix.clone();
                if path.len() > 1 && word == "self" {
                    path.pop();
                }
                let mut name = path.last().cloned().unwrap_or_default();
                if text(i) == "as" {
                    name = text(i + 1).to_owned();
                    i += 2;
                }
                emit(path, name, tokens[i - 1].0);
                break;
            }
            _ => break,
        }
    }
    prefix.truncate(depth);
    i
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
        let found = |text: &str| {
            let paths = mentions(text).imports.into_iter().map(|i| (i.path.join("::"), i.name));
            paths
                .map(|(path, name)| if path.ends_with(&name) { path } else { format!("{path} as {name}") })
                .collect::<Vec<_>>()
        };
        assert_eq!(found("use crate::a;"), ["crate::a"]);
        assert_eq!(
            found("use crate::a::{B, c::{D as E, F}, self};"),
            ["crate::a::B", "crate::a::c::D as E", "crate::a::c::F", "crate::a"]
        );
        assert_eq!(
            found("use crate :: a::*; use {super::b, self::c};"),
            ["crate::a::*", "super::b", "self::c"]
        );
        assert_eq!(found("use ::csv::Reader;"), ["::csv::Reader"]);
        let two = mentions("\n\npub(in crate::x) use crate::{\n  a::B,\n};\nuse c::d;");
        let flags: Vec<_> = two.imports.iter().map(|i| (i.line, i.public)).collect();
        assert_eq!(flags, [(4, true), (6, false)]);
        assert!(two.paths.is_empty());
    }

    #[test]
    fn paths_of_bodies_are_found() {
        let text = "fn f() -> crate::G<self::h::I> { a::b::<C>::d(e.f); <T as super::J>::k() }\nmod inner { use super::x; fn g() { super::y::z(); } }\nfn h() { l::m(); }";
        let all = mentions(text);
        let paths: Vec<_> =
            all.paths.iter().map(|(_, path, inside)| (path.join("::"), inside.join("::"))).collect();
        let path = |path: &str, inside: &str| (path.to_owned(), inside.to_owned());
        assert_eq!(
            paths,
            [
                path("crate::G", ""),
                path("self::h::I", ""),
                path("a::b", ""),
                path("super::J", ""),
                path("super::y::z", "inner"),
                path("l::m", "")
            ]
        );
        assert_eq!(all.imports[0].inside, ["inner"]);
        assert_eq!(all.items, ["f", "g", "h"]);
        assert!(all.words.iter().any(|(_, word)| word == "e"));
    }
}
