//! The rules for CSV text, one by one.

use std::path::Path;
use std::time::{Duration, Instant};

use wgmm::internals::data::{self, Missing, ReadOptions};
use wgmm::internals::error::Error;

use super::{csv_of, error_of, file, folder, holds, options, read, says, values};

fn names(table: &data::Table) -> Option<Vec<&str>> {
    table.samples.feature_names().map(|names| names.iter().map(String::as_str).collect())
}

#[test]
fn header_or_not() {
    let table = csv_of("a,b\n1,2\n3,4\n").unwrap();
    holds(&table, 2, &[1.0, 2.0, 3.0, 4.0]);
    assert_eq!((table.has_header, names(&table)), (true, Some(vec!["a", "b"])));

    let table = csv_of("1,2\n3,4\n").unwrap();
    holds(&table, 2, &[1.0, 2.0, 3.0, 4.0]);
    assert_eq!((table.has_header, names(&table)), (false, None));

    // Names that start with a digit are names as long as one does not.
    assert_eq!(names(&csv_of("wind,10m_wind\n1,2\n").unwrap()), Some(vec!["wind", "10m_wind"]));
    // A damaged number is not a header, alone or beside missing cells.
    says(&error_of(csv_of("1.2.3\n4\n")), &["line 1", "column 1"]);
    says(&error_of(csv_of("NA,1.2.3\n4,5\n")), &["line 1"]);
    // Names and numbers together could be either.
    says(
        &error_of(csv_of("abc,1,2\n3,4,5\n")),
        &["line 1", "neither a header nor data", "leave out the column 1"],
    );
    says(&error_of(csv_of("id,2019,2020\n3,4,5\n")), &["line 1", "neither", "If it is the header, say so"]);
}

#[test]
fn options_decide_a_mixed_first_row() {
    let header =
        read("t.csv", "id,2019,2020\na,4,5\n", &options(&[], &["id"], None, Missing::Error)).unwrap();
    assert_eq!((header.has_header, names(&header)), (true, Some(vec!["2019", "2020"])));
    holds(&header, 2, &[4.0, 5.0]);
    let data = read("t.csv", "u0,1,2\nu1,4,5\n", &options(&[], &["1"], None, Missing::Error)).unwrap();
    assert!(!data.has_header);
    holds(&data, 2, &[1.0, 2.0, 4.0, 5.0]);
}

#[test]
fn separators_line_ends_and_padding() {
    for text in [
        "a,b\n1,2\n3,4\n",
        "a;b\n1;2\n3;4\n",
        "a\tb\n1\t2\n3\t4\n",
        "a,b\r\n1,2\r\n3,4\r\n",
        "a,b\r1,2\r3,4\r",
        "a,b\n1,2\n3,4",
        "\u{feff}a,b\n1,2\n3,4\n",
        "\n\na,b\n\n1,2\n  \n3,4\n\n\n",
        "\"a\",\"b\"\n\"1\",\"2\"\n\"3\",\"4\"\n",
        " a , b \n 1 , 2 \n 3\t, 4 \n",
        "\"a\",b\r\n1,\"2\"\r\n\r\n3,4",
    ] {
        let table = csv_of(text).unwrap_or_else(|e| panic!("{text:?}: {e}"));
        holds(&table, 2, &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(names(&table), Some(vec!["a", "b"]), "{text:?}");
    }
    // A separator inside quotes is text.
    assert_eq!(names(&csv_of("\"a;1\",b\n1,2\n").unwrap()), Some(vec!["a;1", "b"]));
    says(&error_of(csv_of("a;b\n0,5;1,5\n")), &["line 2", "column 1 (a)", "decimal comma"]);
    says(&error_of(csv_of("0,5;1,5\n0,5;1,5\n")), &["line 1", "column 1", "decimal comma"]);
}

#[test]
fn line_numbers_are_the_editors() {
    for end in ["\n", "\r\n", "\r"] {
        for last in ["", end] {
            let text = format!("{end}a,b{end}{end}1,2{end}{end}{end}x,3{last}");
            says(&error_of(csv_of(&text)), &["line 7, column 1 (a): \"x\""]);
        }
    }
    // A quoted cell over two lines belongs to the line where it starts.
    let text = "a,note\n1,\"x\ny\"\nz,w\n";
    says(
        &error_of(read("t.csv", text, &options(&[], &["note"], None, Missing::Error))),
        &["line 4, column 1 (a)"],
    );
}

#[test]
fn missing_cells() {
    let text = "a,b\n1,2\n,3\n4,NA\n5,6\nnan,?\n7,null\n8,-inf\n9,N/A\n";
    says(&error_of(csv_of(text)), &["line 3", "column 1 (a)", "leave out such rows"]);
    let table = read("t.csv", text, &options(&[], &[], None, Missing::Drop)).unwrap();
    holds(&table, 2, &[1.0, 2.0, 5.0, 6.0]);
    assert_eq!(table.dropped_rows, [3, 4, 6, 7, 8, 9]);
    assert_eq!(table.keep_rows("truth", (0..8).collect()).unwrap(), [0, 3]);
    assert!(matches!(table.keep_rows("truth", vec![0; 7]), Err(Error::Shape { .. })));
    // Only cells in use count; garbage is never dropped, not even in a row with a missing cell.
    let table = read("t.csv", text, &options(&["1"], &[], None, Missing::Drop)).unwrap();
    assert_eq!(table.dropped_rows, [3, 6]);
    for row in ["1.2.3,4", ",abc", "1e999,1"] {
        let text = format!("a,b\n1,2\n{row}\n");
        says(&error_of(read("t.csv", text, &options(&[], &[], None, Missing::Drop))), &["line 3"]);
    }
    says(
        &error_of(read("t.csv", "a\nNA\n?\n", &options(&[], &[], None, Missing::Drop))),
        &["no data rows are left"],
    );
}

/// Found by fuzzing: a name of thousands of characters came back whole.
#[test]
fn a_long_name_is_shown_short() {
    let name = "long ".repeat(1000);
    let error = error_of(read("t.csv", "a,b\n1,2\n", &options(&[&name], &[], None, Missing::Error)));
    says(&error, &["there is no column \"long long", "…", "a, b"]);
    assert!(error.to_string().len() < 400, "{error}");
}

#[test]
fn columns_by_name_and_number() {
    let text = "x,y,z\n1,2,3\n4,5,6\n";
    let with =
        |columns: &[&str], drop: &[&str]| read("t.csv", text, &options(columns, drop, None, Missing::Error));
    let table = with(&["z", "1"], &[]).unwrap();
    holds(&table, 2, &[3.0, 1.0, 6.0, 4.0]);
    assert_eq!(names(&table), Some(vec!["z", "x"]));
    holds(&with(&[], &["y"]).unwrap(), 2, &[1.0, 3.0, 4.0, 6.0]);
    holds(&with(&["x", "y"], &["y"]).unwrap(), 1, &[1.0, 4.0]);
    // A name wins over a number.
    let table = read("t.csv", "2,b,c\n1,a,3\n", &options(&["2", "c"], &[], None, Missing::Error)).unwrap();
    holds(&table, 2, &[1.0, 3.0]);
    let table =
        read("t.csv", "\"x\",\"y\",\"1st\"\n1,2,3\n", &options(&["1st"], &[], None, Missing::Error)).unwrap();
    holds(&table, 1, &[3.0]);

    says(&error_of(with(&["zz"], &[])), &["\"zz\"", "Did you mean \"z\"", "x, y, z"]);
    says(&error_of(with(&[], &["quite_other"])), &["\"quite_other\"", "The columns are: x, y, z"]);
    says(&error_of(with(&["4"], &[])), &["\"4\""]);
    says(&error_of(with(&["x", "1"], &[])), &["column 1 is asked for twice"]);
    says(&error_of(with(&[], &["1", "2", "3"])), &["no feature column is left"]);
    let bare = read("t.csv", "1,2\n3,4\n", &options(&["x"], &[], None, Missing::Error));
    says(&error_of(bare), &["no names", "1 to 2"]);
    let twice = read("t.csv", "a,a\n3,4\n", &options(&["a"], &[], None, Missing::Error));
    says(&error_of(twice), &["not unique", "columns 1 and 2"]);
}

#[test]
fn weights_leave_the_features() {
    let text = "x,w,y\n1,0.5,2\n3,0,4\n5,,6\n,1,7\n";
    let table = read("t.csv", text, &options(&[], &[], Some("w"), Missing::Drop)).unwrap();
    holds(&table, 2, &[1.0, 2.0, 3.0, 4.0]);
    assert_eq!(table.samples.sample_weights(), Some([0.5, 0.0].as_slice()));
    assert_eq!((names(&table), table.dropped_rows.as_slice()), (Some(vec!["x", "y"]), [4, 5].as_slice()));
    let negative = read("t.csv", "x,w\n1,-1\n", &options(&[], &[], Some("w"), Missing::Error));
    says(&error_of(negative), &["line 2", "column 2 (w)", "at least 0"]);
    let zero = read("t.csv", "x,w\n1,0\n2,0\n", &options(&[], &[], Some("w"), Missing::Error));
    says(&error_of(zero), &["t.csv", "at least one weight is positive"]);
}

#[test]
fn weights_from_a_file() {
    let folder = folder();
    let table = file(&folder, "t.csv", "x\n1\nNA\n3\n");
    let weights = file(&folder, "w.csv", "w\n0.25\n9\n0.75\n");
    let with = options(&[], &[], weights.to_str(), Missing::Drop);
    let found = data::open(&table, &with).unwrap();
    assert_eq!(found.samples.sample_weights(), Some([0.25, 0.75].as_slice()));
    file(&folder, "w.csv", "0.25\n0.75\n");
    says(&error_of(data::open(&table, &with)), &["w.csv", "3 values", "found 2"]);
    let neither = options(&[], &[], Some("no_such"), Missing::Error);
    says(&error_of(data::open(&table, &neither)), &["no_such", "no weights file"]);
}

#[test]
fn quotes_that_do_not_close() {
    let last = "x,note\n1,a\n2,\"b\n3,c\n4,d\n";
    says(
        &error_of(read("t.csv", last, &options(&["x"], &[], None, Missing::Error))),
        &["line 3", "not closed"],
    );
    let table =
        read("t.csv", "x,note\n1,\"a\"\n2,\"b\n\"\n", &options(&["x"], &[], None, Missing::Error)).unwrap();
    holds(&table, 1, &[1.0, 2.0]);
}

#[test]
fn rows_need_the_same_number_of_cells() {
    assert!(matches!(csv_of("1,2\n3\n"), Err(Error::RaggedRow { line: 2, expected: 2, found: 1, .. })));
    assert!(matches!(csv_of("1,2\n3,4,5\n"), Err(Error::RaggedRow { line: 2, expected: 2, found: 3, .. })));
    says(&error_of(csv_of("# made by x\na,b\n1,2\n")), &["line 2", "comment"]);
    says(&error_of(csv_of("a,b,\n1,2,\n")), &["line 2", "column 3", "or the column 3"]);
    holds(
        &read("t.csv", "a,b,\n1,2,\n", &options(&[], &["3"], None, Missing::Error)).unwrap(),
        2,
        &[1.0, 2.0],
    );
}

#[test]
fn endless_and_huge_inputs_end() {
    let start = Instant::now();
    let long = [b"a\n".as_slice(), &vec![b'1'; 17 << 20]].concat();
    says(&error_of(read("t.csv", long, &ReadOptions::default())), &["longer than 16 MiB"]);
    let open_quote = [b"a,b\n\"".as_slice(), &b"1,2\n".repeat(5 << 20)].concat();
    says(&error_of(read("t.csv", open_quote, &ReadOptions::default())), &["longer than 16 MiB", "quote"]);
    if cfg!(target_os = "linux") {
        says(&error_of(data::open(Path::new("/dev/zero"), &ReadOptions::default())), &["/dev/zero", "NUL"]);
    }
    // The limit is per row, not per file.
    let rows = format!("1,{}\n", "x".repeat(1 << 20)).repeat(18);
    holds(&read("t.csv", rows, &options(&[], &["2"], None, Missing::Error)).unwrap(), 1, &[1.0; 18]);
    assert!(start.elapsed() < Duration::from_secs(20), "took {:?}", start.elapsed());
}

/// A name or a dtype from a file must not drive the terminal that shows the error.
#[test]
fn errors_can_be_shown_on_a_terminal() {
    for (name, bytes) in [
        ("t.csv", b"a,\x1b[2Jb\n1,x\n".as_slice()),
        ("t.csv", b"a,\"b\x07\n\"\n1,x\n"),
        ("t.csv", b"x,3\t\r\x0b\n"),
        (
            "t.npy",
            b"\x93NUMPY\x01\x00\x3a\x00{'descr': '\x1b[2J8', 'fortran_order': False, 'shape': (1,)}  \n",
        ),
    ] {
        let error = error_of(read(name, bytes, &ReadOptions::default()));
        assert!(error.contains(name) && !error.chars().any(char::is_control), "{error:?}");
    }
    let unknown = read("t.csv", b"a,\x1b[2Jb\n1,2\n", &options(&["c"], &[], None, Missing::Error));
    let error = error_of(unknown);
    assert!(error.contains("[2Jb") && !error.contains('\x1b'), "{error:?}");
    let long = format!("{},b\n1,2\n", "n".repeat(1 << 20));
    assert!(error_of(read("t.csv", long, &options(&["c"], &[], None, Missing::Error))).len() < 400);
}

#[test]
fn folders_and_absent_files() {
    let folder = folder();
    says(&error_of(data::open(folder.path(), &ReadOptions::default())), &["cannot read", "Give a file"]);
    says(
        &error_of(data::open(&folder.path().join("no.csv"), &ReadOptions::default())),
        &["no.csv", "cannot read"],
    );
}

#[test]
fn foreign_formats_are_named() {
    for (bytes, word) in [
        (b"\x1f\x8b\x08\0\0".as_slice(), "gzip"),
        (b"PK\x03\x04\x14\0", "ZIP"),
        (b"PAR1\x15\x04", "Parquet"),
        (b"\xff\xfe1\0", "UTF-16"),
        (b"\xfe\xff\x001", "UTF-16"),
        (b"1\0,\x002\0\n\0", "UTF-16"),
        (b"\n <!DOCTYPE HTML>", "HTML"),
        (b"<html>", "HTML"),
        (b"{\"a\": 1}", "JSON"),
        (b"[[1, 2]]", "JSON"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"1,2\n3,\x004\n", "byte 6 is NUL"),
    ] {
        says(&error_of(read("t.csv", bytes, &ReadOptions::default())), &["t.csv", word]);
    }
}

#[test]
fn many_rows_across_buffers() {
    // Rows of varying length put every kind of break at every place of a buffer.
    let mut text = String::from("a;b\r\n");
    let expected: Vec<f64> =
        (0..60_000).map(|i| f64::from(i * 37 % 10_007) / f64::from(1 + i % 13)).collect();
    for pair in expected.chunks(2) {
        text += &format!("{};\"{}\"\r\n", pair[0], pair[1]);
    }
    let table = csv_of(&text).unwrap();
    assert_eq!(table.samples.n_samples(), 30_000);
    assert_eq!(values(&table), expected);
}
