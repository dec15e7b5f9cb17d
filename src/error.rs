//! One error type for the whole crate. Every variant carries the facts as fields; its text names the
//! file, row, column or option at fault and the next step to take. Steps that a front end has its own
//! words for are values, see [`Remedy`].

mod facts;
mod remedy;

pub use remedy::{Remedy, worded};

use std::path::PathBuf;

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong, with the facts needed to act on it.
///
/// Rows are counted from 1 as lines of the file (the header is line 1 where there is one) for text
/// formats, and from 0 as array indices for samples in memory.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
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
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong and how to repair it.
        what: String,
        /// What else can be done.
        remedies: Box<[Remedy]>,
    },
    /// A cell of a table is not a finite number.
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
        /// How to repair it; may be empty.
        hint: &'static str,
        /// What else can be done.
        remedies: Box<[Remedy]>,
    },
    /// A row of a table has too few or too many cells.
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
    Option {
        /// The option's name.
        name: &'static str,
        /// The value given.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// A column name or index that the data does not have.
    UnknownColumn {
        /// The file.
        path: PathBuf,
        /// The column asked for.
        name: String,
        /// The columns there are, or the closest name.
        hint: String,
        /// What can be done.
        remedies: Box<[Remedy]>,
    },
    /// Fewer samples than the fit needs.
    TooFewSamples {
        /// Samples with positive weight.
        n_samples: usize,
        /// Components asked for.
        n_components: usize,
    },
    /// Two things that must have the same size have not.
    Shape {
        /// Which quantity.
        what: String,
        /// The size needed.
        expected: String,
        /// The size found.
        found: String,
    },
    /// A model, start or set of parameters that is not a valid mixture.
    InvalidParameters {
        /// The file, or `parameters`.
        origin: String,
        /// The field at fault.
        field: String,
        /// What is wrong with it and the next step.
        what: String,
    },
    /// No adapter fits the request.
    NoDevice {
        /// What was asked for.
        requested: String,
        /// What is there.
        available: String,
    },
    /// The problem can never fit this adapter.
    LimitExceeded {
        /// The limit's name.
        limit: &'static str,
        /// What the plan needs.
        required: u64,
        /// What the adapter offers.
        available: u64,
    },
    /// The device has no room for a buffer now.
    OutOfMemory {
        /// The buffer's label.
        label: String,
        /// Its size.
        bytes: u64,
    },
    /// The device went away (driver reset, unplugged, watchdog).
    DeviceLost {
        /// The stage that noticed.
        stage: String,
        /// What the driver said.
        message: String,
    },
    /// The device did not answer in time.
    Timeout {
        /// The stage waited for.
        stage: String,
        /// How long was waited.
        seconds: u64,
    },
    /// A shader was refused or a device operation failed validation: a bug of this crate or of the driver.
    Shader {
        /// The shader or stage.
        stage: String,
        /// The validation message.
        message: String,
    },
    /// A component explains (almost) no sample any more.
    ComponentCollapsed {
        /// Component, from 0.
        component: usize,
        /// Iteration, from 1; 0 is the start.
        iteration: usize,
        /// Its effective count.
        effective_count: f64,
    },
    /// A covariance is not positive definite.
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
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What differs, each with the value it had and the one it has.
        differences: Vec<String>,
    },
    /// Arithmetic left the finite numbers, or the device lost work.
    NonFiniteResult {
        /// Where it was seen.
        stage: &'static str,
        /// Iteration, from 1, of a fit.
        iteration: Option<usize>,
        /// What was wrong.
        what: String,
    },
}

/// `text` without control characters: what a file holds must not drive the terminal that shows an error about it.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The beginning of a text from a file, which may be of any length.
pub(crate) fn shorten(text: &str) -> String {
    const MOST: usize = 200;
    text.chars().take(MOST).collect()
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
    #[doc(hidden)]
    pub fn read(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Error::Io { path: path.into(), action: "read", source, hint: "Check the path and its permissions" }
    }

    /// An [`Error::Io`] with the usual hint for writing.
    #[doc(hidden)]
    pub fn write(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Error::Io {
            path: path.into(),
            action: "write",
            source,
            hint: "Check that the folder exists, is writable and has free space",
        }
    }

    /// The text of this error with its remedies in the words of `word`; [`Display`](std::fmt::Display) takes their own.
    #[doc(hidden)]
    pub fn worded(&self, word: impl Fn(&Remedy) -> String) -> String {
        worded(self.facts(), &self.remedies(), word)
    }

    /// Puts `remedy` behind those of an error about a file's content.
    #[must_use]
    pub(crate) fn with_remedy(mut self, remedy: Remedy) -> Self {
        if let Error::Format { remedies, .. }
        | Error::Cell { remedies, .. }
        | Error::UnknownColumn { remedies, .. } = &mut self
        {
            *remedies = remedies.iter().cloned().chain([remedy]).collect();
        }
        self
    }

    /// An [`Error::Format`]; control characters in `what` are replaced.
    #[doc(hidden)]
    pub fn format(path: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Error::Format { path: path.into(), what: printable(&what.into()), remedies: Box::default() }
    }

    /// An [`Error::Shape`].
    #[doc(hidden)]
    pub fn shape(what: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Error::Shape { what: what.into(), expected: expected.to_string(), found: found.to_string() }
    }

    /// An [`Error::Option`].
    #[doc(hidden)]
    pub fn option(name: &'static str, value: impl ToString, allowed: impl Into<String>) -> Self {
        Error::Option { name, value: value.to_string(), allowed: allowed.into() }
    }
}
