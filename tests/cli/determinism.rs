//! The same run writes the same bytes, for every engine and covariance type, and whatever may not matter does not.

use super::Bench;

const TYPES: [&str; 4] = ["full", "tied", "diag", "spherical"];

/// Rows for two chunks of a device and several tasks of a processor.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.run("synth -k 4 -d 3 -n 6000 --seed 9 -o x.npy").ok();
    bench
}

/// Every file that a fit of `options` writes.
#[track_caller]
fn fit(bench: &Bench, options: &str) -> Vec<Vec<u8>> {
    let line = "fit x.npy -k 4 --n-init 2 --tol 0 --max-iter 8 -o m.json --labels l.npy --trace t.jsonl";
    bench.run(&format!("{line} {options}")).ok();
    let files = ["m.json", "l.npy", "t.jsonl"].map(|name| std::fs::read(bench.path(name)).unwrap());
    bench.run(&format!("{line} {options}").replace("m.json", "m.npz")).ok();
    files.into_iter().chain([std::fs::read(bench.path("m.npz")).unwrap()]).collect()
}

/// All of `variants` write the same files, for every covariance type; `fit` writes others for another seed.
#[track_caller]
fn assert_same(engine: &str, variants: &[&str]) {
    let bench = bench();
    for covariance in TYPES {
        let options = format!("--engine {engine} --covariance {covariance}");
        let expected = fit(&bench, &options);
        for variant in variants {
            let found = fit(&bench, &format!("{options} {variant}"));
            assert!(found == expected, "{options} {variant}: the files differ");
        }
        assert!(fit(&bench, &format!("{options} --seed 1")) != expected, "{options}: nothing is compared");
    }
}

#[test]
fn threads_change_no_byte() {
    assert_same("cpu", &["", "--threads 1", "--threads 2", "--threads 3", "--threads 7"]);
}

#[test]
fn the_reference_repeats_itself() {
    assert_same("reference", &[""]);
}

#[cfg(feature = "gpu")]
mod device {
    #[test]
    fn chunks_and_threads_change_no_byte() {
        super::assert_same("gpu", &["", "--chunk-rows 1", "--chunk-rows 5000", "--threads 1"]);
    }
}
