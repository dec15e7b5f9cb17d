//! SVG to pixels, and pixels to PNG and GIF.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

use gif::{Encoder, Frame, Repeat};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, fontdb};

use super::Figure;
use crate::error::{Error, Result};

/// Roboto, reduced to [`COVERED`]; see `font/README.md`.
static FONT: &[u8] = include_bytes!("font/Roboto-Regular.ttf");
/// Blocks that the font covers: Latin, Greek, Cyrillic, and some blocks of signs in part.
const COVERED: [std::ops::RangeInclusive<char>; 4] =
    ['\0'..='\u{24f}', '\u{370}'..='\u{45f}', '\u{1e00}'..='\u{1eff}', '\u{2010}'..='\u{22ff}'];
/// Characters that a warning names at most.
const MOST_NAMED: usize = 10;
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
    // Names in other scripts are drawn with the system's fonts, if it has them.
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

/// Says which characters of the texts no font has, each once in a process: an animation has many frames.
fn warn_of_missing(root: &usvg::Group) {
    static SAID: Mutex<BTreeSet<char>> = Mutex::new(BTreeSet::new());
    let mut missing = BTreeSet::new();
    collect_missing(root, &mut missing);
    let Ok(mut said) = SAID.lock() else { return };
    missing.retain(|c| said.insert(*c));
    if missing.is_empty() {
        return;
    }
    let shown = missing.iter().take(MOST_NAMED).map(|&c| {
        let code = format!("U+{:04X}", u32::from(c));
        if c.is_alphanumeric() { format!("{c} ({code})") } else { code }
    });
    let more = missing.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!(" and {more} more characters") } else { String::new() };
    tracing::warn!(
        "no font has {}{more}: the picture lacks them. Install a font that has them, or write an .svg",
        shown.collect::<Vec<String>>().join(", ")
    );
}

fn collect_missing(group: &usvg::Group, missing: &mut BTreeSet<char>) {
    for node in group.children() {
        match node {
            usvg::Node::Group(inner) => collect_missing(inner, missing),
            usvg::Node::Text(text) => {
                let glyphs = text.layouted().iter().flat_map(|span| &span.positioned_glyphs);
                // A font draws a character that it lacks as its glyph 0.
                missing.extend(glyphs.filter(|glyph| glyph.id.0 == 0).flat_map(|glyph| glyph.text.chars()));
            }
            _ => {}
        }
    }
}

impl Figure {
    /// The picture as PNG, one pixel per unit. A warning names the characters that no font has.
    ///
    /// # Errors
    /// [`Error::Io`] with the action `draw`, if there is no memory for the pixels.
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
        warn_of_missing(tree.root());
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

    /// Writes the last frame and gives back the writer.
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
