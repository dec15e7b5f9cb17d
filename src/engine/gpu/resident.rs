//! Samples on the device: centred and scaled in f64, rounded to f32, in tiles of 128, chunk after chunk.

use std::ops::Range;

use rayon::prelude::*;

use super::context::Context;
use super::plan::{ALIGNMENT, TILE};
pub use crate::data::Scaling;
use crate::data::{Dataset, Scratch, chunks};
use crate::error::{Error, Result};

/// Samples converted and queued at a time.
const UPLOAD_ROWS: usize = 1 << 16;
/// Bytes queued before the device is given time to take them.
const UPLOAD_BYTES: usize = 256 << 20;

/// One chunk of samples in device memory.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Samples in it, without padding.
    pub(super) rows: usize,
    /// `[tile][feature][128]`.
    pub(super) samples: wgpu::Buffer,
    /// Weights and their log2, `[rows]`, where the samples have weights.
    pub(super) weights: Option<[wgpu::Buffer; 2]>,
}

/// Uploads the rows of `data` and says what they weigh: in chunks of at most `chunk_rows` samples (rounded up to [`ALIGNMENT`]), or fewer where
/// the device has no room for so many in one buffer. How they are cut changes no bit of any result.
pub(super) fn upload(
    context: &Context,
    data: &dyn Dataset,
    scaling: &Scaling,
    chunk_rows: Option<usize>,
) -> Result<(Vec<Chunk>, f64)> {
    let (all, d) = (data.rows(), data.facts().n_features);
    let largest = context.limits.binding_bytes.min(context.limits.buffer_bytes) / (4 * d as u64);
    let fitting = largest as usize / ALIGNMENT * ALIGNMENT;
    if fitting == 0 {
        return Err(Error::LimitExceeded {
            limit: "samples binding (bytes)",
            required: (ALIGNMENT * d * 4) as u64,
            available: context.limits.binding_bytes,
        });
    }
    let mut rows = chunk_rows.map_or(fitting, |r| r.next_multiple_of(ALIGNMENT).min(fitting));
    let (mut uploaded, mut total_weight) = (Vec::new(), 0.0);
    let mut start = all.start;
    while start < all.end {
        let here = rows.min(all.end - start);
        match upload_chunk(context, data, scaling, start..start + here) {
            Ok((chunk, weight)) => {
                uploaded.push(chunk);
                total_weight += weight;
                start += here;
            }
            // Memory in one piece is scarcer than memory: what was uploaded stays, the rest is cut finer.
            Err(Error::OutOfMemory { label, bytes }) if here > ALIGNMENT => {
                rows = (here / 2).next_multiple_of(ALIGNMENT);
                tracing::info!("no room for {label} ({bytes} bytes): on with chunks of {rows} samples");
                context.wait("wgmm/upload/samples")?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok((uploaded, total_weight))
}

fn upload_chunk(
    context: &Context,
    data: &dyn Dataset,
    scaling: &Scaling,
    rows: Range<usize>,
) -> Result<(Chunk, f64)> {
    let d = data.facts().n_features;
    let padded = rows.len().next_multiple_of(ALIGNMENT);
    let usage = wgpu::BufferUsages::STORAGE;
    let buffer = context.buffer("wgmm/upload/samples", (padded * d * 4) as u64, usage, false)?;
    let mut queued = 0;
    for first in (0..padded).step_by(UPLOAD_ROWS) {
        let count = UPLOAD_ROWS.min(padded - first);
        let bytes = count * d * 4;
        let mut written = Ok(());
        context.write("wgmm/upload/samples", (&buffer, first * d * 4), bytes, |tiles| {
            written = write_tiles(data, scaling, (rows.start + first).min(rows.end)..rows.end, tiles);
        })?;
        written?;
        queued += bytes;
        if queued >= UPLOAD_BYTES {
            context.submit(None);
            context.wait("wgmm/upload/samples")?;
            queued = 0;
        }
    }
    let (weights, total_weight) = match data.facts().is_weighted {
        false => (None, rows.len() as f64),
        true => {
            let mut padded_weights = vec![0.0; padded];
            let mut scratch = Scratch::default();
            for piece in chunks(rows.clone()) {
                let to = &mut padded_weights[piece.start - rows.start..piece.end - rows.start];
                let read = data.read(piece, &mut scratch)?;
                to.copy_from_slice(read.weights().unwrap_or_default());
            }
            let floats =
                |f: fn(f64) -> f64| padded_weights.iter().map(|w| f(*w) as f32).collect::<Vec<f32>>();
            let make = |label: &str, values: Vec<f32>| {
                let buffer = context.buffer(label, (values.len() * 4) as u64, usage, false)?;
                context.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(&values));
                Ok::<_, Error>(buffer)
            };
            // log2 of an absent sample is never used; 0 keeps it finite.
            let logs = floats(|w| if w > 0.0 { w.log2() } else { 0.0 });
            let buffers =
                [make("wgmm/upload/weights", floats(|w| w))?, make("wgmm/upload/log_weights", logs)?];
            (Some(buffers), padded_weights.iter().sum())
        }
    };
    context.submit(None);
    context.wait("wgmm/upload/samples")?;
    Ok((Chunk { rows: rows.len(), samples: buffer, weights }, total_weight))
}

/// Fills `out` with the tiles of `rows`, and with zeros after them, every thread its own.
fn write_tiles(
    data: &dyn Dataset,
    scaling: &Scaling,
    rows: Range<usize>,
    out: wgpu::WriteOnly<'_, [u8]>,
) -> Result<()> {
    let d = data.facts().n_features;
    // Of each tile the values of one feature; what is written is taken.
    let mut columns: Vec<_> = out.into_chunks::<{ TILE * 4 }>().0.into_iter().map(Some).collect();
    let buffers = || (vec![[0.0f32; TILE]; d], Scratch::default());
    let tiles = columns.par_chunks_mut(d).enumerate();
    tiles
        .map_init(buffers, |(tile, scratch), (number, columns)| {
            let first = rows.start + number * TILE;
            let range = first.min(rows.end)..(first + TILE).min(rows.end);
            if range.len() < TILE {
                tile.fill([0.0; TILE]);
            }
            for (i, (x, _)) in data.read(range, scratch)?.iter().enumerate() {
                for (column, value) in tile.iter_mut().zip(scaling.to_device(x)) {
                    column[i] = value as f32;
                }
            }
            let outs = columns.iter_mut().filter_map(Option::take);
            outs.zip(tile).for_each(|(out, column)| out.write(bytemuck::cast(*column)));
            Ok(())
        })
        .collect()
}
