//! Signals: the first ends a fit after its iteration, everything else ends at once, nothing is left behind.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::Bench;

/// A program that takes this long to end after a signal did not see it.
const LONGEST: Duration = Duration::from_secs(60);

/// A program that runs, with its stderr.
struct Running {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    said: String,
}

impl Running {
    fn start(bench: &Bench, line: &str) -> Running {
        let mut command = bench.command();
        command.args(line.split_whitespace()).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Running { child, stderr, said: String::new() }
    }

    /// Waits until a line of stderr has `word`.
    #[track_caller]
    fn until(mut self, word: &str) -> Running {
        loop {
            let before = self.said.len();
            assert!(self.stderr.read_line(&mut self.said).unwrap() > 0, "it ended: {}", self.said);
            if self.said[before..].contains(word) {
                return self;
            }
        }
    }

    fn signal(self, name: &str) -> Running {
        let kill = format!("kill -s {name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        self
    }

    /// Waits for the end. Exit code, stdout and stderr.
    #[track_caller]
    fn end(mut self) -> (Option<i32>, String, String) {
        let since = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(since.elapsed() < LONGEST, "it goes on and on: {}", self.said);
            std::thread::sleep(Duration::from_millis(5));
        }
        self.stderr.read_to_string(&mut self.said).unwrap();
        let Output { status, stdout, .. } = self.child.wait_with_output().unwrap();
        assert!(!self.said.contains("panicked"), "{}", self.said);
        (status.code(), String::from_utf8(stdout).unwrap(), self.said)
    }
}

/// A folder with `d.csv`.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.run("synth --components 3 --features 3 -n 20000 --seed 4 -o d.csv").ok();
    bench
}

const ENDLESS: &str = "fit d.csv -k 4 --engine cpu --tol 0 --max-iter 1000000000 --progress always";

#[test]
fn the_first_signal_keeps_the_model_so_far() {
    let bench = bench();
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let outputs = "-o m.json --labels l.csv --trace t.csv --checkpoint c --require-convergence";
        let fit = Running::start(&bench, &format!("{ENDLESS} --n-init 5 {outputs}"));
        let (ended, stdout, stderr) = fit.until("iteration 1:").signal(signal).end();
        assert_eq!(ended, Some(code), "{stderr}");
        assert!(stdout.contains("interrupted after"), "{stdout}");
        assert!(stderr.contains(&format!("interrupted by SIG{signal}")), "{stderr}");
        assert!(stderr.contains("stopping after this iteration") && !stderr.contains("converge"), "{stderr}");
        let model: serde_json::Value = serde_json::from_str(&bench.read("m.json")).unwrap();
        assert_eq!((&model["stop_reason"], &model["converged"]), (&"interrupted".into(), &false.into()));
        assert_eq!(model["restarts"].as_array().unwrap().len(), 1, "no further restart begins");
        let n_iter = model["n_iter"].as_u64().unwrap() as usize;
        assert_eq!(bench.read("t.csv").lines().count(), 1 + n_iter);
        assert_eq!(bench.read("l.csv").lines().count(), 20_001);
        bench.run("predict m.json d.csv -o p.csv").ok();
        assert_eq!(bench.read("p.csv"), bench.read("l.csv"));
        assert_eq!(bench.files(), ["c", "d.csv", "l.csv", "m.json", "p.csv", "t.csv"]);
        std::fs::remove_file(bench.path("c")).unwrap();
    }
}

#[test]
fn an_interrupted_fit_resumes_to_the_same_model() {
    let bench = bench();
    let fit = "fit d.csv -k 4 --engine cpu --tol 0 --max-iter 60 --n-init 2 --progress always";
    bench.run(&format!("{fit} -o whole.json")).ok();
    let first = Running::start(&bench, &format!("{fit} -o m.json --checkpoint c")).until("iteration 1:");
    assert_eq!(first.signal("INT").end().0, Some(130));
    assert_ne!(bench.read("m.json"), bench.read("whole.json"), "the signal came too late");
    let resumed = bench.run(&format!("{fit} -o m.json --resume c")).ok();
    assert!(!resumed.stderr.contains("restart 1/2: iteration 1:"), "it began anew: {}", resumed.stderr);
    assert_eq!(bench.read("m.json"), bench.read("whole.json"));
}

#[test]
fn the_second_signal_ends_at_once() {
    let bench = Bench::new();
    // One iteration takes many seconds.
    bench.run("synth --components 3 --features 8 -n 60000 --seed 4 -o d.npy").ok();
    bench.write("m.json", "precious");
    let slow = "fit d.npy -k 400 --engine reference --init random-from-data --on-collapse floor";
    for (first, second, code) in [("INT", "INT", 130), ("INT", "TERM", 143)] {
        let fit = Running::start(&bench, &format!("{slow} -o m.json --labels l.csv --checkpoint c"));
        let fit = fit.until("reference engine");
        std::thread::sleep(Duration::from_millis(100));
        let fit = fit.signal(first).until("stopping after this iteration");
        let since = Instant::now();
        let (ended, stdout, stderr) = fit.signal(second).end();
        assert_eq!((ended, stdout.as_str()), (Some(code), ""), "{stderr}");
        assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
        assert_eq!(bench.files(), ["d.npy", "m.json"], "{stderr}");
        assert_eq!(bench.read("m.json"), "precious");
    }
}

/// Waits until the folder holds an unfinished file.
#[track_caller]
fn unfinished(bench: &Bench) {
    let since = Instant::now();
    while !bench.files().iter().any(|name| name.ends_with(".part")) {
        assert!(since.elapsed() < LONGEST, "{:?}", bench.files());
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_sweep_keeps_the_fits_so_far() {
    let bench = bench();
    // Each fit takes long enough to be seen.
    let line = "select d.csv -k 1..9 --tol 0 --engine cpu --max-iter 3000 -o best.json --progress always";
    let sweep = Running::start(&bench, line).until("2/9 k = 2, full: ");
    let (ended, stdout, stderr) = sweep.signal("INT").end();
    assert_eq!(ended, Some(130), "{stderr}");
    assert!(stdout.contains("best by BIC") && stdout.lines().count() >= 4, "{stdout}");
    assert!(stderr.contains("interrupted by SIGINT"), "{stderr}");
    assert_eq!(bench.files(), ["best.json", "d.csv"]);
}

#[test]
fn before_the_fit_the_first_signal_ends_at_once() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let bench = Bench::new();
        let mut fit = Running::start(&bench, "fit - -k 2 -o m.json --labels l.csv --trace t.csv");
        // The data never end.
        fit.child.stdin.as_mut().unwrap().write_all(b"a,b\n1,2\n").unwrap();
        unfinished(&bench);
        let (ended, stdout, stderr) = fit.signal(signal).end();
        assert_eq!((ended, stdout.as_str()), (Some(code), ""), "{stderr}");
        assert_eq!(bench.files(), Vec::<String>::new());
    }
}

#[test]
fn other_commands_end_at_once_and_leave_nothing() {
    let bench = bench();
    bench.run("fit d.csv -k 3 -o m.json").ok();
    let before = bench.files();
    for line in [
        "synth --components 3 --features 3 -n 1000000000 -o big.csv --labels big.npy",
        "sample m.json -n 1000000000 -o big.npy",
        "predict m.json - -o p.csv",
        "score m.json - --per-sample p.csv",
    ] {
        let running = Running::start(&bench, line);
        unfinished(&bench);
        let (ended, stdout, stderr) = running.signal("TERM").end();
        assert_eq!((ended, stdout.as_str()), (Some(143), ""), "{line}: {stderr}");
        assert_eq!(bench.files(), before, "{line}");
    }
}
