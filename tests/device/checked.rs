//! The whole device suite once more with the runtime checks that trusted shaders do without: indices are
//! clamped, loops bounded, workgroup memory is zero before it is used. What a shader owes to their absence
//! shows as another result.

use std::process::Command;

use crate::support::engines::CHECKED;

/// Groups of tests that open a device and compare what it computes.
const SUITES: [&str; 8] = [
    "device::bits",
    "device::hostile",
    "device::stages",
    "golden::device",
    "inference::",
    "offset::device",
    "oracles::",
    "traps::device",
];

#[test]
#[ignore = "runs the device tests once more: about a minute"]
fn the_suite_passes_with_runtime_checks() {
    let own = std::env::current_exe().unwrap();
    let output =
        Command::new(own).env(CHECKED, "1").args(SUITES).args(["--test-threads", "2"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let on_a_device =
        text.lines().filter(|line| line.contains("device::") && line.ends_with("... ok")).count();
    assert!(on_a_device >= 60, "only {on_a_device} device tests ran:\n{text}");
}
