//! One error type for the whole crate. Every variant carries the facts as fields; its text names the
//! file, row, column or option at fault and the next step to take.

use std::path::PathBuf;

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong, with the facts needed to act on it.
///
/// Rows are counted from 1 as lines of the file (the header is line 1 where there is one) for text
/// formats, and from 0 as array indices for samples in memory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: cannot {action}: {source}. {hint}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being attempted, e.g. `read`, `create`.
        action: &'static str,
        /// What the operating system said.
        source: std::io::Error,
        /// The next step.
        hint: &'static str,
    },
    /// A file's content is not what its format asks for.
    #[error("{}: {what}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong and the next step.
        what: String,
    },
    /// A cell of a table is not a finite number.
    #[error("{}, line {line}, column {column} ({name}): {found:?} is not a finite number. {hint}", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// Line of the file, from 1.
        line: u64,
        /// Column, from 1.
        column: usize,
        /// Column name from the header, or `unnamed`.
        name: String,
        /// The text found (shortened to 40 characters).
        found: String,
        /// The next step.
        hint: String,
    },
    /// A row of a table has too few or too many cells.
    #[error("{}, line {line}: {found} cells where {expected} were expected. Repair or remove the row; every row needs the same number of cells", path.display())]
    RaggedRow {
        /// The file.
        path: PathBuf,
        /// Line of the file, from 1.
        line: u64,
        /// Cells expected from the first row.
        expected: usize,
        /// Cells found.
        found: usize,
    },
    /// A sample held in memory is NaN or infinite.
    #[error(
        "{origin}: the value at row {row}, column {column} (counted from 0) is {value}. Remove such rows (`--missing drop`) or repair them: a mixture is defined on finite numbers only"
    )]
    NonFinite {
        /// Where the samples came from (a path or `samples`).
        origin: String,
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The offending value.
        value: f64,
    },
    /// An option has a value outside its range, or options contradict each other.
    #[error("{name} = {value}: {allowed}")]
    Option {
        /// The option's name.
        name: &'static str,
        /// The value given.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// A column name or index that the data does not have.
    #[error("{}: there is no column {name:?}. {hint}", path.display())]
    UnknownColumn {
        /// The file.
        path: PathBuf,
        /// The column asked for.
        name: String,
        /// The columns there are, or the closest name.
        hint: String,
    },
    /// Fewer samples than the fit needs.
    #[error(
        "Expected n_samples >= n_components but got n_components = {n_components}, n_samples = {n_samples}. Ask for fewer components or bring more samples"
    )]
    TooFewSamples {
        /// Samples with positive weight.
        n_samples: usize,
        /// Components asked for.
        n_components: usize,
    },
    /// Two things that must have the same size have not.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// Which quantity.
        what: String,
        /// The size needed.
        expected: String,
        /// The size found.
        found: String,
    },
    /// A model, start or set of parameters that is not a valid mixture.
    #[error("{origin}: field `{field}` {what}")]
    InvalidParameters {
        /// The file, or `parameters`.
        origin: String,
        /// The field at fault.
        field: String,
        /// What is wrong with it and the next step.
        what: String,
    },
    /// No adapter fits the request.
    #[error(
        "no graphics adapter fits the request {requested:?}. Adapters found: {available}. Install a Vulkan, Metal or DX12 driver (Debian/Ubuntu: `apt-get install mesa-vulkan-drivers libvulkan1`, or the NVIDIA driver's Vulkan package), or use `--engine cpu`"
    )]
    NoDevice {
        /// What was asked for.
        requested: String,
        /// What is there.
        available: String,
    },
    /// The problem can never fit this adapter.
    #[error(
        "this problem needs {limit} = {required}, but the adapter allows {available}. Use `--engine cpu`, or an adapter with a larger limit"
    )]
    LimitExceeded {
        /// The limit's name.
        limit: &'static str,
        /// What the plan needs.
        required: u64,
        /// What the adapter offers.
        available: u64,
    },
    /// The device has no room for a buffer now.
    #[error(
        "the graphics device has no room for {label} ({bytes} bytes), nor for smaller pieces where the work can be cut. Close other programs that use the card, or use `--engine cpu`"
    )]
    OutOfMemory {
        /// The buffer's label.
        label: String,
        /// Its size.
        bytes: u64,
    },
    /// The device went away (driver reset, unplugged, watchdog).
    #[error(
        "the graphics device was lost during {stage}: {message}. The driver was probably reset; run again, or use `--engine cpu`"
    )]
    DeviceLost {
        /// The stage that noticed.
        stage: String,
        /// What the driver said.
        message: String,
    },
    /// The device did not answer in time.
    #[error(
        "the graphics device did not finish {stage} within {seconds} s. It hangs, or its driver does: restart it, or use `--engine cpu`"
    )]
    Timeout {
        /// The stage waited for.
        stage: String,
        /// How long was waited.
        seconds: u64,
    },
    /// A shader was refused or a device operation failed validation: a bug of this crate or of the driver.
    #[error(
        "{stage}: the graphics driver refused the work: {message}. Please report this with the output of `wgmm devices`; `--engine cpu` works meanwhile"
    )]
    Shader {
        /// The shader or stage.
        stage: String,
        /// The validation message.
        message: String,
    },
    /// A component explains (almost) no sample any more.
    #[error(
        "component {component} collapsed {}: its effective count is {effective_count:e}. Try to decrease the number of components, increase reg_covar, or scale the input data; `--n-init` tries other starts, `--on-collapse reseed` (or floor, drop) goes on",
        when(*iteration)
    )]
    ComponentCollapsed {
        /// Component, from 0.
        component: usize,
        /// Iteration, from 1; 0 is the start.
        iteration: usize,
        /// Its effective count.
        effective_count: f64,
    },
    /// A covariance is not positive definite.
    #[error(
        "the covariance of component {component} is not positive definite{} (pivot {pivot} is {value:e}): Fitting the mixture model failed because {}{}",
        iteration.map_or(String::new(), |i| format!(" {}", when(i))),
        if value.is_finite() {
            "some components have ill-defined empirical covariance (for instance caused by singleton or collapsed samples). Try to decrease the number of components, increase reg_covar, or scale the input data"
        } else {
            "squares of the samples are too large for its arithmetic. Scale the input data, or leave out the column or rows of such values"
        },
        if iteration.is_some() && value.is_finite() { "; `--on-collapse reseed` (or floor, drop) goes on" } else { "" }
    )]
    NotPositiveDefinite {
        /// Component, from 0.
        component: usize,
        /// Row of the Cholesky factorisation that failed, from 0.
        pivot: usize,
        /// Value under the root there.
        value: f64,
        /// Iteration of a fit whose M-step gave the covariance, from 1; 0 is the start, none outside a fit.
        iteration: Option<usize>,
    },
    /// A checkpoint of another fit.
    #[error(
        "{}: the checkpoint belongs to another fit: {}. Repeat the data and options of the fit that wrote it, or begin anew without it",
        path.display(),
        differences.join("; ")
    )]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What differs, each with the value it had and the one it has.
        differences: Vec<String>,
    },
    /// Arithmetic left the finite numbers, or the device lost work.
    #[error(
        "{stage} gave a result that cannot be right{}: {what}. Try `--engine cpu`; if that works, please report this with the output of `wgmm devices`",
        during(*iteration)
    )]
    NonFiniteResult {
        /// Where it was seen.
        stage: &'static str,
        /// Iteration, from 1, of a fit.
        iteration: Option<usize>,
        /// What was wrong.
        what: String,
    },
}

/// The iteration of an E-step, if it belongs to one, as messages name it.
fn during(iteration: Option<usize>) -> String {
    iteration.map(|iteration| format!(" in iteration {iteration}")).unwrap_or_default()
}

/// An iteration as messages name it.
fn when(iteration: usize) -> String {
    if iteration == 0 { "at the start".into() } else { format!("in iteration {iteration}") }
}

/// `text` without control characters: what a file holds must not drive the terminal that shows an error about it.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The beginning of a text from a file, which may be of any length.
pub(crate) fn shorten(text: &str) -> String {
    const MOST: usize = 200;
    text.chars().take(MOST).collect()
}

/// A word as a POSIX shell takes it, for the commands that messages advise.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

impl Error {
    /// Whether a graphics device failed: what was asked of it may well succeed on another engine.
    pub const fn is_device_failure(&self) -> bool {
        matches!(
            self,
            Error::OutOfMemory { .. }
                | Error::DeviceLost { .. }
                | Error::Timeout { .. }
                | Error::Shader { .. }
                | Error::NonFiniteResult { .. }
        )
    }

    /// Says that it is about the parameters which iteration `found` gave: an engine cannot know.
    pub(crate) fn in_iteration(self, found: usize) -> Self {
        match self {
            Error::NotPositiveDefinite { component, pivot, value, iteration: None } => {
                Error::NotPositiveDefinite { component, pivot, value, iteration: Some(found) }
            }
            Error::NonFiniteResult { stage, iteration: None, what } => {
                Error::NonFiniteResult { stage, iteration: Some(found + 1), what }
            }
            other => other,
        }
    }

    /// Says which file or argument the invalid parameters come from.
    pub(crate) fn with_origin(self, origin: &str) -> Self {
        match self {
            Error::InvalidParameters { field, what, .. } => {
                Error::InvalidParameters { origin: origin.into(), field, what }
            }
            other => other,
        }
    }

    /// An [`Error::Io`] with the usual hint for reading.
    pub fn read(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Error::Io { path: path.into(), action: "read", source, hint: "Check the path and its permissions" }
    }

    /// An [`Error::Io`] with the usual hint for writing.
    pub fn write(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Error::Io {
            path: path.into(),
            action: "write",
            source,
            hint: "Check that the folder exists, is writable and has free space",
        }
    }

    /// An [`Error::Format`]; control characters in `what` are replaced.
    pub fn format(path: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Error::Format { path: path.into(), what: printable(&what.into()) }
    }

    /// An [`Error::Shape`].
    pub fn shape(what: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Error::Shape { what: what.into(), expected: expected.to_string(), found: found.to_string() }
    }

    /// An [`Error::Option`].
    pub fn option(name: &'static str, value: impl ToString, allowed: impl Into<String>) -> Self {
        Error::Option { name, value: value.to_string(), allowed: allowed.into() }
    }
}
