//! Checkpoints as users meet them: flags, kills, and what is refused.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Bench;

/// A folder with `d.csv`, three overlapping components.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.run("synth --components 3 --features 3 -n 2000 --seed 4 -o d.csv").ok();
    bench
}

/// 80 iterations with a file written and synced in each.
const LONG: &str = "fit d.csv -k 4 --engine cpu --n-init 2 --tol 0 --max-iter 40 --init random";

#[test]
fn a_resumed_fit_writes_the_same_files() {
    let bench = bench();
    let fit = "fit d.csv -k 3 --n-init 3 --max-iter 7 --tol 1e-9 --init random --on-collapse reseed";
    bench.run(&format!("{fit} -o a.json --trace a.csv --labels al.csv")).ok();
    bench
        .run(&format!("{fit} -o b.json --trace b.csv --labels bl.csv --checkpoint c --checkpoint-every 4"))
        .ok();
    for resume in ["c", "c.previous"] {
        bench
            .run(&format!("{fit} -o r.json --trace r.csv --labels rl.csv --resume {resume} --threads 1"))
            .ok();
        for (a, b, r) in
            [("a.json", "b.json", "r.json"), ("a.csv", "b.csv", "r.csv"), ("al.csv", "bl.csv", "rl.csv")]
        {
            assert_eq!(bench.read(b), bench.read(a), "{b}: a checkpoint changes nothing");
            assert_eq!(bench.read(r), bench.read(a), "{r} from {resume}");
        }
    }
    // One file serves both, and time counts as well.
    bench.run(&format!("{fit} -o r.json --resume c --checkpoint c --checkpoint-every 1h")).ok();
    assert_eq!(bench.read("r.json"), bench.read("a.json"));
}

#[test]
fn another_fit_is_refused_and_the_difference_named() {
    let bench = bench();
    bench.run("fit d.csv -k 3 --checkpoint c --checkpoint-every 1").ok();
    let other = std::fs::read_to_string(bench.path("d.csv")).unwrap();
    let (rows, _) = other.trim_end().rsplit_once('\n').unwrap();
    bench.write("short.csv", rows);
    for (line, words) in [
        ("fit d.csv -k 4 --resume c", ["n_components was 3, is 4", "c: "]),
        ("fit d.csv -k 3 --resume c --tol 1e-4", ["tol was 0.001, is 0.0001", "c: "]),
        ("fit d.csv -k 3 --resume c --engine reference", ["engine was cpu, is reference", "c: "]),
        ("fit short.csv -k 3 --resume c", ["n_samples was 2000, is 1999", "checksum of the values"]),
        ("fit d.csv -k 3 --resume c --drop-columns 1", ["n_features was 3, is 2", "feature names"]),
        ("fit d.csv -k 3 --resume d.csv", ["d.csv", "is no checkpoint"]),
        ("fit d.csv -k 3 --resume nothere", ["nothere", "nothing to resume"]),
    ] {
        bench.run(&format!("{line} -o m.json")).code(3).says(&words);
        assert!(!bench.path("m.json").exists());
    }
}

#[test]
fn the_flags_are_checked_before_the_data_are_read() {
    let bench = Bench::new();
    bench.write("m.json", "{}");
    bench.write("c.previous", "mine");
    for (line, word) in [
        ("--checkpoint -", "standard output"),
        ("--checkpoint m.json", "m.json: is no checkpoint"),
        ("--checkpoint c", "c.previous: is no checkpoint"),
        ("--checkpoint nofolder/c", "folder does not exist"),
        ("--checkpoint .", "directory"),
        ("--checkpoint a.json -o a.json", "--checkpoint"),
        ("--resume m.json -o m.json", "same file"),
        ("--checkpoint-every 5", "--checkpoint"),
        ("--checkpoint k --checkpoint-every 0", "at least 1"),
        ("--checkpoint k --checkpoint-every 0s", "at least 1"),
        ("--checkpoint k --checkpoint-every -1", "at least 1"),
        ("--checkpoint k --checkpoint-every 1.5s", "at least 1"),
        ("--checkpoint k --checkpoint-every 30x", "at least 1"),
        ("--checkpoint k --checkpoint-every 99999999999999999999s", "at least 1"),
    ] {
        bench.run(&format!("fit nothere.csv -k 3 {line}")).code(2).says(&[word]);
    }
    assert_eq!(bench.files(), ["c.previous", "m.json"]);
    assert_eq!((bench.read("m.json"), bench.read("c.previous")), ("{}".into(), "mine".into()));
}

/// Kills the fit at random moments and resumes it, `kills` times; the model must be that of an undisturbed fit.
fn killed(kills: usize, seed: u64) {
    let bench = bench();
    bench.run(&format!("{LONG} -o whole.json")).ok();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut done, mut finished, mut resumed) = (0, 0, 0);
    while done < kills {
        let resume = if bench.path("c").exists() { " --resume c" } else { "" };
        resumed += usize::from(!resume.is_empty());
        let line = format!("{LONG} -q -o m.json --checkpoint c --checkpoint-every 1{resume}");
        let mut child = bench.command().args(line.split_whitespace()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(rng.random_range(1..250)));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        if status.success() {
            // It was faster than the kill: from the start again.
            assert_eq!(bench.read("m.json"), bench.read("whole.json"));
            finished += 1;
            assert!(finished < 20 * kills, "fits end before they are killed");
            ["c", "c.previous", "m.json"]
                .iter()
                .for_each(|name| drop(std::fs::remove_file(bench.path(name))));
        } else {
            assert_eq!(status.code(), None, "a kill leaves no code: {status}");
            assert!(!bench.path("m.json").exists(), "the model appears whole or not at all");
            done += 1;
        }
    }
    let resume = if bench.path("c").exists() { " --resume c" } else { "" };
    bench.run(&format!("{LONG} -o m.json{resume}")).ok();
    assert_eq!(bench.read("m.json"), bench.read("whole.json"));
    eprintln!("{done} kills, {resumed} resumes, {finished} fits that ended before their kill");
    assert!(resumed > kills / 2, "only {resumed} of {kills} runs went on from a checkpoint");
}

#[test]
fn a_fit_survives_kills() {
    killed(6, 1);
}

#[test]
#[ignore = "takes about a minute"]
fn a_fit_survives_fifty_kills() {
    killed(50, 2);
}

/// A disk that is full for the checkpoint costs the checkpoint, not the fit.
#[cfg(target_os = "linux")]
#[test]
fn a_checkpoint_that_cannot_be_written_is_a_warning() {
    let bench = bench();
    bench.run("fit d.csv -k 3 -o a.json").ok();
    let ran = bench.run("fit d.csv -k 3 -o b.json --checkpoint /dev/full --checkpoint-every 1").ok();
    ran.says(&["warning: no checkpoint was written after iteration 1", "/dev/full"]);
    assert_eq!(bench.read("a.json"), bench.read("b.json"));
}
