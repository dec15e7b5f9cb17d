#![no_main]

#[allow(dead_code)]
#[path = "../../tests/hostile/readers.rs"]
mod readers;

use std::path::PathBuf;
use std::sync::LazyLock;

static SCRATCH: LazyLock<PathBuf> = LazyLock::new(|| readers::scratch("model"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    readers::model(&SCRATCH, bytes);
});
