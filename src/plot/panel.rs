//! What is drawn in a panel beside the samples: axes, ellipses, means, density curves.

use super::axis::{Axis, TICK_SIZE};
use super::canvas::{Anchor, Canvas, FONT_SIZE, Rect, Stroke, fitted, text_width};
use super::choice;
use super::palette::{GREY, INK, Rgb, darker};
use crate::mixture::Parameters;

/// Components whose numbers are written beside their means.
const NUMBERED: usize = 24;
/// Components whose densities are drawn one by one; of more, only the mixture's.
const MOST_CURVES: usize = 64;
/// Length of a tick.
const TICK: f64 = 4.0;

/// The frame, and the ticks along the bottom; if `name` is given, their numbers and the name.
pub(super) fn axis_x(canvas: &mut Canvas, area: Rect, axis: &Axis, name: Option<&str>) {
    canvas.open("axis x");
    let base = area.bottom();
    for (x, text) in &axis.ticks {
        canvas.line((*x, base), (*x, base + TICK), Stroke::solid(GREY, 1.0));
        if name.is_some() {
            canvas.text((*x, base + TICK + 11.0), Anchor::Middle, TICK_SIZE, text);
        }
    }
    if let Some(name) = name {
        let middle = (area.x + area.width / 2.0, base + 34.0);
        canvas.text(middle, Anchor::Middle, FONT_SIZE, &named(name, axis, area.width));
    }
    canvas.close();
}

/// As [`axis_x`], up the left side.
pub(super) fn axis_y(canvas: &mut Canvas, area: Rect, axis: &Axis, name: Option<&str>) {
    canvas.open("axis y");
    let mut widest: f64 = 0.0;
    for (y, text) in &axis.ticks {
        canvas.line((area.x - TICK, *y), (area.x, *y), Stroke::solid(GREY, 1.0));
        if name.is_some() {
            canvas.text((area.x - TICK - 3.0, y + 4.0), Anchor::End, TICK_SIZE, text);
            widest = widest.max(text_width(text, TICK_SIZE));
        }
    }
    if let Some(name) = name {
        let x = (area.x - TICK - widest - 12.0).max(FONT_SIZE);
        let middle = (x, area.y + area.height / 2.0);
        canvas.text_up(middle, FONT_SIZE, &named(name, axis, area.height));
    }
    canvas.close();
}

/// The name of a feature with what the numbers leave out, shortened to fit.
fn named(name: &str, axis: &Axis, room: f64) -> String {
    let room = room - text_width(&axis.note, FONT_SIZE);
    fitted(name, room, FONT_SIZE) + &axis.note
}

/// Ellipses of one and two standard deviations of the components in two features.
pub(super) fn ellipses(
    canvas: &mut Canvas,
    parameters: &Parameters,
    (fx, fy): (usize, usize),
    (x, y): (&Axis, &Axis),
    colours: &[Rgb],
) {
    let (sx, sy) = (x.scale(), y.scale());
    for (k, colour) in colours.iter().enumerate() {
        let entry = |i: usize, j: usize| parameters.covariance(k, i, j);
        // The covariance in pixels, and its eigenvalues.
        let (a, b, c) = (entry(fx, fx) * sx * sx, entry(fx, fy) * sx * sy, entry(fy, fy) * sy * sy);
        let (middle, spread) = ((a + c) / 2.0, ((a - c) / 2.0).hypot(b));
        let radii = ((middle + spread).sqrt(), (middle - spread).max(0.0).sqrt());
        let degrees = (0.5 * (2.0 * b).atan2(a - c)).to_degrees();
        let at = (x.pixel(parameters.mean(k)[fx]), y.pixel(parameters.mean(k)[fy]));
        let stroke = Stroke::solid(darker(*colour, 0.35), 1.8);
        canvas.ellipse("sigma1", at, radii, degrees, stroke);
        let twice = (2.0 * radii.0, 2.0 * radii.1);
        canvas.ellipse("sigma2", at, twice, degrees, Stroke { dashed: true, width: 1.3, ..stroke });
    }
}

/// The means, numbered while they are few.
pub(super) fn means(
    canvas: &mut Canvas,
    parameters: &Parameters,
    (fx, fy): (usize, usize),
    (x, y): (&Axis, &Axis),
    colours: &[Rgb],
    numbers: bool,
) {
    let at = |k: usize| (x.pixel(parameters.mean(k)[fx]), y.pixel(parameters.mean(k)[fy]));
    for (k, colour) in colours.iter().enumerate() {
        canvas.circle("mean", at(k), 4.0, darker(*colour, 0.35), [255.0; 3]);
    }
    if numbers && colours.len() <= NUMBERED {
        for k in 0..colours.len() {
            canvas.text_on_marks((at(k).0 + 6.0, at(k).1 - 5.0), FONT_SIZE, &k.to_string());
        }
    }
}

/// Densities of the mixture and of its components in one feature, per axis of length 1.
pub(super) struct Curves {
    /// Share of the axis, mixture, and each component.
    points: Vec<(f64, f64, Vec<f64>)>,
}

impl Curves {
    pub(super) fn new(parameters: &Parameters, feature: usize, axis: &Axis, (from, to): (f64, f64)) -> Self {
        let (means, variances) = choice::marginal(parameters, feature);
        // In shares of the axis.
        let length = axis.scale() / (to - from);
        let at: Vec<f64> = means.iter().map(|m| axis.share(*m)).collect();
        let sd: Vec<f64> = variances.iter().map(|v| v.sqrt() * length).collect();
        let mut places: Vec<f64> = (0..=240).map(|i| f64::from(i) / 240.0).collect();
        // A thin component has its peak, too.
        let steps = [-3.0, -2.0, -1.5, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0];
        if means.len() <= MOST_CURVES {
            places.extend(at.iter().zip(&sd).flat_map(|(at, sd)| steps.map(|step| at + step * sd)));
        }
        places.retain(|place| (0.0..=1.0).contains(place));
        places.sort_by(f64::total_cmp);
        let point = |place: f64| {
            let density = |k: usize| {
                let z = (place - at[k]) / sd[k];
                parameters.weights()[k] * (-0.5 * z * z).exp() / (sd[k] * std::f64::consts::TAU.sqrt())
            };
            let each: Vec<f64> = (0..means.len()).map(density).collect();
            (place, each.iter().sum(), each)
        };
        Curves { points: places.into_iter().map(point).collect() }
    }

    pub(super) fn tallest(&self) -> f64 {
        self.points.iter().map(|(_, mixture, _)| *mixture).filter(|m| m.is_finite()).fold(0.0, f64::max)
    }

    /// Draws the curves over `area`; `top` is the density at its upper edge.
    pub(super) fn draw(&self, canvas: &mut Canvas, area: Rect, top: f64, colours: &[Rgb]) {
        let place = |share: f64, density: f64| {
            (area.x + share * area.width, area.bottom() - (density / top).min(10.0) * area.height)
        };
        if colours.len() > 1 {
            let line: Vec<_> =
                self.points.iter().map(|(share, mixture, _)| place(*share, *mixture)).collect();
            canvas.polyline("mixture", &line, Stroke::solid(INK, 1.3));
        }
        for (k, colour) in colours.iter().enumerate().filter(|_| colours.len() <= MOST_CURVES) {
            let line: Vec<_> = self.points.iter().map(|(share, _, each)| place(*share, each[k])).collect();
            canvas.polyline("component", &line, Stroke::solid(darker(*colour, 0.1), 2.0));
        }
    }
}
