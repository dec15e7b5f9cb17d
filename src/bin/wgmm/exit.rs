//! How the program ends: exit codes, and errors as one paragraph on stderr.
//!
//! 0 done · 1 failed while running · 2 usage: wrong without looking at data · 3 bad data, model or start ·
//! 4 no suitable device · 5 not converged with `--require-convergence` · 6 outside the bound in `compare`, or
//! with `--require-verified` · 130, 143 interrupted by SIGINT, SIGTERM. A reader that went away is a quiet 0.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use wgmm::Error;
use wgmm::internals::error::Remedy;

use crate::talk::say;
use crate::{interrupt, words};

/// Failed while running.
const FAILED: u8 = 1;
/// Wrong without looking at data.
const USAGE: u8 = 2;
/// Bad input data, model or start.
const INPUT: u8 = 3;
/// No suitable device, adapter or limits.
const DEVICE: u8 = 4;
/// Not converged although convergence was required.
const NOT_CONVERGED: u8 = 5;

/// A comparison or a verification outside its bound.
const OUTSIDE: u8 = 6;

/// Why the program ends early: an exit code and what to say about it.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

/// `Result` of everything a command does.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// Tried, and failed while running.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Failure { code: FAILED, message: message.into() }
    }

    /// Wrong without looking at data.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Failure { code: USAGE, message: message.into() }
    }

    /// `error`, with `word` for a remedy that it knows better words for.
    pub(crate) fn with_words(error: Error, word: impl Fn(&Remedy) -> Option<String>) -> Self {
        let message = error.worded(|remedy| word(remedy).unwrap_or_else(|| words::remedy(remedy)));
        Failure { message, ..Failure::from(error) }
    }

    /// What is said about it.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Bad data or model.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Failure { code: INPUT, message: message.into() }
    }

    /// Everything was done, but the fit did not converge as it had to.
    pub(crate) fn not_converged(message: impl Into<String>) -> Self {
        Failure { code: NOT_CONVERGED, message: message.into() }
    }

    /// Everything was done, but two results are farther apart than they may be.
    pub(crate) fn outside(message: impl Into<String>) -> Self {
        Failure { code: OUTSIDE, message: message.into() }
    }

    /// A signal asked to stop, and what there was is written.
    pub(crate) fn interrupted(signal: i32) -> Self {
        let message = format!("interrupted by {}: this is the model so far", interrupt::name(signal));
        Failure { code: interrupt::code(signal), message }
    }

    /// The reader of our output went away: there is nobody to tell.
    fn quiet() -> Self {
        Failure { code: 0, message: String::new() }
    }

    /// An output that cannot be created is known before any data is read.
    pub(crate) fn output(error: Error) -> Self {
        Failure { code: USAGE, ..Failure::from(error) }
    }

    /// Names `path` if the error itself does not say which file it is about.
    pub(crate) fn about(path: &Path, error: Error) -> Self {
        let mut failure = Failure::from(error);
        let name = shown(path);
        if matches!(failure.code, FAILED | INPUT) && !failure.message.contains(&name) {
            failure.message = format!("{name}: {}", failure.message);
        }
        failure
    }

    /// The failure with another sentence.
    pub(crate) fn and(self, more: impl Display) -> Self {
        let message = format!("{}. {more}", self.message);
        Failure { message, ..self }
    }

    /// A failure to write to stdout.
    pub(crate) fn stdout(error: io::Error) -> Self {
        Failure::from(Error::write("standard output", error))
    }

    /// Says what went wrong and gives the code to end with.
    pub(crate) fn report(&self) -> ExitCode {
        if !self.message.is_empty() {
            say(format_args!("error: {}", self.message));
        }
        ExitCode::from(self.code)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => {
                return Failure::quiet();
            }
            Error::Io { action: "read", .. }
            | Error::Format { .. }
            | Error::Cell { .. }
            | Error::RaggedRow { .. }
            | Error::NonFinite { .. }
            | Error::Option { .. }
            | Error::UnknownColumn { .. }
            | Error::Checkpoint { .. }
            | Error::TooFewSamples { .. }
            | Error::Shape { .. }
            | Error::InvalidParameters { .. } => INPUT,
            Error::NoDevice { .. } | Error::LimitExceeded { .. } => DEVICE,
            _ => FAILED,
        };
        let message = words::error(&error);
        Failure { code, message }
    }
}

/// A path as messages show it; `-` by what it stands for.
pub(crate) fn shown(path: &Path) -> String {
    if path == Path::new("-") { "standard input".into() } else { path.display().to_string() }
}
