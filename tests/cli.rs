//! The command, driven as its users drive it: exit codes, files, stdout and stderr.

mod bench;
mod checkpoint;
mod compare;
mod degenerate;
mod determinism;
#[cfg(feature = "gpu")]
mod digits;
#[cfg(feature = "gpu")]
mod fallback;
mod files;
mod flags;
mod header;
mod host;
mod inference;
mod messages;
mod pipeline;
mod plot;
mod printed;
mod report;
mod select;
#[cfg(unix)]
mod signals;
mod starting;
#[cfg(target_os = "linux")]
mod terminal;
mod verify;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// What a run left.
#[derive(Debug)]
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    #[track_caller]
    fn ok(self) -> Self {
        self.code(0)
    }

    /// Checks the exit code, and that an error is one paragraph and no panic.
    #[track_caller]
    fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        if !matches!(code, 0 | 5 | 6) {
            assert!(self.stderr.contains("error: ") && self.stdout.is_empty(), "{self:#?}");
            assert!(self.stderr.lines().count() <= 20, "{self:#?}");
        }
        self
    }

    /// Checks that stderr has every one of `words`.
    #[track_caller]
    fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in {self:#?}");
        }
        self
    }

    /// Standard output as one JSON object.
    #[track_caller]
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// A folder to run in, gone afterwards.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        Bench(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wgmm"));
        command.current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    /// Runs `wgmm` with the words of `line`; `IRIS` stands for the iris table.
    #[track_caller]
    fn run(&self, line: &str) -> Ran {
        let iris = iris();
        let iris = iris.to_str().unwrap();
        let words: Vec<&str> = line.split_whitespace().map(|w| if w == "IRIS" { iris } else { w }).collect();
        self.args(&words)
    }

    #[track_caller]
    fn args(&self, args: &[&str]) -> Ran {
        ran(self.command().args(args).output().unwrap())
    }

    /// Runs with `input` on standard input.
    #[track_caller]
    fn piped(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command();
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        ran(child.wait_with_output().unwrap())
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    #[track_caller]
    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The names of all files, sorted.
    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

fn ran(output: std::process::Output) -> Ran {
    Ran {
        code: output.status.code().expect("ended by a signal"),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn iris() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/iris.csv")
}
