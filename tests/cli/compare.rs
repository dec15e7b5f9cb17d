//! `wgmm compare`: engines that agree, models that do not.

use serde_json::Value;

use super::Bench;

#[test]
fn f64_engines_agree_in_every_type() {
    let bench = Bench::new();
    for covariance in ["full", "tied", "diag", "spherical"] {
        let line = format!("compare IRIS -k 3 --engines cpu,reference --covariance {covariance}");
        let ran = bench.run(&line).ok();
        for word in ["cpu against reference", "labels: all the same", "WITHIN the bound", "weights", "1e-11"]
        {
            assert!(ran.stdout.contains(word), "no {word:?} in {ran:#?}");
        }
    }
}

#[test]
fn the_object_is_complete() {
    let bench = Bench::new();
    let json = bench.run("compare IRIS -k 3 --engines cpu,reference --json --tol 0 --max-iter 7").ok().json();
    assert_eq!(json["schema"], "wgmm.compare/1");
    assert_eq!(json["within"], true);
    assert_eq!(json["expected"]["name"], "reference");
    assert_eq!(json["expected"]["log_likelihood_trace"].as_array().unwrap().len(), 7);
    let one = &json["comparisons"][0];
    assert_eq!(json["comparisons"].as_array().unwrap().len(), 1);
    assert_eq!(one["engine"]["kind"], "cpu");
    assert_eq!(one["n_iter"], 7);
    assert_eq!(one["log_likelihood_differences"].as_array().unwrap().len(), 7);
    assert_eq!(one["bound_source"], "contract");
    assert_eq!(one["components"].as_array().unwrap().len(), 3);
    for part in ["weights", "means", "covariances", "mean_log_likelihood"] {
        let value = |group: &str| one[group][part].as_f64().unwrap();
        assert!(value("distances") <= value("bound"), "{part}: {one}");
    }
    for component in one["components"].as_array().unwrap() {
        assert!(component["solid"] == true && component["distances"]["mean"].as_f64().is_some());
    }
    assert_eq!(one["labels"]["differing"], 0);
    assert!(one["seconds_per_iteration"].as_f64().unwrap() > 0.0);
}

/// As many iterations as the last engine needed to converge, and edge counts.
#[test]
fn iterations_are_the_last_engines() {
    let bench = Bench::new();
    let n_iter = bench.run("fit IRIS -k 3 --engine reference --json").ok().json()["report"]["n_iter"].clone();
    let json = bench.run("compare IRIS -k 3 --engines cpu,reference --json").ok().json();
    assert_eq!(json["comparisons"][0]["n_iter"], n_iter);
    assert_eq!(json["expected"]["converged"], true);
    for n in [0, 1] {
        let line = format!("compare IRIS -k 3 --engines cpu,reference --max-iter {n}");
        assert!(bench.run(&line).ok().stdout.contains("WITHIN"));
    }
    bench.run("compare IRIS -k 1 --engines cpu,reference").ok();
}

#[test]
fn a_model_agrees_with_its_own_fit_whatever_its_numbering() {
    let bench = Bench::new();
    bench.run("fit IRIS -k 3 --covariance diag --engine cpu -o m.json").ok();
    bench.run("fit IRIS -k 3 --covariance diag --engine cpu -o m.npz").ok();
    let mut model: Value = serde_json::from_str(&bench.read("m.json")).unwrap();
    for field in ["weights", "means", "covariances"] {
        model[field].as_array_mut().unwrap().rotate_left(1);
    }
    bench.write("turned.json", &model.to_string());
    for file in ["m.json", "m.npz", "turned.json"] {
        let ran = bench.run(&format!("compare IRIS --against {file} --engines cpu,reference")).ok();
        assert!(ran.stdout.contains(&format!("reference against {file}")), "{ran:#?}");
        assert_eq!(ran.stdout.matches("labels: all the same").count(), 2, "{ran:#?}");
    }
    // Without a choice the engine is the one that a fit would take.
    bench.run("compare IRIS -k 3 --covariance diag --against m.json").ok();
    // From a model, one iteration shows how far it is from a fixed point: tol 1e-3 stops early.
    let line = "compare IRIS --against m.json --init m.json --tol 0 --max-iter 1 --engines cpu";
    bench.run(line).code(6).says(&["means are off by"]);
}

/// Planted: each field of a model off by a little more than its bound.
#[test]
fn wrong_models_are_outside() {
    let bench = Bench::new();
    let fit = "fit IRIS -k 3 --engine cpu --tol 0 --max-iter 20";
    bench.run(&format!("{fit} -o m.json")).ok();
    let model: Value = serde_json::from_str(&bench.read("m.json")).unwrap();
    type Plant = fn(&mut Value);
    let number = |v: &Value| v.as_f64().unwrap();
    assert!(number(&model["weights"][0]) > 0.1);
    let plants: [(&str, Plant); 4] = [
        ("weights are off", |m| {
            for (k, change) in [(0, 1e-4), (1, -1e-4)] {
                m["weights"][k] = (m["weights"][k].as_f64().unwrap() + change).into();
            }
        }),
        ("means are off", |m| m["means"][1][2] = (m["means"][1][2].as_f64().unwrap() + 1e-3).into()),
        ("covariances are off", |m| {
            m["covariances"][2][0][0] = (m["covariances"][2][0][0].as_f64().unwrap() * 1.001).into();
        }),
        ("mean log-likelihood is off", |m| {
            m["covariances"][0][1][1] = (m["covariances"][0][1][1].as_f64().unwrap() * 1.5).into();
        }),
    ];
    let line = "compare IRIS --against w.json --engines cpu --tol 0 --max-iter 20";
    for (words, plant) in plants {
        let mut wrong = model.clone();
        plant(&mut wrong);
        bench.write("w.json", &wrong.to_string());
        let ran = bench.run(line).code(6).says(&["cpu against w.json", words]);
        assert!(ran.stdout.contains("OUTSIDE"), "{ran:#?}");
        let json = bench.run(&format!("{line} --json")).code(6).json();
        assert_eq!((&json["within"], &json["comparisons"][0]["within"]), (&false.into(), &false.into()));
    }
    bench.write("w.json", &model.to_string());
    bench.run(line).ok();
}

#[test]
fn labels_that_change_are_counted_with_their_margins() {
    let bench = Bench::new();
    // Two groups, and one value halfway between them.
    bench.write("x.csv", "0\n1\n2\n3\n5.1\n7\n8\n9\n10\n");
    bench.run("fit x.csv -k 2 --covariance tied --engine cpu -o m.json").ok();
    let mut model: Value = serde_json::from_str(&bench.read("m.json")).unwrap();
    let swap = model["weights"][0].as_f64().unwrap() > 0.5;
    model["weights"] = if swap { serde_json::json!([0.1, 0.9]) } else { serde_json::json!([0.9, 0.1]) };
    bench.write("w.json", &model.to_string());
    let json = bench.run("compare x.csv --against w.json --engines cpu --json").code(6).json();
    let labels = &json["comparisons"][0]["labels"];
    assert!(labels["differing"].as_u64().unwrap() >= 1, "{labels}");
    assert!(labels["largest_margin"].as_f64() >= labels["median_margin"].as_f64(), "{labels}");
    assert!(labels["median_margin"].as_f64().unwrap() > 0.0, "{labels}");
}

#[test]
fn wrong_usage() {
    let bench = Bench::new();
    bench.run("fit IRIS -k 3 -o m.json").ok();
    for (line, code, words) in [
        ("compare IRIS", 2, &["--components"][..]),
        ("compare IRIS -k 3 --engines cpu", 2, &["--engines", "gpu,cpu"]),
        ("compare IRIS -k 3 --engines cpu,cpu", 2, &["--engines", "twice"]),
        ("compare IRIS -k 3 --engines cpu,tpu", 2, &["--engines", "gpu, cpu, reference"]),
        ("compare IRIS -k 3 --engines cpu,reference --adapter 0", 2, &["--adapter", "--engines"]),
        ("compare IRIS -k 3 --engines cpu,reference --n-init 4", 2, &["--n-init", "--seed"]),
        ("compare IRIS -k 0 --engines cpu,reference", 2, &["--components", "from 1 to"]),
        ("compare - -k 3 --against -", 2, &["DATA", "--against"]),
        ("compare IRIS -k 151 --engines cpu,reference", 3, &["iris.csv", "n_samples = 150"]),
        ("compare IRIS --against nothere.json", 3, &["nothere.json"]),
        ("compare IRIS -k 2 --against m.json", 3, &["m.json", "3 components", "-k"]),
        ("compare IRIS --covariance diag --against m.json", 3, &["m.json", "full", "--covariance"]),
        ("compare IRIS --columns 1,2 --against m.json", 3, &["m.json", "4 features"]),
        (
            "compare IRIS -k 3 --engines gpu,cpu --adapter nonsense",
            4,
            &["nonsense", "--engines cpu,reference"],
        ),
    ] {
        bench.run(line).code(code).says(words);
    }
    // No driver at all.
    let none = bench.path("none.json");
    let mut command = bench.command();
    command.args(["compare", super::iris().to_str().unwrap(), "-k", "3"]);
    let output = command.env("VK_DRIVER_FILES", &none).env("VK_ICD_FILENAMES", &none).output().unwrap();
    super::ran(output).code(4).says(&["--engines cpu,reference"]);
    assert_eq!(bench.files(), ["m.json"]);
}

#[cfg(feature = "gpu")]
mod device {
    use super::*;

    #[test]
    fn the_graphics_engine_agrees_with_the_processor() {
        let bench = Bench::new();
        bench.run("synth --components 5 --features 3 -n 3000 --seed 2 -o x.npy").ok();
        for (data, k) in [("IRIS", 3), ("x.npy", 5), ("x.npy", 9)] {
            for covariance in ["full", "tied", "diag", "spherical"] {
                let line = format!("compare {data} -k {k} --covariance {covariance} --json");
                let json = bench.run(&line).ok().json();
                assert_eq!(json["expected"]["name"], "cpu");
                assert_eq!(json["comparisons"][0]["engine"]["kind"], "gpu");
                assert!(json["comparisons"][0]["bound"]["means"].as_f64().unwrap() >= 1e-4);
            }
        }
        let ran = bench.run("compare x.npy -k 5 --engines gpu,cpu,reference --max-iter 4 --tol 0").ok();
        assert!(ran.stdout.contains("gpu - reference") && ran.stdout.contains("cpu - reference"), "{ran:#?}");
        assert_eq!(ran.stdout.matches("WITHIN").count(), 2, "{ran:#?}");
    }

    #[test]
    fn a_model_of_the_other_engine() {
        let bench = Bench::new();
        bench.run("fit IRIS -k 3 --engine cpu --tol 0 --max-iter 12 -o m.json").ok();
        bench.run("compare IRIS --against m.json --engines gpu,cpu --tol 0 --max-iter 12").ok();
        bench.run("compare IRIS --against m.json --engines gpu --tol 0 --max-iter 3").code(6);
    }
}
