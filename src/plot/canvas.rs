//! SVG as text: the few elements that the figures are made of, in pixels from the upper left corner.

use std::fmt::{self, Display, Write};

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::palette::{INK, Rgb, hex};

/// Height of most text.
pub(super) const FONT_SIZE: f64 = 12.0;

/// A coordinate: at most two digits, and no `-0`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Px(pub(super) f64);

impl Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Adding 0 turns −0 into 0.
        write!(f, "{}", (self.0.clamp(-1e6, 1e6) * 100.0).round() / 100.0 + 0.0)
    }
}

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Rect {
    pub(super) fn right(&self) -> f64 {
        self.x + self.width
    }

    pub(super) fn bottom(&self) -> f64 {
        self.y + self.height
    }
}

/// Which point of a text stands at its place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// The look of a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stroke {
    pub(super) colour: Rgb,
    pub(super) width: f64,
    pub(super) dashed: bool,
}

impl Stroke {
    pub(super) fn solid(colour: Rgb, width: f64) -> Self {
        Stroke { colour, width, dashed: false }
    }
}

impl Display for Stroke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dashes = if self.dashed { " stroke-dasharray=\"5 3\"" } else { "" };
        write!(f, "fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{dashes}", hex(self.colour), Px(self.width))
    }
}

/// An SVG document that is being written.
pub(super) struct Canvas {
    out: String,
    /// Begins every id, so that several figures may stand in one page.
    name: &'static str,
    clips: usize,
    width: f64,
}

impl Canvas {
    /// A white page. `title` is what screen readers say.
    pub(super) fn new(name: &'static str, width: u32, height: u32, title: &str) -> Self {
        let out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" \
             font-family=\"Roboto, Helvetica, Arial, sans-serif\" font-size=\"{FONT_SIZE}\">\n\
             <title>{}</title>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n",
            escape(title)
        );
        Canvas { out, name, clips: 0, width: width.into() }
    }

    /// What stands above everything, as much of it as has room.
    pub(super) fn title(&mut self, text: &str) {
        let (margin, size) = (14.0, FONT_SIZE + 2.0);
        self.text((margin, 22.0), Anchor::Start, size, &fitted(text, self.width - 2.0 * margin, size));
    }

    pub(super) fn finish(mut self) -> String {
        self.out += "</svg>\n";
        self.out
    }

    fn element(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a string never fails.
        let _ = self.out.write_fmt(text);
        self.out.push('\n');
    }

    /// Begins a group; what is drawn until [`Canvas::close`] belongs to it.
    pub(super) fn open(&mut self, class: &str) {
        self.element(format_args!("<g class=\"{class}\">"));
    }

    /// Begins a group of which only what lies in `area` is seen.
    pub(super) fn open_clipped(&mut self, class: &str, area: Rect) {
        let id = format!("{}-clip{}", self.name, self.clips);
        self.clips += 1;
        let (x, y, w, h) = (Px(area.x), Px(area.y), Px(area.width), Px(area.height));
        self.element(format_args!(
            "<clipPath id=\"{id}\"><rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"/></clipPath>"
        ));
        self.element(format_args!("<g class=\"{class}\" clip-path=\"url(#{id})\">"));
    }

    pub(super) fn close(&mut self) {
        self.out += "</g>\n";
    }

    /// A filled rectangle.
    pub(super) fn bar(&mut self, area: Rect, fill: Rgb) {
        let (x, y, w, h) = (Px(area.x), Px(area.y), Px(area.width), Px(area.height));
        let fill = hex(fill);
        self.element(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"{fill}\"/>"
        ));
    }

    pub(super) fn frame(&mut self, area: Rect, stroke: Stroke) {
        let (x, y, w, h) = (Px(area.x), Px(area.y), Px(area.width), Px(area.height));
        self.element(format_args!("<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" {stroke}/>"));
    }

    pub(super) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), stroke: Stroke) {
        let (x1, y1, x2, y2) = (Px(x1), Px(y1), Px(x2), Px(y2));
        self.element(format_args!("<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" {stroke}/>"));
    }

    /// A line through all `points`.
    pub(super) fn polyline(&mut self, class: &str, points: &[(f64, f64)], stroke: Stroke) {
        let mut list = String::new();
        for (x, y) in points {
            let _ = write!(list, "{},{} ", Px(*x), Px(*y));
        }
        self.element(format_args!(
            "<polyline class=\"{class}\" points=\"{}\" stroke-linejoin=\"round\" {stroke}/>",
            list.trim_end()
        ));
    }

    pub(super) fn circle(&mut self, class: &str, (x, y): (f64, f64), radius: f64, fill: Rgb, edge: Rgb) {
        let (x, y, radius) = (Px(x), Px(y), Px(radius));
        let (fill, edge) = (hex(fill), hex(edge));
        self.element(format_args!(
            "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{fill}\" stroke=\"{edge}\"/>"
        ));
    }

    /// An ellipse with half axes `radii`, turned by `degrees` clockwise.
    pub(super) fn ellipse(
        &mut self,
        class: &str,
        (x, y): (f64, f64),
        (rx, ry): (f64, f64),
        degrees: f64,
        stroke: Stroke,
    ) {
        let (x, y, rx, ry, degrees) = (Px(x), Px(y), Px(rx), Px(ry), Px(degrees));
        self.element(format_args!(
            "<ellipse class=\"{class}\" cx=\"{x}\" cy=\"{y}\" rx=\"{rx}\" ry=\"{ry}\" \
             transform=\"rotate({degrees} {x} {y})\" {stroke}/>"
        ));
    }

    /// Round dots of one colour; `path` as [`dot`] makes it.
    pub(super) fn dots(&mut self, path: &str, colour: Rgb, diameter: f64, opacity: f64) {
        let (colour, diameter) = (hex(colour), Px(diameter));
        self.element(format_args!(
            "<path class=\"dots\" d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{diameter}\" \
             stroke-linecap=\"round\" stroke-opacity=\"{opacity}\"/>"
        ));
    }

    /// A PNG, stretched over `area`.
    pub(super) fn image(&mut self, area: Rect, png: &[u8]) {
        let (x, y, w, h) = (Px(area.x), Px(area.y), Px(area.width), Px(area.height));
        let data = BASE64_STANDARD.encode(png);
        self.element(format_args!(
            "<image class=\"density\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" \
             preserveAspectRatio=\"none\" href=\"data:image/png;base64,{data}\"/>"
        ));
    }

    pub(super) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, size: f64, text: &str) {
        self.label(x, y, anchor, size, "", text);
    }

    /// Text that reads upwards.
    pub(super) fn text_up(&mut self, (x, y): (f64, f64), size: f64, text: &str) {
        let turn = format!(" transform=\"rotate(-90 {} {})\"", Px(x), Px(y));
        self.label(x, y, Anchor::Middle, size, &turn, text);
    }

    /// Text that can be read on any background.
    pub(super) fn text_on_marks(&mut self, (x, y): (f64, f64), size: f64, text: &str) {
        let halo = " stroke=\"#ffffff\" stroke-width=\"3\" stroke-linejoin=\"round\" \
                    paint-order=\"stroke\"";
        self.label(x, y, Anchor::Start, size, halo, text);
    }

    fn label(&mut self, x: f64, y: f64, anchor: Anchor, size: f64, more: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let (x, y, size, fill) = (Px(x), Px(y), Px(size), hex(INK));
        let text = escape(text);
        self.element(format_args!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" text-anchor=\"{anchor}\" fill=\"{fill}\"{more}>{text}</text>"
        ));
    }
}

/// Adds one dot to a path for [`Canvas::dots`]: a line so short that only its round ends are seen.
pub(super) fn dot(path: &mut String, x: f64, y: f64) {
    let tenth = |v: f64| (v * 10.0).round() / 10.0 + 0.0;
    let _ = write!(path, "M{} {}h.01", tenth(x), tenth(y));
}

/// Text for XML: no markup, and no characters that XML 1.0 forbids.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\n' | '\t' | '\r' => out.push(' '),
            '\0'..='\u{1f}' | '\u{7f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

/// About how wide `text` will be.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let em = |c: char| match c {
        'i' | 'j' | 'l' | '.' | ',' | ' ' | '\'' | '|' => 0.28,
        'm' | 'w' | 'M' | 'W' | '@' => 0.9,
        '%' | '–' | '—' | '…' => 0.78,
        'A'..='Z' | '#' | '&' | '~' => 0.71,
        '\u{2e80}'.. => 1.0,
        'a'..='z' => 0.57,
        _ if c.is_uppercase() => 0.75,
        _ if c.is_alphabetic() => 0.63,
        _ => 0.57,
    };
    text.chars().map(em).sum::<f64>() * size
}

/// `text`, shortened with an ellipsis to fit `width`.
pub(super) fn fitted(text: &str, width: f64, size: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        if text_width(&short, size) + text_width("m…", size) > width {
            break;
        }
        short.push(c);
    }
    short.trim_end().to_owned() + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_tamed() {
        assert_eq!(escape("a<b> & \"c\"\u{1}\n"), "a&lt;b&gt; &amp; &quot;c&quot;\u{fffd} ");
        assert_eq!(fitted("short", 100.0, 12.0), "short");
        let cut = fitted("a rather long name of a feature", 60.0, 12.0);
        assert!(cut.ends_with('…') && text_width(&cut, 12.0) <= 60.0, "{cut}");
        assert_eq!(Px(-0.001).to_string(), "0");
        assert_eq!(Px(f64::INFINITY).to_string(), "1000000");
    }
}
