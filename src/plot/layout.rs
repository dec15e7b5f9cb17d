//! The places of panels, axes and legend.

use super::axis::{Axis, Direction, Range, TICK_SIZE};
use super::canvas::{FONT_SIZE, Rect, text_width};

/// Space between two panels.
const GAP: f64 = 8.0;
/// Width of a legend that has a column of its own.
const LEGEND: f64 = 132.0;
/// Below a panel: the numbers at the ticks, and the name.
const BELOW: f64 = 42.0;
/// Left of the numbers at the ticks: the name.
const NAME: f64 = 24.0;

/// What a panel shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Sample against sample: places of the features in the list of chosen ones.
    Pair { x: usize, y: usize },
    /// The distribution of one feature.
    Histogram { x: usize },
}

/// One panel.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) content: Content,
    /// True labels instead of the fit.
    pub(super) truth: bool,
    pub(super) area: Rect,
    /// Whether the numbers and the name of its axes stand at this panel.
    pub(super) name_x: bool,
    pub(super) name_y: bool,
}

/// A whole figure.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) slots: Vec<Slot>,
    pub(super) legend: Rect,
    /// What stands above which point.
    pub(super) headings: Vec<((f64, f64), &'static str)>,
}

impl Layout {
    /// For the features that show `ranges`, with true labels or without.
    pub(super) fn new(ranges: &[Range], truth: bool, title: bool, (width, height): (u32, u32)) -> Self {
        let (width, height) = (f64::from(width), f64::from(height));
        let top = if title { 36.0 } else { 14.0 };
        if ranges.len() > 2 {
            matrix(ranges, truth, top, width, height)
        } else {
            row(ranges, truth, top, width, height)
        }
    }
}

/// Space for the name and the numbers left of panels from `range`, `height` high.
fn left_of(ranges: &[Range], height: f64) -> f64 {
    let widest = |range: &Range| {
        let axis = Axis::new(*range, (height, 0.0), Direction::Up);
        axis.ticks.iter().map(|(_, text)| text_width(text, TICK_SIZE)).fold(0.0, f64::max)
    };
    NAME + ranges.iter().map(widest).fold(18.0, f64::max) + 10.0
}

/// One panel; beside it another one with the true labels.
fn row(ranges: &[Range], truth: bool, top: f64, width: f64, height: f64) -> Layout {
    let top = if truth { top + 16.0 } else { top };
    let high = (height - top - BELOW).max(20.0);
    // The numbers of a density are not known yet.
    let left = ranges.get(1).map_or(64.0, |range| left_of(&[*range], high));
    let legend = LEGEND.min(0.25 * width);
    let between = if ranges.len() == 2 { 20.0 } else { left };
    let count = if truth { 2.0 } else { 1.0 };
    let wide = ((width - left - legend - 24.0 - (count - 1.0) * between) / count).max(20.0);
    let content = if ranges.len() == 2 { Content::Pair { x: 0, y: 1 } } else { Content::Histogram { x: 0 } };
    let slot = |i: usize, truth: bool| Slot {
        content,
        truth,
        area: Rect { x: left + i as f64 * (wide + between), y: top, width: wide, height: high },
        name_x: true,
        name_y: i == 0 || ranges.len() == 1,
    };
    let slots = if truth { vec![slot(0, true), slot(1, false)] } else { vec![slot(0, false)] };
    let heading = |slot: &Slot| {
        let above = (slot.area.x + slot.area.width / 2.0, top - 8.0);
        (above, if slot.truth { "true labels" } else { "fit" })
    };
    let headings = if truth { slots.iter().map(heading).collect() } else { Vec::new() };
    let legend = Rect { x: width - legend - 8.0, y: top, width: legend, height: high };
    Layout { slots, legend, headings }
}

/// A matrix of pairs: histograms on the diagonal, the fit below it, and the true labels, if given, above it.
fn matrix(ranges: &[Range], truth: bool, top: f64, width: f64, height: f64) -> Layout {
    let n = ranges.len();
    let cells = n as f64;
    let high = ((height - top - BELOW - (cells - 1.0) * GAP) / cells).max(10.0);
    let left = left_of(ranges, high);
    // Without true labels the corner above the diagonal is free for the legend.
    let legend = if truth { LEGEND.min(0.25 * width) + 14.0 } else { 0.0 };
    let wide = ((width - left - 12.0 - legend - (cells - 1.0) * GAP) / cells).max(10.0);
    let area = |row: usize, column: usize| Rect {
        x: left + column as f64 * (wide + GAP),
        y: top + row as f64 * (high + GAP),
        width: wide,
        height: high,
    };
    let mut slots = Vec::new();
    for row in 0..n {
        for column in 0..n {
            if column > row && !truth {
                continue;
            }
            let content = if row == column {
                Content::Histogram { x: column }
            } else {
                Content::Pair { x: column, y: row }
            };
            slots.push(Slot {
                content,
                truth: column > row,
                area: area(row, column),
                name_x: row == n - 1,
                // The first row names a feature at its side only if it holds a pair.
                name_y: column == 0 && (row > 0 || truth),
            });
        }
    }
    let legend = if truth {
        Rect { x: width - legend, y: top, width: legend - 8.0, height: height - top - FONT_SIZE }
    } else {
        // As many of the last columns as it needs; the first of them has panels from its own row on.
        let span = |columns: usize| columns as f64 * (wide + GAP) - GAP;
        let columns = (1..n).find(|columns| span(*columns) >= 0.75 * LEGEND).unwrap_or(n / 2);
        let width = span(columns).min(if columns == 1 { 1.3 * LEGEND } else { LEGEND });
        let (first, last) = (area(0, n - 1), area(n - 1 - columns, n - 1));
        Rect { x: last.right() - width, width, height: last.bottom() - first.y, ..first }
    };
    Layout { slots, legend, headings: Vec::new() }
}
