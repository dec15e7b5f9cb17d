//! The problems that are timed: nine by name, any other by its sizes.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::mixture::shape::CovarianceType;

/// Named cases: N, D, K.
const NAMED: [(&str, usize, usize, usize); 9] = [
    ("seed2d", 1_000, 2, 2),
    ("small", 100_000, 2, 8),
    ("tall2d", 10_000_000, 2, 16),
    ("mid", 1_000_000, 16, 32),
    ("big", 10_000_000, 16, 64),
    ("wide", 1_000_000, 64, 64),
    ("huge_k", 1_000_000, 16, 512),
    ("xl", 50_000_000, 8, 32),
    ("hd", 200_000, 128, 128),
];

/// Most numbers in the data or the covariances of a case: beyond this it is a typing error.
const MOST_NUMBERS: u128 = 1 << 40;

/// One problem to time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// As it was asked for: `mid`, `mid:100000`, `5000,3,4`.
    pub name: String,
    /// N.
    pub n_samples: usize,
    /// D.
    pub n_features: usize,
    /// K.
    pub n_components: usize,
    /// Form of the covariances.
    pub covariance_type: CovarianceType,
}

impl Case {
    /// Every named case.
    pub fn named(covariance_type: CovarianceType) -> Vec<Case> {
        let case = |&(name, n_samples, n_features, n_components): &(&str, usize, usize, usize)| Case {
            name: label(name, covariance_type),
            n_samples,
            n_features,
            n_components,
            covariance_type,
        };
        NAMED.iter().map(case).collect()
    }

    /// Reads `NAME[:N][,covariance]` or `N,D,K[,covariance]`; `default` is the covariance type if the text names none.
    /// Numbers may be written like `1e6`.
    ///
    /// # Errors
    /// [`Error::Option`] that lists the names.
    pub fn parse(text: &str, default: CovarianceType) -> Result<Case> {
        let refuse = || {
            let names = NAMED.map(|named| named.0).join(", ");
            let allowed = format!(
                "one of {names}, optionally with its number of samples and a covariance type (mid:100000,diag), \
                 or N,D,K[,covariance] with N >= K >= 1 and D >= 1"
            );
            Error::option("case", format!("{text:?}"), allowed)
        };
        let mut parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let given = parts.last().and_then(|last| last.parse::<CovarianceType>().ok());
        if given.is_some() {
            parts.pop();
        }
        let covariance_type = given.unwrap_or(default);
        let (name, [n, d, k]) = match parts[..] {
            [named] => {
                let (name, samples) = named.split_once(':').map_or((named, None), |(a, n)| (a, Some(n)));
                let &(_, n, d, k) = NAMED.iter().find(|case| case.0 == name).ok_or_else(refuse)?;
                let n = samples.map_or(Some(n), whole).ok_or_else(refuse)?;
                (named.to_owned(), [n, d, k])
            }
            [n, d, k] => {
                let sizes = [n, d, k].map(whole);
                let [Some(n), Some(d), Some(k)] = sizes else { return Err(refuse()) };
                (format!("{n},{d},{k}"), [n, d, k])
            }
            _ => return Err(refuse()),
        };
        let numbers = [n as u128 * d as u128, k as u128 * d as u128 * d as u128, n as u128 * k as u128];
        if n < k || numbers.into_iter().any(|n| n == 0 || n > MOST_NUMBERS) {
            return Err(refuse());
        }
        let name = label(&name, covariance_type);
        Ok(Case { name, n_samples: n, n_features: d, n_components: k, covariance_type })
    }

    /// Bytes of the data in single precision.
    pub fn data_bytes(&self) -> u64 {
        (self.n_samples * self.n_features * 4) as u64
    }

    /// Useful floating-point operations of one EM iteration per sample: [`CovarianceType::useful_flops`].
    pub fn flops_per_sample(&self) -> f64 {
        self.covariance_type.useful_flops(self.n_components, self.n_features)
    }
}

/// Cases of other types than full say so in their names.
fn label(name: &str, covariance_type: CovarianceType) -> String {
    match covariance_type {
        CovarianceType::Full => name.to_owned(),
        other => format!("{name},{other}"),
    }
}

/// A whole number, also as `1e6`.
fn whole(text: &str) -> Option<usize> {
    let exact = || text.parse::<usize>().ok();
    let rounded = || {
        let value = text.parse::<f64>().ok().filter(|v| (0.0..=1e15).contains(v) && v.fract() == 0.0)?;
        Some(value as usize)
    };
    exact().or_else(rounded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sizes_and_types() -> Result<()> {
        let full = CovarianceType::Full;
        let case = Case::parse("mid:100000", full)?;
        assert_eq!((case.n_samples, case.n_features, case.n_components), (100_000, 16, 32));
        assert_eq!(Case::parse("mid:1e5", full)?.n_samples, 100_000);
        let case = Case::parse("1e4, 3,4,diag", full)?;
        assert_eq!((case.name.as_str(), case.covariance_type), ("10000,3,4,diag", CovarianceType::Diag));
        assert_eq!(Case::parse("mid", CovarianceType::Tied)?.name, "mid,tied");
        for named in Case::named(full) {
            assert_eq!(Case::parse(&named.name, full)?, named);
        }
        for bad in
            ["", "middle", "mid:", "mid:1.5", "mid:3", "5,2", "0,2,2", "5,2,9", "5,2,2,oval", "9,9,9,9"]
        {
            assert!(Case::parse(bad, full).is_err(), "{bad}");
        }
        Ok(())
    }

    #[test]
    fn flops_of_one_feature() {
        // D = 1: one triangle of one number, K = 3.
        assert_eq!(CovarianceType::Full.useful_flops(3, 1), 2.0 * 3.0 * 5.0);
        assert_eq!(CovarianceType::Tied.useful_flops(3, 1), 2.0 * (2.0 + 3.0 * 4.0));
        assert_eq!(CovarianceType::Diag.useful_flops(3, 1), 2.0 * 3.0 * 5.0);
    }
}
