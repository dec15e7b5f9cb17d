//! The header of an NPY file.
//!
//! Read by hand rather than by a general Python-literal parser: what NumPy writes is three keys, and a parser
//! for just those cannot be made to recurse, backtrack or overflow by a hostile file.

use std::io::Read;
use std::path::Path;

use super::super::source::{NPY_MAGIC, Source};
use crate::error::{Error, Result};

/// Longest header accepted; NumPy writes 128 bytes.
const LONGEST: usize = 1 << 20;

/// The kinds of numbers that become samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Float,
    Int,
    Uint,
    Bool,
}

/// How one number is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dtype {
    pub(super) kind: Kind,
    /// Bytes per value.
    pub(super) size: usize,
    pub(super) big_endian: bool,
}

/// The three keys of a header as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) descr: Vec<u8>,
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<usize>,
}

/// What the header of a table says, checked: `n_rows * n_columns * size` does not overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) dtype: Dtype,
    pub(super) fortran_order: bool,
    pub(super) n_rows: usize,
    pub(super) n_columns: usize,
    /// Bytes of data after the header.
    pub(super) data_len: usize,
    /// Bytes before the data.
    pub(super) header_len: u64,
}

/// Reads and checks the header; `source` then stands at the data.
pub(super) fn read(source: &mut Source) -> Result<Header> {
    let path = source.path().to_owned();
    let (text, header_len) = read_text(source, &path)?;
    parse(&text, header_len).map_err(|what| Error::format(&path, what))
}

/// The header's text and the number of bytes before the data. The magic is skipped, not checked.
pub(super) fn read_text(source: &mut dyn Read, path: &Path) -> Result<(Vec<u8>, u64)> {
    let bad = |what: String| Error::format(path, what);
    let cut = || bad("the file is truncated inside its NPY header. Save it again with `numpy.save`".into());
    let mut start = [0; 8];
    source.read_exact(&mut start).map_err(|_| cut())?;
    let [.., major, minor] = start;
    let width = match (major, minor) {
        (1, 0) => 2,
        (2 | 3, 0) => 4,
        _ => {
            return Err(bad(format!(
                "NPY version {major}.{minor} is unknown. Save it again with `numpy.save`"
            )));
        }
    };
    let mut len = [0; 4];
    for byte in len.iter_mut().take(width) {
        source.read_exact(std::slice::from_mut(byte)).map_err(|_| cut())?;
    }
    let len = u32::from_le_bytes(len) as usize;
    if len > LONGEST {
        return Err(bad(format!(
            "the NPY header claims a length of {len} bytes; {LONGEST} are allowed. The file is damaged"
        )));
    }
    let mut text = Vec::new();
    source.take(len as u64).read_to_end(&mut text).map_err(|e| Error::read(path, e))?;
    if text.len() < len {
        return Err(cut());
    }
    Ok((text, (NPY_MAGIC.len() + 2 + width + len) as u64))
}

/// Reads the dictionary.
pub(super) fn fields(text: &[u8]) -> std::result::Result<Fields, String> {
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    let mut cursor = Cursor { rest: text };
    cursor.expect(b'{')?;
    while !cursor.accept(b'}') {
        let key = cursor.string()?;
        cursor.expect(b':')?;
        match key {
            b"descr" => descr = Some(cursor.descr()?),
            b"fortran_order" => fortran_order = Some(cursor.boolean()?),
            b"shape" => shape = Some(cursor.shape()?),
            _ => return Err(damaged("an unknown key")),
        }
        if !cursor.accept(b',') {
            cursor.expect(b'}')?;
            break;
        }
    }
    if !cursor.rest.trim_ascii().is_empty() {
        return Err(damaged("text after the dictionary"));
    }
    let descr = descr.ok_or_else(|| damaged("no 'descr' key"))?;
    let fortran_order = fortran_order.ok_or_else(|| damaged("no 'fortran_order' key"))?;
    let shape = shape.ok_or_else(|| damaged("no 'shape' key"))?;
    Ok(Fields { descr, fortran_order, shape })
}

fn parse(text: &[u8], header_len: u64) -> std::result::Result<Header, String> {
    let Fields { descr, fortran_order, shape } = fields(text)?;
    let dtype = dtype(&descr)?;
    let (n_rows, n_columns) = match shape.as_slice() {
        [n] => (*n, 1),
        [n, d] => (*n, *d),
        _ => {
            let n = shape.len();
            return Err(format!(
                "the array has {n} dimensions (shape {shape:?}); samples are 2-D, N rows by D columns. Reshape it with NumPy"
            ));
        }
    };
    if n_rows == 0 || n_columns == 0 {
        return Err(format!("the array is empty: it has {n_rows} rows and {n_columns} columns"));
    }
    let data_len = n_rows.checked_mul(n_columns).and_then(|n| n.checked_mul(dtype.size));
    let data_len = data_len.filter(|n| isize::try_from(*n).is_ok()).ok_or_else(|| {
        format!("the header claims the shape {shape:?}, which is too large to exist. The file is damaged")
    })?;
    Ok(Header { dtype, fortran_order, n_rows, n_columns, data_len, header_len })
}

/// `<f8` and the like: kind, bytes per value, big endian.
pub(super) fn dtype(descr: &[u8]) -> std::result::Result<Dtype, String> {
    let shown = super::super::number::plain(descr);
    let (order, code) = match descr {
        [order @ (b'<' | b'>' | b'|' | b'='), code @ ..] => (*order, code),
        code => (b'=', code),
    };
    let one_byte = matches!(code, b"b1" | b"i1" | b"u1" | b"?");
    let big_endian = match order {
        b'>' => true,
        b'<' => false,
        b'=' => cfg!(target_endian = "big"),
        _ if one_byte => false,
        _ => cfg!(target_endian = "big"),
    };
    let kind_and_size = match code {
        b"f2" => Some((Kind::Float, 2)),
        b"f4" => Some((Kind::Float, 4)),
        b"f8" => Some((Kind::Float, 8)),
        b"i1" => Some((Kind::Int, 1)),
        b"i2" => Some((Kind::Int, 2)),
        b"i4" => Some((Kind::Int, 4)),
        b"i8" => Some((Kind::Int, 8)),
        b"u1" => Some((Kind::Uint, 1)),
        b"u2" => Some((Kind::Uint, 2)),
        b"u4" => Some((Kind::Uint, 4)),
        b"u8" => Some((Kind::Uint, 8)),
        b"b1" | b"?" => Some((Kind::Bool, 1)),
        _ => None,
    };
    let Some((kind, size)) = kind_and_size else {
        let what = match code.first() {
            Some(b'c') => "complex numbers",
            Some(b'O') => "Python objects (pickle), which are never read",
            Some(b'U' | b'S' | b'a') => "strings",
            Some(b'M' | b'm') => "dates or times",
            Some(b'V') => "structured or raw bytes",
            _ => "not supported",
        };
        return Err(format!(
            "its dtype is {shown}: {what}. Save it as numbers with `numpy.save(file, x.astype('f8'))`"
        ));
    };
    Ok(Dtype { kind, size, big_endian })
}

fn damaged(what: &str) -> String {
    format!("the NPY header is damaged: {what}. Save the array again with `numpy.save`")
}

/// A place in the header's text.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_ascii_start();
        self.rest.first().copied()
    }

    fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        found
    }

    fn expect(&mut self, byte: u8) -> std::result::Result<(), String> {
        if self.accept(byte) { Ok(()) } else { Err(damaged(&format!("expected {:?}", char::from(byte)))) }
    }

    fn split(&mut self, n: usize) -> &'a [u8] {
        let (start, rest) = self.rest.split_at_checked(n).unwrap_or((self.rest, &[]));
        self.rest = rest;
        start
    }

    /// A quoted string without escapes: dtypes and keys have none.
    fn string(&mut self) -> std::result::Result<&'a [u8], String> {
        let quote = self
            .peek()
            .filter(|b| matches!(b, b'\'' | b'"'))
            .ok_or_else(|| damaged("expected a quoted string"))?;
        self.split(1);
        let n =
            self.rest.iter().position(|b| *b == quote).ok_or_else(|| damaged("a string is not closed"))?;
        let text = self.split(n);
        self.split(1);
        Ok(text)
    }

    fn descr(&mut self) -> std::result::Result<Vec<u8>, String> {
        if self.peek() == Some(b'[') {
            return Err(
                "its dtype is structured (named fields). Save the numbers as a 2-D array with `numpy.save`"
                    .into(),
            );
        }
        Ok(self.string()?.to_vec())
    }

    fn boolean(&mut self) -> std::result::Result<bool, String> {
        self.peek();
        for (word, value) in [(b"True".as_slice(), true), (b"False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(damaged("'fortran_order' is neither True nor False"))
    }

    fn shape(&mut self) -> std::result::Result<Vec<usize>, String> {
        self.expect(b'(')?;
        let mut shape = Vec::new();
        while !self.accept(b')') {
            if self.peek() == Some(b'-') {
                return Err(damaged("the shape has a negative size"));
            }
            let n = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let digits = std::str::from_utf8(self.split(n)).unwrap_or_default();
            if digits.is_empty() {
                return Err(damaged("the shape is not a tuple of whole numbers"));
            }
            shape.push(digits.parse().map_err(|_| damaged("a size in the shape is too large"))?);
            if shape.len() > 32 {
                return Err(damaged("the shape has more than 32 dimensions"));
            }
            self.accept(b'L'); // Python 2 wrote `(37L, 4L)`.
            if !self.accept(b',') {
                self.expect(b')')?;
                break;
            }
        }
        Ok(shape)
    }
}
