//! score's lists and agreement, models of fewer features, models as NPZ.

use super::{Bench, iris};

/// The species of the iris table: fifty rows each.
fn species() -> String {
    let names = ["setosa", "versicolor", "virginica"];
    let labels = (0..150).map(|i| names[i / 50]);
    labels.fold("species\n".to_owned(), |text, name| text + name + "\n")
}

#[test]
fn score_prints_every_criterion() {
    let bench = Bench::new();
    bench.run("fit IRIS -k 3 -o m.json").ok();
    let score = bench.run("score m.json IRIS --json").ok().json();
    let [bic, icl] = ["bic", "icl"].map(|name| score[name].as_f64().unwrap());
    assert!(icl > bic, "{icl} {bic}");
    let text = bench.run("score m.json IRIS").ok().stdout;
    for name in ["mean log-likelihood", "BIC", "AIC", "ICL"] {
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn the_least_likely_rows_are_named_by_their_line() {
    let bench = Bench::new();
    bench.run("fit IRIS -k 2 -o m.json").ok();
    // A header, a blank line, a row with a hole, and two outliers on lines 5 and 8.
    let rows =
        ["5.1,3.5,1.4,0.2", "", "NA,3.0,1.4,0.2", "50,3.2,1.3,0.2", "4.6,3.1,1.5,0.2", "5,3.6,1.4,0.2"];
    bench.write(
        "d.csv",
        &format!("sepal_length,sepal_width,petal_length,petal_width\n{}\n90,1,1,1\n", rows.join("\n")),
    );
    let list = |share: &str| {
        let line = format!("score m.json d.csv --missing drop --below {share} --json");
        let json = bench.run(&line).ok().json();
        let rows = json["below"]["rows"].as_array().unwrap().clone();
        rows.iter().map(|row| row["line"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(list("0.4"), [8, 5]);
    assert_eq!(list("0.2"), [8]);
    assert_eq!(list("0"), Vec::<u64>::new());
    assert_eq!(list("1").len(), 5);
    let text = bench.run("score m.json d.csv --missing drop --below 0.4").ok().stdout;
    assert!(text.contains("least likely 2 rows") && text.contains("line"), "{text}");
    // NPY rows are counted from 0.
    bench.run("sample m.json -n 20 -o s.npy").ok();
    let json = bench.run("score m.json s.npy --below 0.05 --json").ok().json();
    assert!(json["below"]["rows"][0]["row"].as_u64().unwrap() < 20, "{json}");
    for share in ["-0.1", "1.5", "nan", "5%"] {
        bench.run(&format!("score m.json d.csv --below {share}")).code(2).says(&["--below", "from 0 to 1"]);
    }
}

#[test]
fn labels_are_compared_with_the_truth() {
    let bench = Bench::new();
    bench.write("species.csv", &species());
    bench.run("fit IRIS -k 3 --n-init 5 -o m.json").ok();
    let truth = bench.run("score m.json IRIS --truth species.csv --json").ok().json()["truth"].clone();
    // Five versicolor lie among virginica: the known answer of this mixture.
    assert!((truth["accuracy"].as_f64().unwrap() - 145.0 / 150.0).abs() < 1e-12, "{truth}");
    assert!((truth["adjusted_rand_index"].as_f64().unwrap() - 0.9038742317748124).abs() < 1e-9, "{truth}");
    bench.run("predict m.json IRIS -o l.npy").ok();
    let own = bench.run("score m.json IRIS --truth l.npy --json").ok().json()["truth"].clone();
    assert_eq!((own["accuracy"].as_f64(), own["adjusted_rand_index"].as_f64()), (Some(1.0), Some(1.0)));
    let text = bench.run("score m.json IRIS --truth species.csv").ok().stdout;
    assert!(text.contains("adjusted Rand index") && text.contains("accuracy"), "{text}");
    // Too few labels, no file, and a row that was left out of the data.
    bench.write("short.csv", "a\nb\n");
    bench.run("score m.json IRIS --truth short.csv").code(3).says(&["short.csv", "150", "2"]);
    bench.run("score m.json IRIS --truth none.csv").code(3).says(&["none.csv"]);
    let hole = std::fs::read_to_string(iris()).unwrap().replacen("5.1,", "NA,", 1);
    bench.write("hole.csv", &hole);
    bench.run("score m.json hole.csv --missing drop --truth species.csv").ok();
}

#[test]
fn sampled_labels_are_streamed_with_their_rows() {
    let bench = Bench::new();
    bench.run("fit IRIS -k 3 -o m.json").ok();
    bench.run("sample m.json -n 1000 -o s.csv --labels l.csv").ok();
    bench.run("sample m.json -n 1000 -o s.npy --labels l.npy").ok();
    assert_eq!(bench.read("l.csv").lines().count(), 1001);
    // 128 bytes of header and 4 a label.
    assert_eq!(std::fs::metadata(bench.path("l.npy")).unwrap().len(), 128 + 4000);
    let score = |data: &str, labels: &str| {
        bench.run(&format!("score m.json {data} --truth {labels} --json")).ok().json()["truth"].clone()
    };
    assert_eq!(score("s.csv", "l.csv"), score("s.npy", "l.npy"));
}

#[test]
fn models_of_fewer_features() {
    let bench = Bench::new();
    bench.run("fit IRIS -k 3 -o m.json").ok();
    bench.run("marginal m.json --features petal_width,1 -o p.json").ok();
    let json: serde_json::Value = serde_json::from_str(&bench.read("p.json")).unwrap();
    assert_eq!(json["feature_names"], serde_json::json!(["petal_width", "sepal_length"]));
    bench.run("predict p.json IRIS").ok();
    let given = bench.run("conditional m.json --given petal_width=0.2,petal_length=1.4").ok().json();
    assert_eq!(given["feature_names"], serde_json::json!(["sepal_length", "sepal_width"]));
    // The values are a setosa's: one component is left.
    let weights: Vec<f64> =
        given["weights"].as_array().unwrap().iter().map(|w| w.as_f64().unwrap()).collect();
    assert!(weights.iter().any(|w| *w > 0.999_999), "{weights:?}");
    bench.run("conditional m.json --given 1=-3 -o -").ok();
    for (line, code, words) in [
        ("marginal m.json --features petal", 3, &["m.json", "petal", "sepal_length"][..]),
        ("marginal m.json --features 5", 3, &["m.json", "1 to 4"]),
        ("marginal m.json --features 1,1", 2, &["--features", "twice"]),
        ("marginal m.json", 2, &["--features"]),
        ("conditional m.json --given petal_width", 2, &["--given", "a=1.5"]),
        ("conditional m.json --given 1=x", 2, &["--given", "finite"]),
        ("conditional m.json --given 1=inf", 2, &["--given", "finite"]),
        ("conditional m.json --given 1=1,1=2", 2, &["--given", "twice"]),
        ("conditional m.json --given 1=1,sepal_length=2", 3, &["given", "once"]),
        ("conditional m.json --given 1=1,2=1,3=1,4=1", 3, &["given", "at least one"]),
        ("conditional m.json --given 1=1 -o m.json", 2, &["m.json", "overwritten"]),
    ] {
        bench.run(line).code(code).says(words);
    }
}

#[test]
fn models_are_written_and_read_as_npz() {
    let bench = Bench::new();
    bench.run("fit IRIS -k 3 --covariance tied -o m.npz").ok();
    bench.run("fit IRIS -k 3 --covariance tied -o m.json").ok();
    bench.run("fit IRIS -k 3 --covariance tied --format npz -o other.name").ok();
    let bytes = |name: &str| std::fs::read(bench.path(name)).unwrap();
    assert!(bytes("m.npz").starts_with(b"PK") && bytes("m.npz") == bytes("other.name"));
    bench.run("fit IRIS -k 3 --covariance tied --format json -o json.npz").ok();
    assert_eq!(bench.read("json.npz"), bench.read("m.json"));
    for command in
        ["predict MODEL IRIS", "score MODEL IRIS", "sample MODEL -n 5", "marginal MODEL --features 2"]
    {
        let [npz, json] = ["m.npz", "m.json"].map(|m| bench.run(&command.replace("MODEL", m)).ok().stdout);
        assert_eq!(npz, json, "{command}");
    }
    let piped = bench.piped(&["predict", "-", iris().to_str().unwrap()], &bytes("m.npz")).ok();
    assert_eq!(piped.stdout, bench.run("predict m.npz IRIS").ok().stdout);
    let fit = |init: &str| {
        let line = format!("fit IRIS -k 3 --covariance tied --init {init} --max-iter 3 --tol 0 --json");
        bench.run(&line).ok().json()["report"]["log_likelihood_trace"].clone()
    };
    assert_eq!(fit("m.npz"), fit("m.json"));
    std::fs::write(bench.path("cut.npz"), &bytes("m.npz")[..500]).unwrap();
    bench.run("predict cut.npz IRIS").code(3).says(&["cut.npz", "damaged"]);
    bench.run("fit IRIS -k 3 --init cut.npz").code(3).says(&["cut.npz"]);
    bench.run("fit IRIS -k 3 --format hdf5 -o m.h5").code(2).says(&["--format", "json, npz"]);
}
