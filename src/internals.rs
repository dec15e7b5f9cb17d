//! Everything, for the command, the tests and the benches of this package. No promise is made about these paths and
//! signatures; what the crate promises stands at its root.
#![allow(missing_docs)]

macro_rules! shown {
    ($($name:ident),* $(,)?) => {
        $(pub mod $name {
            pub use crate::$name::*;
        })*
    };
}

shown!(bench, compare, data, engine, error, fit, infer, mixture, model, names, output, report);
#[cfg(feature = "plot")]
shown!(plot);
