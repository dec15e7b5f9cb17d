//! Numbers in text cells: one strict decimal grammar, so that nothing is read as something else.

use crate::error::{Remedy, printable};

/// What a text cell holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    /// A finite number.
    Number(f64),
    /// A token that stands for "no value", or an infinity.
    Missing,
    /// A decimal number beyond f64.
    Overflow,
    /// Anything else that starts like a number: `1.2.3`, `0x1F`, `12%`, `2024-01-31`.
    Malformed,
    /// Anything else.
    Text,
}

const MISSING: [&str; 14] = [
    "",
    "na",
    "n/a",
    "nan",
    "-nan",
    "null",
    "?",
    "inf",
    "+inf",
    "-inf",
    "infinity",
    "+infinity",
    "-infinity",
    "#n/a",
];

/// Reads one cell; spaces and tabs around it do not count.
pub(super) fn read(cell: &[u8]) -> Cell {
    let cell = trim(cell);
    let Ok(text) = std::str::from_utf8(cell) else { return Cell::Text };
    if is_decimal(cell) {
        return match text.parse::<f64>() {
            Ok(x) if x.is_finite() => Cell::Number(x),
            _ => Cell::Overflow,
        };
    }
    if MISSING.iter().any(|token| text.eq_ignore_ascii_case(token)) {
        return Cell::Missing;
    }
    let after_sign = text.trim_start_matches(['+', '-', '\u{2212}', '.']);
    match after_sign.chars().next() {
        Some(c) if c.is_numeric() => Cell::Malformed,
        _ => Cell::Text,
    }
}

/// Without the spaces and tabs around it.
pub(super) fn trim(cell: &[u8]) -> &[u8] {
    cell.trim_ascii()
}

/// `[+-] digits [. digits] [e [+-] digits]` with a digit before the exponent; ASCII only.
fn is_decimal(cell: &[u8]) -> bool {
    let unsigned = |s: &'_ [u8]| usize::from(matches!(s.first(), Some(b'+' | b'-')));
    let digits = |s: &[u8]| s.iter().take_while(|b| b.is_ascii_digit()).count();
    let mut rest = cell.get(unsigned(cell)..).unwrap_or_default();
    let mut mantissa = digits(rest);
    rest = rest.get(mantissa..).unwrap_or_default();
    if let Some(fraction) = rest.strip_prefix(b".") {
        let n = digits(fraction);
        mantissa += n;
        rest = fraction.get(n..).unwrap_or_default();
    }
    if mantissa == 0 {
        return false;
    }
    let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) else {
        return rest.is_empty();
    };
    let exponent = exponent.get(unsigned(exponent)..).unwrap_or_default();
    !exponent.is_empty() && digits(exponent) == exponent.len()
}

/// Why `cell`, which is no number, may have been meant as one, and what to do about it and its `column`, as an option
/// takes it.
pub(super) fn advice(cell: &[u8], column: impl FnOnce() -> String) -> (&'static str, Option<Remedy>) {
    let text = String::from_utf8_lossy(trim(cell));
    let digits_and = |extra: &[char]| {
        text.chars().any(|c| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c) || extra.contains(&c))
    };
    let hint = match read(cell) {
        Cell::Number(_) => return ("", None),
        Cell::Missing => return ("", Some(Remedy::DropRowsOrColumn(column()))),
        Cell::Overflow => return ("It is beyond the range of f64 (1.8e308); rescale the column", None),
        _ if cell.contains(&b'\n') => {
            return ("The cell runs over several lines: is a closing quote missing?", None);
        }
        _ if digits_and(&[',']) => {
            "Write numbers with a decimal point, without decimal commas or thousands separators"
        }
        _ if digits_and(&[' ', '\u{a0}', '\'']) => {
            "Spaces neither separate cells nor group digits: use comma, semicolon or tab between cells"
        }
        _ if digits_and(&['%']) => "Write a plain number without a percent sign",
        _ => "Write it as a plain decimal number such as -1.5e3",
    };
    (hint, Some(Remedy::DropColumn(column())))
}

/// [`shorten`] for text that is shown without quotes: nothing in it that a terminal would obey.
pub(super) fn plain(text: &[u8]) -> String {
    printable(&shorten(text))
}

/// The cell as error texts show it: at most 40 characters.
pub(super) fn shorten(cell: &[u8]) -> String {
    // 4 bytes per character at most: never decode a cell of megabytes.
    let head = String::from_utf8_lossy(cell.get(..200).unwrap_or(cell));
    let mut short: String = head.chars().take(40).collect();
    if cell.len() > short.len() {
        short.push('…');
    }
    short
}
