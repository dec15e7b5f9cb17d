//! A file that is written while it is read.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wgmm::internals::data::{self, ReadOptions, open_labels, open_weights};
use wgmm::{Error, Result};

/// Reads `path` while `write` is called over and over.
fn while_writing<T: Send>(read: impl FnOnce() -> Result<T> + Send, write: impl Fn() + Sync) -> Result<T> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                write();
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        std::thread::sleep(Duration::from_millis(5));
        let read = read();
        done.store(true, Ordering::Relaxed);
        read
    })
}

fn append(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

#[track_caller]
fn refused<T: std::fmt::Debug>(path: &Path, read: Result<T>) {
    match read {
        Err(Error::Format { path: named, what, .. }) => {
            assert!(named == path && what.contains("changed while it was read"), "{what}");
        }
        other => panic!("{other:?}"),
    }
}

const ROWS: usize = 300_000;

#[test]
fn a_table_that_grows_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.csv");
    let open = || data::open(&path, &ReadOptions::default()).map(|table| table.samples.n_samples());
    fs::write(&path, "1.5,2.5\n".repeat(ROWS)).unwrap();
    assert_eq!(open().unwrap(), ROWS);
    refused(&path, while_writing(open, || append(&path, b"3,4\n")));
    // Half a row, or nonsense: what the writer does is the reason, not the row.
    fs::write(&path, "1.5,2.5\n".repeat(ROWS)).unwrap();
    refused(&path, while_writing(open, || append(&path, b"oops")));
    fs::write(&path, "1\n".repeat(ROWS)).unwrap();
    refused(&path, while_writing(|| open_labels(&path), || append(&path, b"1\n")));
    refused(&path, while_writing(|| open_weights(&path), || append(&path, b"1\n")));
}

#[test]
fn an_array_that_is_written_over_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.npy");
    wgmm::internals::output::write_matrix(&path, &vec![0.5; 1_000_000], 2, None).unwrap();
    let bytes = fs::read(&path).unwrap();
    let open = || data::open(&path, &ReadOptions::default()).map(|table| table.samples.n_samples());
    assert_eq!(open().unwrap(), 500_000);
    // The same length, other values.
    refused(
        &path,
        while_writing(open, || {
            let mut file = OpenOptions::new().write(true).open(&path).unwrap();
            file.write_all(&bytes[..128 + 8]).unwrap();
        }),
    );
    // Another file under the same name is no change of the one that is read.
    let beside = folder.path().join("new.npy");
    let replaced = while_writing(open, || {
        fs::write(&beside, &bytes).unwrap();
        fs::rename(&beside, &path).unwrap();
    });
    assert_eq!(replaced.unwrap(), 500_000);
}
