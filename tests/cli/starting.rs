//! Starts from files, going on from a model, and components that collapse.

use super::Bench;

fn file(bench: &Bench, name: &str) -> serde_json::Value {
    serde_json::from_str(&bench.read(name)).unwrap()
}

/// Ten iterations and fifteen more are twenty-five: nothing of a fit is hidden outside its model.
#[test]
fn a_fit_goes_on_from_its_model_bit_for_bit() {
    let bench = Bench::new();
    for options in
        ["full", "tied", "diag", "spherical", "full --init random --seed 4 --covariance-center old-mean"]
    {
        // A later --init wins over an earlier one only because it stands alone: keep the rest.
        let (again, start) = match options.split_once(" --init random --seed 4") {
            Some((a, b)) => (format!("{a}{b}"), options.to_owned()),
            None => (options.to_owned(), options.to_owned()),
        };
        let fit = |n: usize, options: &str, output: &str| {
            let line = format!("fit IRIS -k 3 --tol 0 --max-iter {n} --covariance {options} -o {output}");
            bench.run(&line).ok();
            file(&bench, output)
        };
        let whole = fit(25, &start, "whole.json");
        fit(10, &start, "ten.json");
        let rest = fit(15, &format!("{again} --init ten.json"), "rest.json");
        for field in ["weights", "means", "covariances", "final_mean_log_likelihood", "bic"] {
            assert_eq!(rest[field], whole[field], "{options}: {field}");
        }
        let trace = |model: &serde_json::Value| model["log_likelihood_trace"].as_array().unwrap().clone();
        assert_eq!(trace(&rest), trace(&whole)[10..], "{options}");
        assert_eq!(rest["options"]["init"], "given");
    }
}

#[test]
fn part_of_a_start_comes_from_a_file() {
    let bench = Bench::new();
    bench.write("means.json", r#"{"means": [[5, 3.4, 1.5, 0.2], [5.9, 2.8, 4.3, 1.3], [6.6, 3, 5.6, 2]]}"#);
    let json = bench.run("fit IRIS -k 3 --init means.json --max-iter 0 --json").ok().json();
    assert_eq!(
        json["model"]["means"],
        serde_json::json!([[5.0, 3.4, 1.5, 0.2], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.6, 2.0]])
    );
    assert_eq!(json["options"]["start"], serde_json::json!(["means"]));
    let found = bench.run("fit IRIS -k 3 --max-iter 0 --json").ok().json();
    for field in ["weights", "covariances"] {
        assert_eq!(json["model"][field], found["model"][field], "kmeans finds the rest: {field}");
    }
    for (name, text, words) in [
        ("a.json", r#"{"means": [[5, 3.4, 1.5, 0.2]]}"#, ["a.json", "means", "components"]),
        ("b.json", r#"{"means": [[5], [6], [7]]}"#, ["b.json", "features", "expected 4"]),
        ("c.json", r#"{"weights": [0.5, 0.5, 0.5]}"#, ["c.json", "weights", "normalized"]),
        (
            "d.json",
            r#"{"precisions": [[[1]]], "covariances": [[[1]]]}"#,
            ["d.json", "precisions", "covariances"],
        ),
        ("e.json", r#"{"mean": [[5]]}"#, ["e.json", "weights", "missing"]),
    ] {
        bench.write(name, text);
        bench.run(&format!("fit IRIS -k 3 --init {name}")).code(3).says(&words);
    }
}

/// One row stands alone and far away: with nothing added to the covariances its component collapses.
#[test]
fn collapsed_components_are_told() {
    let bench = Bench::new();
    let rows: String = (0..20).map(|i| format!("{},{}\n", i % 5, i % 7)).collect();
    bench.write("d.csv", &format!("x,y\n{rows}1000,1000\n"));
    let fit = "fit d.csv -k 2 --reg-covar 0 -o m.json";
    bench.run(fit).code(1).says(&["d.csv", "component", "at the start", "reg_covar", "--on-collapse"]);
    assert!(!bench.files().contains(&"m.json".into()));
    bench
        .run(&format!("{fit} --on-collapse ignore"))
        .code(2)
        .says(&["--on-collapse", "error, reseed, floor, drop"]);

    let ran =
        bench.run(&format!("{fit} --on-collapse drop")).ok().says(&["warning: ", "dropped", "1 are left"]);
    assert!(ran.stdout.contains("collapsed components: 1 dropped"), "{}", ran.stdout);
    let model = file(&bench, "m.json");
    assert_eq!(
        (model["n_components"].as_u64(), model["options"]["on_collapse"].as_str()),
        (Some(1), Some("drop"))
    );
    let collapse = serde_json::json!([{"iteration": 0, "component": model["collapses"][0]["component"], "action": "drop"}]);
    assert_eq!(model["collapses"], collapse);
    bench.run("predict m.json d.csv").ok();

    for policy in ["floor", "reseed"] {
        let json = bench.run(&format!("{fit} --on-collapse {policy} --json")).ok().json();
        assert_eq!(json["report"]["collapses"][0]["action"], policy);
        assert_eq!(json["model"]["n_components"], 2);
        bench.run("predict m.json d.csv").ok();
    }
    // Nothing collapses, nothing is told.
    let ran = bench.run("fit IRIS -k 3 --on-collapse drop -o m.json").ok();
    assert!(
        !ran.stdout.contains("collapsed components") && file(&bench, "m.json").get("collapses").is_none()
    );
}
