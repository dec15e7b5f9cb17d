//! The public surface: what a user of the crate sees, counted from the sources. Hidden items are no part of it.

use std::collections::{BTreeSet, VecDeque};

use super::graph::{Graph, LIBRARY};
use super::tokens::{code, is_word, tokens};
use super::{Source, assert_none, planted, sources};

/// Structs, enums, traits, functions, constants, macros, type aliases, and the public functions and constants of types.
const MOST: usize = 150;

/// An item, or a function or constant of a type.
#[derive(Debug, Clone, PartialEq)]
struct Declared {
    kind: String,
    name: String,
    /// Public without limits, and not hidden.
    shown: bool,
    /// The type that it belongs to.
    owner: Option<String>,
    /// The inline modules it stands in, and whether they are shown.
    inside: Vec<(String, bool)>,
}

/// What a pair of braces holds.
enum Braces {
    Module(String, bool),
    /// A block of functions of this type; none for those of a trait.
    Type(Option<String>),
    Other,
}

/// Everything that `text` declares outside functions; of `use` declarations whether they are shown, as kind `use`.
fn declared(text: &str) -> Vec<Declared> {
    let code = code(text);
    let tokens = tokens(&code);
    let text = |i: usize| tokens.get(i).map_or("", |(_, token)| token.as_str());
    let closing = |from: usize, open: &str, close: &str| {
        let mut depth = 0;
        (from..tokens.len()).find(|&i| {
            depth += i32::from(text(i) == open) - i32::from(text(i) == close);
            depth == 0
        })
    };
    let (mut found, mut around): (Vec<Declared>, Vec<Braces>) = (Vec::new(), Vec::new());
    let (mut public, mut hidden, mut exported, mut pending) = (false, false, false, None);
    let mut i = 0;
    while i < tokens.len() {
        let is_outside = around.iter().all(|braces| matches!(braces, Braces::Module(..)));
        let owner = match around.last() {
            Some(Braces::Type(Some(owner))) => Some(owner.clone()),
            _ => None,
        };
        let inside = around.iter().filter_map(|braces| match braces {
            Braces::Module(name, shown) => Some((name.clone(), *shown)),
            _ => None,
        });
        let mut declare = |kind: &str, name: &str, shown: bool, owner: Option<String>| {
            found.push(Declared {
                kind: kind.into(),
                name: name.into(),
                shown,
                owner,
                inside: inside.clone().collect(),
            });
        };
        match text(i) {
            "#" => {
                let end = closing(i + 1 + usize::from(text(i + 1) == "!"), "[", "]").unwrap_or(i);
                let words: Vec<&str> = (i..end).map(text).collect();
                hidden |= words.contains(&"doc") && words.contains(&"hidden");
                exported |= words.contains(&"macro_export");
                i = end + 1;
                continue;
            }
            "pub" => {
                public = text(i + 1) != "(";
                i = if public { i + 1 } else { closing(i + 1, "(", ")").unwrap_or(i) + 1 };
                continue;
            }
            // Words before `fn`.
            "unsafe" | "async" | "extern" | "\"" => {
                i += 1;
                continue;
            }
            "const" if text(i + 1) == "fn" => {
                i += 1;
                continue;
            }
            "macro_rules" => {
                declare("macro", text(i + 2), exported && !hidden, None);
                i = closing(i + 3, text(i + 3), if text(i + 3) == "{" { "}" } else { ")" }).unwrap_or(i);
            }
            // What it gives its type is hidden, or belongs to traits.
            "named" if text(i + 1) == "!" && is_outside => {
                i = closing(i + 2, "(", ")").unwrap_or(i);
            }
            "use" if is_outside => {
                declare("use", "", public && !hidden, None);
                i = (i..tokens.len()).find(|&i| text(i) == ";").unwrap_or(i);
            }
            "mod" if is_outside => {
                declare("mod", text(i + 1), public && !hidden, None);
                pending = Some(Braces::Module(text(i + 1).into(), public && !hidden));
                i += 1;
            }
            "impl" if is_outside => {
                let end = (i..tokens.len()).find(|&i| text(i) == "{").unwrap_or(i);
                pending = Some(Braces::Type(type_of(&(i + 1..end).map(text).collect::<Vec<_>>())));
                i = end;
                continue;
            }
            kind @ ("fn" | "struct" | "enum" | "trait" | "const" | "static" | "type" | "union")
                if (is_outside || owner.is_some()) && is_word(text(i + 1)) =>
            {
                declare(kind, text(i + 1), public && !hidden, owner);
                // A body, or fields: nothing in them is an item of its own.
                let end = (i..tokens.len()).find(|&i| matches!(text(i), "{" | ";")).unwrap_or(i);
                i = if text(end) == "{" { closing(end, "{", "}").unwrap_or(end) } else { end };
            }
            "{" => around.push(pending.take().unwrap_or(Braces::Other)),
            "}" => drop(around.pop()),
            _ => {}
        }
        (public, hidden, exported) = (false, false, false);
        if text(i) == ";" {
            pending = None;
        }
        i += 1;
    }
    found
}

/// The type of an `impl` with these words before its brace; none if it implements a trait.
fn type_of(words: &[&str]) -> Option<String> {
    let is_trait = words.windows(2).any(|pair| pair[0] == "for" && pair[1] != "<");
    let mut depth = 0;
    let outside = words.iter().enumerate().filter(|(i, word)| {
        let is_arrow = *i > 0 && words[i - 1] == "-";
        depth += i32::from(**word == "<");
        let shown = depth == 0;
        depth -= i32::from(**word == ">" && !is_arrow);
        shown
    });
    let path = outside.map(|(_, word)| *word).take_while(|word| *word != "where");
    path.filter(|word| is_word(word)).last().filter(|_| !is_trait).map(str::to_owned)
}

fn names(inside: &[(String, bool)]) -> Vec<String> {
    inside.iter().map(|(name, _)| name.clone()).collect()
}

/// Every item that a user of the crate can name, as `struct data::samples::Samples`, `fn data::samples::Samples::new`.
fn surface(sources: &[Source]) -> BTreeSet<String> {
    let graph = Graph::new(sources, LIBRARY);
    let files: Vec<(Vec<String>, Vec<Declared>)> = sources
        .iter()
        .filter_map(|source| Some((graph.module_of(&source.path)?, declared(&source.text))))
        .collect();
    let of = |module: &[String]| {
        let found = files.iter().find(|(other, _)| other == module);
        found.map_or(&[][..], |(_, items)| items).iter()
    };
    let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let mut queue = VecDeque::from([Vec::new()]);
    while let Some(module) = queue.pop_front() {
        if !seen.insert(module.clone()) {
            continue;
        }
        let is_open = |item: &&Declared| item.inside.iter().all(|(_, shown)| *shown);
        let mut items: Vec<(Vec<String>, Vec<String>)> = Vec::new();
        for item in of(&module).filter(is_open).filter(|item| item.shown && item.owner.is_none()) {
            match item.kind.as_str() {
                "mod" => queue.push_back([&module[..], std::slice::from_ref(&item.name)].concat()),
                "use" => {}
                _ => items.push((module.clone(), [names(&item.inside), vec![item.name.clone()]].concat())),
            }
        }
        let Some(mentions) = graph.mentions.get(&module) else { continue };
        let hidden: BTreeSet<Vec<String>> = of(&module)
            .filter(|item| item.kind == "mod" && !item.shown)
            .map(|item| [names(&item.inside), vec![item.name.clone()]].concat())
            .collect();
        let is_hidden = |inside: &[String]| (1..=inside.len()).any(|n| hidden.contains(&inside[..n]));
        for import in mentions.imports.iter().filter(|import| import.unlimited && !is_hidden(&import.inside))
        {
            match graph.find(&module, &import.inside, &import.path).map(|found| (found.file, found.item)) {
                Some((file, Some(item))) => items.push((file, vec![item])),
                Some((file, None)) => queue.push_back(file),
                // Another crate's.
                None => drop(found.insert(format!("use {}", import.path.join("::")))),
            }
        }
        // Macros are at the root, wherever they stand.
        if module.is_empty() {
            let macros = files.iter().flat_map(|(file, items)| items.iter().map(move |item| (file, item)));
            let macros = macros.filter(|(_, item)| item.kind == "macro" && item.shown);
            items.extend(macros.map(|(file, item)| (file.clone(), vec![item.name.clone()])));
        }
        for (file, item) in items {
            let path = [&file[..], &item].concat().join("::");
            let Some((name, around)) = item.split_last() else { continue };
            let same =
                |found: &&Declared| found.name == *name && found.owner.is_none() && found.kind != "mod";
            let kind = of(&file).filter(same).find(|found| names(&found.inside) == around);
            found.insert(format!("{} {path}", kind.map_or("item", |item| &item.kind)));
            // What belongs to it, wherever it stands.
            for (other, members) in &files {
                for member in members.iter().filter(|m| m.shown && m.owner.as_ref() == Some(name)) {
                    let owner = graph.find(other, &names(&member.inside), std::slice::from_ref(name));
                    if owner.is_some_and(|owner| owner.file == file) {
                        found.insert(format!("{} {path}::{}", member.kind, member.name));
                    }
                }
            }
        }
    }
    found
}

fn too_wide(sources: &[Source], most: usize) -> Vec<String> {
    let found = surface(sources);
    if found.len() <= most { Vec::new() } else { found.into_iter().collect() }
}

#[test]
fn the_public_surface_is_small() {
    let sources = sources("src", "rs");
    let found = surface(&sources);
    for there in
        ["trait engine::Engine", "struct data::samples::Samples", "fn data::samples::Samples::new", "fn fit"]
    {
        assert!(found.contains(there), "{there} is not counted: {found:#?}");
    }
    let wide = too_wide(&sources, MOST);
    assert!(wide.is_empty(), "{} public items, {MOST} at most:\n{}", wide.len(), wide.join("\n"));
}

#[test]
fn planted_items_are_counted() {
    let files = [
        (
            "src/lib.rs",
            "mod a;\npub mod open;\n#[doc(hidden)]\npub mod internals;\npub use a::{A, f as g};\n#[doc(hidden)]\npub fn \
             hidden() {}\npub fn shown() { pub fn inner() {} }\npub(crate) fn own() {}\npub mod inline { pub use \
             crate::a::T; pub const N: u8 = 1; }\n#[doc(hidden)]\npub mod quiet { pub use crate::a::Quiet; }",
        ),
        (
            "src/a.rs",
            "mod more;\npub struct A { pub x: u8 }\nimpl A { pub fn new() -> A {} pub const fn of() {} fn own() {} \
             pub(crate) fn ours() {} #[doc(hidden)] pub fn test() {} pub const N: u8 = 1; }\nimpl Default for A { fn \
             default() -> A {} }\npub fn f() {}\npub trait T { fn t(&self); }\npub struct Unseen;\npub struct Quiet;\n\
             #[macro_export]\nmacro_rules! m { () => { pub struct No; } }\nnamed!(A: \"a\" { X = \"x\" });",
        ),
        ("src/a/more.rs", "use super::A;\nimpl<T> A where T: Fn() -> A { pub fn more() {} }"),
        ("src/open.rs", "mod below;\npub enum E { V }\npub type R<T> = T;\npub use below::*;\nstruct Own;"),
        ("src/open/below.rs", "pub struct A;\nimpl A { pub fn of_another() {} }"),
        ("src/internals.rs", "pub struct I;"),
        ("src/bin/wgmm/main.rs", "pub struct Command;"),
    ];
    let files: Vec<Source> = files.iter().map(|(path, text)| planted(path, text)).collect();
    let expected = [
        "const a::A::N",
        "const inline::N",
        "enum open::E",
        "fn a::A::more",
        "fn a::A::new",
        "fn a::A::of",
        "fn a::f",
        "fn open::below::A::of_another",
        "fn shown",
        "macro a::m",
        "struct a::A",
        "struct open::below::A",
        "trait a::T",
        "type open::R",
    ];
    assert_eq!(surface(&files).into_iter().collect::<Vec<_>>(), expected);
    assert_none(too_wide(&files, expected.len()));
    let wide = too_wide(&files, expected.len() - 1);
    assert_eq!(wide.len(), expected.len(), "{wide:?}");
}
