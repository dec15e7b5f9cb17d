//! Archives that are damaged, incomplete or claim what they do not hold.

use std::io::{Cursor, Write};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wgmm::{CovarianceType, GaussianMixture};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{fitted, write};

/// An array: its type, shape and bytes.
type Array<'a> = (&'a str, &'a str, &'a str, Vec<u8>);

fn floats(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn archive(arrays: &[Array<'_>]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (i, (name, dtype, shape, data)) in arrays.iter().enumerate() {
        let method = [CompressionMethod::Stored, CompressionMethod::Deflated][i % 2];
        let options = SimpleFileOptions::default().compression_method(method);
        writer.start_file(format!("{name}.npy"), options).unwrap();
        let mut header = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}");
        while (10 + header.len() + 1) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        writer.write_all(b"\x93NUMPY\x01\x00").unwrap();
        writer.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
        writer.write_all(header.as_bytes()).unwrap();
        writer.write_all(data).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Two components of two features: the shape of the covariances fits tied and diag alike.
fn square() -> Vec<Array<'static>> {
    vec![
        ("weights_", "<f8", "(2,)", floats(&[0.5, 0.5])),
        ("means_", "<f8", "(2, 2)", floats(&[0.0, 1.0, 2.0, 3.0])),
        ("covariances_", "<f8", "(2, 2)", floats(&[1.0, 0.5, 0.5, 2.0])),
    ]
}

fn covariance_type(name: &str) -> Array<'static> {
    let data = name.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    ("covariance_type", Box::leak(format!("<U{}", name.len()).into_boxed_str()), "()", data)
}

#[track_caller]
fn refused(arrays: &[Array<'_>], words: &[&str]) {
    let error = GaussianMixture::from_npz(&archive(arrays), "m.npz").unwrap_err().to_string();
    for word in ["m.npz"].iter().chain(words) {
        assert!(error.contains(word), "no {word:?} in {error:?}");
    }
}

#[test]
fn the_type_is_asked_for_only_where_it_is_open() {
    refused(&square(), &["covariance_type", "missing"]);
    for name in ["tied", "diag"] {
        let arrays = [square(), vec![covariance_type(name)]].concat();
        let model = GaussianMixture::from_npz(&archive(&arrays), "m.npz").unwrap();
        assert_eq!(model.parameters.covariance_type().name(), name);
    }
    refused(&[square(), vec![covariance_type("full")]].concat(), &["covariances_", "full", "[2, 2, 2]"]);
    refused(&[square(), vec![covariance_type("sphere")]].concat(), &["covariance_type", "sphere"]);
    let mut arrays = square();
    arrays[2] = ("covariances", "<f8", "(2,)", floats(&[1.0, 2.0]));
    let model = GaussianMixture::from_npz(&archive(&arrays), "m.npz").unwrap();
    assert_eq!(model.parameters.covariance_type(), CovarianceType::Spherical, "names without underscore");
}

#[test]
fn arrays_that_make_no_mixture_are_named() {
    let with = |i: usize, array: Array<'static>| {
        let mut arrays = [square(), vec![covariance_type("diag")]].concat();
        arrays[i] = array;
        arrays
    };
    refused(&square()[..2], &["covariances_", "missing"]);
    refused(&[], &["weights_", "missing"]);
    refused(&with(0, ("weights_", "<f8", "(2,)", floats(&[0.5, 0.6]))), &["weights", "normalized"]);
    refused(&with(0, ("weights_", "<f8", "(2,)", floats(&[f64::NAN, 0.5]))), &["weights", "finite"]);
    refused(&with(0, ("weights_", "<f8", "(2, 1)", floats(&[0.5, 0.5]))), &["means_", "shape"]);
    refused(&with(0, ("weights_", "<f8", "(0,)", vec![])), &["m.npz"]);
    refused(&with(1, ("means_", "<f8", "(1, 2)", floats(&[0.0, 1.0]))), &["means_", "rows"]);
    refused(&with(1, ("means_", "<U1", "()", vec![65, 0, 0, 0])), &["means_", "text"]);
    refused(&with(2, ("covariances_", "<f8", "(2, 2)", floats(&[1.0, -1.0, 1.0, 1.0]))), &["covariances"]);
    refused(&with(1, ("means_", "|O", "(2, 2)", vec![0; 32])), &["means", "pickle"]);
    refused(&with(3, ("covariance_type", "<U1", "()", vec![0xff; 4])), &["covariance_type", "character"]);
}

/// Nothing is allocated for a claim: each of these would take terabytes.
#[test]
fn claims_are_checked_against_the_bytes() {
    for shape in
        ["(1000000000000,)", "(4611686018427387904, 8)", "(99999999999999999999,)", "(3,)", "(1,)", "()"]
    {
        let mut arrays = square();
        arrays[0].2 = shape;
        refused(&arrays, &["weights"]);
    }
    for dtype in ["<U4000000000", "<U99999999999999999999999", "<f16", "<c16", "junk"] {
        let mut arrays = square();
        arrays[1].1 = dtype;
        refused(&arrays, &["means"]);
    }
}

#[test]
fn a_damaged_archive_never_harms() {
    let good = write(&fitted(CovarianceType::Diag));
    for len in (0..good.len()).step_by(7) {
        assert!(GaussianMixture::from_npz(&good[..len], "cut.npz").is_err(), "cut at {len}");
    }
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut survived = 0;
    for _ in 0..3000 {
        let mut bytes = good.clone();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..bytes.len());
            bytes[at] = rng.random();
        }
        // A flip in what is not read, or in the time of a file, may pass; then the mixture is a valid one.
        survived += usize::from(GaussianMixture::from_npz(&bytes, "flipped.npz").is_ok());
    }
    assert!(survived < 2900, "{survived} of 3000 damaged archives were taken");
}

/// A flipped bit in a number is found by the archive's checksum.
#[test]
fn a_flipped_number_is_found() {
    let good = archive(&[square(), vec![covariance_type("diag")]].concat());
    let stored = floats(&[1.0, 0.5, 0.5, 2.0]);
    let at = good.windows(stored.len()).position(|w| w == stored).unwrap();
    let mut bad = good.clone();
    bad[at + 30] ^= 1;
    let error = GaussianMixture::from_npz(&bad, "m.npz").unwrap_err().to_string();
    assert!(error.contains("covariances_") && error.contains("damaged"), "{error}");
}
