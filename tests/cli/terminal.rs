//! The command on a terminal: a pseudo-terminal of `script` (util-linux).

use std::process::{Command, Stdio};

use super::Bench;

/// What a terminal receives from a long fit, with `variables` set.
fn on_a_terminal(bench: &Bench, variables: &[(&str, &str)], options: &str) -> String {
    let iris = super::iris();
    let line = format!(
        "'{}' fit '{}' -k 3 --tol 0 --max-iter 4000 --engine reference {options}",
        env!("CARGO_BIN_EXE_wgmm"),
        iris.display()
    );
    let mut script = Command::new("script");
    script.args(["-q", "-e", "-c", &line, "typescript"]).current_dir(bench.path(".")).stdin(Stdio::null());
    script.env("TERM", "xterm").env_remove("LC_CTYPE").env_remove("NO_COLOR").env("LC_ALL", "C.UTF-8");
    let output = script.envs(variables.iter().copied()).output().expect("`script` of util-linux is needed");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn a_terminal_shows_a_bar_with_a_sparkline_and_a_table() {
    let bench = Bench::new();
    let text = on_a_terminal(&bench, &[], "");
    assert!(text.contains("/4000") && text.contains("mean log-likelihood"), "{text}");
    assert!(text.contains('▁') && text.contains('█'), "{text}");
    // The bar is taken away, and the summary stands in columns.
    let table: Vec<&str> =
        text.lines().skip_while(|line| !line.contains("component  weight")).take(4).collect();
    assert_eq!(table.len(), 4, "{text}");
    let widths: Vec<usize> = table.iter().map(|line| line.trim_end().chars().count()).collect();
    assert!(widths.iter().all(|w| *w == widths[0]), "{table:?}");
    assert!(!table.concat().contains('\u{1b}'), "{table:?}");
    let quiet = on_a_terminal(&bench, &[], "--quiet");
    assert!(!quiet.contains("log-likelihood"), "{quiet}");
}

#[test]
fn a_terminal_without_utf8_or_colour_is_respected() {
    let bench = Bench::new();
    for locale in ["C", "POSIX", "de_DE.ISO-8859-1"] {
        let text = on_a_terminal(&bench, &[("LC_ALL", locale)], "");
        assert!(text.contains("/4000") && text.is_ascii() && text.contains('#'), "{locale}: {text}");
    }
    let text = on_a_terminal(&bench, &[("NO_COLOR", "1")], "");
    // Control sequences move the cursor and clear lines; `m` would end one that sets a colour.
    let ends = |part: &str| {
        part.trim_start_matches(|c: char| c == '[' || c == ';' || c.is_ascii_digit()).chars().next()
    };
    assert!(text.split('\u{1b}').skip(1).all(|part| ends(part) != Some('m')), "{text:?}");
    // A terminal that cannot go back gets lines.
    let text = on_a_terminal(&bench, &[("TERM", "dumb")], "");
    assert!(text.contains("iteration 1: mean log-likelihood") && !text.contains('\u{1b}'), "{text}");
}
