//! Whether the first row is a header, where somebody says so.

use wgmm::internals::data::{Header, Missing, ReadOptions, Table};
use wgmm::internals::error::Error;

use super::{error_of, holds, options, read, says};

fn with(header: Header, text: &str) -> Result<Table, Error> {
    read("t.csv", text, &ReadOptions { header, ..ReadOptions::default() })
}

fn names(table: &Table) -> &[String] {
    table.samples.feature_names().unwrap_or_default()
}

#[test]
fn numbers_are_a_header_where_that_is_said() {
    let text = "2019,2020\n1,2\n3,4\n";
    let table = with(Header::Yes, text).unwrap();
    holds(&table, 2, &[1.0, 2.0, 3.0, 4.0]);
    assert_eq!((table.has_header, names(&table)), (true, &["2019".into(), "2020".into()][..]));
    for header in [Header::No, Header::Detect] {
        let table = with(header, text).unwrap();
        holds(&table, 2, &[2019.0, 2020.0, 1.0, 2.0, 3.0, 4.0]);
        assert!(!table.has_header && names(&table).is_empty());
    }
    // One that could be either, and one with a name missing.
    assert_eq!(names(&with(Header::Yes, "id,2019\n1,2\n").unwrap()), ["id", "2019"]);
    assert_eq!(names(&with(Header::Yes, "0,\n1,2\n").unwrap()), ["0", ""]);
}

#[test]
fn names_are_no_header_where_that_is_denied() {
    let error = error_of(with(Header::No, "a,b\n1,2\n"));
    says(&error, &["line 1, column 1", "\"a\"", "do not say that there is none"]);
    // Only the first row can have been meant.
    let error = error_of(with(Header::No, "1,2\nx,4\n"));
    assert!(error.contains("line 2") && !error.contains("--header"), "{error}");
    // Columns that are not read may hold anything.
    let unread = ReadOptions { header: Header::No, ..options(&["2"], &[], None, Missing::Error) };
    holds(&read("t.csv", "u0,1\nu1,4\n", &unread).unwrap(), 1, &[1.0, 4.0]);
    let missing = ReadOptions { header: Header::No, ..options(&[], &[], None, Missing::Drop) };
    let table = read("t.csv", "NA,1\n2,4\n", &missing).unwrap();
    assert_eq!((table.dropped_rows.as_slice(), table.samples.n_samples()), (&[1][..], 1));
}

/// A model that was fitted to columns 2019 and 2020 finds them again, in any order, without being told.
#[test]
fn a_model_knows_its_header() {
    let of = |wanted: &[&str]| ReadOptions {
        prefer_columns: wanted.iter().map(|name| (*name).to_owned()).collect(),
        ..ReadOptions::default()
    };
    let text = "2020,7,2019\n1,2,3\n";
    holds(&read("t.csv", text, &of(&["2019", "2020"])).unwrap(), 2, &[3.0, 1.0]);
    // Some of its names are not enough.
    assert!(!read("t.csv", text, &of(&["2019", "2021"])).unwrap().has_header);
    assert!(!read("t.csv", text, &of(&["a", "b"])).unwrap().has_header);
}

#[test]
fn unknown_columns_point_to_the_header() {
    let unknown = error_of(read("t.csv", "2019,2020\n1,2\n", &options(&["2019"], &[], None, Missing::Error)));
    says(&unknown, &["no column \"2019\"", "say that it is the header"]);
    let named = error_of(read("t.csv", "a,b\n1,2\n", &options(&["c"], &[], None, Missing::Error)));
    assert!(!named.contains("--header"), "{named}");
}

/// NPY has no header to be read.
#[test]
fn arrays_have_none() {
    let data = [1.0f64.to_le_bytes(), 2.0f64.to_le_bytes()].concat();
    let array = super::npy::array("<f8", false, "(1, 2)", &data);
    let open = |header| read("t.npy", &array, &ReadOptions { header, ..ReadOptions::default() });
    says(&error_of(open(Header::Yes)), &["header = yes", "t.npy: NPY has no header"]);
    holds(&open(Header::No).unwrap(), 2, &[1.0, 2.0]);
}
