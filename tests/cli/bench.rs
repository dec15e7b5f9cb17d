//! `wgmm bench`.

use super::Bench;

const NAMES: [&str; 9] = ["seed2d", "small", "tall2d", "mid", "big", "wide", "huge_k", "xl", "hd"];

#[test]
fn list_names_every_case_and_is_always_the_same() {
    let b = Bench::new();
    let started = std::time::Instant::now();
    let first = b.run("bench --list").ok();
    // Far below what one of the larger cases takes to generate.
    assert!(started.elapsed().as_secs_f64() < 5.0);
    assert_eq!(first.stdout, b.run("bench --list --engine gpu").ok().stdout);
    for name in NAMES {
        assert!(first.stdout.lines().any(|line| line.starts_with(name)), "{name}");
    }
    let json = b.run("bench --list --json --case xl,diag --case 100,2,3").ok().json();
    let cases = json["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 2);
    assert_eq!((&cases[0]["n_samples"], &cases[0]["covariance_type"]), (&50_000_000.into(), &"diag".into()));
    assert!(b.files().is_empty());
}

#[test]
fn a_tiny_case_passes_and_its_report_is_complete() {
    let b = Bench::new();
    let ran = b.run("bench --case 2000,3,2 --case 500,2,2,diag --engine cpu --json --save out.json").ok();
    let report = ran.json();
    for key in ["schema", "version", "date", "command", "machine", "warmup", "iters", "seed", "useful_flops"]
    {
        assert!(!report[key].is_null(), "{key}");
    }
    assert_eq!(report["schema"], "wgmm.bench/1");
    assert!(report["command"].as_array().unwrap().iter().any(|word| word == "2000,3,2"));
    let cases = report["cases"].as_array().unwrap();
    assert_eq!((cases.len(), &cases[1]["covariance_type"]), (2, &"diag".into()));
    for case in cases {
        for key in ["iteration", "e_step", "m_step"] {
            let spread = &case[key];
            let value = |part: &str| spread[part].as_f64().unwrap();
            assert!(value("min") > 0.0 && value("min") <= value("median") && value("mad") >= 0.0, "{key}");
        }
        for key in ["samples_per_second", "flops", "flops_per_sample", "mean_log_likelihood"] {
            assert!(case[key].is_f64(), "{key}");
        }
        let share = case["ceiling"]["share_of_fma"].as_f64().unwrap();
        assert!(share > 0.0 && share < 1.0, "{share}");
        assert_eq!(case["engine"]["kind"], "cpu");
        assert_eq!(case["check"]["oracle"], "reference");
        assert_eq!(case["check"]["failures"].as_array().unwrap().len(), 0);
    }
    let saved: serde_json::Value = serde_json::from_str(&b.read("out.json")).unwrap();
    assert_eq!(saved["cases"], report["cases"]);
}

#[test]
fn a_wrong_result_fails_the_command() {
    let b = Bench::new();
    let ran = b.run("bench --case 2000,3,2 --engine cpu --bounds-factor 0 --json --save out.json");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("is wrong against reference") && ran.stderr.contains("off by"), "{ran:?}");
    assert!(!ran.json()["cases"][0]["check"]["failures"].as_array().unwrap().is_empty());
}

#[test]
fn a_baseline_gives_ratios() {
    let b = Bench::new();
    b.run("bench --case 2000,3,2 --engine reference --quiet --save slow.json").ok();
    let ran = b.run("bench --case 2000,3,2 --case 900,3,2 --engine cpu --json --baseline slow.json").ok();
    let report = ran.json();
    let ratios = report["baseline"].as_array().unwrap();
    assert_eq!(ratios.len(), 1);
    let seconds = ratios[0]["seconds"].as_array().unwrap();
    let expected = seconds[0].as_f64().unwrap() / seconds[1].as_f64().unwrap();
    assert!((ratios[0]["speedup"].as_f64().unwrap() - expected).abs() < 1e-9);
    assert_eq!(ratios[0]["engines"], serde_json::json!(["reference", "cpu"]));
    let text = b.run("bench --case 2000,3,2 --engine cpu --baseline slow.json").ok();
    assert!(text.stdout.contains("times faster"), "{text:?}");

    b.write("bad.json", "{\"schema\": \"wgmm.fit/1\"}");
    b.run("bench --case 500,2,2 --baseline bad.json").code(3).says(&["bad.json", "wgmm.fit/1"]);
}

#[test]
fn data_and_start_of_the_user() {
    let b = Bench::new();
    b.run("synth -k 2 -d 2 -n 500 -o x.npy --save-model m.json -q").ok();
    let report = b.run("bench --data x.npy --init m.json --engine cpu --json").ok().json();
    assert_eq!(report["cases"][0]["data"], "x.npy");
    assert_eq!(report["cases"][0]["n_samples"], 500);
    b.run("synth -k 2 -d 3 -n 50 -o y.npy -q").ok();
    b.run("bench --data y.npy --init m.json --engine cpu").code(3).says(&["y.npy", "expected 3"]);
}

#[test]
fn wrong_usage() {
    let b = Bench::new();
    for case in ["middle", "mid:0", "1,2", "10,2,11", "10,2,2,oval", "mid:1.5"] {
        b.run(&format!("bench --case {case}")).code(2).says(&["case", "seed2d"]);
    }
    b.run("bench --data x.npy").code(2).says(&["--init"]);
    b.run("bench --iters 0").code(2);
    b.run("bench --case seed2d --engine cpu --save no/such/out.json").code(2);
}
