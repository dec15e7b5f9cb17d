//! The graphics engine on whatever adapter there is, software included: each shader against its twin in
//! the reference, the promises about bits, hostile data, and planted faults that must be noticed.
//!
//! A test without an adapter fails and says what was found.

use wgmm::Samples;
use wgmm::internals::data::Dataset;
use wgmm::internals::engine::gpu::{GpuEngine, GpuOptions, Testing, adapters};

use crate::support::engines::testing_of_suite;

mod bits;
mod bounds;
mod case;
mod checked;
mod failures;
mod hostile;
mod judge;
mod mutants;
mod parts;
mod seen;
mod stages;

/// Opens the best adapter over `data`, every buffer poisoned, checked where the suite is.
fn open<'a, T: Dataset>(data: &'a T, chunk_rows: Option<usize>, testing: Testing) -> GpuEngine<'a> {
    let testing = Testing { poison: true, checked: testing.checked || testing_of_suite().checked, ..testing };
    let options = GpuOptions { chunk_rows, allow_software: true, testing, ..GpuOptions::default() };
    GpuEngine::new(data, &options)
        .unwrap_or_else(|e| panic!("no engine: {e}\nadapters found: {:#?}", adapters()))
}

#[test]
fn there_is_an_adapter() {
    let found = adapters();
    assert!(!found.is_empty(), "no Vulkan, Metal or DX12 adapter at all");
    let samples = Samples::new(&[0.0f64, 1.0][..], 1).unwrap();
    let best = open(&samples, None, Testing::default());
    println!("{:#?} of {found:#?}", best.adapter());
}
