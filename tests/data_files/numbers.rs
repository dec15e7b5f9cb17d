//! The number grammar, through the front door: one-column CSV files.

use std::fmt::Write;

use super::{csv_of, data_folder, error_of, values};

/// Lines `binary16 binary32 binary64 text`: finite numbers give the exact bits, others are refused.
#[test]
fn parses_the_published_vectors_to_the_bit() {
    let folder = data_folder().join("thirdparty/parse-number-fxx-test-data/data");
    let (mut finite, mut refused) = (0, 0);
    let names = crate::support::files::names(&folder);
    assert_eq!(names.len(), 7);
    for name in names {
        let lines = std::fs::read_to_string(folder.join(name)).unwrap();
        let cases: Vec<(u64, &str)> = lines
            .lines()
            .map(|line| {
                let fields: Vec<&str> = line.split(' ').collect();
                (u64::from_str_radix(fields[2], 16).unwrap(), fields[3])
            })
            .collect();
        let (fits, overflows): (Vec<_>, Vec<_>) =
            cases.iter().partition(|(bits, _)| f64::from_bits(*bits).is_finite());
        let mut text = String::new();
        for (_, number) in &fits {
            writeln!(text, "{number}").unwrap();
        }
        let found = values(&csv_of(&text).unwrap());
        assert_eq!(found.len(), fits.len());
        for (value, (bits, number)) in found.iter().zip(&fits) {
            assert_eq!(value.to_bits(), *bits, "{number} gave {value:e}");
        }
        finite += fits.len();
        for (_, number) in overflows {
            let text = error_of(csv_of(&format!("1\n{number}\n")));
            assert!(text.contains("line 2") && text.contains("beyond the range"), "{number}: {text}");
            refused += 1;
        }
    }
    assert!(
        finite + refused == 10_488 && refused > 30,
        "{finite} finite, {refused} refused: are the files complete?"
    );
}

#[test]
fn accepts_only_plain_decimals() {
    for (text, value) in [
        ("+1.5", 1.5),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("1e3", 1e3),
        ("1E+03", 1e3),
        ("2e-2", 0.02),
        ("007", 7.0),
        ("1e-999", 0.0),
        ("-0", -0.0),
        ("4.9e-324", 5e-324),
        ("1.7976931348623157e308", f64::MAX),
        (" 3 ", 3.0),
        ("\"3\"", 3.0),
        ("\" 3\t\"", 3.0),
    ] {
        let table = csv_of(&format!("1,{text}\n")).unwrap();
        assert_eq!(values(&table)[1].to_bits(), f64::to_bits(value), "{text}");
    }
    for text in [
        "1.2.3",
        "1e",
        "1e+",
        "--1",
        "+-1",
        "0x1F",
        "1_000",
        "1f",
        "1 000",
        "12%",
        "2024-01-31",
        "true",
        "e5",
        ".",
        "+",
        "-",
        "1e5.0",
        "\u{ff11}\u{ff12}",
        "\u{2212}1",
        "\u{661}",
        "1d0",
        "(1)",
        "$1",
        "1/2",
        "\"1\"\"\"",
        "1,5x",
    ] {
        let quoted = if text.contains(',') { format!("\"{text}\"") } else { text.to_string() };
        let error = error_of(csv_of(&format!("a,b\n1,2\n3,{quoted}\n")));
        assert!(error.contains("line 3") && error.contains("column 2 (b)"), "{text}: {error}");
        assert!(error.contains("leave out the column b"), "{text}: {error}");
    }
}

#[test]
fn says_what_may_have_been_meant() {
    for (cell, hint) in [
        ("\"1,5\"", "decimal comma"),
        ("\"1,234.5\"", "thousands separator"),
        ("1 234", "Spaces"),
        ("5%", "percent"),
        ("1e999", "rescale"),
        ("\"1\n2\"", "closing quote"),
        ("", "leave out such rows"),
        ("-Infinity", "leave out such rows"),
    ] {
        let error = error_of(csv_of(&format!("a,b\n1,2\n{cell},3\n")));
        assert!(error.contains(hint), "{cell}: {error}");
    }
}
