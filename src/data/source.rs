//! The source of bytes: a file or standard input. Its first bytes are looked at before anything is read.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::{Error, Remedy, Result};

/// Bytes looked at to recognise the format and the separator.
const HEAD: u64 = 1 << 16;

pub(super) const NPY_MAGIC: &[u8] = b"\x93NUMPY";

/// Content that is neither CSV nor NPY: its first bytes, and what to tell the user.
const FOREIGN: [(&[u8], &str); 13] = [
    (b"\x1f\x8b", "is gzip-compressed. Unpack it first (`gunzip`)"),
    (b"\x28\xb5\x2f\xfd", "is zstd-compressed. Unpack it first (`unzstd`)"),
    (b"\xfd7zXZ", "is xz-compressed. Unpack it first (`unxz`)"),
    (b"BZh91AY", "is bzip2-compressed. Unpack it first (`bunzip2`)"),
    (b"PK\x03\x04", "is a ZIP archive (NPZ, XLSX, …), not a table. Unpack it and give one .npy or .csv file"),
    (b"PK\x05\x06", "is an empty ZIP archive, not a table. Give a .npy or .csv file"),
    (b"PAR1\x15", "is a Parquet file. Convert it to NPY or CSV"),
    (b"ARROW1\0", "is an Arrow/Feather file. Convert it to NPY or CSV"),
    (b"\x89HDF", "is an HDF5 file. Save the table as NPY or CSV"),
    (b"%PDF-", "is a PDF. Save the table as NPY or CSV"),
    (b"\xff\xfe", "is UTF-16 text. Convert it (`iconv -f UTF-16 -t UTF-8`)"),
    (b"\xfe\xff", "is UTF-16 text. Convert it (`iconv -f UTF-16 -t UTF-8`)"),
    (b"\x80\x04", "is a Python pickle, which is never read. Save the array with `numpy.save`"),
];

/// An opened input.
pub(super) struct Source {
    path: PathBuf,
    head: Vec<u8>,
    taken: usize,
    rest: Box<dyn Read>,
    /// Length in bytes, if it can be known.
    len: Option<u64>,
    as_opened: Option<AsOpened>,
}

/// A plain file, and what it was like when it was opened.
pub(super) struct AsOpened {
    path: PathBuf,
    file: File,
    len: u64,
    modified: Option<SystemTime>,
}

impl AsOpened {
    fn new(path: &Path, file: &File) -> Option<Self> {
        let (file, meta) = (file.try_clone().ok()?, file.metadata().ok()?);
        // Files under /proc say 0 and still have content.
        let plain = meta.is_file() && meta.len() > 0;
        plain.then(|| AsOpened { path: path.into(), file, len: meta.len(), modified: meta.modified().ok() })
    }

    fn has_changed(&self) -> bool {
        self.file.metadata().is_ok_and(|meta| meta.len() != self.len || meta.modified().ok() != self.modified)
    }
}

/// `outcome` of reading a file, unless the file was written meanwhile: then neither the values nor a complaint
/// about them mean anything.
pub(super) fn unchanged<T>(as_opened: Option<AsOpened>, outcome: Result<T>) -> Result<T> {
    match as_opened {
        Some(file) if file.has_changed() => Err(Error::format(
            file.path,
            "the file changed while it was read. Wait until whatever writes it is done, and run again",
        )),
        _ => outcome,
    }
}

/// The formats that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Npy,
    Csv,
}

impl Source {
    /// Opens `path` (`-` is standard input) and looks at its first bytes.
    ///
    /// # Errors
    /// [`Error::Io`] for what cannot be read, directories included.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let (path, rest, as_opened): (_, Box<dyn Read>, _) = if path == Path::new("-") {
            (PathBuf::from("standard input"), Box::new(io::stdin()), None)
        } else {
            let file = File::open(path).map_err(|e| Error::read(path, e))?;
            let meta = file.metadata().map_err(|e| Error::read(path, e))?;
            if meta.is_dir() {
                return Err(Error::Io {
                    path: path.into(),
                    action: "read",
                    source: io::ErrorKind::IsADirectory.into(),
                    hint: "Give a file, not a folder",
                });
            }
            let as_opened = AsOpened::new(path, &file);
            (path.to_owned(), Box::new(file), as_opened)
        };
        let len = as_opened.as_ref().map(|file| file.len);
        let mut source = Source { path, head: Vec::new(), taken: 0, rest, len, as_opened };
        source
            .rest
            .by_ref()
            .take(HEAD)
            .read_to_end(&mut source.head)
            .map_err(|e| Error::read(&source.path, e))?;
        Ok(source)
    }

    /// The path, or `standard input`.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// For [`unchanged`], once all is read.
    pub(super) fn as_opened(&mut self) -> Option<AsOpened> {
        self.as_opened.take()
    }

    /// The first bytes (up to 64 KiB).
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Length in bytes, if it can be known before reading.
    pub(super) fn len(&self) -> Option<u64> {
        self.len
    }

    /// Recognises the format by content.
    ///
    /// # Errors
    /// [`Error::Format`] for an empty input and for formats that are not read, by name.
    pub(super) fn format(&self) -> Result<Format> {
        let refuse = |what: &str| Err(Error::format(&self.path, what));
        let head = self.head.as_slice();
        if head.is_empty() {
            return refuse("the file is empty: there are no data rows");
        }
        if head.starts_with(NPY_MAGIC) {
            return Ok(Format::Npy);
        }
        if NPY_MAGIC.starts_with(head) {
            return refuse("the file is truncated inside the NPY magic. Write it again");
        }
        for (magic, what) in FOREIGN {
            if head.starts_with(magic) {
                return refuse(what);
            }
        }
        if self.path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy")) {
            return refuse(
                "it is named .npy but does not start with the NPY magic. Save it again with `numpy.save`, or rename it if it is CSV",
            );
        }
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        let start = text.get(..text.len().min(9)).unwrap_or_default().to_ascii_lowercase();
        if ["<!doctype", "<html", "<head", "<?xml"].iter().any(|tag| start.starts_with(tag.as_bytes())) {
            return refuse(
                "is an HTML or XML page, not a table. Did the download fail? Fetch the file itself",
            );
        }
        if matches!(start.first(), Some(b'{' | b'[')) {
            return refuse("looks like JSON, not a table. Convert it to CSV or NPY");
        }
        Ok(Format::Csv)
    }
}

/// Most bytes of a text or archive that is read whole and whose length cannot be known before.
const MOST_FROM_A_PIPE: u64 = 256 << 20;

/// The bytes of a model file and its name in messages; `-` is standard input. Content that can be no model, or that never ends, is
/// refused as soon as that is known: an archive starts with `PK`, and JSON has no NUL bytes.
///
/// # Errors
/// [`Error::Io`], [`Error::Format`].
pub(crate) fn read_model(path: &Path) -> Result<(Vec<u8>, String)> {
    let source = Source::open(path)?;
    let is_archive = source.head().starts_with(b"PK");
    let no_model = (!is_archive).then_some((
        "neither a JSON model nor an archive (UTF-16 text must be converted to UTF-8)",
        Remedy::ModelFile,
    ));
    whole(source, no_model)
}

/// The bytes of a JSON file without a byte order mark; `-` is standard input. Content that can be no JSON, or that never
/// ends, is refused as soon as that is known.
///
/// # Errors
/// [`Error::Io`], [`Error::Format`].
pub fn read_json(path: &Path) -> Result<Vec<u8>> {
    let no_json = ("no JSON (UTF-16 text must be converted to UTF-8)", Remedy::JsonObject);
    let (mut bytes, _) = whole(Source::open(path)?, Some(no_json))?;
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    Ok(bytes)
}

/// All bytes, and the name in messages. If `not_it` is given, a NUL byte is refused with it.
fn whole(mut source: Source, not_it: Option<(&str, Remedy)>) -> Result<(Vec<u8>, String)> {
    let path = source.path().to_owned();
    let most = source.len().unwrap_or(MOST_FROM_A_PIPE);
    let mut bytes = Vec::new();
    let mut piece = vec![0; HEAD as usize];
    loop {
        let n = source.read(&mut piece).map_err(|e| Error::read(&path, e))?;
        let Some(piece) = piece.get(..n).filter(|_| n > 0) else {
            return Ok((bytes, path.display().to_string()));
        };
        if let (Some(at), Some((not_it, remedy))) = (piece.iter().position(|b| *b == 0), &not_it) {
            let what = format!("byte {} is NUL (0x00), so this is {not_it}", bytes.len() + at);
            return Err(Error::format(&path, what).with_remedy(remedy.clone()));
        }
        if (bytes.len() + n) as u64 > most {
            let what = format!(
                "is longer than {most} bytes, the most that is read here. Save it as a file, and wait until it is written"
            );
            return Err(Error::format(&path, what));
        }
        if bytes.try_reserve(n).is_err() {
            return Err(Error::format(&path, "the file does not fit into memory"));
        }
        bytes.extend_from_slice(piece);
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut left = self.head.get(self.taken..).unwrap_or_default();
        if left.is_empty() {
            return self.rest.read(buffer);
        }
        let n = left.read(buffer)?;
        self.taken += n;
        Ok(n)
    }
}
