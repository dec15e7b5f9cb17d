//! A graphics device that fails under the command.

mod device {
    use crate::cli::{Bench, Ran, ran};
    use crate::support::files::numbers;

    /// Data of several slabs; an E-step is one submission.
    fn bench() -> Bench {
        let bench = Bench::new();
        bench.run("synth -k 3 -d 2 -n 6000 --seed 4 -o x.csv").ok();
        bench
    }

    const STEPS: usize = 6;
    const FIT: &str = "fit x.csv -k 3 --engine gpu --init random-from-data --tol 0";

    fn model(bench: &Bench, name: &str) -> serde_json::Value {
        serde_json::from_str(&bench.read(name)).unwrap()
    }

    /// The device is lost after every submission in turn.
    #[test]
    fn the_last_good_model_is_saved() {
        let bench = bench();
        let (mut lost, mut saved) = (0, 0);
        for n in 1.. {
            let ran =
                bench.run(&format!("{FIT} --max-iter {STEPS} -o lost.json --trace t.csv --lose-device {n}"));
            if ran.code == 0 {
                break;
            }
            lost += 1;
            let ran = ran.code(1).says(&["x.csv", "device was lost", "--engine cpu"]);
            if !bench.path("lost.json").exists() {
                assert!(saved == 0, "a later failure lost the model: {ran:#?}");
                continue;
            }
            saved += 1;
            ran.says(&["saved to lost.json", "--init lost.json"]);
            let found = model(&bench, "lost.json");
            let steps = found["n_iter"].as_u64().unwrap();
            assert_eq!(found["stop_reason"], "device-failed");
            assert_eq!(found["converged"], false);
            assert_eq!(bench.read("t.csv").lines().count() as u64, steps + 1);
            // It is the model of that many steps, to the bit; its likelihood was computed on all cores.
            bench.run(&format!("{FIT} --max-iter {steps} -o whole.json")).ok();
            let whole = model(&bench, "whole.json");
            for field in ["weights", "means", "covariances", "log_likelihood_trace"] {
                assert_eq!(found[field], whole[field], "{field} after {steps} steps");
            }
            let mean = |m: &serde_json::Value| m["final_mean_log_likelihood"].as_f64().unwrap();
            assert!((mean(&found) - mean(&whole)).abs() < 1e-5);
            std::fs::remove_file(bench.path("lost.json")).unwrap();
        }
        // The upload and the first E-step leave nothing to save.
        assert_eq!((lost, saved), (STEPS + 2, STEPS));
    }

    /// The fit goes on where the device left it.
    #[test]
    fn all_cores_go_on() {
        let bench = bench();
        bench.run(&format!("{FIT} --max-iter {STEPS} -o gpu.json")).ok();
        let expected = model(&bench, "gpu.json");
        for n in [1, 2, 4, 6] {
            let line =
                format!("{FIT} --max-iter {STEPS} --fallback cpu --lose-device {n} -o m.json --labels l.csv");
            let ran = bench.run(&line).ok().says(&["warning: ", "device was lost", "cpu engine"]);
            assert_eq!(ran.stderr.matches("device was lost").count(), 1, "{ran:#?}");
            let found = model(&bench, "m.json");
            assert_eq!((&found["engine"]["kind"], &found["n_iter"]), (&"cpu".into(), &STEPS.into()));
            if n > 1 {
                assert_eq!(found["engine"]["failed"]["kind"], "gpu");
                assert!(found["engine"]["failed"]["error"].as_str().unwrap().contains("lost"));
            }
            for (a, b) in numbers(&found["means"]).into_iter().zip(numbers(&expected["means"])) {
                assert!((a - b).abs() < 1e-4 * (1.0 + b.abs()), "a mean is {a}, not {b}");
            }
        }
        // An adapter that was asked for, but not insisted on, falls back by itself.
        let line = FIT.replace("--engine gpu", "--engine auto --adapter 0");
        bench.run(&format!("{line} --lose-device 6")).ok().says(&["warning: ", "cpu engine"]);
    }

    #[test]
    fn a_fallback_that_is_not_needed_changes_nothing() {
        let bench = bench();
        for fallback in ["none", "cpu"] {
            bench.run(&format!("{FIT} --max-iter 2 --fallback {fallback} -o {fallback}.json")).ok();
        }
        assert!(model(&bench, "cpu.json")["rounding_errors"][0].as_f64() > Some(0.0));
        assert_eq!(bench.read("cpu.json"), bench.read("none.json"));
    }

    /// All cores cannot vouch for the sums of a device that is gone.
    #[test]
    fn a_device_lost_in_the_check_verifies_nothing() {
        let bench = bench();
        let mut unchecked = 0;
        for n in 1.. {
            let ran =
                bench.run(&format!("{FIT} --max-iter 2 --fallback cpu --lose-device {n} -o m.json")).ok();
            let found = model(&bench, "m.json");
            if found["engine"]["kind"] == "gpu" {
                match found["verification"]["difference"].as_f64() {
                    Some(difference) => assert!(difference > 1e-12, "f64 was compared with f64: {ran:#?}"),
                    None => unchecked += 1,
                }
            }
            if !ran.stderr.contains("lost") {
                break;
            }
        }
        assert!(unchecked > 0);
    }

    #[test]
    fn a_fit_that_fell_back_is_resumed_on_the_processor() {
        let bench = bench();
        let steps = "--tol 0 --max-iter 8";
        let fit = "fit x.csv -k 3 --init random-from-data";
        let line = format!(
            "{fit} {steps} --engine gpu --fallback cpu --lose-device 6 --checkpoint c --checkpoint-every 1 -o m.json"
        );
        bench.run(&line).ok().says(&["warning: ", "device was lost"]);
        assert_eq!(model(&bench, "m.json")["engine"]["kind"], "cpu");
        bench.run(&format!("{fit} {steps} --engine cpu --resume c -o resumed.json")).ok();
        let (whole, resumed) = (model(&bench, "m.json"), model(&bench, "resumed.json"));
        assert_eq!(whole["means"], resumed["means"]);
        bench
            .run(&format!("{fit} {steps} --engine gpu --resume c"))
            .code(3)
            .says(&["engine was cpu, is gpu"]);
    }

    /// A fit so large that `--engine auto` looks for a card, with the Vulkan drivers of `drivers` only.
    fn fit_with_drivers(drivers: Option<&str>, engine: &str) -> Ran {
        let bench = Bench::new();
        let cores = std::thread::available_parallelism().unwrap().get();
        bench.run(&format!("synth -k 3 -d 16 -n {} -o x.npy", 4200 * cores)).ok();
        let line = format!("fit x.npy -k 100 --init random-from-data --max-iter 0 {engine}");
        let mut command = bench.command();
        if let Some(drivers) = drivers {
            command.env("VK_DRIVER_FILES", drivers).env("VK_ICD_FILENAMES", drivers);
        }
        ran(command.args(line.split_whitespace()).output().unwrap())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn without_any_adapter() {
        let without = |engine| fit_with_drivers(Some("/nowhere.json"), engine);
        without("--engine gpu").code(4).says(&["Adapters found: none", "apt-get install", "--engine cpu"]);
        without("--engine auto").ok().says(&[
            "cpu engine",
            "no graphics adapter was found",
            "apt-get install",
        ]);
        without("--engine gpu --fallback cpu").ok().says(&[
            "warning: ",
            "Adapters found: none",
            "cpu engine",
        ]);
    }

    /// A software adapter is never chosen by itself, and a real one is.
    #[test]
    fn software_is_not_chosen() {
        let only_software =
            wgmm::internals::engine::gpu::adapters().iter().all(|adapter| adapter.is_software);
        let expected: &[&str] = if only_software {
            &["cpu engine", "only a software graphics adapter was found"]
        } else {
            &["gpu engine", "a hardware adapter"]
        };
        fit_with_drivers(None, "--engine auto").ok().says(expected);
    }
}
