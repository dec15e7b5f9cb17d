//! Files: nothing harmed, nothing left behind, streams as `-`.

use super::{Bench, iris};

#[test]
fn an_output_never_overwrites_an_input() {
    let bench = Bench::new();
    std::fs::copy(iris(), bench.path("d.csv")).unwrap();
    let before = bench.read("d.csv");
    bench.run("fit d.csv -k 3 -o m.json").ok();
    #[cfg(unix)]
    std::os::unix::fs::symlink("d.csv", bench.path("link.csv")).unwrap();
    #[cfg(unix)]
    for line in ["fit link.csv -k 3 -o d.csv", "fit d.csv -k 3 --labels link.csv"] {
        bench.run(line).code(2).says(&["same file"]);
    }
    for line in [
        "fit d.csv -k 3 -o d.csv",
        "fit d.csv -k 3 -o ./d.csv",
        "fit d.csv -k 3 --labels d.csv",
        "fit d.csv -k 3 --trace d.csv",
        "predict m.json d.csv -o m.json",
        "predict m.json d.csv --append -o d.csv",
        "score m.json d.csv --per-sample d.csv",
        "sample m.json -n 5 -o m.json",
    ] {
        bench.run(line).code(2).says(&["same file"]);
    }
    assert_eq!(bench.read("d.csv"), before);
}

#[test]
fn outputs_do_not_overwrite_each_other() {
    let bench = Bench::new();
    for line in [
        "fit IRIS -k 3 -o a.csv --labels ./a.csv",
        "fit IRIS -k 3 --trace a.csv --labels a.csv",
        "fit IRIS -k 3 -o - --labels -",
        "fit IRIS -k 3 -o - --json",
        "fit IRIS -k 3 --labels - --json",
        "synth -k 2 -d 2 -n 5 -o a.csv --labels a.csv",
    ] {
        bench.run(line).code(2);
        assert!(bench.files().is_empty(), "{line}");
    }
}

#[test]
fn bad_output_paths_are_found_before_the_data_are_read() {
    let bench = Bench::new();
    // The data do not exist, yet the output is what the error is about.
    bench.run("fit nothere.csv -k 3 -o .").code(2).says(&["directory"]);
    bench.run("fit nothere.csv -k 3 -o nofolder/m.json").code(2).says(&["nofolder", "folder does not exist"]);
    bench.run("fit nothere.csv -k 3 --labels nofolder/l.csv").code(2).says(&["nofolder"]);
    bench.run("fit nothere.csv -k 3 --trace nofolder/t.csv").code(2).says(&["nofolder"]);
    for name in ["-o", "--labels", "--trace"] {
        bench.args(&["fit", "nothere.csv", "-k", "3", name, ""]).code(2);
    }
    bench.args(&["fit", "", "-k", "3"]).code(2);
    assert!(bench.files().is_empty());
}

#[test]
fn a_failed_fit_leaves_the_old_files() {
    let bench = Bench::new();
    bench.write("bad.csv", "a,b\n1,2\n3,oops\n");
    bench.write("twins.csv", "1,1\n1,1\n1,1\n1,1\n");
    bench.write("m.json", "precious");
    bench.run("fit bad.csv -k 1 -o m.json --labels l.csv --trace t.csv").code(3).says(&[
        "bad.csv",
        "line 3",
        "oops",
        "--drop-columns b",
    ]);
    bench.run("fit twins.csv -k 2 --reg-covar 0 -o m.json --labels l.csv --trace t.csv").code(1);
    assert_eq!(bench.read("m.json"), "precious");
    assert_eq!(bench.files(), ["bad.csv", "m.json", "twins.csv"]);
}

#[test]
fn broken_models_are_named() {
    let bench = Bench::new();
    bench.write("m.json", "{\"format\": \"wgmm\"");
    bench.run("predict m.json IRIS -o l.csv").code(3).says(&["m.json"]);
    bench.write("m.json", "{\"format\": \"wgmm\", \"version\": 99}");
    bench.run("score m.json IRIS").code(3).says(&["m.json", "version"]);
    bench.run("fit IRIS -k 2 --init m.json").code(3).says(&["m.json", "version"]);
    assert_eq!(bench.files(), ["m.json"]);
}

#[test]
fn dash_is_standard_input_and_output() {
    let bench = Bench::new();
    let data = std::fs::read(iris()).unwrap();
    let from_file = bench.run("fit IRIS -k 3 -q -o -").ok();
    let from_pipe = bench.piped(&["fit", "-", "-k", "3", "-q", "-o", "-"], &data).ok();
    assert_eq!(from_file.stdout, from_pipe.stdout);
    bench.write("m.json", &from_pipe.stdout);
    let labels = bench.piped(&["predict", "m.json", "-"], &data).ok().stdout;
    assert_eq!(labels, bench.run("predict m.json IRIS -o -").ok().stdout);
    assert_eq!(labels.lines().count(), 151);
    let piped = bench.piped(&["predict", "-", iris().to_str().unwrap()], from_pipe.stdout.as_bytes());
    assert_eq!(piped.ok().stdout, labels);
    assert_eq!(bench.run("fit IRIS -k 3 --labels -").ok().stdout, labels);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let bench = Bench::new();
    bench.run("fit IRIS -k 3 -o /dev/full").code(1).says(&["/dev/full"]);
    bench.run("fit IRIS -k 3 --labels /dev/full").code(1).says(&["/dev/full"]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = bench.command().args(["devices"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"));
}

#[test]
fn the_same_run_writes_the_same_bytes() {
    let bench = Bench::new();
    bench.run("fit IRIS -k 3 --n-init 3 -o a.json --labels a.npy").ok();
    bench.run("fit IRIS -k 3 --n-init 3 -o b.json --labels b.npy --threads 1").ok();
    assert_eq!(bench.read("a.json"), bench.read("b.json"));
    let bytes = |name: &str| std::fs::read(bench.path(name)).unwrap();
    assert_eq!(bytes("a.npy"), bytes("b.npy"));
}
