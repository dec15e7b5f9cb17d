//! Label and weight files.

use wgmm::internals::data::{open_labels, open_weights};

use super::{file, folder, says};

#[test]
fn labels_from_text() {
    let folder = folder();
    for (text, expected) in [
        ("label\n0\n1\n", ["0", "1"]),
        ("0\n1\n", ["0", "1"]),
        ("anything\n0\n1\n", ["0", "1"]),
        ("0.0\r\n1e0\r\n", ["0", "1"]),
        ("setosa\nvirginica\n", ["setosa", "virginica"]),
        ("Class\nsetosa\n\"a, b\"\n", ["setosa", "a, b"]),
        ("-1\n0.5\n", ["-1", "0.5"]),
    ] {
        assert_eq!(open_labels(&file(&folder, "l.csv", text)).unwrap(), expected, "{text:?}");
    }
    for (text, word) in [("a,b\n1,2\n", "one column"), ("label\n", "no labels"), ("x\n\"\"\n", "line 2")] {
        says(&open_labels(&file(&folder, "l.csv", text)).unwrap_err().to_string(), &["l.csv", word]);
    }
}

#[test]
fn weights_from_text() {
    let folder = folder();
    for text in ["1\n0.5\n", "w\n1\n0.5\n"] {
        assert_eq!(open_weights(&file(&folder, "w.csv", text)).unwrap(), [1.0, 0.5]);
    }
    for (text, word) in
        [("1\n-1\n", "negative"), ("1,2\n", "2 columns"), ("1\nx\n", "line 2"), ("1\nNaN\n", "line 2")]
    {
        says(&open_weights(&file(&folder, "w.csv", text)).unwrap_err().to_string(), &["w.csv", word]);
    }
}

#[test]
fn labels_and_weights_from_npy() {
    let folder = folder();
    let path = folder.path().join("l.npy");
    wgmm::internals::output::write_labels(&path, &[2, 0, 1]).unwrap();
    assert_eq!(open_labels(&path).unwrap(), ["2", "0", "1"]);
    assert_eq!(open_weights(&path).unwrap(), [2.0, 0.0, 1.0]);
    wgmm::internals::output::write_matrix(&path, &[1.0, 2.0], 2, None).unwrap();
    says(&open_labels(&path).unwrap_err().to_string(), &["l.npy", "2 columns"]);
}
