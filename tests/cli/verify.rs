//! The check in f64, as users see it.

use super::Bench;

#[test]
fn f64_results_are_checked_only_if_asked() {
    let bench = Bench::new();
    let json = bench.run("fit IRIS -k 3 --engine cpu --json --require-verified").ok().json();
    assert!(json["report"].get("verification").is_none(), "{json}");
    let json = bench.run("fit IRIS -k 3 --engine cpu --json --verify all --require-verified").ok().json();
    assert_eq!(json["report"]["verification"]["within"], true);
    assert_eq!(json["report"]["verification"]["n_samples"], 150);
    bench.run("fit IRIS -k 3 --verify none --require-verified -o m.json").code(2).says(&["--verify none"]);
    bench.run("fit IRIS -k 3 --verify some -o m.json").code(2).says(&["--verify", "sample, all, none"]);
    assert!(bench.files().is_empty());
}

#[cfg(feature = "gpu")]
mod device {
    use super::*;

    #[test]
    fn a_verified_fit_says_so_everywhere() {
        let bench = Bench::new();
        let ran = bench.run("fit IRIS -k 3 --engine gpu -o m.json --require-verified").ok();
        assert!(
            ran.stdout.contains("verified: the mean log-likelihood of 150 samples is off by"),
            "{ran:#?}"
        );
        let model: serde_json::Value = serde_json::from_str(&bench.read("m.json")).unwrap();
        assert_eq!(model["verification"]["within"], true);
        assert_eq!(model["verification"]["bound"], 1e-5);
        assert_eq!(model["rounding_errors"].as_array().unwrap().len(), 3);
        let json = bench.run("fit IRIS -k 3 --engine gpu --json").ok().json();
        assert_eq!(json["report"]["verification"], model["verification"]);
        let ran = bench.run("fit IRIS -k 3 --engine gpu --verify none").ok();
        assert!(!ran.stdout.contains("verified"), "{ran:#?}");
    }

    /// A bound of nothing: the model is kept, the warning is loud, the exit code only where it is asked for.
    #[test]
    fn an_unverified_fit_is_loud() {
        let bench = Bench::new();
        let line = "fit IRIS -k 3 --engine gpu -o m.json --bounds-factor 0";
        let ran = bench.run(line).ok().says(&["warning: THE RESULT IS NOT VERIFIED", "--engine cpu"]);
        assert!(ran.stdout.contains("NOT VERIFIED: "), "{ran:#?}");
        let model: serde_json::Value = serde_json::from_str(&bench.read("m.json")).unwrap();
        assert_eq!(model["verification"]["within"], false);
        std::fs::remove_file(bench.path("m.json")).unwrap();
        bench.run(&format!("{line} --require-verified")).code(6).says(&["error: ", "not verified"]);
        assert_eq!(bench.files(), ["m.json"], "the model is not lost");
    }

    /// The best model of a sweep is checked like any other.
    #[test]
    fn a_sweep_is_checked_as_a_fit_is() {
        let bench = Bench::new();
        let line = "select IRIS -k 2,3 --engine gpu -o m.json";
        let ran = bench.run(&format!("{line} --require-verified")).ok();
        assert!(ran.stdout.contains("\nverified: the mean log-likelihood of 150 samples"), "{ran:#?}");
        let model: serde_json::Value = serde_json::from_str(&bench.read("m.json")).unwrap();
        assert_eq!(model["verification"]["within"], true);
        let json = bench.run(&format!("{line} --json")).ok().json();
        assert_eq!(json["report"]["verification"], model["verification"]);
        std::fs::remove_file(bench.path("m.json")).unwrap();
        let ran = bench.run(&format!("{line} --bounds-factor 0")).ok();
        let ran = ran.says(&["warning: THE RESULT IS NOT VERIFIED"]);
        assert!(ran.stdout.contains("NOT VERIFIED: "), "{ran:#?}");
        let ran = bench.run(&format!("{line} --bounds-factor 0 --require-verified")).code(6);
        ran.says(&["error: ", "not verified"]);
        assert_eq!(bench.files(), ["m.json"], "the model is not lost");
        let cpu = bench.run("select IRIS -k 2 --engine cpu --require-verified").ok();
        assert!(!cpu.stdout.contains("verified"), "{cpu:#?}");
        bench.run(&format!("{line} --verify none --require-verified")).code(2).says(&["--verify none"]);
    }

    /// Two groups a million standard deviations apart, in f32.
    #[test]
    fn lost_digits_are_said() {
        let bench = Bench::new();
        let rows = (0..400).map(|n| {
            let x = 0.01 * f64::from(n * n % 97);
            format!("{},{}\n", x + f64::from(n % 2) * 1e6, 0.01 * f64::from(n * 7 % 89))
        });
        bench.write("far.csv", &rows.collect::<String>());
        let ran = bench.run("fit far.csv -k 4 --engine gpu --tol 0 --max-iter 5 --reg-covar 1e-9").ok();
        let ran = ran.says(&["f32 sums leave fewer than 3 digits of component", "--engine cpu"]);
        assert_eq!(ran.stderr.matches("fewer than 3 digits").count(), 1, "{ran:#?}");
        let cpu = bench.run("fit far.csv -k 4 --engine cpu --tol 0 --max-iter 5 --reg-covar 1e-9").ok();
        assert!(!cpu.stderr.contains("digits"), "{cpu:#?}");
    }
}
