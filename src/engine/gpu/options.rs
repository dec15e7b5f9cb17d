//! What a caller may choose about the device.

use std::path::PathBuf;

use super::testing::Testing;

/// Which adapter to open and how to cut the work.
#[derive(Debug, Clone, Default)]
pub struct GpuOptions {
    /// Index in [`super::adapters`], or a case-insensitive part of the name; none takes the best.
    pub adapter: Option<String>,
    /// Most samples per resident chunk (rounded up to 4096); none fills the adapter's binding limit.
    pub chunk_rows: Option<usize>,
    /// Whether a software adapter may be taken when no name asks for one.
    pub allow_software: bool,
    /// The kernel that leads the plan ([`super::plan::kernels_for`]); none takes the best.
    pub kernel: Option<String>,
    /// Folder for the text of every shader that is used, written before it runs.
    pub dump_shaders: Option<PathBuf>,
    /// Hooks for tests.
    #[doc(hidden)]
    pub testing: Testing,
}
