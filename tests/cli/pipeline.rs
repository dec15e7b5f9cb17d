//! From made data to scores: the truth comes back.

use super::{Bench, iris};

/// Labels of a CSV column with a header.
fn labels(text: &str) -> Vec<usize> {
    text.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect()
}

/// Share of rows on which `found` agrees with `truth`, each label of `found` standing for the most
/// frequent true one.
fn agreement(truth: &[usize], found: &[usize]) -> f64 {
    assert_eq!(truth.len(), found.len());
    let k = 1 + truth.iter().chain(found).max().unwrap();
    let mut table = vec![vec![0usize; k]; k];
    truth.iter().zip(found).for_each(|(&t, &f)| table[f][t] += 1);
    table.iter().map(|row| row.iter().max().unwrap()).sum::<usize>() as f64 / truth.len() as f64
}

#[test]
fn synth_fit_predict_score() {
    let bench = Bench::new();
    for (covariance, extension) in [("full", "csv"), ("tied", "npy"), ("diag", "csv"), ("spherical", "npy")] {
        let data = format!("data.{extension}");
        bench
            .run(&format!(
                "synth --components 3 --features 4 --covariance {covariance} -n 2000 --seed 3 -o {data} --labels truth.csv --save-model truth.json"
            ))
            .ok();
        bench
            .run(&format!("fit {data} -k 3 --n-init 5 --covariance {covariance} -o m.json --labels fit.csv"))
            .ok();
        bench.run(&format!("predict m.json {data} -o l.csv")).ok();
        assert_eq!(bench.read("l.csv"), bench.read("fit.csv"), "fit's labels are predict's");
        let share = agreement(&labels(&bench.read("truth.csv")), &labels(&bench.read("l.csv")));
        assert!(share > 0.97, "{covariance}: only {share} of the labels are right");
        let score = |model: &str| {
            bench.run(&format!("score {model} {data} --json")).ok().json()["mean_log_likelihood"]
                .as_f64()
                .unwrap()
        };
        let (fitted, true_model) = (score("m.json"), score("truth.json"));
        // The fit is at least as likely as the truth, and not more than p/2N ≈ 0.01 above it.
        assert!(fitted > true_model && fitted < true_model + 0.03, "{covariance}: {fitted} {true_model}");
    }
}

#[test]
fn sample_draws_from_the_model() {
    let bench = Bench::new();
    bench.run("fit IRIS -k 3 -o m.json").ok();
    bench.run("sample m.json -n 500 -o s.csv --labels sl.csv --seed 5").ok();
    let text = bench.read("s.csv");
    assert_eq!(text.lines().next().unwrap(), "sepal_length,sepal_width,petal_length,petal_width");
    assert_eq!(text.lines().count(), 501);
    assert_eq!(bench.run("sample m.json -n 500 --seed 5").ok().stdout, text, "the same seed, the same rows");
    assert_ne!(bench.run("sample m.json -n 500 --seed 6").ok().stdout, text);
    bench.run("predict m.json s.csv -o l.csv").ok();
    assert!(agreement(&labels(&bench.read("sl.csv")), &labels(&bench.read("l.csv"))) > 0.9);
    // `synth --model` and `sample` are the same stream.
    bench.run("synth --model m.json -n 500 --seed 5 -o s2.csv").ok();
    assert_eq!(bench.read("s2.csv"), text);
}

#[test]
fn probabilities_and_scores_of_every_row() {
    let bench = Bench::new();
    bench.run("fit IRIS -k 3 -o m.json").ok();
    let proba = bench.run("predict m.json IRIS --proba").ok().stdout;
    let labels = labels(&bench.run("predict m.json IRIS").ok().stdout);
    assert_eq!(proba.lines().next().unwrap(), "component_0,component_1,component_2");
    for (line, label) in proba.lines().skip(1).zip(&labels) {
        let row: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(row.iter().all(|r| *r <= row[*label]));
    }
    let score = bench.run("score m.json IRIS --json --per-sample s.csv").ok().json();
    let text = bench.read("s.csv");
    let rows: Vec<f64> = text.lines().skip(1).map(|line| line.parse().unwrap()).collect();
    let mean = rows.iter().sum::<f64>() / rows.len() as f64;
    assert!((mean - score["mean_log_likelihood"].as_f64().unwrap()).abs() < 1e-12);
    let fit: serde_json::Value = serde_json::from_str(&bench.read("m.json")).unwrap();
    for (name, other) in
        [("bic", "bic"), ("aic", "aic"), ("mean_log_likelihood", "final_mean_log_likelihood")]
    {
        let (a, b) = (score[name].as_f64().unwrap(), fit[other].as_f64().unwrap());
        assert!((a - b).abs() <= 1e-12 * b.abs(), "{name}: {a} {b}");
    }
}

/// The iris table with an id before and a name behind the measurements, columns in another order.
fn dressed_iris() -> String {
    let text = std::fs::read_to_string(iris()).unwrap();
    let rows = text.lines().enumerate().map(|(i, line)| {
        let mut cells: Vec<&str> = line.split(',').collect();
        cells.reverse();
        if i == 0 {
            format!("id,{},species\n", cells.join(","))
        } else {
            format!("{i},{},iris\n", cells.join(","))
        }
    });
    rows.collect()
}

#[test]
fn columns_are_matched_by_name() {
    let bench = Bench::new();
    bench.write("dressed.csv", &dressed_iris());
    bench.run("fit dressed.csv -k 3").code(3).says(&["dressed.csv", "species", "--drop-columns species"]);
    bench.run("fit IRIS -k 3 -o m.json").ok();
    let plain = bench.run("predict m.json IRIS").ok().stdout;
    assert_eq!(bench.run("predict m.json dressed.csv").ok().stdout, plain);
    bench.run("predict m.json dressed.csv --append -o out.csv").ok();
    let (appended, dressed) = (bench.read("out.csv"), bench.read("dressed.csv"));
    assert_eq!(appended.lines().next().unwrap(), format!("{},label", dressed.lines().next().unwrap()));
    for ((line, input), label) in appended.lines().zip(dressed.lines()).zip(plain.lines()).skip(1) {
        assert_eq!(line, format!("{input},{label}"));
    }
    bench.write("narrow.csv", "a,b\n1,2\n3,4\n");
    bench.run("predict m.json narrow.csv").code(3).says(&[
        "narrow.csv",
        "m.json",
        "4 features",
        "sepal_length",
    ]);
    bench.write("renamed.csv", "a,b,c,d\n5,3,1,0.2\n");
    bench.run("predict m.json renamed.csv").ok().says(&["warning: ", "order"]);
}

#[test]
fn weights_count_rows_and_are_no_feature() {
    let bench = Bench::new();
    let rows = ["0,0.1", "1,0.4", "0.5,0.2", "7,3", "8,4.5", "7.5,3.1"];
    let weights = [2, 1, 0, 1, 3, 1];
    let (mut weighted, mut repeated, mut column) = ("x,y,w\n".to_owned(), "x,y\n".to_owned(), String::new());
    for (row, w) in rows.iter().zip(weights) {
        weighted += &format!("{row},{w}\n");
        column += &format!("{w}\n");
        (0..w).for_each(|_| repeated += &format!("{row}\n"));
    }
    bench.write("weighted.csv", &weighted);
    bench.write("repeated.csv", &repeated);
    bench.write("w.csv", &column);
    let start = r#"{"weights": [0.5, 0.5], "means": [[0, 0], [7, 4]],
                    "covariances": [[[1, 0], [0, 1]], [[1, 0], [0, 1]]]}"#;
    bench.write("start.json", start);
    let fit = |data: &str| {
        let line = format!("fit {data} -k 2 --init start.json --tol 0 --max-iter 5 --json");
        let json = bench.run(&line).ok().json();
        (
            json["report"]["final_mean_log_likelihood"].as_f64().unwrap(),
            json["report"]["total_weight"].clone(),
        )
    };
    let (expected, total) = fit("repeated.csv");
    for data in ["weighted.csv --weights w", "weighted.csv --columns x,y --weights w.csv"] {
        let (found, weight) = fit(data);
        // Sums over weights and over repeated rows round differently, and every iteration carries it on.
        assert!((found - expected).abs() < 1e-9 * expected.abs(), "{data}: {found} {expected}");
        assert_eq!(weight, total);
    }
}

#[test]
fn more_restarts_are_never_worse() {
    let bench = Bench::new();
    let bound = |n: usize| {
        let json = bench.run(&format!("fit IRIS -k 5 --init random --n-init {n} --json")).ok().json();
        let restarts = json["report"]["restarts"].as_array().unwrap().clone();
        assert_eq!(restarts.len(), n);
        json["report"]["log_likelihood_trace"].as_array().unwrap().last().unwrap().as_f64().unwrap()
    };
    assert!(bound(4) >= bound(1));
}

#[test]
fn every_engine_of_the_processor_gives_the_same_model() {
    let bench = Bench::new();
    let trace = |engine: &str| {
        let line = format!("fit IRIS -k 3 --engine {engine} --tol 0 --max-iter 10 --json");
        let json = bench.run(&line).ok().json();
        assert_eq!(json["engine"]["kind"], engine);
        json["report"]["final_mean_log_likelihood"].as_f64().unwrap()
    };
    let (cpu, reference) = (trace("cpu"), trace("reference"));
    assert!((cpu - reference).abs() < 1e-12, "{cpu} {reference}");
}
