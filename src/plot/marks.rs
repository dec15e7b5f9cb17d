//! What samples leave in a panel: dots while they are few, a picture of their density beyond that, or bars.

use std::collections::BTreeMap;

use resvg::tiny_skia::{ColorU8, Pixmap};

use super::canvas::{Canvas, Rect, dot};
use super::palette::Rgb;
use super::render::drawing;
use crate::error::Result;

/// Samples of one panel that are drawn as dots; more become a picture of their density.
pub(super) const MOST_DOTS: usize = 20_000;
/// Dots of all panels of a figure.
pub(super) const MOST_DOTS_IN_ALL: usize = 60_000;
/// From here on cells of the density are single pixels.
const MANY: usize = 200_000;

/// Samples of one panel.
pub(super) enum Marks {
    Dots { paths: BTreeMap<[u8; 3], String>, diameter: f64 },
    Density(Density),
}

impl Marks {
    /// For `n_samples` in each of `n_panels` panels, this one `area`.
    pub(super) fn new(n_samples: usize, n_panels: usize, area: Rect) -> Self {
        if n_samples <= MOST_DOTS && n_samples * n_panels <= MOST_DOTS_IN_ALL {
            let room = (area.width * area.height / 160_000.0).sqrt().clamp(0.6, 1.2);
            let diameter = match n_samples {
                0..500 => 5.0,
                500..3000 => 3.6,
                _ => 2.4,
            };
            return Marks::Dots { paths: BTreeMap::new(), diameter: diameter * room };
        }
        Marks::Density(Density::new(area, if n_samples >= MANY { 1.0 } else { 2.0 }))
    }

    /// Adds a sample at a pixel of the figure.
    pub(super) fn add(&mut self, (x, y): (f64, f64), weight: f64, colour: Rgb) {
        match self {
            Marks::Dots { paths, .. } => {
                // Sixteen shades of each primary: equal ones share a path.
                let shade = colour.map(|c| ((c / 17.0).round() * 17.0) as u8);
                dot(paths.entry(shade).or_default(), x, y);
            }
            Marks::Density(density) => density.add(x, y, weight, colour),
        }
    }

    /// # Errors
    /// A picture that cannot be encoded.
    pub(super) fn draw(&self, canvas: &mut Canvas) -> Result<()> {
        match self {
            Marks::Dots { paths, diameter } => {
                for (shade, path) in paths {
                    canvas.dots(path, shade.map(f64::from), *diameter, 0.65);
                }
                Ok(())
            }
            Marks::Density(density) => density.draw(canvas),
        }
    }
}

/// Weights and colours of the samples in square cells.
pub(super) struct Density {
    area: Rect,
    cell: f64,
    columns: usize,
    rows: usize,
    /// Σ weight, and Σ weight · colour.
    sums: Vec<[f32; 4]>,
}

impl Density {
    fn new(area: Rect, cell: f64) -> Self {
        let (columns, rows) = ((area.width / cell).ceil() as usize, (area.height / cell).ceil() as usize);
        Density { area, cell, columns, rows, sums: vec![[0.0; 4]; columns * rows] }
    }

    fn add(&mut self, x: f64, y: f64, weight: f64, colour: Rgb) {
        let (column, row) = ((x - self.area.x) / self.cell, (y - self.area.y) / self.cell);
        if column >= 0.0 && row >= 0.0 && column < self.columns as f64 && row < self.rows as f64 {
            let sums = &mut self.sums[row as usize * self.columns + column as usize];
            sums[0] += weight as f32;
            for (sum, c) in sums[1..].iter_mut().zip(colour) {
                *sum += (weight * c) as f32;
            }
        }
    }

    fn draw(&self, canvas: &mut Canvas) -> Result<()> {
        let size = (self.columns as u32, self.rows as u32);
        let mut picture = Pixmap::new(size.0, size.1).ok_or_else(|| drawing("an empty panel"))?;
        let most = self.sums.iter().fold(0.0f32, |most, s| most.max(s[0]));
        let least = self.sums.iter().map(|s| s[0]).filter(|s| *s > 0.0).fold(most, f32::min);
        // Logarithmic: one sample is seen beside thousands.
        let range = f64::from(most / least).ln();
        for (pixel, sums) in picture.pixels_mut().iter_mut().zip(&self.sums) {
            if sums[0] > 0.0 {
                let share = if range > 0.0 { f64::from(sums[0] / least).ln() / range } else { 1.0 };
                // Few different values: the file stays small.
                let alpha = ((0.3 + 0.7 * share) * 24.0).round() / 24.0 * 255.0;
                let shade = |sum: f32| ((f64::from(sum / sums[0]) / 8.5).round() * 8.5) as u8;
                *pixel = ColorU8::from_rgba(shade(sums[1]), shade(sums[2]), shade(sums[3]), alpha as u8)
                    .premultiply();
            }
        }
        let area = Rect {
            width: self.columns as f64 * self.cell,
            height: self.rows as f64 * self.cell,
            ..self.area
        };
        canvas.image(area, &picture.encode_png().map_err(drawing)?);
        Ok(())
    }
}

/// A histogram of one feature: Σ weight in bins of equal width, of one or more classes.
pub(super) struct Bars {
    n_bins: usize,
    /// `[classes, bins]`.
    sums: Vec<f64>,
}

impl Bars {
    /// About 3 n^⅓ bins, somewhat more than Rice's rule, as far as `width` pixels can show them.
    pub(super) fn new(n_samples: usize, width: f64, n_classes: usize) -> Self {
        let n_bins = (3.0 * (n_samples as f64).cbrt()).min(width / 4.0).clamp(5.0, 120.0) as usize;
        Bars { n_bins, sums: vec![0.0; n_bins * n_classes] }
    }

    /// Adds a sample at `share` of the axis, 0 to 1.
    pub(super) fn add(&mut self, share: f64, weight: f64, class: usize) {
        let bin = ((share * self.n_bins as f64) as usize).min(self.n_bins - 1);
        self.sums[class * self.n_bins + bin] += weight;
    }

    /// The largest Σ weight of a bin, as a density over an axis of length 1.
    pub(super) fn tallest(&self) -> f64 {
        let total: f64 = self.sums.iter().sum();
        let bin = |b: usize| self.sums.iter().skip(b).step_by(self.n_bins).sum::<f64>();
        (0..self.n_bins).map(bin).fold(0.0, f64::max) * self.n_bins as f64 / total.max(f64::MIN_POSITIVE)
    }

    /// Draws the bins over `area`, classes on top of each other; `top` is the density at its upper edge.
    pub(super) fn draw(&self, canvas: &mut Canvas, area: Rect, top: f64, colours: &[Rgb]) {
        let unit =
            self.n_bins as f64 / self.sums.iter().sum::<f64>().max(f64::MIN_POSITIVE) / top * area.height;
        let width = area.width / self.n_bins as f64;
        for bin in 0..self.n_bins {
            let mut base = area.bottom();
            for (class, colour) in colours.iter().enumerate() {
                let height = self.sums[class * self.n_bins + bin] * unit;
                if height > 0.0 {
                    let x = area.x + bin as f64 * width;
                    canvas.bar(Rect { x, y: base - height, width: (width - 0.5).max(0.5), height }, *colour);
                    base -= height;
                }
            }
        }
    }
}
