//! Curves: the log-likelihood of a fit, the criteria of a sweep.

use super::axis::{Axis, Direction, Range};
use super::canvas::{Anchor, Canvas, FONT_SIZE, Rect, Stroke};
use super::legend::{self, Block};
use super::palette::{GREY, INK, Rgb, colour};
use super::{Figure, PlotOptions, panel};
use crate::error::{Error, Result};
use crate::fit::select::{Candidate, Criterion};
use crate::mixture::shape::CovarianceType;
use crate::report::FitReport;

/// Iterations up to which each has a dot.
const MOST_DOTS: usize = 60;

/// The least width of a panel beside others.
const LEAST: f64 = 40.0;

/// The mean log-likelihood after every iteration of a fit, in nats per sample. Dashed lines mark iterations in which
/// components collapsed. Of `options`, title and size are used.
///
/// # Errors
/// [`Error::Option`] naming `size`.
pub fn trace(report: &FitReport, options: &PlotOptions<'_>) -> Result<Figure> {
    let (width, height) = options.checked_size()?;
    let values: Vec<f64> =
        report.log_likelihood_trace.iter().copied().chain([report.final_mean_log_likelihood]).collect();
    let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(n, v)| (n as f64, *v)).collect();
    let title = options.title.clone().unwrap_or_else(|| {
        let plural = if report.n_iter == 1 { "" } else { "s" };
        let how = if report.converged { "converged" } else { "stopped" };
        format!("{how} after {} iteration{plural}", report.n_iter)
    });
    let mut canvas = Canvas::new("trace", width, height, &title);
    canvas.title(&title);
    let area = Rect { x: 84.0, y: 36.0, width: f64::from(width) - 104.0, height: f64::from(height) - 82.0 };
    let chart = Chart::new(area, &points);
    for collapse in &report.collapses {
        let x = chart.x.pixel(collapse.iteration as f64);
        let stroke = Stroke { dashed: true, ..Stroke::solid(GREY, 1.0) };
        canvas.line((x, area.y), (x, area.bottom()), stroke);
    }
    chart.line(&mut canvas, "trace", &points, colour(0));
    chart.finish(&mut canvas, "iterations", Some("mean log-likelihood (nats per sample)"));
    Ok(Figure { svg: canvas.finish(), width, height })
}

/// BIC, AIC and ICL over K, one line per covariance type, the best of each marked; fits that failed are
/// left out. Of `options`, title and size are used; 800×400 if not given.
///
/// # Errors
/// [`Error::Option`] naming `size`, also if it is too narrow for three panels; [`Error::Shape`] if every fit failed.
pub fn criteria(candidates: &[Candidate], options: &PlotOptions<'_>) -> Result<Figure> {
    let size = options.size.or(Some((800, 400)));
    let (width, height) = PlotOptions { size, ..PlotOptions::default() }.checked_size()?;
    let fitted: Vec<_> =
        candidates.iter().filter_map(|c| c.outcome.as_ref().ok().map(|scores| (c.cell, scores))).collect();
    if fitted.is_empty() {
        return Err(Error::shape("fits that did not fail", "at least 1", 0));
    }
    let types: Vec<CovarianceType> = CovarianceType::ALL
        .into_iter()
        .filter(|t| candidates.iter().any(|c| c.cell.covariance_type == *t))
        .collect();
    let mut canvas = Canvas::new("criteria", width, height, options.title.as_deref().unwrap_or("criteria"));
    if let Some(title) = &options.title {
        canvas.title(title);
    }
    let legend = if types.len() > 1 { 100.0 } else { 0.0 };
    let between = 74.0;
    let fixed = legend + 3.0 * between + 20.0;
    let wide = (f64::from(width) - fixed) / 3.0;
    if wide < LEAST {
        let allowed = format!("three panels need a width of at least {} pixels", fixed + 3.0 * LEAST);
        return Err(Error::option("size", format!("{width}x{height}"), allowed));
    }
    for (i, criterion) in Criterion::ALL.into_iter().enumerate() {
        let x = between + i as f64 * (wide + between);
        let area = Rect { x, y: 56.0, width: wide, height: f64::from(height) - 102.0 };
        let all: Vec<(f64, f64)> =
            fitted.iter().map(|(cell, s)| (cell.n_components as f64, s.criterion(criterion))).collect();
        let chart = Chart::new(area, &all);
        let heading = (area.x + area.width / 2.0, area.y - 10.0);
        canvas.text(heading, Anchor::Middle, FONT_SIZE + 1.0, &criterion.name().to_uppercase());
        for (number, covariance_type) in types.iter().enumerate() {
            let of_type =
                fitted.iter().zip(&all).filter(|((cell, _), _)| cell.covariance_type == *covariance_type);
            let mut points: Vec<(f64, f64)> = of_type.map(|(_, point)| *point).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            chart.line(&mut canvas, "criterion", &points, colour(number));
        }
        if let Some((k, value)) = all.iter().min_by(|a, b| a.1.total_cmp(&b.1)) {
            let (x, y) = (chart.x.pixel(*k), chart.y.pixel(*value));
            let ring = Stroke::solid(INK, 1.6);
            canvas.ellipse("best", (x, y), (8.0, 8.0), 0.0, ring);
        }
        chart.finish(&mut canvas, "components", None);
    }
    if types.len() > 1 {
        let entries = types.iter().enumerate().map(|(i, t)| (colour(i), t.to_string(), String::new()));
        let block = Block { heading: ["covariance".into(), String::new()], entries: entries.collect() };
        let x = f64::from(width) - legend;
        let area = Rect { x, y: 56.0, width: legend - 10.0, height: f64::from(height) - 102.0 };
        legend::draw(&mut canvas, area, &[block], false);
    }
    Ok(Figure { svg: canvas.finish(), width, height })
}

/// A panel with two axes.
struct Chart {
    area: Rect,
    x: Axis,
    y: Axis,
}

impl Chart {
    fn new(area: Rect, points: &[(f64, f64)]) -> Self {
        let range =
            |values: &mut dyn Iterator<Item = f64>| Range::of(values.filter(|v| v.is_finite())).padded();
        let (across, up) = (range(&mut points.iter().map(|p| p.0)), range(&mut points.iter().map(|p| p.1)));
        Chart {
            area,
            x: Axis::of_counts(across, (area.x, area.right())),
            y: Axis::new(up, (area.bottom(), area.y), Direction::Up),
        }
    }

    fn line(&self, canvas: &mut Canvas, class: &str, points: &[(f64, f64)], colour: Rgb) {
        let pixels: Vec<(f64, f64)> =
            points.iter().map(|(x, y)| (self.x.pixel(*x), self.y.pixel(*y))).collect();
        canvas.polyline(class, &pixels, Stroke::solid(colour, 2.0));
        if pixels.len() <= MOST_DOTS {
            pixels.iter().for_each(|at| canvas.circle("dot", *at, 3.0, colour, [255.0; 3]));
        }
    }

    fn finish(&self, canvas: &mut Canvas, x: &str, y: Option<&str>) {
        canvas.frame(self.area, Stroke::solid(GREY, 1.0));
        panel::axis_x(canvas, self.area, &self.x, Some(x));
        panel::axis_y(canvas, self.area, &self.y, Some(y.unwrap_or_default()));
    }
}
