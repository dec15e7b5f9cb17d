//! The integration tests, one binary because linking wgpu is slow.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bench_command;
#[cfg(feature = "cli")]
mod cli;
mod data_files;
#[cfg(feature = "gpu")]
mod device;
