//! Components of too few samples, as users are told.

use super::Bench;

/// A cloud and one sample far away.
fn bench() -> Bench {
    let bench = Bench::new();
    let noise = |n: u32, of: u32| f64::from(n * n % of) / f64::from(of);
    let rows = (0..200).map(|n| format!("{},{}\n", noise(n, 197), noise(n + 3, 193)));
    bench.write("x.csv", &format!("a,b\n{}900,900\n", rows.collect::<String>()));
    bench
}

#[test]
fn a_fit_warns_with_figures() {
    let bench = bench();
    let ran = bench.run("fit x.csv -k 2 --json -o m.json").ok();
    let json = ran.json();
    let found = &json["report"]["degenerate"];
    let component = found[0]["component"].as_u64().unwrap();
    assert!((found[0]["effective_count"].as_f64().unwrap() - 1.0).abs() < 1e-6, "{found}");
    assert_eq!(found.as_array().unwrap().len(), 1);
    let words = format!("too few samples, for 2 features (effective count: component {component} 1.0)");
    ran.says(&["warning: the fit has components", &words, "--covariance diag, a larger --reg-covar"]);
    let model: serde_json::Value = serde_json::from_str(&bench.read("m.json")).unwrap();
    assert_eq!(model["degenerate"], *found);
    let diag = bench.run("fit x.csv -k 2 --covariance diag").ok();
    let diag = diag.says(&["about one (effective count: component"]);
    assert!(!diag.stderr.contains("--covariance diag"), "{diag:#?}");
    for sound in ["fit x.csv -k 1", "fit IRIS -k 3", "fit IRIS -k 3 --max-iter 0"] {
        let ran = bench.run(&format!("{sound} --json")).ok();
        assert!(
            !ran.stderr.contains("too few") && ran.json()["report"].get("degenerate").is_none(),
            "{ran:#?}"
        );
    }
}

#[test]
fn a_sweep_marks_them_and_names_the_best_without() {
    let bench = bench();
    let ran = bench.run("select x.csv -k 1,2").ok();
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[1].ends_with("converged") && !lines[1].contains("degenerate"), "{ran:#?}");
    assert!(lines[2].starts_with('*') && lines[2].ends_with("converged, 1 degenerate"), "{ran:#?}");
    let ran = ran.says(&["warning: the best fit has components of too few samples", "component "]);
    ran.says(&["the best without such components is k = 1, full"]);
    let ran = bench.run("select x.csv -k 2 --json").ok().says(&["every fit of the sweep has some"]);
    let json = ran.json();
    assert_eq!(json["candidates"][0]["degenerate"], 1);
    assert_eq!(json["report"]["degenerate"].as_array().unwrap().len(), 1);
    // A sound best is chosen without a word, whatever the others are.
    let ran = bench.run("select IRIS -k 1..3 --json").ok();
    assert!(!ran.stderr.contains("too few"), "{ran:#?}");
    assert!(ran.json()["candidates"].as_array().unwrap().iter().all(|c| c["degenerate"] == 0));
}
