//! Few digits in f32, as users meet them.

mod device {
    use serde_json::Value;

    use crate::cli::Bench;

    /// Two features, the second of which is the first but for a share of `thin`.
    fn bench(thin: f64) -> Bench {
        let bench = Bench::new();
        let noise = |n: u32, of: u32| f64::from(n * n % of) / f64::from(of) - 0.5;
        let rows = (0..3000).map(|n| {
            let x = noise(n, 2_003) + 3.0 * f64::from(n % 3);
            format!("{x},{}\n", x + thin * noise(n + 7, 1_009))
        });
        bench.write("x.csv", &rows.collect::<String>());
        bench
    }

    const FIT: &str = "fit x.csv -k 3 --tol 0 --max-iter 4 --reg-covar 0";
    const AUTO: &str = "--engine auto --adapter 0";

    fn model(bench: &Bench, name: &str) -> Value {
        serde_json::from_str(&bench.read(name)).unwrap()
    }

    #[test]
    fn an_automatic_choice_switches_and_says_so() {
        let bench = bench(1e-5);
        let said = [
            "warning: f32 sums leave ",
            " digits of component ",
            "in iteration 1 (3 components)",
            "on the cpu engine",
        ];
        let ran = bench.run(&format!("{FIT} {AUTO} -o auto.json --checkpoint c --checkpoint-every 2")).ok();
        let ran = ran.says(&said).says(&["gpu engine", "--engine gpu"]);
        assert_eq!(ran.stderr.matches("f32 sums leave").count(), 1, "{ran:#?}");
        assert!(ran.stdout.contains("f64 on the cpu engine from iteration 1 on: f32 left "), "{ran:#?}");
        // Once, whatever the restarts.
        let many = bench.run(&format!("{FIT} {AUTO} --n-init 3")).ok();
        assert_eq!(many.stderr.matches("f32 sums leave").count(), 1, "{many:#?}");
        let found = model(&bench, "auto.json");
        let worst = &found["worst_rounding"];
        assert_eq!((&worst["iteration"], &worst["switched"]), (&1.into(), &true.into()));
        assert!(worst["error"].as_f64() > Some(1e-3) && worst["digits"].as_f64() < Some(3.0), "{worst}");
        assert_eq!(
            (&found["engine"]["kind"], &found["engine"]["began_on"]["kind"]),
            (&"cpu".into(), &"gpu".into())
        );
        assert!(found.get("rounding_errors").is_none() && found.get("verification").is_none());
        // The switch came first of all: everything is that of the cpu engine.
        bench.run(&format!("{FIT} --engine cpu -o cpu.json")).ok();
        let cpu = model(&bench, "cpu.json");
        for field in ["weights", "means", "covariances", "log_likelihood_trace"] {
            assert_eq!(found[field], cpu[field], "{field}");
        }
        assert!(cpu.get("worst_rounding").is_none());
        // The same again, whole, resumed, and as `wgmm report` gives it.
        bench.run(&format!("{FIT} {AUTO} -o again.json")).ok();
        assert_eq!(bench.read("again.json"), bench.read("auto.json"));
        for checkpoint in ["c", "c.previous"] {
            bench.run(&format!("{FIT} {AUTO} -o resumed.json --resume {checkpoint}")).ok();
            assert_eq!(bench.read("resumed.json"), bench.read("auto.json"), "{checkpoint}");
        }
        let other = bench.run(&format!("{FIT} --engine gpu --resume c")).code(3);
        other.says(&["engine was gpu, f64 where digits are few, is gpu"]);
        bench.run("report auto.json x.csv -o r.html").ok();
        assert!(bench.read("r.html").contains("--engine auto"));
        let json = bench.run(&format!("{FIT} {AUTO} --json")).ok().json();
        assert_eq!(json["report"]["worst_rounding"], *worst);
        assert_eq!(json["engine"]["began_on"]["kind"], "gpu");
    }

    #[test]
    fn a_card_that_was_asked_for_stays() {
        let bench = bench(1e-5);
        for engine in
            ["--engine gpu", "--engine gpu --fallback cpu", "--engine auto --adapter 0 --fallback none"]
        {
            let ran = bench.run(&format!("{FIT} {engine} -o m.json")).ok();
            let ran = ran.says(&["fewer than 3 digits of component", "--engine cpu"]);
            assert_eq!(ran.stderr.matches("f32 sums leave").count(), 1, "{ran:#?}");
            let found = model(&bench, "m.json");
            assert_eq!(found["engine"]["kind"], "gpu", "{engine}");
            assert_eq!(found["worst_rounding"]["switched"], false);
            assert!(found["engine"].get("began_on").is_none());
        }
    }

    #[test]
    fn well_conditioned_fits_are_left_in_peace() {
        let bench = bench(0.5);
        bench.run(&format!("{FIT} --engine gpu -o gpu.json")).ok();
        let ran = bench.run(&format!("{FIT} {AUTO} -o auto.json")).ok();
        assert!(!ran.stderr.contains("digits") && !ran.stdout.contains("f64 on"), "{ran:#?}");
        assert_eq!(bench.read("auto.json"), bench.read("gpu.json"));
        let worst = &model(&bench, "auto.json")["worst_rounding"];
        assert!(worst["digits"].as_f64() > Some(5.0) && worst["switched"] == false, "{worst}");
    }

    /// A start so thin that f32 says nothing about it, from which one step leads to a good end.
    #[test]
    fn a_bad_stretch_behind_a_good_end_is_told() {
        let bench = bench(0.5);
        bench.write(
            "thin.json",
            r#"{"weights": [1], "means": [[3, 3]], "covariances": [[[1, 0.9999999999999], [0.9999999999999, 1]]]}"#,
        );
        let fit = "fit x.csv -k 1 --init thin.json --tol 0 --max-iter 3";
        let ran = bench.run(&format!("{fit} --engine gpu -o m.json")).ok();
        let ran = ran.says(&[
            "warning: the fit passed where f32 sums leave ",
            "component 0 (iteration 1)",
            "--engine cpu",
        ]);
        assert_eq!(ran.stderr.matches("f32 sums leave").count(), 1, "{ran:#?}");
        let found = model(&bench, "m.json");
        assert_eq!(found["worst_rounding"]["iteration"], 1);
        assert!(found["rounding_errors"][0].as_f64() < Some(1e-5), "{}", found["rounding_errors"]);
        bench.run(&format!("{fit} {AUTO}")).ok().says(&["in iteration 1", "on the cpu engine"]);
    }
}
