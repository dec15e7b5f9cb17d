//! [`mixture`]: samples with what a mixture makes of them.

use std::ops::Range as Rows;

use super::axis::{Axis, Direction, Range, signed};
use super::canvas::{Anchor, Canvas, FONT_SIZE, Stroke};
use super::layout::{Content, Layout, Slot};
use super::legend::{self, Block};
use super::marks::{Bars, Marks};
use super::palette::{GREY, PALE, Rgb, blend, colour};
use super::truth::Truth;
use super::{Figure, PlotOptions, choice, panel};
use crate::data::{Dataset, Samples, Scratch};
use crate::engine::{Engine, check_features};
use crate::error::{Error, Result};
use crate::fit::em::Step;
use crate::infer;
use crate::mixture::Parameters;

/// The samples in two features (or one, or each pair of several), coloured by their responsibilities, with
/// ellipses of one and two standard deviations, means and weights. More than some 20 000 samples are drawn
/// as a picture of their density. `engine` holds `samples`, `[N, D]`.
///
/// # Errors
/// [`Error::Shape`] if D differs or there is not one true label per sample; [`Error::Option`] for `features`,
/// `truth` and `size` as [`PlotOptions`] says; as [`infer::responsibilities`].
pub fn mixture(
    engine: &mut dyn Engine,
    samples: &Samples<'_>,
    parameters: &Parameters,
    options: &PlotOptions<'_>,
) -> Result<Figure> {
    check_features(engine.data(), parameters)?;
    draw(samples, parameters, &mut |rows| infer::responsibilities(engine, parameters, rows), options)
}

/// [`mixture`] for one step of a fit: the parameters that the E-step used, and without a title its
/// number and log-likelihood.
///
/// # Errors
/// As [`mixture`].
pub fn step(step: &mut Step<'_>, samples: &Samples<'_>, options: &PlotOptions<'_>) -> Result<Figure> {
    let title = options.title.clone().unwrap_or_else(|| {
        let mean = signed(step.mean_log_likelihood, 6);
        format!("iteration {}: mean log-likelihood {mean}", step.iteration)
    });
    let parameters = step.parameters;
    let options = PlotOptions { title: Some(title), ..options.clone() };
    draw(samples, parameters, &mut |rows| step.responsibilities(rows), &options)
}

/// r of some rows, `[rows, K]`.
type Responsibilities<'a> = dyn FnMut(Rows<usize>) -> Result<Vec<f64>> + 'a;

fn draw(
    samples: &Samples<'_>,
    parameters: &Parameters,
    responsibilities: &mut Responsibilities<'_>,
    options: &PlotOptions<'_>,
) -> Result<Figure> {
    let (width, height) = options.checked_size()?;
    if samples.n_features() != parameters.n_features() {
        return Err(Error::shape(
            "features of the data against the model's",
            parameters.n_features(),
            samples.n_features(),
        ));
    }
    let features = choice::chosen(parameters, &options.features)?;
    let n_components = parameters.n_components();
    let colours: Vec<Rgb> = (0..n_components).map(colour).collect();
    let truth = options.truth.map(|labels| Truth::new(labels, samples.n_samples())).transpose()?;
    let truth = match truth {
        Some(truth) => {
            let shared = shared(&truth, samples, n_components, responsibilities)?;
            let colours = truth.colours(&shared, n_components);
            Some((truth, colours))
        }
        None => None,
    };
    let ranges = ranges(samples, &features)?;
    let layout = Layout::new(&ranges, truth.is_some(), options.title.is_some(), (width, height));
    let n_pairs = layout.slots.iter().filter(|slot| matches!(slot.content, Content::Pair { .. })).count();
    let n_classes = truth.as_ref().map_or(1, |(truth, _)| truth.names.len());
    let mut panels: Vec<Panel> = layout
        .slots
        .iter()
        .map(|slot| Panel::new(slot, &ranges, samples.n_samples(), n_pairs, n_classes))
        .collect();
    place(samples, &features, &mut panels, &colours, truth.as_ref(), responsibilities)?;

    let mut canvas = Canvas::new("mixture", width, height, options.title.as_deref().unwrap_or("mixture"));
    if let Some(title) = &options.title {
        canvas.title(title);
    }
    for (at, text) in &layout.headings {
        canvas.text(*at, Anchor::Middle, FONT_SIZE + 1.0, text);
    }
    let name = |feature: usize| match samples.feature_names() {
        Some(names) => names[feature].clone(),
        None => format!("feature {}", feature + 1),
    };
    let names: Vec<String> = features.iter().map(|feature| name(*feature)).collect();
    let truth_colours = truth.as_ref().map(|(_, colours)| colours.as_slice());
    for panel in &panels {
        panel.draw(&mut canvas, (parameters, &features, &names), &colours, truth_colours)?;
    }
    let matrix = features.len() > 2;
    let mut blocks = vec![Block {
        heading: ["component".into(), "weight".into()],
        entries: parameters
            .weights()
            .iter()
            .zip(&colours)
            .enumerate()
            .map(|(k, (weight, colour))| (*colour, k.to_string(), format!("{weight:.3}")))
            .collect(),
    }];
    if let Some((truth, colours)) = &truth {
        let heading = if matrix { "true (above diagonal)" } else { "true label" };
        let entries = truth.names.iter().zip(colours);
        let entries = entries.map(|(name, colour)| (*colour, (*name).to_owned(), String::new())).collect();
        blocks.push(Block { heading: [heading.into(), String::new()], entries });
    }
    legend::draw(&mut canvas, layout.legend, &blocks, features.len() > 1);
    Ok(Figure { svg: canvas.finish(), width, height })
}

/// What each feature's axis shows: every sample of positive weight.
fn ranges(samples: &Samples<'_>, features: &[usize]) -> Result<Vec<Range>> {
    let mut ranges = vec![Range::EMPTY; features.len()];
    let mut scratch = Scratch::default();
    for rows in infer::chunks(0..samples.n_samples()) {
        for (x, _) in samples.read(rows, &mut scratch)?.iter().filter(|(_, weight)| *weight > 0.0) {
            ranges.iter_mut().zip(features).for_each(|(range, &feature)| range.include(x[feature]));
        }
    }
    Ok(ranges.into_iter().map(Range::padded).collect())
}

/// Σ r by true class and component, `[classes, K]`, of up to 65 536 evenly spread samples.
fn shared(
    truth: &Truth<'_>,
    samples: &Samples<'_>,
    n_components: usize,
    responsibilities: &mut Responsibilities<'_>,
) -> Result<Vec<f64>> {
    const RUNS: usize = 256;
    const RUN: usize = 256;
    let mut shared = vec![0.0; truth.names.len() * n_components];
    let mut scratch = Scratch::default();
    let step = samples.n_samples().div_ceil(RUNS).max(RUN);
    for start in (0..samples.n_samples()).step_by(step) {
        let rows = start..(start + RUN).min(samples.n_samples());
        let r = responsibilities(rows.clone())?;
        let weights = infer::weights(samples, rows.clone(), &mut scratch)?;
        for ((row, r), weight) in rows.zip(r.chunks_exact(n_components)).zip(weights) {
            let class = usize::from(truth.classes[row]) * n_components;
            shared[class..class + n_components].iter_mut().zip(r).for_each(|(s, r)| *s += weight * r);
        }
    }
    Ok(shared)
}

/// Puts every sample into every panel.
fn place(
    samples: &Samples<'_>,
    features: &[usize],
    panels: &mut [Panel],
    colours: &[Rgb],
    truth: Option<&(Truth<'_>, Vec<Rgb>)>,
    responsibilities: &mut Responsibilities<'_>,
) -> Result<()> {
    let k = colours.len();
    let blended = panels.iter().any(|panel| matches!(panel.marks, PanelMarks::Pair(_)) && !panel.truth);
    let mut scratch = Scratch::default();
    let mut shown = vec![0.0; features.len()];
    for rows in infer::chunks(0..samples.n_samples()) {
        let r = if blended { responsibilities(rows.clone())? } else { Vec::new() };
        let read = samples.read(rows.clone(), &mut scratch)?;
        for (n, (row, (values, weight))) in rows.zip(read.iter()).enumerate() {
            if weight == 0.0 {
                continue;
            }
            let fit = if blended { blend(&r[n * k..(n + 1) * k], colours) } else { PALE };
            let class = truth.map(|(truth, colours)| {
                let class = usize::from(truth.classes[row]);
                (class, colours[class])
            });
            shown.iter_mut().zip(features).for_each(|(s, &feature)| *s = values[feature]);
            for panel in panels.iter_mut() {
                let (class, colour) = class.filter(|_| panel.truth).unwrap_or((0, fit));
                panel.add(&shown, weight, class, colour);
            }
        }
    }
    Ok(())
}

/// One panel with its samples.
struct Panel<'a> {
    slot: &'a Slot,
    truth: bool,
    x: Axis,
    /// Of a pair.
    y: Option<Axis>,
    marks: PanelMarks,
}

enum PanelMarks {
    Pair(Marks),
    Histogram(Bars),
}

impl<'a> Panel<'a> {
    fn new(slot: &'a Slot, ranges: &[Range], n_samples: usize, n_pairs: usize, n_classes: usize) -> Self {
        let area = slot.area;
        let across = (area.x, area.right());
        let (x, y, marks) = match slot.content {
            Content::Pair { x, y } => {
                let up = Axis::new(ranges[y], (area.bottom(), area.y), Direction::Up);
                (x, Some(up), PanelMarks::Pair(Marks::new(n_samples, n_pairs, area)))
            }
            Content::Histogram { x } => {
                let classes = if slot.truth { n_classes } else { 1 };
                (x, None, PanelMarks::Histogram(Bars::new(n_samples, area.width, classes)))
            }
        };
        Panel { slot, truth: slot.truth, x: Axis::new(ranges[x], across, Direction::Across), y, marks }
    }

    /// `values` holds the chosen features.
    fn add(&mut self, values: &[f64], weight: f64, class: usize, colour: Rgb) {
        match (&mut self.marks, &self.y, self.slot.content) {
            (PanelMarks::Pair(marks), Some(axis), Content::Pair { x, y }) => {
                marks.add((self.x.pixel(values[x]), axis.pixel(values[y])), weight, colour);
            }
            (PanelMarks::Histogram(bars), _, Content::Histogram { x }) => {
                bars.add(self.x.share(values[x]), weight, class);
            }
            _ => {}
        }
    }

    fn draw(
        &self,
        canvas: &mut Canvas,
        (parameters, features, names): (&Parameters, &[usize], &[String]),
        colours: &[Rgb],
        truth: Option<&[Rgb]>,
    ) -> Result<()> {
        let area = self.slot.area;
        let name_x = |x: usize| self.slot.name_x.then(|| names[x].as_str());
        canvas.open_clipped(if self.truth { "panel truth" } else { "panel fit" }, area);
        match (&self.marks, &self.y, self.slot.content) {
            (PanelMarks::Pair(marks), Some(up), Content::Pair { x, y }) => {
                marks.draw(canvas)?;
                if !self.truth {
                    let pair = (features[x], features[y]);
                    panel::ellipses(canvas, parameters, pair, (&self.x, up), colours);
                    panel::means(canvas, parameters, pair, (&self.x, up), colours, area.width > 260.0);
                }
                canvas.close();
                panel::axis_x(canvas, area, &self.x, name_x(x));
                panel::axis_y(canvas, area, up, self.slot.name_y.then(|| names[y].as_str()));
            }
            (PanelMarks::Histogram(bars), _, Content::Histogram { x }) => {
                let curves = panel::Curves::new(parameters, features[x], &self.x, (area.x, area.right()));
                // A component on a single value would press everything else flat.
                let top = 1.06 * bars.tallest().max(curves.tallest().min(2.5 * bars.tallest()));
                let fills = truth.filter(|_| self.truth).unwrap_or(&[PALE]);
                bars.draw(canvas, area, top, fills);
                if !self.truth {
                    curves.draw(canvas, area, top, colours);
                }
                canvas.close();
                panel::axis_x(canvas, area, &self.x, name_x(x));
                if features.len() == 1 {
                    // From shares of the axis to the feature's units.
                    let high = top * self.x.scale() / area.width;
                    let up = Axis::new(Range { low: 0.0, high }, (area.bottom(), area.y), Direction::Up);
                    panel::axis_y(canvas, area, &up, Some("density"));
                } else if self.slot.name_y {
                    // The axis of the pairs beside it.
                    let up = Axis::new(self.x.range(), (area.bottom(), area.y), Direction::Up);
                    panel::axis_y(canvas, area, &up, Some(&names[x]));
                }
            }
            _ => canvas.close(),
        }
        canvas.frame(area, Stroke::solid(GREY, 1.0));
        Ok(())
    }
}
