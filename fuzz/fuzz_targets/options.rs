#![no_main]
#![allow(dead_code)]

#[path = "../../tests/hostile/options.rs"]
mod options;
#[path = "../../src/bin/wgmm/args/parse.rs"]
mod parse;
#[path = "../../tests/hostile/readers.rs"]
mod readers;

use std::path::PathBuf;
use std::sync::LazyLock;

static SCRATCH: LazyLock<PathBuf> = LazyLock::new(|| readers::scratch("options"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    options::options(&SCRATCH, bytes);
});
