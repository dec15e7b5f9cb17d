//! Writing results: beside the target first, then renamed over it, so that a failed run never harms a file.
//!
//! `.npy` names get NPY, all others CSV; `-` and `/dev/stdout` are standard output.

mod matrix;
mod unfinished;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

pub(crate) use self::matrix::npy_header;
pub use self::matrix::{LabelWriter, MatrixWriter, is_npy, write_labels, write_matrix, write_vector};
use self::unfinished::Unfinished;
pub use self::unfinished::remove_unfinished;
use crate::error::{Error, Result};

/// A file that is being written. [`commit`](OutputFile::commit) makes it appear under its name, whole. If it is dropped
/// before that, it leaves nothing behind, and an older file stays as it was.
///
/// Symbolic links are followed and the file they lead to is replaced. Devices, pipes and standard output cannot
/// be replaced; they are written directly.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    target: Target,
}

#[derive(Debug)]
enum Target {
    Direct(BufWriter<Direct>),
    Replace { temporary: BufWriter<Unfinished>, name: PathBuf },
}

#[derive(Debug)]
enum Direct {
    Stdout(io::Stdout),
    Stderr(io::Stderr),
    File(File),
}

impl OutputFile {
    /// Prepares to write `path`. Whatever can be known to fail fails here, before hours of work.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder does not exist, the target is a folder or may not be written, or the folder
    /// takes no new file.
    pub fn create(path: &Path) -> Result<Self> {
        let refuse =
            |source: io::Error, hint| Error::Io { path: path.into(), action: "create", source, hint };
        let direct =
            |target| OutputFile { path: path.into(), target: Target::Direct(BufWriter::new(target)) };
        match path.to_str() {
            Some("-" | "/dev/stdout") => return Ok(direct(Direct::Stdout(io::stdout()))),
            Some("/dev/stderr") => return Ok(direct(Direct::Stderr(io::stderr()))),
            _ => {}
        }
        let name = follow(path).map_err(|e| refuse(e, "Check the path: its links lead nowhere"))?;
        let existing = match fs::metadata(&name) {
            Ok(meta) if meta.is_dir() => {
                return Err(refuse(io::ErrorKind::IsADirectory.into(), "Give a file name inside the folder"));
            }
            Ok(meta) => Some(meta),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(refuse(e, "Check the path and its permissions")),
        };
        if let Some(meta) = &existing {
            // Renaming would replace even a write-protected file; opening it without truncation asks first.
            let file = OpenOptions::new().write(true).open(&name);
            let file = file.map_err(|e| refuse(e, "The file is write-protected; give another name"))?;
            if !meta.is_file() || is_descriptor(path) {
                return Ok(direct(Direct::File(file)));
            }
        }
        let folder = folder_of(&name);
        if !folder.is_dir() {
            return Err(refuse(io::ErrorKind::NotFound.into(), "The folder does not exist; create it first"));
        }
        if name.file_name().is_none() {
            return Err(refuse(io::ErrorKind::InvalidInput.into(), "Give a file name"));
        }
        let temporary = temporary(folder, existing.as_ref())
            .map_err(|e| refuse(e, "Check that the folder is writable and has free space"))?;
        let target = Target::Replace { temporary: BufWriter::new(temporary), name };
        Ok(OutputFile { path: path.into(), target })
    }

    /// The path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Finishes: flushes, syncs to disk and puts the file in place.
    ///
    /// # Errors
    /// [`Error::Io`]; the old file is then untouched.
    pub fn commit(self) -> Result<()> {
        self.finish(None)
    }

    /// As [`OutputFile::commit`], but keeps the file that was there as `old` in the same folder. At every moment a
    /// whole file is there: under its own name if the file system has hard links, else under either name.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn commit_keeping(self, old: &Path) -> Result<()> {
        self.finish(Some(old))
    }

    fn finish(self, old: Option<&Path>) -> Result<()> {
        let OutputFile { path, target } = self;
        let done = match target {
            Target::Direct(mut out) => out.flush(),
            Target::Replace { temporary, name } => put_in_place(temporary, &name, old),
        };
        done.map_err(|e| Error::write(path, e))
    }

    /// Names this file in an error of writing to it.
    fn failed(&self, source: io::Error) -> Error {
        Error::write(&self.path, source)
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.target {
            Target::Direct(out) => out.write(bytes),
            Target::Replace { temporary, .. } => temporary.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.target {
            Target::Direct(out) => out.flush(),
            Target::Replace { temporary, .. } => temporary.flush(),
        }
    }
}

impl Write for Direct {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Direct::Stdout(out) => out.write(bytes),
            Direct::Stderr(out) => out.write(bytes),
            Direct::File(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Direct::Stdout(out) => out.flush(),
            Direct::Stderr(out) => out.flush(),
            Direct::File(out) => out.flush(),
        }
    }
}

/// `/dev/fd/3` and the like may lead to a plain file, which the shell expects to be written, not replaced.
fn is_descriptor(path: &Path) -> bool {
    ["/dev/fd", "/proc/self/fd"].iter().any(|folder| path.starts_with(folder))
}

/// A new file in `folder` with the permissions the target has or will have.
fn temporary(folder: &Path, existing: Option<&fs::Metadata>) -> io::Result<Unfinished> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".wgmm-").suffix(".part");
    #[cfg(unix)]
    {
        // 0666 less the umask, as any program would; the default of `tempfile` is 0600.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let file = Unfinished::create(&builder, folder)?;
    if let Some(meta) = existing {
        file.set_permissions(meta.permissions())?;
    }
    Ok(file)
}

fn put_in_place(temporary: BufWriter<Unfinished>, name: &Path, old: Option<&Path>) -> io::Result<()> {
    let file = temporary.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync()?;
    if let Some(old) = old {
        keep(name, old)?;
    }
    file.put_in_place(name)?;
    sync_folder(name);
    Ok(())
}

/// Gives the file `name` the name `old` as well, if there is such a file. Another program may do the same at the same
/// time, so a file that is gone, or already there, is no error.
fn keep(name: &Path, old: &Path) -> io::Result<()> {
    use io::ErrorKind::{AlreadyExists, NotFound};

    let unless =
        |kind, done: io::Result<()>| done.or_else(|e| if e.kind() == kind { Ok(()) } else { Err(e) });
    unless(NotFound, fs::remove_file(old))?;
    match fs::hard_link(name, old) {
        Err(e) if !matches!(e.kind(), AlreadyExists | NotFound) => unless(NotFound, fs::rename(name, old)),
        _ => Ok(()),
    }
}

/// Syncs the folder: only then is the new name on the disk.
#[cfg(unix)]
fn sync_folder(name: &Path) {
    // The file is in place, whole; a folder that may not be read, or cannot be synced, does not change that.
    if let Ok(folder) = File::open(folder_of(name)) {
        let _ = folder.sync_all();
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) {}

fn folder_of(name: &Path) -> &Path {
    match name.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Follows symbolic links at the end of `path`, also to a file that does not exist yet.
pub(crate) fn follow(path: &Path) -> io::Result<PathBuf> {
    const MOST_LINKS: usize = 40; // as Linux
    let mut name = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::symlink_metadata(&name) {
            Ok(meta) if meta.file_type().is_symlink() && !is_descriptor(&name) => {
                let link = fs::read_link(&name)?;
                name = name.parent().unwrap_or(Path::new("")).join(link);
            }
            _ => return Ok(name),
        }
    }
    Err(io::Error::other("too many levels of symbolic links"))
}

/// Whether `a` and `b` are the same file, also through links: such an output would overwrite its input.
///
/// Standard input and output, devices and files that do not exist are never the same.
pub fn same_file(a: &Path, b: &Path) -> bool {
    let dash = Path::new("-");
    let (Ok(meta_a), Ok(meta_b)) = (fs::metadata(a), fs::metadata(b)) else { return false };
    if a == dash || b == dash || !meta_a.is_file() || !meta_b.is_file() {
        return false;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        (meta_a.dev(), meta_a.ino()) == (meta_b.dev(), meta_b.ino())
    }
    #[cfg(not(unix))]
    {
        fs::canonicalize(a).ok().is_some_and(|a| fs::canonicalize(b).is_ok_and(|b| a == b))
    }
}
