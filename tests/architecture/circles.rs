//! No circles: **a file may use the items of any file that does not use it in turn, directly or around corners**,
//! siblings, parents and children alike, in the library and in the command. To use a file is to name one of its items,
//! also by a name that another file passes on; a parent that declares a child, or passes the child's names on without
//! naming them itself, does not use it.

use super::graph::{COMMAND, Graph, LIBRARY};
use super::{Source, assert_none, planted, sources};

fn circles(sources: &[Source]) -> Vec<String> {
    [LIBRARY, COMMAND].into_iter().flat_map(|root| Graph::new(sources, root).circles()).collect()
}

#[test]
fn files_use_each_other_in_one_direction() {
    assert_none(circles(&sources("src", "rs")));
}

/// The checker sees the edges that are there, not an empty set.
#[test]
fn the_known_edges_are_found() {
    let sources = sources("src", "rs");
    let (library, command) = (Graph::new(&sources, LIBRARY), Graph::new(&sources, COMMAND));
    assert!(library.edges.len() > 500 && command.edges.len() > 150);
    let there = |graph: &Graph, from: &str, to: &str| {
        assert!(graph.edges.contains_key(&(from.into(), to.into())), "{from} -> {to}");
    };
    // By a name that a parent passes on, by a path in a body, by a module's name, by a name of lib.rs.
    there(&library, "src/model/json.rs", "src/mixture/parameters.rs");
    there(&library, "src/fit/em.rs", "src/fit/em/digits.rs");
    there(&library, "src/fit/em.rs", "src/fit/init.rs");
    there(&library, "src/fit/init.rs", "src/fit/init/kmeans.rs");
    there(&library, "src/engine/cpu.rs", "src/engine.rs");
    there(&command, "src/bin/wgmm/main.rs", "src/bin/wgmm/cli.rs");
    there(&command, "src/bin/wgmm/fit.rs", "src/bin/wgmm/args/parse.rs");
    there(&command, "src/bin/wgmm/exit.rs", "src/bin/wgmm/talk.rs");
    let absent = |from: &str, to: &str| !library.edges.contains_key(&(from.into(), to.into()));
    assert!(absent("src/model.rs", "src/model/start.rs") && absent("src/plot.rs", "src/plot/page.rs"));
}

fn files(files: &[(&str, &str)]) -> Vec<Source> {
    files.iter().map(|(path, text)| planted(path, text)).collect()
}

#[test]
fn planted_circles_are_rejected() {
    const LIB: (&str, &str) = ("src/lib.rs", "mod a;\nmod b;\npub use b::B;");
    let faults: [(&str, &[(&str, &str)]); 13] = [
        (
            "siblings",
            &[
                ("src/a.rs", "use crate::b::B;\npub struct A;"),
                ("src/b.rs", "use super::a::A;\npub struct B;"),
            ],
        ),
        (
            "around a corner",
            &[
                ("src/a.rs", "mod one;\nmod two;\nmod three;"),
                ("src/a/one.rs", "use super::two::Two;\npub struct One;"),
                ("src/a/two.rs", "pub struct Two(crate::a::three::Three);"),
                ("src/a/three.rs", "use super::one;\npub struct Three(one::One);"),
            ],
        ),
        (
            "parent and child",
            &[
                ("src/a.rs", "mod child;\nuse child::C;\npub struct A(C);"),
                ("src/a/child.rs", "use super::A;\npub struct C;"),
            ],
        ),
        (
            "a parent that calls its child",
            &[
                ("src/a.rs", "mod child;\npub struct A;\nfn f() { child::g() }"),
                ("src/a/child.rs", "pub fn g(a: super::A) {}"),
            ],
        ),
        (
            "a name passed on and used",
            &[
                ("src/a.rs", "mod child;\npub use child::C;\npub struct A(C);"),
                ("src/a/child.rs", "use super::A;\npub struct C;"),
            ],
        ),
        (
            "a child and its grandparent",
            &[
                ("src/a.rs", "mod child;\nfn f() { child::grandchild::g() }\npub const N: u8 = 1;"),
                ("src/a/child.rs", "pub mod grandchild;"),
                ("src/a/child/grandchild.rs", "pub fn g() { super::super::N; }"),
            ],
        ),
        (
            "a name that the parent passes on",
            &[
                ("src/a.rs", "mod one;\nmod two;\npub use one::One;"),
                ("src/a/one.rs", "use super::two::Two;\npub struct One;"),
                ("src/a/two.rs", "use super::One;\npub struct Two;"),
            ],
        ),
        (
            "a name that lib.rs passes on",
            &[("src/a.rs", "use crate::B;\npub struct A;"), ("src/b.rs", "pub struct B(crate::a::A);")],
        ),
        (
            "a name with another name",
            &[
                ("src/a.rs", "mod one;\nmod two;\npub use one::One as Uno;"),
                ("src/a/one.rs", "use super::two::Two;\npub struct One;"),
                ("src/a/two.rs", "pub struct Two(super::Uno);"),
            ],
        ),
        (
            "a name of a glob",
            &[
                ("src/a.rs", "mod one;\nmod two;\npub use one::*;"),
                ("src/a/one.rs", "use super::two::Two;\npub struct One;"),
                ("src/a/two.rs", "pub struct Two(super::One);"),
            ],
        ),
        (
            "a module with another name",
            &[
                ("src/a.rs", "use crate::b as other;\npub struct A(other::B);"),
                ("src/b.rs", "pub struct B(crate::a::A);"),
            ],
        ),
        (
            "an inline module",
            &[
                ("src/a.rs", "mod inner { use super::super::b::B; }\npub struct A;"),
                ("src/b.rs", "pub struct B(crate::a::A);"),
            ],
        ),
        (
            "a use in a function",
            &[
                ("src/a.rs", "pub struct A;\nfn f() { use crate::b::B; }"),
                ("src/b.rs", "pub struct B(crate::a::A);"),
            ],
        ),
    ];
    for (name, planted) in faults {
        let found = circles(&files(&[&[LIB], planted].concat()));
        assert_eq!(found.len(), 1, "{name}: {found:?}");
    }
    // The command, whose `crate` is itself.
    let main = ("src/bin/wgmm/main.rs", "mod args;\nmod fit;");
    let command = [
        main,
        ("src/bin/wgmm/args.rs", "use crate::fit::FitArgs;"),
        ("src/bin/wgmm/fit.rs", "use crate::args;\npub struct FitArgs;"),
    ];
    assert_eq!(
        circles(&files(&command)),
        ["src/bin/wgmm/args.rs:1 -> src/bin/wgmm/fit.rs:1 -> src/bin/wgmm/args.rs"]
    );
}

#[test]
fn right_files_pass() {
    let library = [
        ("src/lib.rs", "mod a;\nmod b;\npub use a::One;\nfn f() { a::g() }"),
        // A parent that passes names on, and has items that its children use.
        (
            "src/a.rs",
            "mod one;\npub mod two;\npub use one::One;\npub(crate) use two::{Two, h};\npub const N: u8 = 1;\npub fn g() {}",
        ),
        (
            "src/a/one.rs",
            "use super::N;\npub struct One;\n#[cfg(test)]\nmod tests { use super::super::two::Two; }",
        ),
        // A sibling; a word in a comment, a text, a name of another crate that is called as a file here.
        (
            "src/a/two.rs",
            "use super::One;\nuse ::b::C;\n// super::three\nfn h() { \"crate::b::B\"; std::b::f(); }\npub struct Two;",
        ),
        ("src/b.rs", "use crate::a::{self, two::Two};\nfn f() { a::g(); self::k(); }\nfn k() {}"),
    ];
    let command = [
        ("src/bin/wgmm/main.rs", "mod a;\nmod b;\nfn main() { a::run() }"),
        // The library's module of that name.
        ("src/bin/wgmm/a.rs", "use crate::b::B;\nuse wgmm::internals::a;\npub fn run() {}"),
        ("src/bin/wgmm/b.rs", "use wgmm::a::One;\npub struct B;"),
    ];
    assert_none(circles(&files(&[&library[..], &command].concat())));
}
