//! Temporary files of outputs that are being written, so that a program that must end at once leaves none.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes every file that was begun and not put in place, for a program that exits at once: no file is begun or
/// put in place after it.
pub fn remove_unfinished() {
    let guard = unfinished();
    for path in guard.iter() {
        // Nobody is left to be told.
        let _ = fs::remove_file(path);
    }
    // The lock is never given back.
    std::mem::forget(guard);
}

/// A temporary file that [`remove_unfinished`] knows.
#[derive(Debug)]
pub(super) struct Unfinished {
    /// None once it is in place.
    file: Option<NamedTempFile>,
}

impl Unfinished {
    pub(super) fn create(builder: &tempfile::Builder<'_, '_>, folder: &Path) -> io::Result<Self> {
        let mut known = unfinished();
        let file = builder.tempfile_in(folder)?;
        known.insert(file.path().to_owned());
        Ok(Unfinished { file: Some(file) })
    }

    fn file(&self) -> io::Result<&File> {
        self.file.as_ref().map(NamedTempFile::as_file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn set_permissions(&self, permissions: Permissions) -> io::Result<()> {
        self.file()?.set_permissions(permissions)
    }

    /// Everything written is on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file()?.sync_all()
    }

    /// Renames it to `name`.
    pub(super) fn put_in_place(mut self, name: &Path) -> io::Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let mut known = unfinished();
        known.remove(file.path());
        // A file that stays behind removes itself when it is dropped.
        file.persist(name).map(drop).map_err(|e| e.error)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            unfinished().remove(file.path());
        }
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file()?.flush()
    }
}
