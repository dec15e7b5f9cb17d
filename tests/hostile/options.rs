//! Values of options as the command parses them. Shared with the fuzz targets, as [`super::readers`].

use std::ffi::OsStr;
use std::path::Path;

use clap::builder::TypedValueParser;

use super::{parse, readers};

/// The first byte chooses the option, the rest is its value; whether it was taken.
pub fn options(path: &Path, bytes: &[u8]) -> bool {
    let Some((first, rest)) = bytes.split_first() else { return false };
    // The command line brings UTF-8; anything else is refused before a parser sees it.
    let Ok(text) = std::str::from_utf8(rest) else { return false };
    let refusal = match first % 8 {
        0 => {
            let parsed = parse::columns(text).inspect(|names| {
                assert!(!names.0.is_empty() && names.0.iter().all(|name| !name.is_empty()));
                readers::columns(path, &names.0);
            });
            parsed.err()
        }
        1 => parse::counts(text).inspect(|k| assert!(!k.0.is_empty() && k.0.is_sorted())).err(),
        2 => parse::given(text).inspect(|given| assert!(given.0.iter().all(|(_, x)| x.is_finite()))).err(),
        3 => parse::non_negative(text).inspect(|x| assert!(x.is_finite() && x.is_sign_positive())).err(),
        4 => parse::reg_covar(text).inspect(|x| assert!((0.0..=1e150).contains(x))).err(),
        5 => parse::share(text).inspect(|x| assert!((0.0..=1.0).contains(x))).err(),
        6 => parse::whole::<usize>(1..=7)(text).inspect(|n| assert!((1..=7).contains(n))).err(),
        _ => {
            let (command, text) = (clap::Command::new("wgmm"), OsStr::new(text));
            let outputs = [
                parse::table_output().parse_ref(&command, None, text).is_ok(),
                parse::trace_output().parse_ref(&command, None, text).is_ok(),
            ];
            return outputs.contains(&true) | parse::init().parse_ref(&command, None, text).is_ok();
        }
    };
    if let Some(refusal) = &refusal {
        assert!(!refusal.is_empty() && refusal.len() < 4000 + 6 * text.len(), "{refusal}");
        assert!(!refusal.chars().any(char::is_control), "{refusal:?}");
    }
    refusal.is_none()
}
