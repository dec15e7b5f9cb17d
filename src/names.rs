//! Choices by name: one macro gives an enum its names in Rust, in files and on the command line, so that they cannot
//! differ. The enum itself stays plain Rust.

use crate::error::{Error, Result, printable};

/// An enum of unit variants, each with a name. [`named!`](crate::named) implements it.
pub trait Named: Copy + Sized + 'static {
    /// The option that takes such a value, as messages name it.
    const OPTION: &'static str;
    /// Every value, in the order of the documentation.
    const VALUES: &'static [Self];
    /// The name of every value, in the same order.
    const NAMES: &'static [&'static str];
}

/// The value with the name `text`.
///
/// # Errors
/// [`Error::Option`] that lists the names.
pub fn parse<T: Named>(text: &str) -> Result<T> {
    let found = T::NAMES.iter().zip(T::VALUES).find(|(name, _)| **name == text);
    found.map(|(_, value)| *value).ok_or_else(|| unknown(T::OPTION, text, T::NAMES))
}

/// The error about `text`, which is none of `names`.
pub(crate) fn unknown(option: &'static str, text: &str, names: &[&str]) -> Error {
    let shown: String = printable(text).chars().take(40).collect();
    Error::option(option, shown, format!("one of {} is needed", names.join(", ")))
}

/// Gives an enum of unit variants `ALL`, `name`, `Display`, `FromStr`, serde by the same names, and
/// [`Named`](crate::internals::names::Named):
///
/// ```text
/// named!(Missing: "missing" { Error = "error", Drop = "drop" });
/// ```
/// A variant that is left out does not compile.
#[doc(hidden)]
#[macro_export]
macro_rules! named {
    ($type:ident: $option:literal { $($variant:ident = $name:literal),+ $(,)? }) => {
        #[allow(dead_code, unreachable_pub, reason = "a private enum may need no list, or no name")]
        impl $type {
            /// Every value, in the order of the documentation.
            #[doc(hidden)]
            pub const ALL: [$type; [$($name),+].len()] = [$($type::$variant),+];

            /// The name used in files and on the command line.
            #[doc(hidden)]
            pub const fn name(self) -> &'static str {
                match self {
                    $($type::$variant => $name),+
                }
            }
        }

        impl $crate::internals::names::Named for $type {
            const OPTION: &'static str = $option;
            const VALUES: &'static [Self] = &Self::ALL;
            const NAMES: &'static [&'static str] = &[$($name),+];
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::Error;

            fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
                $crate::internals::names::parse(text)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                let name = <std::borrow::Cow<'_, str> as serde::Deserialize>::deserialize(deserializer)?;
                let names = <Self as $crate::internals::names::Named>::NAMES;
                $crate::internals::names::parse(&name)
                    .map_err(|_| <D::Error as serde::de::Error>::unknown_variant(&name, names))
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use std::error::Error as StdError;

    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Tea {
        Green,
        BlackTea,
    }

    named!(Tea: "tea" { Green = "green", BlackTea = "black-tea" });

    #[test]
    fn names_are_the_same_everywhere() -> std::result::Result<(), Box<dyn StdError>> {
        assert_eq!(Tea::ALL.map(Tea::name).as_slice(), Tea::NAMES);
        for tea in Tea::ALL {
            assert_eq!(tea.to_string(), tea.name());
            assert_eq!(tea.name().parse::<Tea>()?, tea);
            let json = serde_json::to_string(&tea)?;
            assert_eq!(json, format!("{:?}", tea.name()));
            assert_eq!(serde_json::from_str::<Tea>(&json)?, tea);
            let bytes = rmp_serde::to_vec(&tea)?;
            assert_eq!(rmp_serde::from_slice::<Tea>(&bytes)?, tea);
        }
        Ok(())
    }

    #[test]
    fn other_names_are_refused_with_the_list() {
        for text in ["", "Green", "green ", "black", "black_tea", "gr\u{1b}een"] {
            let refused = text.parse::<Tea>();
            assert!(matches!(&refused, Err(Error::Option { name: "tea", .. })), "{refused:?}");
            let text = refused.map_or_else(|error| error.to_string(), |_| String::new());
            assert!(text.contains("green, black-tea") && !text.contains('\u{1b}'), "{text:?}");
        }
        let error = serde_json::from_str::<Tea>("\"mint\"").map_err(|e| e.to_string());
        assert!(error.as_ref().is_err_and(|e| e.contains("mint") && e.contains("black-tea")), "{error:?}");
        assert!(serde_json::from_str::<Tea>("1").is_err());
    }
}
