//! One axis: from values to pixels, and round numbers for its ticks.

use super::canvas::{FONT_SIZE, text_width};

/// Height of the numbers at the ticks.
pub(super) const TICK_SIZE: f64 = FONT_SIZE - 1.5;
/// Share of the range that stays free at both ends.
const MARGIN: f64 = 0.04;
/// Largest number that an axis shows.
const LARGEST: f64 = 1e300;

/// A scale from `low` to `high` over `from` to `to` in pixels.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    /// Pixel and text of each tick.
    pub(super) ticks: Vec<(f64, String)>,
    /// A power of ten, or a difference, that the numbers at the ticks leave out; it stands beside the name.
    pub(super) note: String,
}

/// Smallest and largest of what an axis shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Range {
    pub(super) const EMPTY: Range = Range { low: f64::INFINITY, high: f64::NEG_INFINITY };

    pub(super) fn include(&mut self, value: f64) {
        self.low = self.low.min(value);
        self.high = self.high.max(value);
    }

    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut range = Range::EMPTY;
        values.into_iter().for_each(|v| range.include(v));
        range
    }

    /// With free space at both ends, so that no mark lies on the frame; a single value gets room, too.
    pub(super) fn padded(self) -> Self {
        if self.low > self.high {
            return Range { low: 0.0, high: 1.0 };
        }
        // Beyond these, differences and scales would leave f64.
        let (low, high) = (self.low.clamp(-LARGEST, LARGEST), self.high.clamp(-LARGEST, LARGEST));
        let (span, magnitude) = (high - low, low.abs().max(high.abs()));
        // Narrower than f64 can divide into ticks is a single value.
        let pad = match () {
            () if span > 1e-13 * magnitude && span > 1.0 / LARGEST => MARGIN * span,
            () if magnitude > 1.0 / LARGEST => 0.05 * magnitude,
            () => 0.5,
        };
        Range { low: low - pad, high: high + pad }
    }
}

/// Whether the numbers stand beside each other or above each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Across,
    Up,
}

impl Axis {
    /// Shows `range` from pixel `from` to pixel `to`, with as many ticks as have room.
    pub(super) fn new(range: Range, pixels: (f64, f64), direction: Direction) -> Self {
        Axis::with_most(7, range, pixels, direction)
    }

    /// [`Axis::new`] with at most about `most` ticks.
    fn with_most(most: usize, range: Range, (from, to): (f64, f64), direction: Direction) -> Self {
        let Range { low, high } = range;
        let mut axis = Axis { low, high, from, to, ticks: Vec::new(), note: String::new() };
        let length = (to - from).abs();
        let each = if direction == Direction::Up { 24.0 } else { 34.0 };
        let most = (length / each).clamp(1.0, most as f64) as usize;
        for wanted in (1..=most).rev() {
            axis.place_ticks(wanted);
            let room = |pair: &[(f64, String)]| {
                let needed = match direction {
                    Direction::Up => 1.6 * TICK_SIZE,
                    Direction::Across => {
                        let half = |text: &str| text_width(text, TICK_SIZE) / 2.0;
                        half(&pair[0].1) + half(&pair[1].1) + 8.0
                    }
                };
                (pair[1].0 - pair[0].0).abs() >= needed
            };
            if axis.ticks.windows(2).all(room) {
                break;
            }
        }
        axis
    }

    /// Whole numbers only, such as iterations.
    pub(super) fn of_counts(range: Range, pixels: (f64, f64)) -> Self {
        // So few that a step is at least one: the next smaller one is a half.
        let most = ((range.high - range.low) / 0.51).clamp(1.0, 7.0) as usize;
        let mut axis = Axis::with_most(most, range, pixels, Direction::Across);
        if axis.note.is_empty() {
            axis.ticks.retain(|(_, text)| !text.contains('.'));
        }
        let middle = range.low.midpoint(range.high).round();
        if axis.ticks.is_empty() && (range.low..=range.high).contains(&middle) {
            axis.ticks.push((axis.pixel(middle), signed(middle, 0)));
        }
        axis
    }

    /// The pixel of `value`.
    pub(super) fn pixel(&self, value: f64) -> f64 {
        self.from + (self.to - self.from) * self.share(value)
    }

    /// 0 at the low end, 1 at the high one.
    pub(super) fn share(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }

    /// Pixels per unit; negative if values grow upwards.
    pub(super) fn scale(&self) -> f64 {
        (self.to - self.from) / (self.high - self.low)
    }

    /// What the axis shows.
    pub(super) fn range(&self) -> Range {
        Range { low: self.low, high: self.high }
    }

    /// About `wanted` steps of 1, 2 or 5 times a power of ten.
    fn place_ticks(&mut self, wanted: usize) {
        let span = self.high - self.low;
        let raw = span / wanted as f64;
        let power = raw.log10().floor() as i32;
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|s| s * tenfold(power) >= raw * 0.999);
        let (digit, power) = match step {
            Some(digit) if digit < 10.0 => (digit, power),
            _ => (1.0, power + 1),
        };
        let step = digit * tenfold(power);
        let first = (self.low / step).ceil();
        let last = (self.high / step).floor();
        let count = (last - first + 1.0).clamp(0.0, 20.0) as usize;
        let numbers: Vec<f64> = (0..count).map(|i| first + i as f64).collect();
        let largest = numbers.iter().fold(0.0, |m: f64, n| m.max((n * step).abs()));
        // Numbers so much larger than their differences are shown as differences.
        let base = if largest > 2e4 * step { (first / 10.0).floor() * 10.0 } else { 0.0 };
        let shown: Vec<f64> = numbers.iter().map(|n| (n - base) * digit).collect();
        let top = shown.iter().fold(0.0, |m: f64, v| m.max(v.abs())).max(1.0).log10().floor() as i32 + power;
        // A power of ten beside the name instead of many zeros.
        let exponent = if (-3..5).contains(&top) { 0 } else { top };
        let decimals = (exponent - power).max(0) as usize;
        self.ticks = numbers
            .iter()
            .zip(&shown)
            .map(|(n, v)| (self.pixel(n * step), signed(v * tenfold(power - exponent), decimals)))
            .collect();
        self.note.clear();
        if base != 0.0 {
            let (sign, base) = (if base < 0.0 { '+' } else { '−' }, (base * step).abs());
            let digits = (-power).max(0) as usize;
            let base = if base < 1e15 { format!("{base:.digits$}") } else { format!("{base:e}") };
            let base = if base.contains('.') { base.trim_end_matches(['0', '.']) } else { &base };
            self.note += &format!(" {sign} {base}");
        }
        if exponent != 0 {
            self.note += &format!(" (×10{})", superscript(exponent));
        }
    }
}

fn tenfold(power: i32) -> f64 {
    10f64.powi(power)
}

/// With a true minus sign, and without `-0`.
pub(super) fn signed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.chars().any(|c| matches!(c, '1'..='9')) => format!("−{digits}"),
        Some(zero) => zero.to_owned(),
        None => text,
    }
}

fn superscript(number: i32) -> String {
    let raised = |c: char| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        digit => char::from_u32('⁰' as u32 + (digit as u32 - '0' as u32)).unwrap_or(digit),
    };
    number.to_string().chars().map(raised).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(low: f64, high: f64) -> Axis {
        Axis::new(Range { low, high }.padded(), (0.0, 500.0), Direction::Across)
    }

    fn texts(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_in_range() {
        let a = axis(0.0, 10.0);
        assert_eq!(texts(&a), ["0", "2", "4", "6", "8", "10"]);
        assert!((a.pixel(0.0) - a.ticks[0].0).abs() < 1e-9 && a.pixel(0.0) > 0.0);
        assert_eq!(texts(&axis(-1.0, 1.0)), ["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
        let a = axis(0.0, 3e7);
        assert_eq!((texts(&a).last(), a.note.as_str()), (Some(&"3.0"), " (×10⁷)"));
        let a = axis(1e6 - 1.0, 1e6 + 1.0);
        assert!(a.note.starts_with(" − 9") || a.note.starts_with(" − 1"), "{}", a.note);
        assert!(texts(&a).iter().all(|t| t.len() <= 6), "{:?}", texts(&a));
    }

    /// Whatever the data: ticks inside the axis, each with another text, and no text over its neighbour.
    #[test]
    fn any_range_has_readable_ticks() {
        for magnitude in [1e-290, 1e-12, 1e-3, 1.0, 7.3, 1e4, 123456.0, 1e9, 1e18, 1e150, 1e290] {
            for offset in [0.0, 1.0, -3.0, 1e3, -1e6, 1e12] {
                for length in [60.0, 150.0, 700.0] {
                    let low = magnitude * offset;
                    let range = Range { low, high: low + magnitude }.padded();
                    let a = Axis::new(range, (0.0, length), Direction::Across);
                    let what = format!("{magnitude:e} {offset:e} {length}: {a:?}");
                    assert!(a.ticks.iter().all(|(x, _)| (-0.5..=length + 0.5).contains(x)), "{what}");
                    for pair in a.ticks.windows(2) {
                        assert!(pair[0].1 != pair[1].1, "{what}");
                        let widths = pair.iter().map(|(_, t)| text_width(t, TICK_SIZE)).sum::<f64>();
                        assert!(pair[1].0 - pair[0].0 > widths / 2.0, "{what}");
                    }
                    assert!(length < 100.0 || !a.ticks.is_empty(), "{what}");
                }
            }
        }
    }

    #[test]
    fn counts_are_whole_and_never_without_a_tick() {
        for (low, high) in
            [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 2.0), (1.0, 2.0), (1.0, 3.0), (0.0, 17.0), (2.0, 1e6)]
        {
            for length in [40.0, 150.0, 700.0] {
                let a = Axis::of_counts(Range { low, high }.padded(), (0.0, length));
                assert!(
                    !a.ticks.is_empty() && (!a.note.is_empty() || texts(&a).iter().all(|t| !t.contains('.'))),
                    "{high} {length}: {a:?}"
                );
            }
        }
        let a = Axis::of_counts(Range { low: 0.0, high: 2.0 }.padded(), (0.0, 700.0));
        assert_eq!(texts(&a), ["0", "1", "2"]);
    }

    #[test]
    fn a_single_value_has_room() {
        for value in [0.0, 5.0, -1e9, f64::MAX, f64::MIN, f64::MIN_POSITIVE] {
            let range = Range { low: value, high: value }.padded();
            assert!(range.low < range.high, "{value}: {range:?}");
            let a = Axis::new(range, (0.0, 300.0), Direction::Across);
            assert!(a.pixel(value).is_finite(), "{value}: {a:?}");
        }
        assert_eq!(Range::EMPTY.padded(), Range { low: 0.0, high: 1.0 });
    }
}
