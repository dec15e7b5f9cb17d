//! The figures: their structure as SVG, their pixels, their bytes, and what is refused.

mod curves;
mod page;
mod refused;
mod structure;

use std::sync::Arc;

use resvg::tiny_skia::Pixmap;
use resvg::usvg::{self, Node, fontdb, roxmltree};
use wgmm::internals::engine::cpu::CpuEngine;
use wgmm::internals::mixture::sample::{Sampler, random_mixture};
use wgmm::internals::plot::{self, Figure, PlotOptions};
use wgmm::{CovarianceType, Parameters, Samples};

use crate::support::files;

/// A mixture and samples of it, with the component that each came from.
struct Drawn {
    parameters: Parameters,
    samples: Samples<'static>,
    labels: Vec<String>,
}

fn drawn(n: usize, d: usize, k: usize, seed: u64) -> Drawn {
    let parameters = random_mixture(k, d, CovarianceType::Full, seed).unwrap();
    let mut sampler = Sampler::new(&parameters, seed).unwrap();
    let mut values = vec![0.0; n * d];
    let labels = values.chunks_exact_mut(d).map(|row| format!("group {}", sampler.draw(row))).collect();
    let names = (0..d).map(|i| format!("length {i} (cm)")).collect();
    let samples = Samples::new(values, d).unwrap().with_feature_names(names).unwrap();
    Drawn { parameters, samples, labels }
}

impl Drawn {
    fn figure(&self, options: &PlotOptions<'_>) -> wgmm::Result<Figure> {
        figure(&self.samples, &self.parameters, options)
    }
}

fn figure(samples: &Samples<'_>, parameters: &Parameters, options: &PlotOptions<'_>) -> wgmm::Result<Figure> {
    let mut engine = CpuEngine::new(samples, None).unwrap();
    plot::mixture(&mut engine, samples, parameters, options)
}

fn of(features: &[usize]) -> PlotOptions<'static> {
    PlotOptions { features: features.to_vec(), ..PlotOptions::default() }
}

/// How many elements of the figure have the class.
fn count(figure: &Figure, class: &str) -> usize {
    let document = roxmltree::Document::parse(figure.svg()).unwrap();
    let has = |node: &roxmltree::Node<'_, '_>| node.attribute("class").is_some_and(|found| found == class);
    document.descendants().filter(has).count()
}

fn texts(figure: &Figure) -> Vec<String> {
    let document = roxmltree::Document::parse(figure.svg()).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    texts.map(|node| node.text().unwrap_or_default().to_owned()).collect()
}

/// Texts that lie over each other, over a panel or beyond the page, as drawn; numbers at means may.
fn unreadable(svg: &str) -> Vec<String> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(std::fs::read(files::data("../../src/plot/font/Roboto-Regular.ttf")).unwrap());
    let options =
        usvg::Options { font_family: "Roboto".into(), fontdb: Arc::new(fonts), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(svg, &options).unwrap();
    let mut boxes = Vec::new();
    boxes_of(tree.root(), &mut boxes);
    assert!(boxes.len() > 4, "only {} texts", boxes.len());
    let (width, height) = (tree.size().width(), tree.size().height());
    let mut wrong = Vec::new();
    for (i, (text, area)) in boxes.iter().enumerate() {
        if area.x() < 0.0 || area.y() < 0.0 || area.right() > width || area.bottom() > height {
            wrong.push(format!("{text:?} leaves the page: {area:?}"));
        }
        for frame in frames(svg) {
            if frame.left() < area.right()
                && area.x() < frame.right()
                && frame.top() < area.bottom()
                && area.y() < frame.bottom()
            {
                wrong.push(format!("{text:?} lies over the panel {frame:?}"));
            }
        }
        for (other, below) in &boxes[..i] {
            let apart = area.x() >= below.right()
                || below.x() >= area.right()
                || area.y() >= below.bottom()
                || below.y() >= area.bottom();
            if !apart {
                wrong.push(format!("{text:?} lies over {other:?}"));
            }
        }
    }
    wrong
}

/// The frames of the panels.
fn frames(svg: &str) -> Vec<resvg::tiny_skia::Rect> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let rects = document.descendants().filter(|node| node.has_tag_name("rect"));
    let frames = rects.filter(|node| node.attribute("fill") == Some("none"));
    let side = |node: &roxmltree::Node<'_, '_>, name: &str| node.attribute(name).unwrap().parse().unwrap();
    let frame = |node: roxmltree::Node<'_, '_>| {
        let [x, y, width, height] = ["x", "y", "width", "height"].map(|name| side(&node, name));
        resvg::tiny_skia::Rect::from_xywh(x, y, width, height).unwrap()
    };
    frames.map(frame).collect()
}

fn boxes_of(group: &usvg::Group, boxes: &mut Vec<(String, usvg::Rect)>) {
    for node in group.children() {
        match node {
            Node::Group(inner) if inner.clip_path().is_none() => boxes_of(inner, boxes),
            Node::Text(text) => {
                let words = text.chunks().iter().map(|chunk| chunk.text()).collect();
                boxes.push((words, text.abs_bounding_box()));
            }
            _ => {}
        }
    }
}

#[track_caller]
fn readable(figure: &Figure) {
    let wrong = unreadable(figure.svg());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn pixels(figure: &Figure) -> Pixmap {
    Pixmap::decode_png(&figure.to_png().unwrap()).unwrap()
}

/// How many pixels are within `bound` of the colour, per channel.
fn pixels_like(picture: &Pixmap, colour: [u8; 3], bound: u8) -> usize {
    let near = |p: &&resvg::tiny_skia::PremultipliedColorU8| {
        [p.red(), p.green(), p.blue()].iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= bound)
    };
    picture.pixels().iter().filter(near).count()
}
