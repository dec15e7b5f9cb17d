//! What the colours mean.

use super::canvas::{Anchor, Canvas, FONT_SIZE, Rect, Stroke, fitted, text_width};
use super::palette::{GREY, INK, Rgb, darker};

/// Height of an entry.
const ROW: f64 = 17.0;
/// Left edge of the names, and the width of a value.
const NAMES: f64 = 18.0;
const VALUES: f64 = 42.0;
/// The least room for a name beside its value; if there is less, values are left out.
const NAME: f64 = 14.0;
/// The width of `1σ` with its line.
const SIGMA: f64 = 48.0;

/// A list of colours under a heading.
pub(super) struct Block {
    pub(super) heading: [String; 2],
    /// Colour, name, and what stands at the right end.
    pub(super) entries: Vec<(Rgb, String, String)>,
}

/// Draws `blocks` below each other, as many entries as have room. If `ellipses` are drawn and there is room, it
/// says below what they are.
pub(super) fn draw(canvas: &mut Canvas, area: Rect, blocks: &[Block], ellipses: bool) {
    let rows = (area.height / ROW) as usize;
    let values = area.width >= NAMES + NAME + VALUES;
    let beside = area.width >= 2.0 * SIGMA;
    // Entries come first if there is little room.
    let explanation = if beside { 2 } else { 3 };
    let entries: usize = blocks.iter().map(|block| block.entries.len().min(2)).sum();
    let ellipses = ellipses && rows >= 2 * blocks.len() + entries + explanation;
    let fixed = 2 * blocks.len() + if ellipses { explanation } else { 0 };
    let mut free = rows.saturating_sub(fixed);
    let mut y = area.y + FONT_SIZE;
    for (i, block) in blocks.iter().enumerate() {
        let fair = free / (blocks.len() - i);
        // Room that later blocks do not need is free, too.
        let needed: usize = blocks[i + 1..].iter().map(|b| b.entries.len()).sum();
        let allowed = fair.max(free.saturating_sub(needed));
        let shown =
            if block.entries.len() <= allowed { block.entries.len() } else { allowed.saturating_sub(1) };
        let [left, right] = &block.heading;
        let right = if values { right.as_str() } else { "" };
        let room = area.width - text_width(right, FONT_SIZE) - if right.is_empty() { 0.0 } else { 6.0 };
        canvas.text((area.x, y), Anchor::Start, FONT_SIZE, &fitted(left, room, FONT_SIZE));
        canvas.text((area.right(), y), Anchor::End, FONT_SIZE, right);
        y += 5.0;
        canvas.line((area.x, y), (area.right(), y), Stroke::solid(GREY, 0.8));
        y += ROW - 2.0;
        for (colour, name, value) in &block.entries[..shown] {
            canvas.open("entry");
            canvas.circle("swatch", (area.x + 6.0, y - 4.0), 5.0, *colour, darker(*colour, 0.35));
            let value = if values { value.as_str() } else { "" };
            let room = area.width - NAMES - if value.is_empty() { 0.0 } else { VALUES };
            canvas.text((area.x + NAMES, y), Anchor::Start, FONT_SIZE, &fitted(name, room, FONT_SIZE));
            canvas.text((area.right(), y), Anchor::End, FONT_SIZE, value);
            canvas.close();
            y += ROW;
        }
        let hidden = block.entries.len() - shown;
        if hidden > 0 {
            let words = format!("and {hidden} more");
            let fits = text_width(&words, FONT_SIZE) <= area.width - NAMES;
            let words = if fits { words } else { format!("+{hidden}") };
            canvas.text((area.x + NAMES, y), Anchor::Start, FONT_SIZE, &words);
            y += ROW;
        }
        free = free.saturating_sub(shown + usize::from(hidden > 0));
        y += 0.5 * ROW;
    }
    if ellipses {
        for (n, text, dashed) in [(0.0, "1σ", false), (1.0, "2σ", true)] {
            let x = area.x + if beside { n * area.width / 2.0 } else { 0.0 };
            let y = y + if beside { 0.0 } else { n * ROW };
            let stroke = Stroke { dashed, ..Stroke::solid(INK, 1.6) };
            canvas.line((x, y - 4.0), (x + 26.0, y - 4.0), stroke);
            canvas.text((x + 31.0, y), Anchor::Start, FONT_SIZE, text);
        }
    }
}
