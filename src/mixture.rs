//! Gaussian mixtures as mathematics, all in f64 and without a device: [`Parameters`], their factors, what can be
//! derived from them, and the sufficient statistics that an M-step turns into new ones.

mod checksum;
mod conditional;
pub mod factors;
pub(crate) mod linalg;
pub mod moments;
mod parameters;
mod precisions;
pub mod sample;
pub mod shape;

pub use parameters::Parameters;
