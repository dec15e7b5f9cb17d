//! SVG to pixels, and pixels to PNG and GIF.

use std::io::Write;
use std::sync::{Arc, OnceLock};

use gif::{Encoder, Frame, Repeat};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, fontdb};

use super::Figure;
use crate::error::{Error, Result};

/// Roboto, reduced to [`COVERED`]; see `font/README.md`.
static FONT: &[u8] = include_bytes!("font/Roboto-Regular.ttf");
/// What the font has beside signs: Latin, Greek and Cyrillic; and blocks of signs it has in part.
const COVERED: [std::ops::RangeInclusive<char>; 4] =
    ['\0'..='\u{24f}', '\u{370}'..='\u{45f}', '\u{1e00}'..='\u{1eff}', '\u{2010}'..='\u{22ff}'];
/// Time that a frame of an animation is shown, in hundredths of a second; the last one longer.
const FRAME_TIME: u16 = 25;
const LAST_FRAME_TIME: u16 = 300;
/// Speed of the search for 256 colours, 1 (best) to 30.
const QUANTISATION_SPEED: i32 = 10;

/// A failure to draw.
pub(super) fn drawing(reason: impl std::fmt::Display) -> Error {
    Error::Io {
        path: "the figure".into(),
        action: "draw",
        source: std::io::Error::other(reason.to_string()),
        hint: "Write an .svg instead",
    }
}

fn fonts(svg: &str) -> Arc<fontdb::Database> {
    static OURS: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    static ALL: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    let ours = || {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(FONT.to_vec());
        fonts
    };
    // Names in other scripts are drawn with the system's fonts, where it has them.
    if svg.chars().all(|c| COVERED.iter().any(|range| range.contains(&c))) {
        return OURS.get_or_init(|| Arc::new(ours())).clone();
    }
    let all = || {
        let mut fonts = ours();
        fonts.load_system_fonts();
        Arc::new(fonts)
    };
    ALL.get_or_init(all).clone()
}

impl Figure {
    /// The picture as PNG, one pixel per unit.
    ///
    /// # Errors
    /// [`Error::Io`] with the action `draw`, where memory for the pixels is missing.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        self.pixels()?.encode_png().map_err(drawing)
    }

    fn pixels(&self) -> Result<Pixmap> {
        let options = usvg::Options {
            font_family: "Roboto".into(),
            fontdb: fonts(&self.svg),
            ..usvg::Options::default()
        };
        let tree = usvg::Tree::from_str(&self.svg, &options).map_err(drawing)?;
        let mut pixels = Pixmap::new(self.width, self.height).ok_or_else(|| drawing("no memory"))?;
        resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
        Ok(pixels)
    }
}

/// An animated GIF that is written frame by frame, four a second, and repeats for ever.
pub struct Animation<W: Write> {
    out: Option<W>,
    encoder: Option<Encoder<W>>,
    /// The newest frame: only the end knows that it was the last.
    pending: Option<Frame<'static>>,
}

impl<W: Write> Animation<W> {
    /// Nothing is written before the first frame.
    pub fn new(out: W) -> Self {
        Animation { out: Some(out), encoder: None, pending: None }
    }

    /// Adds a picture; all of one size.
    ///
    /// # Errors
    /// [`Error::Shape`] for another size than the first; [`Error::Io`] for what cannot be drawn or written.
    pub fn add(&mut self, figure: &Figure) -> Result<()> {
        let size = |v: u32| u16::try_from(v).map_err(drawing);
        let (width, height) = (size(figure.width)?, size(figure.height)?);
        let mut pixels = figure.pixels()?.take();
        let mut frame = Frame::from_rgba_speed(width, height, &mut pixels, QUANTISATION_SPEED);
        frame.delay = FRAME_TIME;
        if let Some(first) = &self.pending
            && (first.width, first.height) != (width, height)
        {
            let of = |w, h| format!("{w}x{h} pixels");
            return Err(Error::shape("frames", of(first.width, first.height), of(width, height)));
        }
        if let Some(out) = self.out.take() {
            let mut encoder = Encoder::new(out, width, height, &[]).map_err(drawing)?;
            encoder.set_repeat(Repeat::Infinite).map_err(drawing)?;
            self.encoder = Some(encoder);
        }
        match self.pending.replace(frame) {
            Some(before) => self.write(&before),
            None => Ok(()),
        }
    }

    fn write(&mut self, frame: &Frame<'_>) -> Result<()> {
        self.encoder.as_mut().map_or(Ok(()), |encoder| encoder.write_frame(frame).map_err(drawing))
    }

    /// Writes the last frame and gives back where it was written to.
    ///
    /// # Errors
    /// [`Error::Shape`] if there was no frame; [`Error::Io`].
    pub fn finish(mut self) -> Result<W> {
        if let Some(mut last) = self.pending.take() {
            last.delay = LAST_FRAME_TIME;
            self.write(&last)?;
        }
        match self.encoder {
            Some(encoder) => encoder.into_inner().map_err(drawing),
            None => Err(Error::shape("frames of an animation", "at least 1", 0)),
        }
    }
}
