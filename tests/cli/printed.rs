//! `wgmm report --fit --compare`: what other commands printed is shown, and nothing about another model.

use serde_json::{Value, json};

use super::Bench;

/// A model of iris, what `fit` printed as it wrote it, and what two comparisons printed about it.
fn printed() -> Bench {
    let bench = Bench::new();
    keep(&bench, "fit.json", "fit IRIS -k 3 --engine cpu --verify all -o m.json --json");
    keep(&bench, "against.json", "compare IRIS --against m.json --engines cpu,reference --json");
    keep(&bench, "engines.json", "compare IRIS -k 3 --engines cpu,reference --json");
    bench
}

/// Runs `line` and keeps in `name` what it printed.
fn keep(bench: &Bench, name: &str, line: &str) {
    bench.write(name, &bench.run(line).ok().stdout);
}

/// Each file is refused as what `option` takes for m.json: its own words, and the `advice`.
fn refused(bench: &Bench, option: &str, files: [(&str, &str); 4], advice: &str) {
    for (file, words) in files {
        let line = format!("report m.json IRIS {option} {file} -o r.html");
        bench.run(&line).code(3).says(&[file, "m.json", words, advice]);
    }
}

fn value(bench: &Bench, name: &str) -> Value {
    serde_json::from_str(&bench.read(name)).unwrap()
}

/// A section of the page, markup and all.
fn section<'h>(html: &'h str, id: &str) -> &'h str {
    let start = format!("<section id=\"{id}\">");
    let rest = html.split(&start).nth(1).unwrap_or_else(|| panic!("no section {id}"));
    rest.split("</section>").next().unwrap()
}

#[test]
fn what_was_printed_is_shown() {
    let bench = printed();
    bench.run("report m.json IRIS -o bare.html").ok();
    let bare = bench.read("bare.html");
    assert!(!bare.contains("id=\"timings\"") && !bare.contains("id=\"comparison\""));
    assert!(section(&bare, "verification").contains("<p class=\"good\">verified</p>"));

    let mut fit = value(&bench, "fit.json");
    fit["timings"] = json!({"read_seconds": 0.25, "fit_seconds": 12.5, "total_seconds": 2e-5});
    bench.write("fit.json", &fit.to_string());
    bench.run("report m.json IRIS --fit fit.json --compare against.json -o r.html").ok();
    let html = bench.read("r.html");
    let device = fit["engine"]["device"].as_str().unwrap();
    let version = concat!("wgmm ", env!("CARGO_PKG_VERSION"));
    for text in ["250.00 ms", "12.500 s", "20.000 µs", device, version] {
        assert!(section(&html, "timings").contains(&format!("<dd>{text}</dd>")), "{text}: {html}");
    }
    let shown = section(&html, "comparison");
    let mean = fit["report"]["final_mean_log_likelihood"].as_f64().unwrap();
    for text in [
        "<p class=\"good\">within the bounds</p>",
        "<dd>m.json</dd>",
        &format!("<td>{}</td>", format!("{mean:.6}").replace('-', "−")),
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    // The model and two engines; two engines' distances.
    assert_eq!(
        (shown.matches("<tr>").count(), shown.matches(" (1.0e−10)").count()),
        (2 + 3 + 2, 4),
        "{shown}"
    );
    // Engines from one start: one of them made this model.
    bench.run("report m.json IRIS --compare engines.json -o e.html").ok();
    assert!(section(&bench.read("e.html"), "comparison").contains("<dd>reference</dd>"));
}

#[test]
fn a_comparison_outside_its_bounds_says_so() {
    let bench = printed();
    let line = "compare IRIS --against m.json --init m.json --tol 0 --max-iter 1 --engines cpu --json";
    bench.write("moved.json", &bench.run(line).code(6).stdout);
    bench.run("report m.json IRIS --compare moved.json -o r.html").ok();
    let html = bench.read("r.html");
    let shown = section(&html, "comparison");
    assert!(shown.contains("<p class=\"bad\">outside the bounds</p>"), "{shown}");
    assert!(shown.contains("<dt>outside</dt><dd>cpu: ") && shown.contains("means are off by"), "{shown}");
    // What is no number is null in JSON.
    let mut broken = value(&bench, "moved.json");
    broken["comparisons"][0]["distances"]["means"] = Value::Null;
    broken["comparisons"][0]["final_mean_log_likelihood"] = Value::Null;
    bench.write("broken.json", &broken.to_string());
    bench.run("report m.json IRIS --compare broken.json -o r.html").ok();
    assert!(section(&bench.read("r.html"), "comparison").contains("<td>not finite ("));
}

#[test]
fn every_form_of_the_model_and_the_file_is_read() {
    let bench = printed();
    bench.run("fit IRIS -k 3 --engine cpu --verify all -o m.npz").ok();
    bench.run("report m.npz IRIS --fit fit.json --compare against.json -o r.html").ok();
    // A byte order mark; standard input.
    bench.write("bom.json", &format!("\u{feff}{}", bench.read("fit.json")));
    bench.run("report m.json IRIS --fit bom.json -o r.html").ok();
    let iris = super::iris();
    let args = ["report", "m.json", iris.to_str().unwrap(), "--fit", "-", "-o", "r.html"];
    bench.piped(&args, bench.read("fit.json").as_bytes()).ok();
    // A model that tells nothing of its fit takes it from there; one with a dropped component, and no verification.
    let mut bare = value(&bench, "fit.json")["model"].take();
    bench.write("bare.json", &bare.to_string());
    bench.run("report bare.json IRIS --fit fit.json -o r.html").ok();
    let html = bench.read("r.html");
    assert!(
        html.contains("converged after")
            && html.contains("<svg")
            && !html.contains("tells nothing of its fit")
    );
    bare["weights"] = json!([0.25, 0.25, 0.5]);
    bench.write("bare.json", &bare.to_string());
    bench.run("report bare.json IRIS --fit fit.json -o x.html").code(3).says(&["other weights"]);
    bench.write("d.csv", "x\n1\n2\n3\n7\n8\n9\n100\n");
    let line =
        "fit d.csv -k 4 --on-collapse drop --covariance diag --reg-covar 0 --engine cpu -o d.json --json";
    bench.write("d.fit.json", &bench.run(line).ok().stdout);
    bench.run("report d.json d.csv --fit d.fit.json -o d.html").ok();
}

type Plant = fn(&mut Value);

#[test]
fn what_was_printed_about_another_fit_is_refused() {
    let bench = printed();
    let before = value(&bench, "fit.json");
    keep(&bench, "k.json", "fit IRIS -k 2 --engine cpu --json");
    keep(&bench, "d.json", "fit IRIS -k 3 --engine cpu --columns 1,2 --json");
    keep(&bench, "type.json", "fit IRIS -k 3 --engine cpu --covariance diag --json");
    keep(&bench, "seed.json", "fit IRIS -k 3 --engine cpu --init random --seed 3 --json");
    let files = [
        ("k.json", "n_components is 2, not 3"),
        ("d.json", "n_features is 2, not 4"),
        ("type.json", "covariance_type is diag, not full"),
        ("seed.json", "other weights, other means, other covariances"),
    ];
    refused(&bench, "--fit", files, "--json");
    // Planted: one number of each part, by the last bit or by one.
    let plants: [(&str, Plant); 7] = [
        ("other means", |f| f["model"]["means"][2][3] = next(&f["model"]["means"][2][3])),
        ("other covariances", |f| {
            f["model"]["covariances"][0][1][1] = next(&f["model"]["covariances"][0][1][1]);
        }),
        ("n_iter is 1000, not", |f| f["report"]["n_iter"] = json!(1000)),
        ("final_mean_log_likelihood is -1.5, not -1.2", |f| {
            f["report"]["final_mean_log_likelihood"] = json!(-1.5);
        }),
        ("other options", |f| f["options"]["seed"] = json!(1)),
        ("other engine", |f| f["engine"]["device"] = json!("another")),
        ("other log_likelihood_trace", |f| f["report"]["log_likelihood_trace"][3] = json!(-1.0)),
    ];
    for (words, plant) in plants {
        let mut wrong = before.clone();
        plant(&mut wrong);
        assert_ne!(wrong, before, "{words}");
        bench.write("wrong.json", &wrong.to_string());
        bench.run("report m.json IRIS --fit wrong.json -o r.html").code(3).says(&["wrong.json", words]);
    }
    assert!(!bench.path("r.html").exists());
}

/// The next number above.
fn next(value: &Value) -> Value {
    json!(value.as_f64().unwrap().next_up())
}

#[test]
fn what_was_printed_about_other_mixtures_is_refused() {
    let bench = printed();
    keep(&bench, "k.json", "compare IRIS -k 2 --engines cpu,reference --json");
    keep(&bench, "d.json", "compare IRIS -k 3 --columns 1,2 --engines cpu,reference --json");
    keep(&bench, "type.json", "compare IRIS -k 3 --covariance tied --engines cpu,reference --json");
    keep(&bench, "short.json", "compare IRIS -k 3 --engines cpu,reference --tol 0 --max-iter 5 --json");
    let files = [
        ("k.json", "n_components is 2, not 3"),
        ("d.json", "n_features is 2, not 4"),
        ("type.json", "covariance_type is tied, not full"),
        ("short.json", "none of its mixtures"),
    ];
    refused(&bench, "--compare", files, "--against m.json");
    let rows: Vec<String> =
        std::fs::read_to_string(super::iris()).unwrap().lines().map(str::to_owned).collect();
    bench.write("half.csv", &rows[..76].join("\n"));
    let line = "report m.json half.csv --compare against.json -o r.html";
    bench.run(line).code(3).says(&["against.json", "over 150 samples", "half.csv has 75"]);
    bench.write("w.csv", &"2\n".repeat(150));
    let line = "report m.json IRIS --weights w.csv --compare against.json -o r.html";
    bench.run(line).code(3).says(&[
        "against.json",
        "total weight 150",
        "iris.csv has 150 of 300",
        "--weights",
    ]);
    // The model moved by one bit.
    let mut model = value(&bench, "m.json");
    model["means"][0][0] = next(&model["means"][0][0]);
    bench.write("moved.json", &model.to_string());
    for file in ["against.json", "engines.json"] {
        let line = format!("report moved.json IRIS --compare {file} -o r.html");
        bench.run(&line).code(3).says(&[file, "moved.json", "none of its mixtures"]);
    }
    assert!(!bench.path("r.html").exists());
}

#[test]
fn what_no_command_printed_is_refused() {
    let bench = printed();
    let (fit, compare) = (bench.read("fit.json"), bench.read("against.json"));
    let edit = |name: &str, plant: Plant| {
        let mut changed = value(&bench, name);
        plant(&mut changed);
        changed.to_string()
    };
    let cases: [(&str, String, &str); 16] = [
        ("--fit", compare.clone(), "\"wgmm.compare/1\", not \"wgmm.fit/1\""),
        ("--compare", fit.clone(), "\"wgmm.fit/1\", not \"wgmm.compare/1\""),
        ("--fit", bench.read("m.json"), "is a model file"),
        ("--compare", bench.read("m.json"), "is a model file"),
        ("--fit", "{}".into(), "does not say that it is"),
        ("--fit", String::new(), "EOF"),
        ("--fit", "[1, 2]".into(), "cannot be used"),
        ("--fit", fit[..fit.len() / 2].into(), "EOF"),
        ("--fit", "x,y\n1,2\n".into(), "cannot be used"),
        ("--fit", "\0{}".into(), "NUL"),
        ("--fit", edit("fit.json", |f| f["timings"] = json!({})), "read_seconds"),
        ("--fit", edit("fit.json", |f| f["report"] = json!({})), "cannot be used"),
        ("--fit", edit("fit.json", |f| f["report"] = json!([1])), "cannot be used"),
        ("--fit", edit("fit.json", |f| f["model"]["weights"][0] = json!(2)), "weights"),
        ("--compare", edit("against.json", |c| c["comparisons"] = json!([])), "compares nothing"),
        ("--compare", edit("against.json", |c| c["expected"] = json!({"name": "x"})), "parameters_checksum"),
    ];
    for (option, text, words) in cases {
        bench.write("wrong.json", &text);
        let ran = bench.run(&format!("report m.json IRIS {option} wrong.json -o r.html")).code(3);
        ran.says(&["wrong.json", words]);
    }
    bench.run("report m.json IRIS --fit nothere.json -o r.html").code(3).says(&["nothere.json"]);
    bench.run("report m.json IRIS --compare . -o r.html").code(3).says(&["Give a file, not a folder"]);
    bench.run("report - IRIS --fit - -o r.html").code(2).says(&["MODEL", "--fit"]);
    std::fs::write(bench.path("x.html"), fit).unwrap();
    bench.run("report m.json IRIS --fit x.html -o x.html").code(2).says(&["--fit", "same file"]);
    assert!(!bench.path("r.html").exists());
}
