//! Samples on the device: centred and scaled in f64, rounded to f32, in tiles of 128, chunk after chunk.

use std::ops::Range;
use std::time::Instant;

use rayon::prelude::*;

use super::context::Context;
use super::options::GpuOptions;
use super::problem::{ALIGNMENT, TILE};
use super::timing::{HostSeconds, lap};
use crate::data::{Dataset, Scaling, Scratch, chunks};
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

/// An open device with the samples on it.
#[derive(Debug)]
pub(super) struct Resident {
    pub(super) context: Context,
    pub(super) chunks: Vec<Chunk>,
    pub(super) scaling: Scaling,
    /// Σ weights of the samples of each tile, if they have weights.
    tile_weights: Vec<f64>,
}

impl Resident {
    /// Opens the adapter that is asked for and uploads the rows of `data`.
    pub(super) fn new(
        data: &dyn Dataset,
        options: &GpuOptions,
        seconds: &mut HostSeconds,
    ) -> Result<Resident> {
        let mut clock = Instant::now();
        let context = Context::open(options.adapter.as_deref(), options.allow_software, &options.testing)?;
        seconds.open = lap(&mut clock);
        let scaling = Scaling::of(data)?.clone();
        seconds.scaling = lap(&mut clock);
        let (chunks, tile_weights) = upload(&context, data, &scaling, options.chunk_rows)?;
        seconds.upload = lap(&mut clock);
        Ok(Resident { context, chunks, scaling, tile_weights })
    }

    /// Σ weights of `rows`, counted from the first one here: whole tiles, or what there is of the last.
    pub(super) fn weight(&self, rows: &Range<usize>) -> f64 {
        if self.tile_weights.is_empty() {
            return rows.len() as f64;
        }
        self.tile_weights[rows.start / TILE..rows.end.div_ceil(TILE)].iter().sum()
    }
}

/// Uploads the rows of `data` and says what the tiles weigh (nothing without weights): in chunks of at most `chunk_rows` samples (rounded up to
/// [`ALIGNMENT`]), or fewer if the device has no room for so many in one buffer. How they are cut changes no bit of any
/// result.
fn upload(
    context: &Context,
    data: &dyn Dataset,
    scaling: &Scaling,
    chunk_rows: Option<usize>,
) -> Result<(Vec<Chunk>, Vec<f64>)> {
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
    let (mut uploaded, mut tile_weights) = (Vec::new(), Vec::new());
    let mut start = all.start;
    while start < all.end {
        let here = rows.min(all.end - start);
        match upload_chunk(context, data, scaling, start..start + here) {
            Ok((chunk, weights)) => {
                uploaded.push(chunk);
                tile_weights.extend(weights);
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
    Ok((uploaded, tile_weights))
}

fn upload_chunk(
    context: &Context,
    data: &dyn Dataset,
    scaling: &Scaling,
    rows: Range<usize>,
) -> Result<(Chunk, Vec<f64>)> {
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
    let (weights, tile_weights) = match data.facts().is_weighted {
        false => (None, Vec::new()),
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
            (Some(buffers), padded_weights.chunks(TILE).map(|tile| tile.iter().sum()).collect())
        }
    };
    context.submit(None);
    context.wait("wgmm/upload/samples")?;
    Ok((Chunk { rows: rows.len(), samples: buffer, weights }, tile_weights))
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
