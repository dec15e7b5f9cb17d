//! Checkpoints: the state of a fit in a file, to go on after whatever ended the program.
//!
//! A file is the line `wgmm-checkpoint 1`, 16 bytes of XXH3-128 over all that follows (little-endian), and one
//! MessagePack map: whose fit it is ([`Identity`]), and its [`FitState`]. MessagePack keeps every f64 as it is, and
//! unlike JSON also what is not finite. The file is written beside, synced and renamed; the one before it is kept
//! under the name of [`previous`].

mod identity;

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::fit::em::{FitState, Step};
use crate::output::{OutputFile, follow};
pub use identity::Identity;
use identity::digest;

/// What every checkpoint starts with, and the version of the format.
const NAME: &[u8] = b"wgmm-checkpoint ";
const FIRST_LINE: &[u8] = b"wgmm-checkpoint 1\n";

/// How often a checkpoint is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    /// After so many iterations.
    Iterations(usize),
    /// After the first iteration that ends so much time after the last checkpoint.
    Time(Duration),
}

/// The file that keeps the checkpoint before the one in `path`.
pub fn previous(path: &Path) -> PathBuf {
    let mut name = follow(path).unwrap_or_else(|_| path.to_owned()).into_os_string();
    name.push(".previous");
    name.into()
}

#[derive(Serialize)]
struct Borrowed<'a> {
    identity: &'a Identity,
    state: &'a FitState,
}

/// A checkpoint that was read.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    #[serde(skip)]
    path: PathBuf,
    identity: Identity,
    state: FitState,
}

impl Checkpoint {
    /// Reads a whole checkpoint. One with a single damaged bit is refused.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] for anything that is not a whole checkpoint. The message names the previous
    /// one, if there is one.
    pub fn read(path: &Path) -> Result<Self> {
        let mut file = match File::open(path) {
            Err(e) if e.kind() == ErrorKind::NotFound && previous(path).exists() => {
                return Err(refuse(path, "does not exist"));
            }
            opened => opened.map_err(|source| Error::Io {
                path: path.into(),
                action: "read",
                source,
                hint: "Check the path; the first run of a fit has nothing to resume",
            })?,
        };
        let read = |e| Error::read(path, e);
        // The rest may be anything, so the first line is checked before it is read.
        let mut first_line = Vec::new();
        (&file).take(FIRST_LINE.len() as u64).read_to_end(&mut first_line).map_err(read)?;
        if first_line != FIRST_LINE {
            let what = if FIRST_LINE.starts_with(&first_line) {
                "is damaged: it ends too early"
            } else if first_line.starts_with(NAME) {
                "is of another version of the format, or damaged"
            } else {
                "is no checkpoint of wgmm"
            };
            return Err(refuse(path, what));
        }
        let mut rest = Vec::new();
        file.read_to_end(&mut rest).map_err(read)?;
        let Some((sum, content)) = rest.split_first_chunk() else {
            return Err(refuse(path, "is damaged: it ends too early"));
        };
        if digest(|hash| hash.write(content)) != u128::from_le_bytes(*sum) {
            return Err(refuse(path, "is damaged: its checksum is not that of its content"));
        }
        match rmp_serde::from_slice::<Checkpoint>(content) {
            Ok(checkpoint) => Ok(Checkpoint { path: path.into(), ..checkpoint }),
            Err(e) => Err(refuse(path, &format!("is no checkpoint of this program: {e}"))),
        }
    }

    /// The state, for the fit it was taken from.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] naming everything in which the fit that is to go on differs.
    pub fn state_of(self, identity: &Identity) -> Result<FitState> {
        let differences = self.identity.differences(identity);
        if differences.is_empty() {
            Ok(self.state)
        } else {
            Err(Error::Checkpoint { path: self.path, differences })
        }
    }

    /// The device that wrote it, if `identity` has another one: two devices may round differently.
    pub fn other_device(&self, identity: &Identity) -> Option<&str> {
        (self.identity.device() != identity.device()).then(|| self.identity.device())
    }
}

/// The error for a file that is no whole checkpoint, with the next step.
fn refuse(path: &Path, what: &str) -> Error {
    let previous = previous(path);
    let advice = if previous.exists() {
        format!("{} is the checkpoint before it: resume that one", previous.display())
    } else {
        format!("There is no {} either, so the fit has to begin anew", previous.display())
    };
    Error::format(path, format!("{what}. {advice}"))
}

/// Writes checkpoints of one fit.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    interval: Interval,
    iterations: usize,
    last: Instant,
}

impl Writer {
    /// Prepares to write `path`, which may hold an older checkpoint.
    ///
    /// # Errors
    /// As [`OutputFile::create`]; [`Error::Format`] for a file that is no checkpoint, which is not replaced.
    pub fn create(path: &Path, interval: Interval) -> Result<Self> {
        drop(OutputFile::create(path)?);
        for file in [path, &previous(path)] {
            let mut first = Vec::new();
            if let Ok(old) = File::open(file)
                && old.metadata().is_ok_and(|meta| meta.is_file())
            {
                old.take(NAME.len() as u64).read_to_end(&mut first).map_err(|e| Error::read(file, e))?;
            }
            if !NAME.starts_with(&first) {
                return Err(Error::format(
                    file,
                    "is no checkpoint and would be replaced by one. Give the checkpoint another name, or remove this file",
                ));
            }
        }
        Ok(Writer { path: path.into(), interval, iterations: 0, last: Instant::now() })
    }

    /// Writes the state after `step` if it is time to, or if it is the `last` step. Whether it did.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn on_step(&mut self, identity: &Identity, step: &Step<'_>, last: bool) -> Result<bool> {
        self.iterations += 1;
        let due = match self.interval {
            Interval::Iterations(n) => self.iterations >= n,
            Interval::Time(time) => self.last.elapsed() >= time,
        };
        if due || last {
            // The clock starts again even if this fails: a full disk is not tried in every iteration.
            (self.iterations, self.last) = (0, Instant::now());
            let written = self.write(identity, &step.state());
            self.last = Instant::now();
            written?;
        }
        Ok(due || last)
    }

    /// Writes a checkpoint and keeps the one before it.
    ///
    /// # Errors
    /// [`Error::Io`]; the checkpoint before is then untouched.
    pub fn write(&self, identity: &Identity, state: &FitState) -> Result<()> {
        let failed = |e| Error::write(&self.path, e);
        let content = rmp_serde::to_vec_named(&Borrowed { identity, state })
            .map_err(|e| failed(std::io::Error::other(e)))?;
        let sum = digest(|hash| hash.write(&content));
        let mut file = OutputFile::create(&self.path)?;
        for part in [FIRST_LINE, &sum.to_le_bytes(), &content] {
            file.write_all(part).map_err(failed)?;
        }
        file.commit_keeping(&previous(&self.path))
    }
}
