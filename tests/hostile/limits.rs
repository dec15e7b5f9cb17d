//! Endless and bloated inputs, read by the command under a limit on its memory (`ulimit -d`: heap, stacks
//! and anonymous mappings).

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::files;

/// 100 MB.
const BASE: u64 = 100 << 20;
/// A pipe gets more: its lists may grow until the limit, in doublings.
const PIPE: u64 = 3 * BASE;
const LONGEST: Duration = Duration::from_secs(30);

struct Ran {
    code: Option<i32>,
    stderr: String,
}

/// Runs `wgmm` with at most `memory` bytes. What it says must be an error or nothing.
fn limited(folder: &Path, memory: u64, args: &[&str]) -> Ran {
    let start = Instant::now();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -d \"$1\"; shift; exec \"$@\"", "sh", &(memory >> 10).to_string()]);
    command.arg(env!("CARGO_BIN_EXE_wgmm")).args(args).current_dir(folder).stdin(Stdio::null());
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(start.elapsed() < LONGEST, "{args:?}: {:?}", start.elapsed());
    assert!(!stderr.contains("panicked") && !stderr.contains("memory allocation of"), "{args:?}: {stderr}");
    Ran { code: output.status.code(), stderr }
}

#[track_caller]
fn refuses(folder: &Path, memory: u64, args: &[&str], words: &[&str]) {
    let before = names(folder);
    let ran = limited(folder, memory, args);
    assert_eq!(ran.code, Some(3), "{args:?}: {}", ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "{args:?}: no {word:?} in {}", ran.stderr);
    }
    assert_eq!(names(folder), before, "{args:?} left something");
}

fn names(folder: &Path) -> Vec<String> {
    files::names(folder)
}

/// A folder with the iris table and a model of it.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(files::data("iris.csv"), folder.path().join("iris.csv")).unwrap();
    let ran = limited(folder.path(), BASE, &["fit", "iris.csv", "-k", "2", "-q", "-o", "m.json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    folder
}

/// Commands that read `input` in each of its roles.
fn roles(input: &str) -> [Vec<&str>; 7] {
    [
        vec!["fit", input, "-k", "2", "-o", "x.json", "--labels", "l.csv"],
        vec!["fit", "iris.csv", "-k", "2", "-o", "x.json", "--weights", input],
        vec!["fit", "iris.csv", "-k", "2", "-o", "x.json", "--init", input],
        vec!["predict", input, "iris.csv", "-o", "l.csv"],
        vec!["score", "m.json", "iris.csv", "--truth", input, "--per-sample", "p.csv"],
        vec!["report", "m.json", "iris.csv", "--fit", input, "-o", "r.html"],
        vec!["report", "m.json", "iris.csv", "--compare", input, "-o", "r.html"],
    ]
}

#[test]
fn devices_without_end_are_refused_at_once() {
    let folder = folder();
    for device in ["/dev/zero", "/dev/full"] {
        for args in roles(device) {
            refuses(folder.path(), BASE, &args, &[device, "NUL"]);
        }
    }
    for args in roles("/dev/urandom") {
        refuses(folder.path(), BASE, &args, &["/dev/urandom"]);
    }
}

/// Feeds `text` again and again to a pipe that `args` read, until the reader leaves.
#[track_caller]
fn endless(start: &str, text: &str, args: &[&str], words: &[&str]) {
    let folder = folder();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (start, block) = (start.to_owned(), text.repeat((1 << 16) / text.len()));
    let writer = std::thread::spawn(move || {
        let mut out = OpenOptions::new().write(true).open(pipe).unwrap();
        let _ = out.write_all(start.as_bytes());
        // A reader that left is how it ends.
        while out.write_all(block.as_bytes()).is_ok() {}
    });
    refuses(folder.path(), PIPE, args, words);
    writer.join().unwrap();
}

#[test]
fn rows_without_end_fill_the_memory_and_are_refused() {
    let fit = ["fit", "pipe", "-k", "2", "-o", "x.json"];
    endless("", "1\n", &fit, &["pipe", "does not fit into memory"]);
    endless("x,w\n", "1,1\n", &[&fit[..], &["--weights", "w"]].concat(), &["does not fit into memory"]);
    endless("", "1\n?\n", &[&fit[..], &["--missing", "drop"]].concat(), &["does not fit into memory"]);
    endless("", "1\n\n", &fit, &["does not fit into memory"]);
    let weights = ["fit", "iris.csv", "-k", "2", "-o", "x.json", "--weights", "pipe"];
    endless("", "1\n", &weights, &["pipe", "does not fit into memory"]);
}

#[test]
fn lines_without_end_are_cut() {
    let fit = ["fit", "pipe", "-k", "2", "-o", "x.json"];
    for text in ["1", " ", "\"", "\n", "\"\n", "\"\n\"\n", "x"] {
        endless("", text, &fit, &["pipe", "longer than 16 MiB"]);
    }
    let truth = ["score", "m.json", "iris.csv", "--truth", "pipe"];
    endless("", "a\n", &truth, &["pipe", "150 values"]);
    endless("", "a", &truth, &["pipe", "longer than 16 MiB"]);
}

#[test]
fn models_without_end_are_cut() {
    for args in [&["predict", "pipe", "iris.csv"][..], &["fit", "iris.csv", "-k", "2", "--init", "./pipe"]] {
        endless("", " ", args, &["pipe"]);
        endless("{\"weights\": [", "1,", args, &["pipe"]);
    }
}

/// Each of these is the worst of its kind per byte; none may take more than 20 times its size and 100 MB.
#[test]
fn memory_stays_in_proportion_to_the_file() {
    let folder = folder();
    let model = std::fs::read_to_string(folder.path().join("m.json")).unwrap();
    let with = |field: &str, item: &str, n: usize| {
        let start = model.find(field).unwrap() + field.len();
        format!("{}{}{}", &model[..start], item.repeat(n), &model[start..])
    };
    let n = 2_000_000;
    let cases: [(&str, String, &[&str]); 7] = [
        ("x.csv", "1\n".repeat(n), &["fit", "x.csv", "-k", "1", "--max-iter", "1"]),
        (
            "gaps.csv",
            "1\n?\n\n".repeat(n),
            &["fit", "gaps.csv", "-k", "1", "--max-iter", "1", "--missing", "drop"],
        ),
        ("wide.csv", "1,".repeat(n) + "1\n", &["fit", "wide.csv", "-k", "1", "--columns", "3"]),
        (
            "options.json",
            with("\"options\": {", "\"a\":[],", 1).replace("[]", &format!("[{}0]", "0,".repeat(n))),
            &["score", "options.json", "iris.csv"],
        ),
        ("weights.json", with("\"weights\": [", "0,", n), &["score", "weights.json", "iris.csv"]),
        ("means.json", with("\"means\": [", "[],", n), &["score", "means.json", "iris.csv"]),
        ("names.json", with("\"feature_names\": [", "\"\",", n), &["score", "names.json", "iris.csv"]),
    ];
    for (name, text, args) in cases {
        std::fs::write(folder.path().join(name), &text).unwrap();
        let args = [args, &["-q", "--engine", "cpu", "--threads", "1"]].concat();
        let ran = limited(folder.path(), BASE + 20 * text.len() as u64, &args);
        assert!(
            matches!(ran.code, Some(0 | 1 | 3)) && !ran.stderr.contains("out of memory"),
            "{name}: {:?} {}",
            ran.code,
            ran.stderr
        );
        assert!(!ran.stderr.contains("fit into memory"), "{name}: {}", ran.stderr);
        std::fs::remove_file(folder.path().join(name)).unwrap();
    }
}

/// A small archive that would unpack to 3 GB.
#[test]
fn an_archive_that_swells_is_refused() {
    let folder = folder();
    let zeros = 400 << 20;
    let mut archive = zip::ZipWriter::new(std::fs::File::create(folder.path().join("m.npz")).unwrap());
    for (name, shape) in [("weights_", zeros / 8), ("means_", zeros / 8), ("covariances_", zeros / 8)] {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated)
            .compression_level(Some(1));
        archive.start_file(format!("{name}.npy"), options).unwrap();
        let text = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({shape},), }}");
        archive.write_all(b"\x93NUMPY\x01\x00").unwrap();
        archive.write_all(&(text.len() as u16).to_le_bytes()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
        for _ in 0..zeros >> 20 {
            archive.write_all(&[0; 1 << 20]).unwrap();
        }
    }
    let len = archive.finish().unwrap().metadata().unwrap().len();
    assert!(len < 16 << 20, "{len}");
    refuses(folder.path(), BASE + 20 * len, &["predict", "m.npz", "iris.csv"], &["m.npz", "too many"]);
}

/// The limit itself must bite.
#[test]
fn the_limit_is_a_limit() {
    let folder = folder();
    std::fs::write(folder.path().join("x.csv"), "1\n".repeat(10_000_000)).unwrap();
    let args = ["fit", "x.csv", "-k", "1", "-q"];
    refuses(folder.path(), 40 << 20, &args, &["x.csv", "does not fit into memory"]);
}
