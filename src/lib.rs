//! Gaussian mixtures by expectation–maximization. (Skeleton; crate docs follow.)
pub mod data;
pub mod error;
