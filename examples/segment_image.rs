//! Segments an image by colour: pixels are samples of three features, every pixel gets its component's mean.
//!
//! `cargo run --release --example segment_image [IN.png OUT.png K]`

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use wgmm::em;
use wgmm::engines::CpuEngine;
use wgmm::infer;
use wgmm::{FitOptions, Samples};

/// Reads an 8-bit RGB or RGBA image, fits `k` components to its colours and writes the image of the means.
pub(crate) fn segment(input: &Path, output: &Path, k: usize) -> Result<(), Box<dyn Error>> {
    let mut reader = png::Decoder::new(BufReader::new(File::open(input)?)).read_info()?;
    let mut pixels = vec![0; reader.output_buffer_size().ok_or("the image is too large")?];
    let info = reader.next_frame(&mut pixels)?;
    let channels = info.color_type.samples();
    if channels < 3 || info.bit_depth != png::BitDepth::Eight {
        return Err(format!("{}: an 8-bit RGB or RGBA image is needed", input.display()).into());
    }
    let colours = pixels[..info.buffer_size()].chunks_exact(channels);
    let values: Vec<f32> = colours.flat_map(|pixel| pixel[..3].iter().map(|&c| f32::from(c))).collect();

    let samples = Samples::new(values, 3)?;
    // Equal colours are common: one unit of the 0..255 scale keeps every component from collapsing.
    let options = FitOptions { reg_covar: 1.0, ..FitOptions::new(k) };

    let mut engine = CpuEngine::new(&samples, None)?;
    let model = em::fit(&mut engine, &options, &mut em::NoObserver)?.model;
    let labels = infer::predict(&mut engine, &model.parameters)?;

    let mut encoder = png::Encoder::new(BufWriter::new(File::create(output)?), info.width, info.height);
    encoder.set_color(png::ColorType::Rgb);
    let means = labels.iter().flat_map(|&label| model.parameters.mean(label as usize));
    let bytes: Vec<u8> = means.map(|colour| colour.round().clamp(0.0, 255.0) as u8).collect();
    encoder.write_header()?.write_image_data(&bytes)?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/landscape.png");
    let input = args.next().unwrap_or_else(|| shipped.into());
    let output = args.next().unwrap_or_else(|| "segmented.png".into());
    let k = args.next().map_or(Ok(5), |k| k.parse())?;
    segment(Path::new(&input), Path::new(&output), k)?;
    println!("{input}: {k} colours, written to {output}");
    Ok(())
}
