//! Pictures of mixtures, fits and sweeps as SVG, PNG and animated GIF, and reports as HTML (feature `plot`).
//!
//! ```
//! use wgmm::{FitOptions, Samples};
//! use wgmm::engines::CpuEngine;
//! use wgmm::plot;
//!
//! # fn main() -> wgmm::Result<()> {
//! let values = [0.0, 0.1, 0.2, 0.1, 5.0, 5.1, 5.2, 5.1];
//! let samples = Samples::new(&values[..], 2)?;
//! let fit = wgmm::fit(&samples, &FitOptions { reg_covar: 0.01, ..FitOptions::new(2) })?;
//! let mut engine = CpuEngine::new(&samples, None)?;
//! let figure = plot::mixture(&mut engine, &samples, &fit.model.parameters, &plot::PlotOptions::default())?;
//! assert!(figure.svg().contains("<ellipse"));
//! let png: Vec<u8> = figure.to_png()?;
//! # Ok(())
//! # }
//! ```
//! A figure is SVG; PNG and GIF are that SVG, drawn by [resvg](https://docs.rs/resvg) with a font that comes with
//! the crate, so that no fonts need be installed and every format shows the same. The same inputs give the same
//! bytes. Colours are Okabe & Ito's, which people with a colour vision deficiency can tell apart; a sample's
//! colour is its components' by its responsibilities.

mod axis;
mod canvas;
mod choice;
mod curves;
mod layout;
mod legend;
mod marks;
mod mixture;
mod page;
mod palette;
mod panel;
mod render;
mod truth;

#[doc(hidden)]
pub use choice::{MOST_FEATURES, most_separating};
pub use curves::{criteria, trace};
pub use mixture::mixture;
#[doc(hidden)]
pub use mixture::step;
#[doc(hidden)]
pub use page::{PageOptions, Section, SectionTable, page};
pub use render::Animation;

use crate::error::{Error, Result};

/// What to draw and how large.
#[derive(Debug, Clone, Default)]
pub struct PlotOptions<'a> {
    /// The features to show, by index from 0, at most [`MOST_FEATURES`]: one gives a histogram with the mixture's
    /// density, two a scatter, more a matrix of pairs. Empty takes the [`most_separating`] four.
    pub features: Vec<usize>,
    /// One true label per sample, drawn beside the fit in the colours of the components they share most
    /// samples with.
    pub truth: Option<&'a [String]>,
    /// What stands above the figure.
    pub title: Option<String>,
    /// Width and height in pixels; 800×600 if not given, 1200×600 with true labels.
    pub size: Option<(u32, u32)>,
}

/// Smallest and largest width and height of a figure, pixels.
#[doc(hidden)]
pub const SIZES: std::ops::RangeInclusive<u32> = 240..=8000;

impl PlotOptions<'_> {
    /// # Errors
    /// [`Error::Option`] naming `size`.
    fn checked_size(&self) -> Result<(u32, u32)> {
        let (width, height) = self.size.unwrap_or((if self.truth.is_some() { 1200 } else { 800 }, 600));
        if SIZES.contains(&width) && SIZES.contains(&height) {
            return Ok((width, height));
        }
        let allowed = format!("width and height are {} to {} pixels", SIZES.start(), SIZES.end());
        Err(Error::option("size", format!("{width}x{height}"), allowed))
    }
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    svg: String,
    width: u32,
    height: u32,
}

impl Figure {
    /// The picture as a whole SVG document. Several of them may stand in one HTML page.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// Width and height in pixels.
    #[doc(hidden)]
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }
}
