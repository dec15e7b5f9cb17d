//! The commit this program was built from: told at build time, or asked of the checkout it lies in.

use std::path::Path;
use std::process::Command;

/// `WGMM_COMMIT` of the build; else what git says, if the program lies in a checkout of this project.
pub(super) fn commit() -> Option<String> {
    if let Some(commit) = option_env!("WGMM_COMMIT").filter(|commit| !commit.is_empty()) {
        return Some(commit.to_owned());
    }
    let program = std::env::current_exe().ok()?;
    let folder = program.parent()?;
    let root = git(folder, &["rev-parse", "--show-toplevel"])?;
    let manifest = std::fs::read_to_string(Path::new(&root).join("Cargo.toml")).ok()?;
    let is_ours = manifest.lines().any(|line| line.trim() == "name = \"wgmm\"");
    is_ours.then(|| git(folder, &["describe", "--always", "--dirty", "--abbrev=12"])).flatten()
}

fn git(folder: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
