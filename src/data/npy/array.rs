//! One array of an NPZ archive: any number of dimensions, numbers or text, whole in memory.

use std::io::Read;
use std::path::Path;

use super::header::{self, Fields};
use super::numbers;
use crate::data::source::NPY_MAGIC;
use crate::error::{Error, Result};

/// Bytes of one character of NumPy's `U` type (UCS-4).
const CHARACTER: usize = 4;

/// Bytes of a value and of a short text in memory.
const VALUE: u64 = size_of::<f64>() as u64;
const TEXT: u64 = 2 * size_of::<String>() as u64;

/// An array as it was read; the values are in C order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) content: Content,
}

/// The values of an [`Array`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Numbers(Vec<f64>),
    Text(Vec<String>),
}

impl Array {
    /// Bytes it takes, about.
    pub(crate) fn memory(&self) -> u64 {
        match &self.content {
            Content::Numbers(values) => VALUE * values.len() as u64,
            Content::Text(texts) => texts.iter().map(|text| TEXT + text.len() as u64).sum(),
        }
    }
}

/// Reads an array of `len` bytes, header included, and `reader` to its end. The header's claim must agree with
/// `len`, memory grows only with bytes that are there, and more than `most` bytes of it are refused.
pub(crate) fn read_array(reader: &mut dyn Read, len: u64, most: u64, path: &Path) -> Result<Array> {
    let bad = |what: String| Error::format(path, what);
    let mut magic = [0; 6];
    let mut reader = reader.take(len.saturating_add(1));
    reader.read_exact(&mut magic).map_err(|e| bad(format!("the array cannot be read: {e}")))?;
    if magic != NPY_MAGIC {
        return Err(bad("it is no NPY array. Save it again with `numpy.savez`".into()));
    }
    let mut start = std::io::Read::chain(&magic[..], &mut reader);
    let (text, header_len) = header::read_text(&mut start, path).map_err(|e| match e {
        // Unpacking failed, not the file.
        Error::Io { source, .. } => bad(format!("the array is damaged: {source}")),
        other => other,
    })?;
    let Fields { descr, fortran_order, shape } = header::fields(&text).map_err(bad)?;
    let length = characters(&descr);
    let numbers_of = match length {
        Some(_) => None,
        None => Some(header::dtype(&descr).map_err(bad)?),
    };
    let size = match (numbers_of, length) {
        (Some(dtype), _) => Some(dtype.size),
        (None, length) => length.unwrap_or(0).checked_mul(CHARACTER),
    };
    let count = shape.iter().try_fold(1usize, |n, axis| n.checked_mul(*axis));
    let claimed = count.zip(size).and_then(|(n, size)| n.checked_mul(size)).map(|n| n as u64);
    if claimed.and_then(|n| n.checked_add(header_len)) != Some(len) {
        return Err(bad(format!(
            "the header claims the shape {shape:?}, which does not agree with the {len} bytes of the array. Save it again with `numpy.savez`"
        )));
    }
    let each = if numbers_of.is_some() { VALUE } else { TEXT };
    let memory = count.map(|n| (n as u64).saturating_mul(each).saturating_add(len));
    if memory.is_none_or(|memory| memory > most) {
        return Err(bad(format!(
            "its {len} bytes unpacked are too many for an archive of this size. Save it again with `numpy.savez`, which does not compress"
        )));
    }
    let mut bytes = Vec::new();
    // To the end, so that the archive's checksum is compared.
    reader.read_to_end(&mut bytes).map_err(|e| bad(format!("the array is damaged: {e}")))?;
    if Some(bytes.len() as u64) != claimed {
        return Err(bad("the array is truncated. Save it again with `numpy.savez`".into()));
    }
    let content = match numbers_of {
        Some(dtype) => {
            let mut values = Vec::new();
            numbers(dtype, &bytes, &mut values);
            Content::Numbers(if fortran_order { c_order(&values, &shape) } else { values })
        }
        None => {
            let big_endian = descr.first() == Some(&b'>');
            let items = bytes.chunks_exact(size.unwrap_or(0).max(1));
            let items = items.map(|item| text_item(item, big_endian));
            let items: Option<Vec<String>> = items.collect();
            Content::Text(items.ok_or_else(|| bad("a text holds what is no character".into()))?)
        }
    };
    Ok(Array { shape, content })
}

/// Characters per item of NumPy's `U` type; none for other types.
fn characters(descr: &[u8]) -> Option<usize> {
    let code = descr.strip_prefix(b"<").or(descr.strip_prefix(b">")).or(descr.strip_prefix(b"="));
    let digits = code.unwrap_or(descr).strip_prefix(b"U")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// UCS-4, padded with NUL.
fn text_item(item: &[u8], big_endian: bool) -> Option<String> {
    let (units, _) = item.as_chunks::<CHARACTER>();
    let code =
        |unit: &[u8; 4]| if big_endian { u32::from_be_bytes(*unit) } else { u32::from_le_bytes(*unit) };
    let text: Option<String> = units.iter().map(|unit| char::from_u32(code(unit))).collect();
    text.map(|text| text.trim_end_matches('\0').to_owned())
}

/// Values of an array whose first index runs fastest, with the last running fastest.
fn c_order(values: &[f64], shape: &[usize]) -> Vec<f64> {
    let mut index = vec![0usize; shape.len()];
    let mut strides = vec![1usize; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    let mut ordered = Vec::with_capacity(values.len());
    while ordered.len() < values.len() {
        let at: usize = index.iter().zip(&strides).map(|(i, s)| i * s).sum();
        ordered.push(values.get(at).copied().unwrap_or(f64::NAN));
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    ordered
}
