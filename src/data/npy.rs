//! NPY: NumPy's array files.

mod array;
mod header;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub(crate) use self::array::{Content, read_array};
use self::header::{Dtype, Header, Kind};
use super::columns::{self, Selection};
use super::samples::{Samples, Values};
use super::source::Source;
use super::table::{Header as HeaderRow, Missing, Opened, Places, ReadOptions, Table, in_file};
use crate::error::{Error, Remedy, Result};

/// Bytes decoded at a time; a multiple of every value size.
const BLOCK: usize = 1 << 16;

/// Reads an NPY table.
pub(super) fn read(source: Source, options: &ReadOptions) -> Result<Opened> {
    let path = source.path().to_owned();
    if options.header == HeaderRow::Yes {
        return Err(Error::option("header", "yes", format!("{}: NPY has no header", path.display())));
    }
    let (header, mut data) = checked(source)?;
    let selection = columns::select(&path, options, None, header.n_columns)?;
    let reader = ReadTable { path, header, selection, missing: options.missing };
    let table = if header.dtype.kind == Kind::Float && header.dtype.size == 4 {
        reader.read::<f32>(&mut data)?
    } else {
        reader.read::<f64>(&mut data)?
    };
    Ok((table, reader.selection.weight_file))
}

/// Reads the header and checks its claim against the bytes that are there, before anything is allocated for it.
fn checked(mut source: Source) -> Result<(Header, Box<dyn Read>)> {
    let header = header::read(&mut source)?;
    let path = source.path().to_owned();
    let check = |found: u64| {
        if found == header.data_len as u64 {
            return Ok(());
        }
        let what = if found < header.data_len as u64 { "truncated" } else { "followed by other bytes" };
        Err(Error::format(
            &path,
            format!(
                "the header claims {} rows and {} columns, that is {} bytes of data, but {found} bytes are there: the array is {what}. Save it again with `numpy.save`",
                header.n_rows, header.n_columns, header.data_len
            ),
        ))
    };
    if let Some(len) = source.len() {
        check(len.saturating_sub(header.header_len))?;
        return Ok((header, Box::new(source)));
    }
    // A pipe: its length is known only once it is read, and the claim must not be trusted before.
    let mut bytes = Vec::new();
    source.take(header.data_len as u64 + 1).read_to_end(&mut bytes).map_err(|e| Error::read(&path, e))?;
    check(bytes.len() as u64)?;
    Ok((header, Box::new(io::Cursor::new(bytes))))
}

/// A value of a table: `f32` or `f64`.
trait Value: Copy + Default {
    fn narrow(value: f64) -> Self;
    fn widen(self) -> f64;
}
impl Value for f32 {
    fn narrow(value: f64) -> Self {
        value as f32 // exact: only `f4` files are read as f32
    }
    fn widen(self) -> f64 {
        f64::from(self)
    }
}
impl Value for f64 {
    fn narrow(value: f64) -> Self {
        value
    }
    fn widen(self) -> f64 {
        self
    }
}

struct ReadTable {
    path: PathBuf,
    header: Header,
    selection: Selection,
    missing: Missing,
}

impl ReadTable {
    fn read<T: Value>(&self, data: &mut dyn Read) -> Result<Table>
    where
        Values<'static>: From<Vec<T>>,
    {
        let mut values = self.selected::<T>(data)?;
        let dropped = self.drop_rows(&mut values)?;
        let n_features = self.selection.features.len();
        let weights = self.selection.weight.map(|_| split_last(&mut values, n_features + 1));
        if values.is_empty() {
            return Err(Error::format(
                &self.path,
                "no data rows are left: every row has a value that is not finite",
            ));
        }
        let mut samples = Samples::new(values, n_features).map_err(|e| in_file(&self.path, e))?;
        if let Some(weights) = weights {
            samples = samples.with_sample_weights(weights).map_err(|e| in_file(&self.path, e))?;
        }
        let mut places = Places::default();
        let mut left_out = dropped.iter().peekable();
        for row in 0..self.header.n_rows {
            if left_out.next_if_eq(&&row).is_none() {
                places.push(row as u64);
            }
        }
        let dropped_rows = dropped.iter().map(|&row| row as u64).collect();
        Ok(Table { samples, dropped_rows, has_header: false, dropped, places })
    }

    /// The selected columns, row-major, the weight column last.
    fn selected<T: Value>(&self, data: &mut dyn Read) -> Result<Vec<T>> {
        let Header { n_rows, n_columns, fortran_order, .. } = self.header;
        let mut place = vec![None; n_columns];
        let mut width = 0;
        for (to, column) in self.selection.used().enumerate() {
            if let Some(place) = place.get_mut(column) {
                *place = Some(to);
            }
            width = to + 1;
        }
        let in_order = !fortran_order && self.selection.used().eq(0..n_columns);
        let mut values = Vec::new();
        // Cannot overflow: width <= n_columns, and the whole array was checked.
        if values.try_reserve_exact(n_rows * width).is_err() {
            let what = format!("{n_rows} rows of {width} columns do not fit into memory");
            return Err(Error::format(&self.path, what).with_remedy(Remedy::FewerColumns));
        }
        if !in_order {
            values.resize(n_rows * width, T::default());
        }
        let (mut row, mut column) = (0, 0);
        self.decode(data, |block| {
            if in_order {
                values.extend(block.iter().copied().map(T::narrow));
                return;
            }
            for &value in block {
                if let Some(Some(to)) = place.get(column)
                    && let Some(slot) = values.get_mut(row * width + to)
                {
                    *slot = T::narrow(value);
                }
                let (fast, slow, end) = if fortran_order {
                    (&mut row, &mut column, n_rows)
                } else {
                    (&mut column, &mut row, n_columns)
                };
                *fast += 1;
                if *fast == end {
                    *fast = 0;
                    *slow += 1;
                }
            }
        })?;
        Ok(values)
    }

    /// Hands all values to `each`, in file order, block by block.
    fn decode(&self, data: &mut dyn Read, mut each: impl FnMut(&[f64])) -> Result<()> {
        let mut left = self.header.data_len;
        let mut bytes = vec![0; BLOCK];
        let mut block = Vec::with_capacity(BLOCK / self.header.dtype.size);
        while left > 0 {
            let n = left.min(BLOCK);
            let Some(bytes) = bytes.get_mut(..n) else { break };
            data.read_exact(bytes).map_err(|e| Error::read(&self.path, e))?;
            block.clear();
            numbers(self.header.dtype, bytes, &mut block);
            each(&block);
            left -= n;
        }
        Ok(())
    }

    /// Applies `missing` to rows with NaN or infinities: compacts `values`, or names the first.
    fn drop_rows<T: Value>(&self, values: &mut Vec<T>) -> Result<Vec<usize>> {
        let used: Vec<usize> = self.selection.used().collect();
        let width = used.len();
        let (mut dropped, mut kept) = (Vec::new(), 0);
        for row in 0..self.header.n_rows {
            let cells = row * width..(row + 1) * width;
            let mut pairs = values.get(cells.clone()).unwrap_or_default().iter().zip(&used);
            match pairs.find(|(value, _)| !value.widen().is_finite()) {
                None => {
                    if kept != cells.start {
                        values.copy_within(cells, kept);
                    }
                    kept += width;
                }
                Some(_) if self.missing == Missing::Drop => dropped.push(row),
                Some((value, &column)) => {
                    let origin = self.path.display().to_string();
                    return Err(Error::NonFinite { origin, row, column, value: value.widen() });
                }
            }
        }
        values.truncate(kept);
        Ok(dropped)
    }
}

/// Takes the last column out of `values`.
fn split_last<T: Value>(values: &mut Vec<T>, width: usize) -> Vec<f64> {
    let last = values.iter().skip(width - 1).step_by(width).map(|value| value.widen()).collect();
    let mut index = 0;
    values.retain(|_| {
        index += 1;
        index % width != 0
    });
    last
}

/// Decodes whole values.
fn numbers(dtype: Dtype, bytes: &[u8], out: &mut Vec<f64>) {
    macro_rules! decode {
        ($type:ty, $size:literal, $widen:expr) => {{
            let (chunks, _) = bytes.as_chunks::<$size>();
            let widen = $widen;
            if dtype.big_endian {
                out.extend(chunks.iter().map(|chunk| widen(<$type>::from_be_bytes(*chunk))));
            } else {
                out.extend(chunks.iter().map(|chunk| widen(<$type>::from_le_bytes(*chunk))));
            }
        }};
    }
    match (dtype.kind, dtype.size) {
        (Kind::Float, 2) => decode!(u16, 2, half),
        (Kind::Float, 4) => decode!(f32, 4, f64::from),
        (Kind::Float, _) => decode!(f64, 8, |x| x),
        (Kind::Int, 1) => decode!(i8, 1, f64::from),
        (Kind::Int, 2) => decode!(i16, 2, f64::from),
        (Kind::Int, 4) => decode!(i32, 4, f64::from),
        (Kind::Int, _) => decode!(i64, 8, |x| x as f64),
        (Kind::Uint, 1) => decode!(u8, 1, f64::from),
        (Kind::Uint, 2) => decode!(u16, 2, f64::from),
        (Kind::Uint, 4) => decode!(u32, 4, f64::from),
        (Kind::Uint, _) => decode!(u64, 8, |x| x as f64),
        (Kind::Bool, _) => out.extend(bytes.iter().map(|b| f64::from(u8::from(*b != 0)))),
    }
}

/// IEEE half precision, widened exactly.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f64::from(bits & 0x3ff);
    sign * match exponent {
        0 => fraction * f64::powi(2.0, -24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * f64::powi(2.0, exponent - 25),
    }
}

/// An NPY table as it is, for copying: row-major f64 values and the number of columns; nothing is checked for
/// being finite.
pub(super) fn read_all(path: &Path, source: Source) -> Result<(Vec<f64>, usize)> {
    let (header, mut data) = checked(source)?;
    let selection = columns::select(path, &ReadOptions::default(), None, header.n_columns)?;
    let reader = ReadTable { path: path.into(), header, selection, missing: Missing::Error };
    Ok((reader.selected::<f64>(&mut data)?, header.n_columns))
}
