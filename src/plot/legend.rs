//! What the colours mean.

use super::canvas::{Anchor, Canvas, FONT_SIZE, Rect, Stroke, fitted};
use super::palette::{GREY, INK, Rgb, darker};

/// Height of an entry.
const ROW: f64 = 17.0;

/// A list of colours under a heading.
pub(super) struct Block {
    pub(super) heading: [String; 2],
    /// Colour, name, and what stands at the right end.
    pub(super) entries: Vec<(Rgb, String, String)>,
}

/// Draws `blocks` below each other, as many entries as have room; below them, where `ellipses` are
/// drawn, what these are.
pub(super) fn draw(canvas: &mut Canvas, area: Rect, blocks: &[Block], ellipses: bool) {
    let rows = (area.height / ROW) as usize;
    let fixed = 2 * blocks.len() + if ellipses { 2 } else { 0 };
    let mut free = rows.saturating_sub(fixed);
    let mut y = area.y + FONT_SIZE;
    for (i, block) in blocks.iter().enumerate() {
        let fair = free / (blocks.len() - i);
        // What later blocks do not need is free, too.
        let needed: usize = blocks[i + 1..].iter().map(|b| b.entries.len()).sum();
        let allowed = fair.max(free.saturating_sub(needed));
        let shown =
            if block.entries.len() <= allowed { block.entries.len() } else { allowed.saturating_sub(1) };
        canvas.text((area.x, y), Anchor::Start, FONT_SIZE, &fitted(&block.heading[0], area.width, FONT_SIZE));
        canvas.text((area.right(), y), Anchor::End, FONT_SIZE, &block.heading[1]);
        y += 5.0;
        canvas.line((area.x, y), (area.right(), y), Stroke::solid(GREY, 0.8));
        y += ROW - 2.0;
        for (colour, name, value) in &block.entries[..shown] {
            canvas.open("entry");
            canvas.circle("swatch", (area.x + 6.0, y - 4.0), 5.0, *colour, darker(*colour, 0.35));
            let room = area.width - 18.0 - if value.is_empty() { 0.0 } else { 42.0 };
            canvas.text((area.x + 18.0, y), Anchor::Start, FONT_SIZE, &fitted(name, room, FONT_SIZE));
            canvas.text((area.right(), y), Anchor::End, FONT_SIZE, value);
            canvas.close();
            y += ROW;
        }
        let hidden = block.entries.len() - shown;
        if hidden > 0 {
            canvas.text((area.x + 18.0, y), Anchor::Start, FONT_SIZE, &format!("and {hidden} more"));
            y += ROW;
        }
        free = free.saturating_sub(shown + usize::from(hidden > 0));
        y += 0.5 * ROW;
    }
    if ellipses {
        for (x, text, dashed) in [(0.0, "1σ", false), (0.5, "2σ", true)] {
            let x = area.x + x * area.width;
            let stroke = Stroke { dashed, ..Stroke::solid(INK, 1.6) };
            canvas.line((x, y - 4.0), (x + 26.0, y - 4.0), stroke);
            canvas.text((x + 31.0, y), Anchor::Start, FONT_SIZE, text);
        }
    }
}
