//! Files that are not what was written.

use std::fs;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

use super::*;

/// A folder with a checkpoint `c`, and its bytes.
fn written() -> (TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    let (problem, options) = small();
    let identity = identity(Kind::Reference, &problem.samples(), &options);
    let states = states(Kind::Reference, &problem.samples(), &options);
    Writer::create(&path, Interval::Iterations(1)).unwrap().write(&identity, &states[4]).unwrap();
    let bytes = fs::read(&path).unwrap();
    (folder, bytes)
}

/// Reads `bytes` as a checkpoint; the error must be typed and name the file.
#[track_caller]
fn refused(folder: &TempDir, bytes: &[u8]) -> String {
    let path = folder.path().join("c");
    fs::write(&path, bytes).unwrap();
    match Checkpoint::read(&path) {
        Err(error @ Error::Format { .. }) => {
            let text = error.to_string();
            assert!(text.starts_with(path.to_str().unwrap()), "{text}");
            text
        }
        other => panic!("{} bytes: {other:?}", bytes.len()),
    }
}

#[test]
fn every_truncation_is_detected() {
    let (folder, bytes) = written();
    assert!(bytes.len() > 1000);
    for length in 0..bytes.len() {
        assert!(refused(&folder, &bytes[..length]).contains("is damaged"), "{length}");
    }
    let longer: Vec<u8> = bytes.iter().copied().chain([0]).collect();
    assert!(refused(&folder, &longer).contains("is damaged"));
}

#[test]
fn a_thousand_flipped_bits_are_detected() {
    let (folder, bytes) = written();
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    // Every bit of the first bytes, which no checksum covers, and others at random.
    let start = 0..64 * 8;
    let flips = start.chain(std::iter::repeat_with(|| rng.random_range(0..bytes.len() * 8)).take(1000));
    for bit in flips {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        refused(&folder, &changed);
    }
    fs::write(folder.path().join("c"), &bytes).unwrap();
    assert!(Checkpoint::read(&folder.path().join("c")).is_ok(), "the bytes themselves are right");
}

/// A right checksum over content that is none of ours.
#[test]
fn foreign_content_is_refused() {
    let (folder, bytes) = written();
    let first_line = bytes.iter().position(|b| *b == b'\n').unwrap() + 1;
    let sealed = |content: &[u8]| {
        let mut file = bytes[..first_line].to_vec();
        let mut hash = twox_hash::XxHash3_128::new();
        hash.write(content);
        file.extend(hash.finish_128().to_le_bytes());
        file.extend(content);
        file
    };
    let content = &bytes[first_line + 16..];
    fs::write(folder.path().join("c"), sealed(content)).unwrap();
    assert!(
        Checkpoint::read(&folder.path().join("c")).is_ok(),
        "the checksum is made as the program makes it"
    );
    // An array that says it is 4 GiB long, nesting without end, an empty map, another field.
    for content in [&b""[..], b"\xdd\xff\xff\xff\xff", &[0x91; 100_000], b"\x80", b"\x81\xa1x\x01", b"\xc0"] {
        refused(&folder, &sealed(content));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for _ in 0..2000 {
        let mut changed = content.to_vec();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..changed.len());
            changed[at] = rng.random();
        }
        fs::write(folder.path().join("c"), sealed(&changed)).unwrap();
        // Another number is as good as the one before; nothing may panic.
        if let Ok(checkpoint) = Checkpoint::read(&folder.path().join("c")) {
            let (problem, options) = small();
            let samples = problem.samples();
            if let Ok(state) = checkpoint.state_of(&identity(Kind::Reference, &samples, &options)) {
                let mut engine = Kind::Reference.open(&samples).unwrap();
                let _ = em::resume(engine.as_mut(), &options, &mut NoObserver, state);
            }
        }
    }
}

#[test]
fn what_is_there_instead_is_told() {
    let (folder, bytes) = written();
    let path = folder.path().join("c");
    assert!(refused(&folder, b"{\"format\": \"wgmm\"}").contains("is no checkpoint"));
    assert!(refused(&folder, b"wgmm-checkpoint 2\nand more").contains("another version"));
    assert!(refused(&folder, &bytes[..40]).contains("begin anew"));
    fs::write(previous(&path), &bytes).unwrap();
    let advice = format!("{} is the checkpoint before it", previous(&path).display());
    assert!(refused(&folder, &bytes[..40]).contains(&advice));
    assert!(Checkpoint::read(&previous(&path)).is_ok());
    fs::remove_file(&path).unwrap();
    let missing = Checkpoint::read(&path).unwrap_err().to_string();
    assert!(missing.contains("does not exist") && missing.contains(&advice), "{missing}");
    fs::remove_file(previous(&path)).unwrap();
    let missing = Checkpoint::read(&path).unwrap_err();
    assert!(matches!(missing, Error::Io { action: "read", .. }), "{missing}");
    assert!(Checkpoint::read(folder.path()).is_err());
    #[cfg(target_os = "linux")]
    assert!(Checkpoint::read(Path::new("/dev/zero")).unwrap_err().to_string().contains("is no checkpoint"));
}

/// A name given by mistake costs nobody a file.
#[test]
fn a_file_that_is_no_checkpoint_is_not_replaced() {
    let (folder, bytes) = written();
    let (path, interval) = (folder.path().join("c"), Interval::Iterations(1));
    for (name, accepted) in [("c", true), ("c.previous", true), ("new", true)] {
        fs::write(previous(&path), &bytes[..100]).unwrap();
        assert_eq!(Writer::create(&folder.path().join(name), interval).is_ok(), accepted, "{name}");
    }
    fs::write(&path, "").unwrap();
    assert!(Writer::create(&path, interval).is_ok(), "an empty file is no loss");
    for file in [&path, &previous(&path)] {
        let before = fs::read(file).unwrap();
        fs::write(file, "a,b\n1,2\n").unwrap();
        let error = Writer::create(&path, interval).unwrap_err();
        assert!(matches!(&error, Error::Format { path, .. } if path == file), "{error}");
        assert_eq!(fs::read(file).unwrap(), b"a,b\n1,2\n");
        fs::write(file, before).unwrap();
    }
    assert!(Writer::create(&folder.path().join("nofolder/c"), interval).is_err());
    assert!(Writer::create(folder.path(), interval).is_err());
}
