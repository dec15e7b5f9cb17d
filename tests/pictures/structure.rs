//! What a figure of a mixture consists of.

use std::ops::ControlFlow;

use wgmm::internals::engine::cpu::CpuEngine;
use wgmm::internals::fit::em;
use wgmm::internals::plot::{self, PlotOptions};
use wgmm::{FitOptions, Parameters, Samples};

use super::{count, drawn, figure, of, pixels, pixels_like, readable, texts, unreadable};
use crate::support::files;

/// Okabe & Ito's blue, orange and bluish green: the first three components.
const COLOURS: [[u8; 3]; 3] = [[0x00, 0x72, 0xb2], [0xe6, 0x9f, 0x00], [0x00, 0x9e, 0x73]];

#[test]
fn two_features_make_a_scatter() {
    let d = drawn(300, 2, 3, 5);
    let fig = d.figure(&PlotOptions::default()).unwrap();
    assert_eq!(fig.size(), (800, 600));
    for (class, expected) in [
        ("sigma1", 3),
        ("sigma2", 3),
        ("mean", 3),
        ("entry", 3),
        ("axis x", 1),
        ("axis y", 1),
        ("panel fit", 1),
        ("panel truth", 0),
        ("density", 0),
    ] {
        assert_eq!(count(&fig, class), expected, "{class}");
    }
    let words = texts(&fig);
    for word in ["length 0 (cm)", "length 1 (cm)", "component", "weight", "1σ", "2σ"] {
        assert!(words.iter().any(|w| w == word), "no {word:?} in {words:?}");
    }
    let weight = format!("{:.3}", d.parameters.weights()[2]);
    assert!(words.contains(&weight), "no {weight} in {words:?}");
    // Every sample leaves a dot.
    let dots = fig.svg().split("class=\"dots\"").skip(1).map(|path| {
        let path = path.split("/>").next().unwrap();
        path.matches('M').count()
    });
    assert_eq!(dots.sum::<usize>(), 300);
    readable(&fig);
}

#[test]
fn one_feature_makes_a_histogram() {
    let d = drawn(300, 3, 3, 5);
    let fig = d.figure(&of(&[1])).unwrap();
    for (class, expected) in [("component", 3), ("mixture", 1), ("entry", 3), ("sigma1", 0), ("axis y", 1)] {
        assert_eq!(count(&fig, class), expected, "{class}");
    }
    assert!(texts(&fig).iter().any(|w| w == "density") && texts(&fig).iter().any(|w| w == "length 1 (cm)"));
    readable(&fig);
    // One component is the mixture.
    let one = drawn(50, 1, 1, 5).figure(&PlotOptions::default()).unwrap();
    assert_eq!((count(&one, "component"), count(&one, "mixture")), (1, 0));
}

#[test]
fn more_features_make_a_matrix() {
    let d = drawn(200, 6, 2, 8);
    let fig = d.figure(&PlotOptions::default()).unwrap();
    // Four features: six pairs and four histograms.
    for (class, expected) in [("panel fit", 10), ("sigma1", 12), ("component", 8), ("entry", 2)] {
        assert_eq!(count(&fig, class), expected, "{class}");
    }
    readable(&fig);
    let fig = d.figure(&of(&[4, 0, 2])).unwrap();
    assert_eq!((count(&fig, "panel fit"), count(&fig, "sigma2")), (6, 6));
    assert!(!texts(&fig).iter().any(|w| w == "length 1 (cm)"));
    let most: Vec<usize> = (0..6).collect();
    readable(&d.figure(&of(&most)).unwrap());
}

/// By hand: between 0.25·(Δμ)², within the mean variance.
#[test]
fn the_most_separating_features_are_chosen() {
    let (wide, thin) = (4.0, 0.01);
    let covariance = [wide, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, thin];
    let means = vec![0.0, 0.0, 0.0, 6.0, 0.1, 1.0];
    let p = Parameters::new(wgmm::CovarianceType::Full, vec![0.5; 2], means, covariance.repeat(2)).unwrap();
    // Ratios 2.25, 0.0025 and 25.
    assert_eq!(plot::most_separating(&p, 1), [2]);
    assert_eq!(plot::most_separating(&p, 2), [0, 2]);
    assert_eq!(plot::most_separating(&p, 9), [0, 1, 2]);
}

#[test]
fn true_labels_stand_beside_the_fit() {
    let d = drawn(400, 3, 3, 2);
    let options = |features: &[usize]| PlotOptions { truth: Some(&d.labels), ..of(features) };
    for features in [&[0][..], &[0, 1]] {
        let fig = d.figure(&options(features)).unwrap();
        assert_eq!((count(&fig, "panel truth"), count(&fig, "panel fit"), count(&fig, "entry")), (1, 1, 6));
        assert_eq!(fig.size(), (1200, 600));
        let words = texts(&fig);
        assert!(["true labels", "fit", "group 2"].iter().all(|word| words.iter().any(|w| w == word)));
        readable(&fig);
    }
    let fig = d.figure(&options(&[0, 1, 2])).unwrap();
    assert_eq!((count(&fig, "panel truth"), count(&fig, "panel fit")), (3, 6));
    readable(&fig);
    // The labels are the components themselves: each class has its component's colour.
    let colour_of = |text: &str| {
        let entry =
            fig.svg().split("class=\"entry\"").skip(1).find(|entry| entry.contains(&format!(">{text}<")));
        entry.unwrap().split("fill=\"").nth(1).unwrap()[..7].to_owned()
    };
    for k in 0..3 {
        assert_eq!(colour_of(&format!("group {k}")), colour_of(&k.to_string()), "{k}");
    }
}

#[test]
fn many_samples_become_a_picture_of_their_density() {
    let d = drawn(60_000, 2, 3, 5);
    let fig = d.figure(&PlotOptions::default()).unwrap();
    assert_eq!((count(&fig, "density"), count(&fig, "dots"), count(&fig, "sigma1")), (1, 0, 3));
    assert!(fig.svg().len() < 2_000_000, "{} bytes", fig.svg().len());
    let picture = pixels(&fig);
    for colour in COLOURS {
        assert!(pixels_like(&picture, colour, 60) > 500, "{colour:?}");
    }
}

#[test]
fn the_pixels_show_the_palette() {
    let d = drawn(300, 2, 3, 5);
    let fig = d.figure(&PlotOptions::default()).unwrap();
    let picture = pixels(&fig);
    assert_eq!((picture.width(), picture.height()), (800, 600));
    let white = pixels_like(&picture, [255; 3], 0);
    assert!((100_000..470_000).contains(&white), "{white} white pixels");
    for colour in COLOURS {
        assert!(pixels_like(&picture, colour, 3) > 30, "{colour:?}");
    }
    assert_eq!(pixels_like(&picture, [255, 0, 255], 40), 0, "a colour that is not there");
    // Text is drawn: ink in the corner where the legend stands.
    let legend = (0..40).flat_map(|y| (655..800).map(move |x| (x, y)));
    assert!(legend.filter(|(x, y)| picture.pixel(*x, *y).unwrap().red() < 120).count() > 100);
}

#[test]
fn the_same_bytes_every_time() {
    let d = drawn(30_000, 3, 4, 5);
    let options = PlotOptions { truth: Some(&d.labels), title: Some("twice".into()), ..of(&[2, 0]) };
    let first = d.figure(&options).unwrap();
    let mut engine = CpuEngine::new(&d.samples, Some(1)).unwrap();
    let second = plot::mixture(&mut engine, &d.samples, &d.parameters, &options).unwrap();
    assert!(first == second && first.to_png().unwrap() == second.to_png().unwrap());
}

#[test]
fn a_sample_has_the_colours_of_its_components_by_its_responsibilities() {
    // Two equal components left and right; samples far left, far right and in the middle.
    let p = Parameters::new(
        wgmm::CovarianceType::Spherical,
        vec![0.5; 2],
        vec![-9.0, 0.0, 9.0, 0.0],
        vec![1.0; 2],
    );
    let samples = Samples::new(vec![-9.0, 0.0, 9.0, 0.0, 0.0, 1.0], 2).unwrap();
    let svg = figure(&samples, &p.unwrap(), &PlotOptions::default()).unwrap();
    let dots = svg
        .svg()
        .split("class=\"dots\"")
        .skip(1)
        .map(|path| path.split("stroke=\"").nth(1).unwrap()[..7].to_owned());
    // To sixteen shades: blue, their mean, orange.
    assert_eq!(dots.collect::<Vec<_>>(), ["#0077aa", "#778855", "#ee9900"]);
}

#[test]
fn names_are_text_and_never_markup() {
    let names = [
        "<b>&\"x\" \u{1}",
        "a very long name that goes on and on and on, as some do, far beyond the axis that it names, and then still goes on and on until nobody reads it",
    ];
    let d = drawn(40, 2, 2, 5);
    let samples = d.samples.with_feature_names(names.map(str::to_owned).to_vec()).unwrap();
    let labels: Vec<String> = (0..40).map(|i| format!("<script>{}", i % 2)).collect();
    let options =
        PlotOptions { truth: Some(&labels), title: Some("</svg>&".into()), ..PlotOptions::default() };
    let fig = figure(&samples, &d.parameters, &options).unwrap();
    let words = texts(&fig);
    assert!(
        words.iter().any(|w| w == "<b>&\"x\" \u{fffd}") && words.iter().any(|w| w.starts_with("<script>0"))
    );
    assert!(words.iter().any(|w| w.ends_with('…')), "{words:?}");
    readable(&fig);
    fig.to_png().unwrap();
}

/// Real data and their oddities: offsets of 1e6 and 1e7, a constant feature, far outliers, 32 features.
#[test]
fn every_golden_data_set_is_readable() {
    let folder = files::data("golden");
    let mut seen = 0;
    for name in files::names(&folder).iter().filter(|name| name.starts_with('p')) {
        let samples = files::samples(&folder.join(name).join("data.npy"));
        let options = FitOptions { max_iter: 2, reg_covar: 1e-3, ..FitOptions::new(2) };
        let model = wgmm::fit(&samples, &options).unwrap().model;
        let fig = figure(&samples, &model.parameters, &PlotOptions::default()).unwrap();
        let wrong = unreadable(fig.svg());
        assert!(wrong.is_empty(), "{name}: {wrong:#?}");
        seen += 1;
    }
    assert!(seen >= 9, "{seen}");
}

#[test]
fn the_check_for_readable_texts_rejects_what_is_not() {
    let d = drawn(40, 2, 2, 5);
    let fig = d.figure(&PlotOptions::default()).unwrap();
    let over = "<text x=\"350\" y=\"592\">planted over the name</text></svg>";
    assert!(!unreadable(&fig.svg().replace("</svg>", over)).is_empty());
    let on = "<text x=\"200\" y=\"300\">planted over the panel</text></svg>";
    assert!(!unreadable(&fig.svg().replace("</svg>", on)).is_empty());
    let out = "<text x=\"790\" y=\"592\">planted beyond the page</text></svg>";
    assert!(!unreadable(&fig.svg().replace("</svg>", out)).is_empty());
}

#[test]
fn many_components_fit_the_legend() {
    for truth in [false, true] {
        let d = drawn(500, 2, 80, 3);
        let options = PlotOptions { truth: truth.then_some(&d.labels[..]), ..PlotOptions::default() };
        let fig = d.figure(&options).unwrap();
        readable(&fig);
        assert_eq!(count(&fig, "sigma1"), 80);
        assert!(texts(&fig).iter().any(|w| w.starts_with("and ") && w.ends_with(" more")));
    }
}

#[test]
fn sample_weights_count() {
    let values = vec![0.0, 0.0, 1.0, 1.0, 50.0, 50.0];
    let samples = Samples::new(values, 2).unwrap().with_sample_weights(vec![1.0, 2.0, 0.0]).unwrap();
    let p = Parameters::new(wgmm::CovarianceType::Spherical, vec![1.0], vec![0.5, 0.5], vec![1.0]).unwrap();
    let fig = figure(&samples, &p, &PlotOptions::default()).unwrap();
    // The sample of weight 0 is absent: it stretches no axis.
    assert!(!texts(&fig).iter().any(|w| w == "50"), "{:?}", texts(&fig));
}

#[test]
fn steps_of_a_fit_are_drawn() {
    let d = drawn(200, 2, 3, 5);
    let options = FitOptions { max_iter: 3, tol: 0.0, ..FitOptions::new(3) };

    let mut engine = CpuEngine::new(&d.samples, None).unwrap();
    let mut animation = plot::Animation::new(Vec::new());
    let mut watch = |step: &mut em::Step<'_>| {
        let fig = plot::step(step, &d.samples, &PlotOptions::default()).unwrap();
        assert!(texts(&fig)[0].starts_with(&format!("iteration {}: mean log-likelihood −", step.iteration)));
        animation.add(&fig).unwrap();
        ControlFlow::Continue(())
    };
    em::fit(&mut engine, &options, &mut watch).unwrap();
    let bytes = animation.finish().unwrap();
    let mut decoder = gif::DecodeOptions::new().read_info(&bytes[..]).unwrap();
    assert_eq!((decoder.width(), decoder.height()), (800, 600));
    let mut delays = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        delays.push(frame.delay);
    }
    assert!(delays.len() == 3 && delays[2] > delays[1], "{delays:?}");
}

/// Equal mixtures in four forms give one figure.
#[test]
fn the_form_of_the_covariances_changes_nothing() {
    let d = drawn(50, 3, 2, 5);
    let (weights, means) = (vec![0.3, 0.7], vec![0.0, 1.0, 2.0, 3.0, -1.0, 0.5]);
    let matrix = [4.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 4.0];
    let forms = [
        (wgmm::CovarianceType::Full, matrix.repeat(2)),
        (wgmm::CovarianceType::Tied, matrix.to_vec()),
        (wgmm::CovarianceType::Diag, vec![4.0; 6]),
        (wgmm::CovarianceType::Spherical, vec![4.0; 2]),
    ];
    let figures = forms.map(|(form, covariances)| {
        let p = Parameters::new(form, weights.clone(), means.clone(), covariances).unwrap();
        figure(&d.samples, &p, &PlotOptions::default()).unwrap()
    });
    assert!(figures.iter().all(|fig| *fig == figures[0]));
}

/// A small figure shows less, and nothing over anything else.
#[test]
fn small_figures_are_readable() {
    let mut wrong = Vec::new();
    let d = drawn(60, 6, 12, 5);
    let sizes = [(240, 240), (240, 600), (600, 240), (320, 240), (400, 300), (500, 500), (640, 480)];
    for size in sizes {
        for n_features in [1, 2, 3, 4, 6] {
            for truth in [false, true] {
                let features: Vec<usize> = (0..n_features).collect();
                let labels = truth.then_some(&d.labels[..]);
                let options = PlotOptions { size: Some(size), truth: labels, ..of(&features) };
                let fig = d.figure(&options).unwrap();
                let found = unreadable(fig.svg());
                if !found.is_empty() {
                    wrong.push(format!(
                        "{size:?} {n_features} {truth}: {} {:?}",
                        found.len(),
                        &found[..found.len().min(4)]
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Of a title that is too long as much is shown as has room, whatever its letters.
#[test]
fn a_long_title_is_cut() {
    let d = drawn(40, 2, 2, 5);
    for c in ["W", "@", "%", "m", "—", "i", "a word and ", "中"] {
        let title = c.repeat(400);
        let options = PlotOptions { title: Some(title.clone()), ..PlotOptions::default() };
        let fig = d.figure(&options).unwrap();
        readable(&fig);
        let shown = texts(&fig)[0].clone();
        assert!(shown.ends_with('…') && title.starts_with(shown.trim_end_matches('…')), "{shown}");
        // All of it is there for who listens.
        assert!(fig.svg().contains(&format!("<title>{title}</title>")));
    }
    let options = PlotOptions { title: Some("short".into()), ..PlotOptions::default() };
    assert_eq!(texts(&d.figure(&options).unwrap())[0], "short");
}
