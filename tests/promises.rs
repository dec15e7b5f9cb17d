//! docs/promises.md: every test it names is there.

use std::path::Path;
use std::process::Command;

/// The last column's filters of every row of every table, with their lines.
fn filters(page: &str) -> Vec<(usize, String)> {
    let rows = page.lines().enumerate().filter(|(_, line)| line.starts_with("| "));
    let rows = rows.filter(|(_, line)| !line.starts_with("| promise |"));
    rows.flat_map(|(n, line)| {
        let cell = line.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap_or_default();
        let names: Vec<(usize, String)> =
            cell.split('`').skip(1).step_by(2).map(|name| (n + 1, name.to_owned())).collect();
        if names.is_empty() { vec![(n + 1, String::new())] } else { names }
    })
    .collect()
}

/// Filters that run no test.
fn empty<'p>(filters: &'p [(usize, String)], tests: &str) -> Vec<&'p (usize, String)> {
    let runs = |filter: &str| tests.lines().any(|name| name.contains(filter));
    filters.iter().filter(|(_, filter)| filter.is_empty() || !runs(filter)).collect()
}

/// The names of all tests in this binary, one a line.
fn tests() -> String {
    let own = std::env::current_exe().unwrap();
    let listed = Command::new(own).args(["--list", "--format", "terse"]).output().unwrap();
    String::from_utf8(listed.stdout).unwrap()
}

#[test]
fn every_promise_has_its_tests() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/promises.md");
    let filters = filters(&std::fs::read_to_string(page).unwrap());
    assert!(filters.len() > 30, "only {} filters were found", filters.len());
    assert_eq!(empty(&filters, &tests()), Vec::<&(usize, String)>::new());
}

#[test]
fn planted_promises_without_a_test_are_found() {
    let page =
        "| promise | filter |\n|---|---|\n| a `b` | `promises::every`, `no::such_test` |\n| c | none |";
    let filters = filters(page);
    assert_eq!(filters.len(), 3);
    assert_eq!(empty(&filters, &tests()), [&(3, "no::such_test".to_owned()), &(4, String::new())]);
}
