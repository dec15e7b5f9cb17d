//! What a host does to a program: full disks, folders that take no file, odd names, pipes, other runs.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Bench, Ran, iris, ran};

/// Runs `script` by the shell in the bench's folder; `$WGMM` is the program and `$IRIS` its table.
fn shell(bench: &Bench, script: &str) -> Ran {
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(bench.path("")).stdin(Stdio::null());
    command.env("WGMM", env!("CARGO_BIN_EXE_wgmm")).env("IRIS", iris());
    ran(command.output().unwrap())
}

/// The same in a name space where this user may mount.
#[cfg(target_os = "linux")]
fn mounting(bench: &Bench, script: &str) -> Ran {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).current_dir(bench.path(""));
    command.env("WGMM", env!("CARGO_BIN_EXE_wgmm")).env("IRIS", iris()).stdin(Stdio::null());
    ran(command.output().expect("unshare of util-linux"))
}

/// A limit on the size of files behaves as a disk that becomes full, and anyone may set it.
#[cfg(unix)]
#[test]
fn a_disk_that_becomes_full_harms_no_file() {
    let bench = Bench::new();
    bench.run("synth --components 2 --features 2 -n 10 -o d.csv --save-model m.json").ok();
    bench.write("big.csv", "precious");
    let before = bench.files();
    for line in [
        "sample m.json -n 100000 -o big.csv",
        "sample m.json -n 100000 -o big.npy",
        "synth --components 2 --features 2 -n 10 -o x.csv --labels big.csv --save-model nofolder/m.json",
        "fit $IRIS -k 100 --on-collapse floor -o model.json",
        "fit $IRIS -k 100 --on-collapse floor -o model.npz",
    ] {
        let code = if line.contains("nofolder") { 2 } else { 1 };
        let ran = shell(&bench, &format!("ulimit -f 8; exec \"$WGMM\" {line}")).code(code);
        assert!(code == 2 || ran.stderr.contains("free space"), "{line}: {}", ran.stderr);
        assert_eq!(bench.files(), before, "{line}");
        assert_eq!(bench.read("big.csv"), "precious", "{line}");
    }
}

/// The fit goes on without, says so once, and the last whole checkpoint stays.
#[cfg(unix)]
#[test]
fn a_checkpoint_without_room_leaves_the_last_whole_one() {
    let bench = Bench::new();
    bench.run("synth --components 20 --features 4 -n 2000 -o d.csv").ok();
    let fit = "fit d.csv -k 20 --tol 0 --max-iter 20 -q --checkpoint c --checkpoint-every 3";
    bench.run(&format!("{fit} -o m.json")).ok();
    let bytes = |name: &str| std::fs::read(bench.path(name)).unwrap();
    let before = (bytes("c"), bytes("c.previous"));
    // The model of 20 components does not fit either, but goes to a device.
    let limited = shell(&bench, &format!("ulimit -f 4; exec \"$WGMM\" {fit} -o /dev/null")).ok();
    let warnings = limited.stderr.matches("no checkpoint was written after iteration 3").count();
    assert_eq!((warnings, limited.stderr.lines().count()), (1, 1), "{limited:?}");
    assert_eq!((bytes("c"), bytes("c.previous")), before);
    assert_eq!(bench.files(), ["c", "c.previous", "d.csv", "m.json"]);
    bench.run(&format!("{fit} --resume c -o resumed.json")).ok();
    assert_eq!(bench.read("resumed.json"), bench.read("m.json"));
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "mounts file systems: as root, or where users may have name spaces"]
fn a_full_file_system_harms_no_file() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("disk")).unwrap();
    let script = "set -e
        mount -t tmpfs -o size=64k tmpfs disk
        echo precious > disk/m.json
        head -c 53248 /dev/zero > disk/rest
        ls -A disk > before
        code=0; \"$WGMM\" fit $IRIS -k 100 --on-collapse floor -o disk/m.json --checkpoint disk/c || code=$?
        test $code = 1
        code=0; \"$WGMM\" synth --components 2 --features 2 -n 100000 -o disk/x.npy || code=$?
        test $code = 1
        test \"$(cat disk/m.json)\" = precious
        ls -A disk | diff before -
        rm disk/rest
        \"$WGMM\" fit $IRIS -k 3 -q -o disk/m.json
        grep -q '\"wgmm\"' disk/m.json";
    mounting(&bench, script).ok().says(&["No space left", "disk/m.json", "disk/x.npy", "free space"]);
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "mounts file systems: as root, or where users may have name spaces"]
fn a_read_only_file_system_is_found_before_the_work() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("disk")).unwrap();
    let script = "set -e
        mount -t tmpfs tmpfs disk
        cp $IRIS disk/d.csv
        mount -o remount,ro disk
        for flag in -o --labels --checkpoint; do
            code=0; \"$WGMM\" fit nothere.csv -k 3 $flag disk/x.csv || code=$?
            test $code = 2
            code=0; \"$WGMM\" fit nothere.csv -k 3 $flag disk/d.csv || code=$?
            test $code = 2
        done
        \"$WGMM\" fit disk/d.csv -k 3 -q";
    mounting(&bench, script).ok().says(&["Read-only file system", "disk/x.csv", "disk/d.csv"]);
}

/// Nobody, not even root, makes files there.
#[cfg(target_os = "linux")]
#[test]
fn folders_that_take_no_file_are_found_before_the_work() {
    let bench = Bench::new();
    bench.write("file", "precious");
    for folder in ["file", "/proc", "/sys", "nofolder"] {
        for flag in ["-o", "--labels", "--trace", "--checkpoint"] {
            let line = format!("fit nothere.csv -k 3 {flag} {folder}/x.csv");
            bench.run(&line).code(2).says(&[&format!("{folder}/x.csv")]);
        }
    }
    assert_eq!((bench.files(), bench.read("file")), (vec!["file".into()], "precious".into()));
}

#[cfg(unix)]
#[test]
fn an_output_is_no_input_by_hard_link_either() {
    let bench = Bench::new();
    std::fs::copy(iris(), bench.path("d.csv")).unwrap();
    std::fs::hard_link(bench.path("d.csv"), bench.path("hard.csv")).unwrap();
    std::os::unix::fs::symlink("hard.csv", bench.path("soft.csv")).unwrap();
    for flag in ["-o", "--labels", "--trace", "--checkpoint"] {
        for name in ["hard.csv", "soft.csv", "./d.csv"] {
            bench.run(&format!("fit d.csv -k 3 {flag} {name}")).code(2).says(&["same file", name]);
        }
    }
    assert_eq!(bench.read("d.csv"), std::fs::read_to_string(iris()).unwrap());
}

/// The moment between the two renames of a checkpoint, for ever.
#[test]
fn a_checkpoint_and_the_one_before_it_may_be_one_file() {
    let bench = Bench::new();
    bench.run("synth --components 2 --features 2 -n 300 --seed 1 -o d.csv").ok();
    let fit = "fit d.csv -k 2 --engine cpu --checkpoint c --checkpoint-every 1";
    bench.run(fit).ok();
    std::fs::remove_file(bench.path("c.previous")).ok();
    std::fs::hard_link(bench.path("c"), bench.path("c.previous")).unwrap();
    bench.run(&format!("{fit} --resume c")).ok();
    bench.run(&format!("{fit} -o c.previous")).code(2).says(&["--output", "different names"]);
}

#[test]
fn runs_that_share_their_outputs_all_succeed() {
    let bench = Bench::new();
    bench.run("fit IRIS -k 3 --n-init 3 -o alone.json --labels alone.csv").ok();
    let fit = "fit -k 3 --n-init 3 -q -o m.json --labels l.csv --checkpoint c --checkpoint-every 1";
    let start = || {
        let mut command = bench.command();
        command.args(fit.split_whitespace()).arg(iris()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let runs: Vec<_> = (0..6).map(|_| start()).collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
    assert_eq!(
        (bench.read("m.json"), bench.read("l.csv")),
        (bench.read("alone.json"), bench.read("alone.csv"))
    );
    assert_eq!(bench.files(), ["alone.csv", "alone.json", "c", "c.previous", "l.csv", "m.json"]);
    bench.run(&format!("{fit} IRIS --resume c")).ok();
    assert_eq!(bench.read("m.json"), bench.read("alone.json"));
}

/// The reader of a pipe has seen enough: that is no error.
#[cfg(unix)]
#[test]
fn a_closed_stdout_is_a_quiet_end() {
    let bench = Bench::new();
    bench.run("fit IRIS -k 3 -o m.json").ok();
    for line in [
        "sample m.json -n 1000000",
        "predict m.json $IRIS --proba",
        "score m.json $IRIS --per-sample -",
        "fit $IRIS -k 3 -q -o -",
        "fit $IRIS -k 3 -q --json",
        "select $IRIS -k 1..3 -q",
        "devices",
        "man",
        "completions bash",
        "--help",
        "fit --help",
    ] {
        // The reader is gone before anything is written. The shell tells how the program ended.
        // A driver complains of a folder that is not there.
        let script = format!(
            "export XDG_RUNTIME_DIR=/tmp; (sleep 0.2; \"$WGMM\" {line}; echo \"code $?\" >&2) | true"
        );
        let ran = shell(&bench, &script);
        assert!(ran.stderr.ends_with("code 0\n"), "{line}: {ran:?}");
        assert!(!ran.stderr.contains("error") && !ran.stderr.contains("panicked"), "{line}: {ran:?}");
    }
    let head = shell(&bench, "\"$WGMM\" sample m.json -n 1000000 | head -n 1").ok();
    assert_eq!(head.stdout, "sepal_length,sepal_width,petal_length,petal_width\n");
}

/// Numbers are written and read with a point, whatever the language.
#[test]
fn the_language_changes_nothing() {
    let bench = Bench::new();
    bench.run("fit IRIS -k 3 -q -o a.json --labels a.csv --trace at.csv").ok();
    let plain = bench.run("fit IRIS -k 3 -q --json").ok().json();
    for language in ["de_DE", "de_DE.UTF-8", "tr_TR.UTF-8", "C", "nonsense"] {
        let run = |line: &str| {
            let mut command = bench.command();
            command.args(line.split_whitespace()).arg(iris());
            ran(command.env("LC_ALL", language).env("LANG", language).output().unwrap()).ok()
        };
        run("fit -k 3 -q -o b.json --labels b.csv --trace bt.csv");
        for (a, b) in [("a.json", "b.json"), ("a.csv", "b.csv"), ("at.csv", "bt.csv")] {
            assert_eq!(bench.read(a), bench.read(b), "{language}");
        }
        assert_eq!(run("fit -k 3 -q --json").json()["model"], plain["model"]);
        bench.write("comma.csv", "a;b\n1,5;2,5\n");
        bench.run("fit comma.csv -k 1").code(3).says(&["comma.csv", "1,5"]);
    }
}

#[cfg(unix)]
#[test]
fn pipes_with_names_are_read() {
    let bench = Bench::new();
    bench.run("fit IRIS -k 3 -q -o a.json").ok();
    bench.run("synth --model a.json -n 500 -o d.npy").ok();
    bench.run("fit d.npy -k 3 -q -o b.json").ok();
    for (data, model) in [(iris(), "a.json"), (bench.path("d.npy"), "b.json")] {
        assert!(Command::new("mkfifo").arg(bench.path("pipe")).status().unwrap().success());
        let (content, pipe) = (std::fs::read(data).unwrap(), bench.path("pipe"));
        let writer = std::thread::spawn(move || std::fs::write(pipe, content).unwrap());
        bench.run("fit pipe -k 3 -q -o c.json").ok();
        writer.join().unwrap();
        assert_eq!(bench.read("c.json"), bench.read(model));
        std::fs::remove_file(bench.path("pipe")).unwrap();
    }
}

/// Every file of a fit under `name`.
fn fit_under(bench: &Bench, name: &OsStr) {
    let with = |end: &str| {
        let mut whole = name.to_owned();
        whole.push(end);
        whole
    };
    let option = |flag: &str, end: &str| {
        let mut whole = OsString::from(flag);
        whole.push("=");
        whole.push(with(end));
        whole
    };
    std::fs::copy(iris(), bench.path("").join(with(".csv"))).unwrap();
    let outputs = [
        ("--output", ".json"),
        ("--labels", ".labels.npy"),
        ("--trace", ".trace.jsonl"),
        ("--checkpoint", ".checkpoint"),
    ];
    let run = |line: &str, options: &[OsString], files: &[OsString]| {
        let mut command = bench.command();
        command.args(line.split_whitespace()).args(options).arg("--").args(files);
        ran(command.output().unwrap()).ok()
    };
    let mut flags: Vec<OsString> = outputs.iter().map(|(flag, end)| option(flag, end)).collect();
    run("fit -k 3 --checkpoint-every 1", &flags, &[with(".csv")]);
    flags.push(option("--resume", ".checkpoint"));
    run("fit -k 3", &flags, &[with(".csv")]);
    run("fit -k 3", &[option("--init", ".json")], &[with(".csv")]);
    run("predict", &[option("--output", ".p.csv")], &[with(".json"), with(".csv")]);
    run("score", &[option("--per-sample", ".s.csv")], &[with(".json"), with(".csv")]);
    run("sample -n 5", &[option("--output", ".x.npy")], &[with(".json")]);
    for end in [".json", ".labels.npy", ".trace.jsonl", ".checkpoint", ".p.csv", ".s.csv", ".x.npy"] {
        assert!(bench.path("").join(with(end)).is_file(), "{name:?}{end}");
    }
}

#[test]
fn odd_names_are_names() {
    let bench = Bench::new();
    let names = [
        "a b",
        " ",
        "-x",
        "--output",
        "new\nline",
        "tab\there",
        "quote'\"`",
        "$HOME",
        "*",
        "%s{}",
        "ünï©ø∂é",
        ".",
    ];
    for name in names {
        fit_under(&bench, OsStr::new(name));
    }
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStrExt;
        fit_under(&bench, OsStr::from_bytes(b"\xff\xfe not UTF-8 \x80"));
    }
    assert!(bench.files().iter().all(|name| !name.ends_with(".part")));
    // A folder with an odd name, and a name as long as a file system takes.
    std::fs::create_dir(bench.path("a folder\n")).unwrap();
    fit_under(&bench, Path::new("a folder\n/x y").as_os_str());
    let long = "n".repeat(255 - ".checkpoint.previous".len());
    fit_under(&bench, OsStr::new(&long));
    bench.args(&["fit", iris().to_str().unwrap(), "-k", "3", "-o", &"n".repeat(256)]).code(2).says(&["nnn"]);
}
