//! What is said, and where.

use std::io::Write;
use std::process::Stdio;

use super::{Bench, iris, ran};

const SKLEARN: &str = "Best performing initialization did not converge";

/// The option that a message advises is typed as it stands, and does what it says.
#[test]
fn advice_can_be_typed() {
    for name in ["plain", "two words", "it's", "a,b", "x \"y\"", "$HOME", "* -z"] {
        let bench = Bench::new();
        bench.write("d.csv", &format!("\"{}\",v\nred,1\nblue,2\ngreen,4\n", name.replace('"', "\"\"")));
        let ran = bench.run("fit d.csv -k 1").code(3);
        let advice = ran.stderr.split('`').find(|part| part.starts_with("--drop-columns")).unwrap();
        let line = format!("\"$WGMM\" fit d.csv -k 1 --json {advice}");
        let mut shell = std::process::Command::new("sh");
        shell.current_dir(bench.0.path()).env("WGMM", env!("CARGO_BIN_EXE_wgmm")).args(["-c", &line]);
        let ran = super::ran(shell.output().unwrap()).ok();
        assert_eq!(ran.json()["model"]["feature_names"], serde_json::json!(["v"]), "{line}");
    }
    // A name that cannot be typed, or that is another column's, too: the number.
    for header in ["n\u{1}m,v", "same,same", "-o,v"] {
        let bench = Bench::new();
        bench.write("d.csv", &format!("{header}\nred,1\nblue,2\n"));
        bench.run("fit d.csv -k 1").code(3).says(&["`--drop-columns 1`"]);
    }
}

#[test]
fn the_summary_is_on_stdout_and_the_engine_on_stderr() {
    let bench = Bench::new();
    let ran = bench.run("fit IRIS -k 3 -o m.json").ok().says(&["cpu engine"]);
    for word in
        ["150 samples, 4 features", "petal_width", "weight", "converged after", "BIC", "saved to m.json"]
    {
        assert!(ran.stdout.contains(word), "no {word:?} in {}", ran.stdout);
    }
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(bench.run("fit IRIS -k 3").ok().stdout.contains("no model was saved"));
}

#[test]
fn quiet_leaves_warnings_and_errors() {
    let bench = Bench::new();
    let ran = bench.run("fit IRIS -k 3 --quiet -o m.json").ok();
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    bench.run("fit IRIS -k 3 --quiet --max-iter 2").ok().says(&["warning: ", SKLEARN]);
    bench.run("fit IRIS -k 999 --quiet").code(3);
    let ran = bench.run("predict m.json IRIS -q -o l.csv").ok();
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
}

#[test]
fn json_is_one_object_and_nothing_else() {
    let bench = Bench::new();
    let ran = bench.run("fit IRIS -k 3 --json -o m.json --covariance diag --seed 7").ok();
    let json = ran.json();
    assert_eq!(json["schema"], "wgmm.fit/1");
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(json["engine"]["kind"], "cpu");
    assert_eq!(json["options"]["covariance_type"], "diag");
    assert_eq!(json["options"]["seed"], 7);
    assert_eq!(json["report"]["converged"], true);
    assert_eq!(json["outputs"]["model"], "m.json");
    assert!(json["timings"]["fit_seconds"].is_number());
    let model: serde_json::Value = serde_json::from_str(&bench.read("m.json")).unwrap();
    for field in ["weights", "means", "covariances", "feature_names", "covariance_type"] {
        assert_eq!(json["model"][field], model[field], "{field}");
    }
    assert!(model.get("timings").is_none() && !bench.read("m.json").contains("null"));
    let score = bench.run("score m.json IRIS --json").ok().json();
    assert_eq!(score["schema"], "wgmm.score/1");
    let devices = bench.run("devices --json").ok().json();
    assert!(devices["adapters"].is_array() && devices["cpu"]["threads"].is_number());
}

#[test]
fn traces_in_both_formats() {
    let bench = Bench::new();
    let json = bench.run("fit IRIS -k 3 --json --tol 0 --max-iter 4 --n-init 2 --trace t.csv").ok().json();
    bench.run("fit IRIS -k 3 --tol 0 --max-iter 4 --n-init 2 --trace t.jsonl").ok();
    let csv = bench.read("t.csv");
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["restart", "iteration", "mean_log_likelihood", "change"]);
    assert_eq!(rows.len(), 1 + 2 * 4);
    assert_eq!(rows[1][3], "");
    let text = bench.read("t.jsonl");
    let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    for (row, line) in rows[1..].iter().zip(&lines) {
        assert_eq!(row[0], line["restart"].to_string());
        assert_eq!(row[1], line["iteration"].to_string());
        assert_eq!(row[2].parse::<f64>().unwrap(), line["mean_log_likelihood"].as_f64().unwrap());
    }
    assert_eq!(lines.len(), 8);
    let trace = json["report"]["log_likelihood_trace"].as_array().unwrap();
    let kept: Vec<&serde_json::Value> = lines.iter().map(|line| &line["mean_log_likelihood"]).collect();
    let best = trace.iter().collect::<Vec<_>>();
    assert!(kept[..4] == best || kept[4..] == best);
    assert_eq!(json["report"]["restarts"].as_array().unwrap().len(), 2);
}

#[test]
fn convergence_may_be_required() {
    let bench = Bench::new();
    let ran = bench.run("fit IRIS -k 3 --max-iter 2 --require-convergence -o m.json").code(5);
    assert!(ran.stderr.contains(SKLEARN) && ran.stdout.contains("stopped after 2 iterations"));
    bench.run("score m.json IRIS").ok();
    bench.run("fit IRIS -k 3 --require-convergence").ok();
}

#[test]
fn progress_is_for_terminals_unless_asked_for() {
    let bench = Bench::new();
    for when in ["auto", "never"] {
        let ran = bench.run(&format!("fit IRIS -k 3 --progress {when}")).ok();
        assert!(!ran.stderr.contains("iteration"), "{ran:?}");
    }
    let ran = bench.run("fit IRIS -k 3 --progress always --tol 0 --max-iter 9").ok();
    assert!(ran.stderr.contains("iteration 9: mean log-likelihood"), "{ran:?}");
    assert!(!ran.stderr.contains('\u{1b}') && !ran.stdout.contains('\u{1b}'), "{ran:?}");
}

#[test]
fn verbose_says_more() {
    let bench = Bench::new();
    bench.run("fit IRIS -k 3 -v").ok().says(&["info: ", "150 samples"]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let bench = Bench::new();
    let data = std::fs::read(iris()).unwrap();
    for args in [
        &["fit", "-", "-k", "3"][..],
        &["fit", "-", "-k", "3", "--json"],
        &["fit", "-", "-k", "3", "-o", "-"],
    ] {
        let mut command = bench.command();
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // The fit waits for its data, so the pipe is closed before anything can be printed.
        drop(child.stdout.take());
        child.stdin.take().unwrap().write_all(&data).unwrap();
        let ran = ran(child.wait_with_output().unwrap()).ok();
        assert!(!ran.stderr.contains("error"), "{ran:?}");
    }
}

#[test]
fn dropped_rows_are_counted_and_named() {
    let bench = Bench::new();
    bench.write("gaps.csv", "a,b\n1,2\n,3\n2,4\n5,NA\n7,7\n");
    bench.run("fit gaps.csv -k 1 -o m.json").code(3).says(&["gaps.csv", "line 3"]);
    let ran = bench.run("fit gaps.csv -k 1 -o m.json --missing drop --json").ok().says(&["2 rows", "3, 5"]);
    assert_eq!(ran.json()["report"]["dropped_rows"], serde_json::json!([3, 5]));
    assert_eq!(ran.json()["report"]["n_samples"], 3);
}

/// Nothing was computed that could have converged or not.
#[test]
fn a_start_is_called_one() {
    let bench = Bench::new();
    let ran = bench.run("fit IRIS -k 3 --max-iter 0").ok();
    assert!(ran.stdout.contains("the start itself: no iteration was asked for"), "{ran:#?}");
    assert!(!ran.stderr.contains("warning"), "{ran:#?}");
    let one = bench.run("fit IRIS -k 3 --max-iter 1 --tol 0").ok();
    assert!(one.stdout.contains("stopped after 1 iteration\n"), "{one:#?}");
}

#[test]
fn completions_and_manual() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = bench.run(&format!("completions {shell}")).ok().stdout;
        assert!(script.contains("covariance"), "{shell}");
    }
    let manual = bench.run("man").ok().stdout;
    for word in [".TH wgmm 1", ".TH wgmm-fit 1", "reg\\-covar", "Exit codes"] {
        assert!(manual.contains(word), "no {word:?}");
    }
}

/// Errors name options as they are typed.
#[test]
fn options_are_named_as_they_are_typed() {
    let bench = Bench::new();
    bench.run("fit IRIS -k 3 -o m.json").ok();
    let ran = bench.run("predict m.json IRIS --append -o l.npy").code(3);
    ran.says(&["--append l.npy: a CSV table is copied as CSV"]);
    let all = "sepal_length=1,sepal_width=1,petal_length=1,petal_width=1";
    bench
        .run(&format!("conditional m.json --given {all}"))
        .code(3)
        .says(&["--given every feature: at least one"]);
    bench
        .run("conditional m.json --given petal_width=1e300")
        .code(3)
        .says(&["--given values without any density"]);
    let twice = "\"sepal_length\" and \"1\" are the same feature";
    bench.run("conditional m.json --given sepal_length=1,1=2").code(3).says(&["--given", twice]);
    bench.run("marginal m.json --features sepal_length,1").code(3).says(&["--features", twice]);
    bench
        .run("fit IRIS -k 3 --columns 1,sepal_length")
        .code(3)
        .says(&["--columns 1,sepal_length: column 1 is asked for twice"]);
}
