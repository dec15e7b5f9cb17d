//! NPY files: every dtype, both orders, hostile headers.

use std::io::Write;

use npyz::WriterBuilder;
use wgmm::internals::data::{self, Missing, ReadOptions, Values};
use wgmm::internals::error::Error;

use super::{error_of, file, folder, holds, options, read, says, values};

/// An NPY file around `header` and `data`.
fn raw(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    if version == 1 {
        bytes.extend((header.len() as u16).to_le_bytes());
    } else {
        bytes.extend((header.len() as u32).to_le_bytes());
    }
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

pub(super) fn array(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    raw(1, &format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n"), data)
}

fn npy_of(bytes: &[u8]) -> Result<data::Table, Error> {
    read("t.npy", bytes, &ReadOptions::default())
}

fn f8(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// 1, 2, 100 in every dtype and byte order (the bytes of a big-endian value are the reverse).
#[test]
fn every_dtype_in_both_byte_orders() {
    fn cases<const N: usize>(code: &str, little: [[u8; N]; 3]) {
        let forward = little.concat();
        let backward: Vec<u8> =
            little.iter().flat_map(|v| v.iter().rev().copied().collect::<Vec<_>>()).collect();
        for (order, data) in [('<', &forward), ('>', &backward)] {
            let table = npy_of(&array(&format!("{order}{code}"), false, "(3, 1)", data)).unwrap();
            holds(&table, 1, &[1.0, 2.0, 100.0]);
            assert_eq!(matches!(table.samples.values(), Values::F32(_)), code == "f4", "{code}");
        }
        if N == 1 {
            holds(
                &npy_of(&array(&format!("|{code}"), false, "(3,)", &forward)).unwrap(),
                1,
                &[1.0, 2.0, 100.0],
            );
        }
    }
    cases("f8", [1f64, 2.0, 100.0].map(f64::to_le_bytes));
    cases("f4", [1f32, 2.0, 100.0].map(f32::to_le_bytes));
    cases("f2", [0x3c00u16, 0x4000, 0x5640].map(u16::to_le_bytes));
    cases("i8", [1i64, 2, 100].map(i64::to_le_bytes));
    cases("i4", [1i32, 2, 100].map(i32::to_le_bytes));
    cases("i2", [1i16, 2, 100].map(i16::to_le_bytes));
    cases("i1", [1i8, 2, 100].map(i8::to_le_bytes));
    cases("u8", [1u64, 2, 100].map(u64::to_le_bytes));
    cases("u4", [1u32, 2, 100].map(u32::to_le_bytes));
    cases("u2", [1u16, 2, 100].map(u16::to_le_bytes));
    cases("u1", [[1u8], [2], [100]]);
    holds(&npy_of(&array("|b1", false, "(3,)", &[1, 0, 1])).unwrap(), 1, &[1.0, 0.0, 1.0]);
    let negative = [-1i64, i64::MIN].map(i64::to_le_bytes).concat();
    holds(
        &npy_of(&array("<i8", false, "(2,)", &negative)).unwrap(),
        1,
        &[-1.0, -9_223_372_036_854_775_808.0],
    );
    let rounded = [u64::MAX, (1 << 53) + 1].map(u64::to_le_bytes).concat();
    holds(
        &npy_of(&array("<u8", false, "(2,)", &rounded)).unwrap(),
        1,
        &[18_446_744_073_709_551_616.0, 9_007_199_254_740_992.0],
    );
}

#[test]
fn half_precision_to_the_bit() {
    // Smallest subnormal, largest subnormal, smallest normal, largest, 1/3, minus zero.
    let bits = [0x0001u16, 0x03ff, 0x0400, 0x7bff, 0x3555, 0x8000].map(u16::to_le_bytes).concat();
    let expected =
        [2f64.powi(-24), 1023.0 * 2f64.powi(-24), 2f64.powi(-14), 65504.0, 0.333_251_953_125, -0.0];
    let found = values(&npy_of(&array("<f2", false, "(6,)", &bits)).unwrap());
    assert_eq!(found.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), expected.map(f64::to_bits));
    for bits in [0x7c00u16, 0xfc00, 0x7e00] {
        let error = npy_of(&array("<f2", false, "(1,)", &bits.to_le_bytes()));
        assert!(matches!(error, Err(Error::NonFinite { row: 0, column: 0, .. })), "{bits:x}");
    }
}

#[test]
fn orders_shapes_and_selections() {
    let c = array("<f8", false, "(2, 3)", &f8(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    let fortran = array("<f8", true, "(2, 3)", &f8(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
    for bytes in [c, fortran] {
        holds(&npy_of(&bytes).unwrap(), 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let with = |columns: &[&str], drop: &[&str], weights| {
            read("t.npy", &bytes, &options(columns, drop, weights, Missing::Error))
        };
        holds(&with(&["3", "1"], &[], None).unwrap(), 2, &[3.0, 1.0, 6.0, 4.0]);
        holds(&with(&[], &["2"], None).unwrap(), 2, &[1.0, 3.0, 4.0, 6.0]);
        let weighted = with(&[], &[], Some("1")).unwrap();
        holds(&weighted, 2, &[2.0, 3.0, 5.0, 6.0]);
        assert_eq!(weighted.samples.sample_weights(), Some([1.0, 4.0].as_slice()));
        says(&error_of(with(&["x0"], &[], None)), &["x0", "1 to 3"]);
        assert!(weighted.samples.feature_names().is_none() && !weighted.has_header);
    }
    // Larger than one block, against another writer.
    for order in [npyz::Order::C, npyz::Order::Fortran] {
        let (n, d) = (7_919u32, 13u32);
        let mut bytes = Vec::new();
        let builder = npyz::WriteOptions::new().default_dtype().shape(&[n.into(), d.into()]).order(order);
        let mut writer = builder.writer(&mut bytes).begin_nd().unwrap();
        match order {
            npyz::Order::C => (0..n * d).for_each(|i| writer.push(&f64::from(i)).unwrap()),
            npyz::Order::Fortran => {
                (0..d).for_each(|j| (0..n).for_each(|i| writer.push(&f64::from(i * d + j)).unwrap()))
            }
        }
        writer.finish().unwrap();
        let expected: Vec<f64> = (0..n * d).map(f64::from).collect();
        assert_eq!(values(&npy_of(&bytes).unwrap()), expected);
    }
}

#[test]
fn values_that_are_not_finite() {
    let data = f8(&[1.0, 2.0, 3.0, f64::NAN, 5.0, 6.0, f64::NEG_INFINITY, 8.0]);
    let drop = options(&[], &[], None, Missing::Drop);
    let bytes = array("<f8", false, "(4, 2)", &data);
    says(&error_of(npy_of(&bytes)), &["t.npy", "row 1", "column 1", "NaN"]);
    let table = read("t.npy", &bytes, &drop).unwrap();
    holds(&table, 2, &[1.0, 2.0, 5.0, 6.0]);
    assert_eq!(table.dropped_rows, [1, 3]);
    assert_eq!(table.keep_rows("labels", vec!['a', 'b', 'c', 'd']).unwrap(), ['a', 'c']);

    let bytes = array("<f8", true, "(2, 4)", &data);
    says(&error_of(npy_of(&bytes)), &["t.npy", "row 0", "column 3", "-inf"]);
    says(&error_of(read("t.npy", &bytes, &drop)), &["no data rows are left"]);

    let f4 = array("<f4", false, "(2, 2)", &[1f32, 2.0, f32::NAN, 4.0].map(f32::to_le_bytes).concat());
    let table = read("t.npy", &f4, &options(&["2"], &[], None, Missing::Error)).unwrap();
    holds(&table, 1, &[2.0, 4.0]);
}

#[test]
fn sizes_are_checked_before_memory_is_taken() {
    let data = f8(&[1.0, 2.0]);
    for (shape, word) in [
        ("(3, 1)", "truncated"),
        ("(1, 1)", "other bytes"),
        ("(1000000000000, 4)", "truncated"),
        ("(9223372036854775807, 4)", "too large"),
        ("(99999999999999999999, 1)", "too large"),
        ("(-2, 1)", "negative"),
        ("(0, 4)", "0 rows"),
        ("(4, 0)", "0 columns"),
        ("()", "0 dimensions"),
        ("(2, 1, 1)", "3 dimensions"),
        ("(2.0, 1)", "header"),
        ("[2, 1]", "header"),
        ("(2 1)", "header"),
        ("(2, 1", "header"),
        ("2", "header"),
    ] {
        says(&error_of(npy_of(&array("<f8", false, shape, &data))), &["t.npy", word]);
    }
    for shape in ["(2,)", "(2, 1)", "(2L, 1L)", "(2,1,)", "( 2 , 1 )"] {
        holds(&npy_of(&array("<f8", false, shape, &data)).unwrap(), 1, &[1.0, 2.0]);
    }
}

#[test]
fn dtypes_that_are_no_numbers() {
    for (descr, word) in [
        ("<c16", "complex"),
        ("|O", "pickle"),
        ("<U5", "strings"),
        ("|S3", "strings"),
        ("<M8[ns]", "dates"),
        ("|V8", "raw"),
        ("<f16", "dtype"),
        ("<f3", "dtype"),
        ("", "dtype"),
        ("<", "dtype"),
        ("é8", "dtype"),
    ] {
        says(&error_of(npy_of(&array(descr, false, "(1,)", &[0; 8]))), &["t.npy", word]);
    }
    let fields = raw(1, "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }", &[0; 8]);
    says(&error_of(npy_of(&fields)), &["structured"]);
}

#[test]
fn damaged_headers_never_crash() {
    let good = array("<f8", false, "(2, 1)", &f8(&[1.0, 2.0]));
    for n in 0..good.len() {
        assert!(npy_of(&good[..n]).is_err(), "cut at {n}");
    }
    let (mut accepted, mut refused) = (0, 0);
    for place in 0..good.len() - 16 {
        for byte in [0, b'\'', b'(', b'{', b'9', b'-', 0xff] {
            let mut bytes = good.clone();
            bytes[place] = byte;
            match npy_of(&bytes) {
                Ok(_) => accepted += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(accepted < 20 && refused > 300, "{accepted} accepted, {refused} refused");
    for header in ["{".repeat(60_000), "(".repeat(60_000), "{'shape': (".repeat(5_000), "1".repeat(60_000)] {
        says(&error_of(npy_of(&raw(1, &header, &[]))), &["header"]);
    }
    says(&error_of(npy_of(&raw(3, &" ".repeat(2 << 20), &[]))), &["header"]);
    holds(
        &npy_of(&raw(2, "{'descr':\"<f8\",'shape':(1,),'fortran_order':True}", &f8(&[7.0]))).unwrap(),
        1,
        &[7.0],
    );
}

/// A pipe has no length to check the claim against.
#[test]
#[cfg(unix)]
fn npy_through_a_pipe() {
    let good = array("<f8", true, "(2, 2)", &f8(&[1.0, 3.0, 2.0, 4.0]));
    let huge = array("<f8", false, "(100000000000, 10)", &[0; 64]);
    let long = [good.clone(), vec![0]].concat();
    let folder = folder();
    for (bytes, word) in [(good, None), (huge, Some("truncated")), (long, Some("other bytes"))] {
        let pipe = folder.path().join("pipe");
        let _ = std::fs::remove_file(&pipe);
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let writer = std::thread::spawn({
            let pipe = pipe.clone();
            move || {
                let mut out = std::fs::OpenOptions::new().write(true).open(pipe).unwrap();
                let _ = out.write_all(&bytes); // the reader may have left
            }
        });
        let result = data::open(&pipe, &ReadOptions::default());
        writer.join().unwrap();
        match word {
            None => holds(&result.unwrap(), 2, &[1.0, 2.0, 3.0, 4.0]),
            Some(word) => says(&error_of(result), &[word]),
        }
    }
}

#[test]
fn the_content_decides_not_the_name() {
    let folder = folder();
    let bytes = array("<f8", false, "(2,)", &f8(&[1.0, 2.0]));
    holds(&data::open(&file(&folder, "t.csv", bytes), &ReadOptions::default()).unwrap(), 1, &[1.0, 2.0]);
    says(&error_of(npy_of(b"1,2\n")), &["t.npy", "magic"]);
}
