//! One integration binary: linking wgpu once is slow enough.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(feature = "cli")]
mod cli;
mod data_files;
