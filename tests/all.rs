//! Every test of the crate in one binary: linking wgpu once is enough.
//!
//! Modules are named by what they guard. Tests that open a graphics adapter live in modules called
//! `device`; they never return early: without an adapter they fail and say what was found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(missing_docs, unreachable_pub)]

mod support;

mod architecture;
mod bench_command;
mod checkpoint;
#[cfg(feature = "cli")]
mod cli;
mod collapse;
mod comparison;
#[cfg(feature = "gpu")]
mod conditioning;
mod cpu_engine;
mod data_files;
mod degenerate;
#[cfg(feature = "gpu")]
mod device;
mod digits;
mod documents;
mod examples;
mod exchange;
mod fallback;
mod faults;
mod golden;
#[cfg(feature = "gpu")]
mod gpu_layout;
mod hostile;
mod inference;
mod manifest;
mod model_file;
#[cfg(feature = "gpu")]
mod offset;
mod oracles;
#[cfg(feature = "plot")]
mod pictures;
#[cfg(all(feature = "cli", feature = "gpu"))]
mod promises;
mod resume;
mod selection;
mod starts;
mod traps;
mod verification;
