//! CSV text: bytes → rows of cells, streamed, with line numbers.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ::csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};

use crate::data::number;
use crate::data::source::Source;
use crate::error::{Error, Result};

/// Longest row accepted, in bytes. A line without end, or a quote that is never closed, must not fill the memory.
const LONGEST_ROW: u64 = 16 << 20;

/// Text with every line end turned into LF, checked for NUL bytes and endless rows.
struct Text {
    source: Source,
    offset: u64,
    since_row: u64,
    after_cr: bool,
    last: u8,
    crlf: bool,
    ended: bool,
    failure: Option<String>,
}

impl Read for Text {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.source.read(buffer)?;
            let Some(bytes) = buffer.get_mut(..n) else { return Ok(0) };
            if n == 0 {
                // The last row gets its line end, so that line numbers can be told from it.
                return match buffer.first_mut() {
                    Some(b) if self.last != b'\n' => {
                        *b = b'\n';
                        self.last = b'\n';
                        Ok(1)
                    }
                    _ => {
                        self.ended = true;
                        Ok(0)
                    }
                };
            }
            if let Some(i) = bytes.iter().position(|b| *b == 0) {
                return self.fail(format!(
                    "byte {} is NUL (0x00), so this is no CSV text. If it is UTF-16, convert it (`iconv -f UTF-16 -t UTF-8`); if it is binary, save it as NPY",
                    self.offset + i as u64
                ));
            }
            self.offset += n as u64;
            self.since_row += n as u64;
            if self.since_row > LONGEST_ROW {
                return self.fail(format!(
                    "a row is longer than {} MiB. Is a closing quote missing, or is this no CSV file? Wide tables can be given as NPY",
                    LONGEST_ROW >> 20
                ));
            }
            let mut kept = n;
            if self.after_cr || bytes.contains(&b'\r') {
                kept = 0;
                for i in 0..n {
                    let Some(&b) = bytes.get(i) else { break };
                    if b == b'\n' && std::mem::take(&mut self.after_cr) {
                        self.crlf = true;
                        continue;
                    }
                    self.after_cr = b == b'\r';
                    if let Some(slot) = bytes.get_mut(kept) {
                        *slot = if b == b'\r' { b'\n' } else { b };
                        kept += 1;
                    }
                }
            }
            if let Some(&last) = bytes.get(..kept).and_then(<[u8]>::last) {
                self.last = last;
                return Ok(kept);
            }
        }
    }
}

impl Text {
    fn fail(&mut self, what: String) -> io::Result<usize> {
        self.failure = Some(what);
        Err(io::ErrorKind::InvalidData.into())
    }
}

/// The rows of a CSV text, header included, with their line numbers.
pub(in crate::data) struct Rows {
    reader: Reader<Text>,
    path: PathBuf,
    separator: u8,
    has_bom: bool,
}

impl Rows {
    /// Starts reading: skips the byte order mark and finds the separator.
    pub(in crate::data) fn new(mut source: Source) -> Result<Self> {
        let path = source.path().to_owned();
        let has_bom = source.head().starts_with(b"\xef\xbb\xbf");
        if has_bom {
            source.read_exact(&mut [0; 3]).map_err(|e| Error::read(&path, e))?;
        }
        let separator = separator(source.head());
        let text = Text {
            source,
            offset: if has_bom { 3 } else { 0 },
            since_row: 0,
            after_cr: false,
            last: b'\n',
            crlf: false,
            ended: false,
            failure: None,
        };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .buffer_capacity(1 << 16)
            .from_reader(text);
        Ok(Rows { reader, path, separator, has_bom })
    }

    /// Reads the next row that is not blank into `row`; its line number, or `None` at the end.
    pub(in crate::data) fn next(&mut self, row: &mut ByteRecord) -> Result<Option<u64>> {
        // Not per blank row: blank rows without end are no table either.
        self.reader.get_mut().since_row = 0;
        loop {
            match self.reader.read_byte_record(row) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(e) => return Err(self.error(e)),
            }
            // csv counts the line ends it has consumed, and `Text` ends every row with one ...
            let inside = row.as_slice().iter().filter(|b| **b == b'\n').count() as u64;
            let line = self.reader.position().line().saturating_sub(inside);
            // ... so a row that needed the end of the file to finish has an open quote.
            if self.reader.get_ref().ended {
                return Err(Error::format(
                    &self.path,
                    format!(
                        "line {line}: a quoted cell in this row is not closed before the file ends. Add or remove the quote"
                    ),
                ));
            }
            let blank =
                row.len() == 1 && !row.as_slice().is_empty() && number::trim(row.as_slice()).is_empty();
            if !blank {
                return Ok(Some(line.saturating_sub(1)));
            }
        }
    }

    fn error(&mut self, e: ::csv::Error) -> Error {
        match (self.reader.get_mut().failure.take(), e.into_kind()) {
            (Some(what), _) => Error::format(&self.path, what),
            (None, ErrorKind::Io(e)) => Error::read(&self.path, e),
            (None, kind) => Error::format(&self.path, format!("cannot be read as CSV: {kind:?}")),
        }
    }

    pub(in crate::data) fn path(&self) -> &Path {
        &self.path
    }
    pub(in crate::data) fn separator(&self) -> u8 {
        self.separator
    }
    pub(in crate::data) fn has_bom(&self) -> bool {
        self.has_bom
    }
    /// Whether the lines read so far end in CRLF.
    pub(in crate::data) fn has_crlf(&self) -> bool {
        self.reader.get_ref().crlf
    }
}

/// Tab, semicolon or comma: the first of these that the first line with text has outside quotes.
///
/// Comma comes last because of decimal commas: `0,5;1,5` is two cells, to be refused one by one.
fn separator(head: &[u8]) -> u8 {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let lines = head.split(|b| matches!(b, b'\n' | b'\r'));
    let first = lines.map(<[u8]>::trim_ascii_end).find(|line| !line.is_empty()).unwrap_or_default();
    let mut quoted = false;
    let outside: Vec<u8> = first
        .iter()
        .copied()
        .filter(|b| {
            quoted ^= *b == b'"';
            !quoted
        })
        .collect();
    [b'\t', b';'].into_iter().find(|b| outside.contains(b)).unwrap_or(b',')
}
