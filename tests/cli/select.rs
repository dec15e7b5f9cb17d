//! `wgmm select`: the table, the JSON object, the best model, exit codes.

use super::Bench;

#[test]
fn the_table_marks_the_best() {
    let bench = Bench::new();
    let run = bench.run("select IRIS -k 1..4 --covariance full,diag --n-init 2 -o best.json").ok();
    let lines: Vec<&str> = run.stdout.lines().collect();
    for word in ["k", "covariance", "log-likelihood", "parameters", "BIC", "AIC", "ICL", "iterations"] {
        assert!(lines[0].contains(word), "{}", run.stdout);
    }
    assert_eq!(lines.iter().filter(|line| line.starts_with('*')).count(), 1, "{}", run.stdout);
    assert!(run.stdout.contains("best by BIC: k = 2, full; model saved to best.json"), "{}", run.stdout);
    // Eight fits, a header, a blank line and the verdict; every line of the table as long as the first.
    assert_eq!(lines.len(), 11);
    let best: serde_json::Value = serde_json::from_str(&bench.read("best.json")).unwrap();
    assert_eq!((best["n_components"].as_u64(), &best["covariance_type"]), (Some(2), &"full".into()));
    bench.run("predict best.json IRIS").ok();
    let again = bench.run("select IRIS -k 1..4 --covariance full,diag --n-init 2 -o best.json").ok();
    assert_eq!(again.stdout, run.stdout, "the same sweep, the same table");
}

#[test]
fn the_object_holds_every_candidate() {
    let bench = Bench::new();
    let line = "select IRIS -k 3,1,2 --covariance spherical --criterion icl -o b.npz --json --max-iter 300";
    let json = bench.run(line).ok().json();
    assert_eq!((&json["schema"], &json["criterion"]), (&"wgmm.select/1".into(), &"icl".into()));
    let candidates = json["candidates"].as_array().unwrap();
    let k: Vec<u64> = candidates.iter().map(|c| c["n_components"].as_u64().unwrap()).collect();
    assert_eq!(k, [1, 2, 3], "ascending");
    let icl: Vec<f64> = candidates.iter().map(|c| c["icl"].as_f64().unwrap()).collect();
    let best = json["best"].as_u64().unwrap() as usize;
    assert!(icl.iter().all(|value| *value >= icl[best]));
    assert_eq!(json["model"]["n_components"], candidates[best]["n_components"]);
    // The same fit by itself, and its score.
    let alone = format!("fit IRIS -k {} --covariance spherical --max-iter 300 -o a.npz", k[best]);
    bench.run(&alone).ok();
    let read = |name: &str| std::fs::read(bench.path(name)).unwrap();
    assert_eq!(read("a.npz"), read("b.npz"));
    let score = bench.run("score a.npz IRIS --json").ok().json();
    for name in ["bic", "aic", "icl", "log_likelihood"] {
        let (a, b) = (score[name].as_f64().unwrap(), candidates[best][name].as_f64().unwrap());
        assert!((a - b).abs() <= 1e-12 * b.abs(), "{name}: {a} {b}");
    }
}

#[test]
fn a_failed_fit_is_told_and_the_sweep_goes_on() {
    let bench = Bench::new();
    bench.write("d.csv", "x\n0\n0.1\n5\n5.2\n5.1\n");
    let run = bench.run("select d.csv -k 1,2,9 -o b.json").ok().says(&["warning: k = 9, full failed: ", "5"]);
    let failed = run.stdout.lines().find(|line| line.trim_start().starts_with('9')).unwrap();
    assert!(failed.ends_with("failed"), "{}", run.stdout);
    let json = bench.run("select d.csv -k 1,9 --json").ok().json();
    assert!(json["candidates"][1]["error"].as_str().unwrap().contains("n_components"), "{json}");
    bench.run("select d.csv -k 7..9 -o none.json").code(1).says(&["d.csv", "every fit", "k = 7"]);
    assert!(!bench.files().contains(&"none.json".into()));
}

#[test]
fn convergence_may_be_required() {
    let bench = Bench::new();
    let run = bench.run("select IRIS -k 2,3 --max-iter 1 -o b.json --require-convergence").code(5);
    assert!(run.stdout.contains("not converged") && bench.files().contains(&"b.json".into()));
    bench.run("select IRIS -k 2 --max-iter 1").ok().says(&["warning: the best fit: ", "did not converge"]);
}

#[test]
fn ranges_and_lists_are_checked() {
    let bench = Bench::new();
    for range in
        ["0..3", "3..1", "1..", "..3", "a..b", "1,,2", "", "1..2..3", "1.5", "-1", "1..100000", "2000000"]
    {
        bench.args(&["select", "none.csv", "-k", range]).code(2).says(&["--components", "1..10"]);
    }
    bench.run("select none.csv -k 1..3 --covariance full,round").code(2).says(&["--covariance", "spherical"]);
    bench.run("select none.csv -k 1..3 --covariance full,full").code(2).says(&["--covariance", "twice"]);
    bench.run("select none.csv -k 1..3 --criterion r2").code(2).says(&["--criterion", "bic, aic, icl"]);
    bench.run("select none.csv -k 1..3 --json -o -").code(2).says(&["--json", "-o"]);
    bench.run("select none.csv -k 1..3").code(3).says(&["none.csv"]);
    assert!(bench.files().is_empty(), "{:?}", bench.files());
}

#[test]
fn the_model_may_go_to_stdout() {
    let bench = Bench::new();
    let run = bench.run("select IRIS -k 1..=2,2 -o -").ok().says(&["best by BIC: k = 2"]);
    assert_eq!(run.json()["n_components"], 2);
    bench.write("m.json", &run.stdout);
    // A start of full matrices serves every type; cells of another K fail.
    let line = "select IRIS -k 2,3 --covariance full,diag --init m.json --json";
    let json = bench.run(line).ok().json();
    let failed = |c: &serde_json::Value| c.get("error").is_some();
    let failed: Vec<bool> = json["candidates"].as_array().unwrap().iter().map(failed).collect();
    assert_eq!(failed, [false, true, false, true]);
}
