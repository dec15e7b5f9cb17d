//! Every option has a range, and says so before any data is read.

use super::Bench;

/// Runs every line in one folder and checks that nothing is written there.
#[track_caller]
fn refused(code: i32, trials: &[(&str, &[&str])]) {
    let bench = Bench::new();
    for (line, words) in trials {
        bench.run(line).code(code).says(words);
        assert!(bench.files().is_empty(), "{line:?} left {:?}", bench.files());
    }
}

#[test]
fn usage_errors_name_the_flag_and_its_range() {
    let k: &[&str] = &["-", "--components", "whole number from 1 to"];
    refused(
        2,
        &[
            ("fit IRIS -o m.json", &["--components"]),
            ("fit IRIS -o m.json -k 0", k),
            ("fit IRIS -o m.json -k -1", k),
            ("fit IRIS -o m.json -k 1.5", k),
            ("fit IRIS -o m.json -k abc", k),
            ("fit IRIS -o m.json -k 99999999999999999999", k),
            ("fit IRIS -o m.json -k 4294967297", k),
            ("fit IRIS -o m.json -k 3 --max-iter -1", &["--max-iter", "from 0 to"]),
            ("fit IRIS -o m.json -k 3 --max-iter 1e3", &["--max-iter", "from 0 to"]),
            ("fit IRIS -o m.json -k 3 --n-init 0", &["--n-init", "from 1 to"]),
            ("fit IRIS -o m.json -k 3 --tol -1", &["--tol", "at least 0"]),
            ("fit IRIS -o m.json -k 3 --tol nan", &["--tol", "at least 0"]),
            ("fit IRIS -o m.json -k 3 --tol inf", &["--tol", "at least 0"]),
            ("fit IRIS -o m.json -k 3 --reg-covar -1e-6", &["--reg-covar", "from 0 to"]),
            ("fit IRIS -o m.json -k 3 --reg-covar nan", &["--reg-covar", "from 0 to"]),
            ("fit IRIS -o m.json -k 3 --reg-covar 1e300", &["--reg-covar", "from 0 to"]),
            ("fit IRIS -o m.json -k 3 --seed -1", &["--seed", "from 0 to 18446744073709551615"]),
            ("fit IRIS -o m.json -k 3 --seed 18446744073709551616", &["--seed", "from 0 to"]),
            ("fit IRIS -o m.json -k 3 --seed abc", &["--seed", "from 0 to"]),
            ("fit IRIS -o m.json -k 3 --covariance foo", &["--covariance", "full, tied, diag, spherical"]),
            ("fit IRIS -o m.json -k 3 --covariance-center x", &["--covariance-center", "new-mean, old-mean"]),
            ("fit IRIS -o m.json -k 3 --engine tpu", &["--engine", "auto, gpu, cpu, reference"]),
            ("fit IRIS -o m.json -k 3 --engine cpu --adapter 0", &["--adapter", "--engine cpu"]),
            ("fit IRIS -o m.json -k 3 --engine cpu --kernel fused", &["--kernel", "--engine cpu"]),
            ("fit IRIS -o m.json -k 3 --engine reference --dump-shaders s", &["--dump-shaders", "--engine"]),
            ("fit IRIS -o m.json -k 3 --dump-shaders=", &["--dump-shaders"]),
            ("compare IRIS -k 3 --engines cpu,reference --kernel fused", &["--kernel", "--engines"]),
            ("fit IRIS -o m.json -k 3 --missing keep", &["--missing", "error, drop"]),
            ("fit IRIS -o m.json -k 3 --header maybe", &["--header", "detect, yes, no"]),
            ("fit IRIS -o m.json -k 3 --progress often", &["--progress", "auto, always, never"]),
            ("fit IRIS -o m.json -k 3 --threads 0", &["--threads", "from 1 to"]),
            ("fit IRIS -o m.json -k 3 --chunk-rows 0", &["--chunk-rows", "from 1 to"]),
            ("fit IRIS -o m.json -k 3 --init kmean", &["--init", "kmeans, k-means++, random"]),
            ("fit IRIS -o m.json -k 3 --columns 1 --columns 2", &["--columns", "multiple times"]),
            ("fit IRIS -o m.json -k 3 --columns 1,1", &["--columns", "twice"]),
            ("fit IRIS -o m.json -k 3 --columns 1,,2", &["--columns", "empty"]),
            ("fit IRIS -o m.json -k 3 --tol 1 --tol 2", &["--tol", "multiple times"]),
            ("fit IRIS -o m.json -k 3 --quiet --quiet", &["--quiet", "multiple times"]),
            ("fit IRIS -o m.json -k", &["--components", "value is required"]),
            ("fit IRIS -k 3 -o", &["--output", "value is required"]),
            ("fit IRIS IRIS -k 3 -o m.json", &["unexpected argument"]),
            ("fit IRIS -k 3 -o m.json --max-itr 5", &["--max-itr", "--max-iter"]),
            ("fit IRIS -k 3 -o m.json --trace t.txt", &["--trace", ".jsonl"]),
            ("fit IRIS -k 3 -o m.json --labels l.parquet", &["--labels", ".npy"]),
            ("fti IRIS", &["fti"]),
            ("predict IRIS", &["<DATA>"]),
            ("predict m.json IRIS --proba --append", &["--proba", "--append"]),
            ("predict m.json - --append", &["--append"]),
            ("predict - -", &["MODEL", "DATA"]),
            ("score m.json IRIS --json --per-sample -", &["--per-sample"]),
            ("synth -n 10 -o x.csv", &["--components", "--features"]),
            ("synth -k 2 -d 2 -n 0 -o x.csv", &["--samples", "from 1 to"]),
            ("synth -k 2 -d 2 -n 10", &["--output"]),
            ("synth -k 2 --model m.json -n 10 -o x.csv", &["--components", "--model"]),
            ("synth -k 1000000 -d 10000 -n 10 -o x.csv", &["--components", "--features"]),
            ("completions tcsh", &["bash"]),
        ],
    );
    let bench = Bench::new();
    bench.args(&["fit", "x.csv", "-k", "3", "--columns", ""]).code(2).says(&["--columns"]);
    assert_eq!(bench.args(&[]).code, 2);
}

#[test]
fn data_that_does_not_fit_the_options() {
    refused(
        3,
        &[
            ("fit IRIS -k 151 -o m.json", &["iris.csv", "n_components = 151", "n_samples = 150"]),
            ("fit IRIS -k 3 -o m.json --columns sepal_lenth", &["iris.csv", "sepal_lenth", "sepal_length"]),
            ("fit IRIS -k 3 -o m.json --columns 7", &["iris.csv", "\"7\""]),
            ("fit IRIS -k 3 -o m.json --drop-columns species", &["iris.csv", "species"]),
            ("fit IRIS -k 3 -o m.json --weights nothere", &["iris.csv", "nothere"]),
            ("fit nothere.csv -k 3 -o m.json", &["nothere.csv", "cannot read"]),
            ("fit IRIS -k 3 -o m.json --init nothere.json", &["nothere.json", "cannot read"]),
            ("predict nothere.json IRIS", &["nothere.json"]),
        ],
    );
}

#[test]
fn a_start_of_another_shape_is_named() {
    let bench = Bench::new();
    bench.run("fit IRIS -k 3 -o m.json").ok();
    bench.run("fit IRIS -k 2 -o x.json --init m.json").code(3).says(&["m.json", "components"]);
    bench.run("fit IRIS -k 3 -o x.json --init m.json --columns 1,2").code(3).says(&["m.json", "features"]);
    assert_eq!(bench.files(), ["m.json"]);
}

#[test]
fn adapters_that_are_not_there() {
    refused(
        4,
        &[
            ("fit IRIS -k 3 -o m.json --adapter nonsense", &["nonsense"]),
            ("fit IRIS -k 3 -o m.json --engine gpu --adapter 99", &["99", "--engine cpu"]),
        ],
    );
}

/// Four features: the sums of fourteen components do not fit the fused kernel.
#[test]
fn kernels_that_cannot_serve() {
    let bench = Bench::new();
    for engine in ["", "--engine gpu", "--engine gpu --fallback cpu"] {
        let fit = |k| {
            bench.run(&format!(
                "fit IRIS -k {k} -o m.json --tol 0.01 --dump-shaders s {engine} --kernel fused"
            ))
        };
        fit(14).code(3).says(&["--kernel fused", "iris", "log_density_full"]);
        assert_eq!(bench.files(), [] as [&str; 0]);
        fit(3).ok();
        let shader = bench.read("s/fused.wgsl");
        assert!(shader.contains("fn fused(") && !shader.contains("${"), "{shader}");
        std::fs::remove_file(bench.path("m.json")).unwrap();
        std::fs::remove_dir_all(bench.path("s")).unwrap();
    }
}

#[test]
fn edges_that_work() {
    let bench = Bench::new();
    std::fs::copy(super::iris(), bench.path("-x")).unwrap();
    for line in [
        "fit IRIS -k 1",
        "fit IRIS -k 3 --max-iter 0",
        "fit IRIS -k 3 --tol 0 --max-iter 3",
        "fit IRIS -k 3 --reg-covar 0",
        "fit IRIS -k 3 --seed 18446744073709551615",
        "fit IRIS -k 3 --threads 1 --chunk-rows 1",
        "fit IRIS -k 3 --columns petal_length,2",
        "fit -k 3 -- -x",
        "fit IRIS -k3 --init=notebook --covariance-center=old-mean --max-iter=25 --tol=0 --reg-covar=0",
        "--help --bogus",
        "--version --bogus",
        "fit --help --bogus",
        "fit --version -k",
        "fit -h -k 0",
        "fit IRIS -k 3 --help",
        "help fit",
        "devices",
    ] {
        let ran = bench.run(line).ok();
        assert!(!ran.stdout.is_empty(), "{line}: {ran:#?}");
    }
    assert_eq!(bench.files(), ["-x"]);
}

#[test]
fn exactly_as_many_iterations_as_asked_for() {
    let bench = Bench::new();
    for n in [0, 1, 7] {
        let json = bench.run(&format!("fit IRIS -k 3 --tol 0 --max-iter {n} --json")).ok().json();
        assert_eq!(json["report"]["n_iter"], n);
        assert_eq!(json["report"]["log_likelihood_trace"].as_array().unwrap().len(), n);
    }
}
