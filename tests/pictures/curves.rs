//! Traces and criteria.

use wgmm::internals::engine::cpu::CpuEngine;
use wgmm::internals::fit::select::{Candidate, NoSweepObserver, SelectOptions, select};
use wgmm::internals::plot::{self, PlotOptions};
use wgmm::{CovarianceType, FitOptions};

use super::{count, drawn, readable, texts};

#[test]
fn a_trace_has_a_dot_per_iteration_and_one_for_the_end() {
    let d = drawn(300, 2, 3, 5);
    let fit = wgmm::fit(&d.samples, &FitOptions { max_iter: 7, tol: 0.0, ..FitOptions::new(3) }).unwrap();
    let fig = plot::trace(&fit.report, &PlotOptions::default()).unwrap();
    assert_eq!((count(&fig, "trace"), count(&fig, "dot"), count(&fig, "axis x")), (1, 8, 1));
    let words = texts(&fig);
    assert!(words.contains(&"stopped after 7 iterations".to_owned()), "{words:?}");
    assert!(words.iter().any(|w| w.starts_with("mean log-likelihood (nats per sample)")), "{words:?}");
    readable(&fig);
    // No iteration at all is one point.
    let fit = wgmm::fit(&d.samples, &FitOptions { max_iter: 0, ..FitOptions::new(3) }).unwrap();
    let fig = plot::trace(&fit.report, &PlotOptions::default()).unwrap();
    assert_eq!(count(&fig, "dot"), 1);
    readable(&fig);
}

fn sweep(components: &[usize], types: &[CovarianceType]) -> Vec<Candidate> {
    let d = drawn(60, 2, 3, 5);
    let fit = |&covariance_type| FitOptions { covariance_type, ..FitOptions::new(1) };
    let options = SelectOptions {
        components: components.to_vec(),
        fits: types.iter().map(fit).collect(),
        criterion: Default::default(),
    };
    let mut engine = CpuEngine::new(&d.samples, None).unwrap();
    select(&mut engine, &options, &mut NoSweepObserver).unwrap().candidates
}

#[test]
fn criteria_have_a_panel_each_and_a_line_per_type() {
    let candidates = sweep(&[1, 2, 3, 99], &[CovarianceType::Full, CovarianceType::Diag]);
    let fig = plot::criteria(&candidates, &PlotOptions::default()).unwrap();
    // Three criteria, two types, three fits that did not fail.
    for (class, expected) in [("criterion", 6), ("dot", 18), ("best", 3), ("axis y", 3), ("entry", 2)] {
        assert_eq!(count(&fig, class), expected, "{class}");
    }
    for word in ["BIC", "AIC", "ICL", "full", "diag"] {
        assert!(texts(&fig).iter().any(|w| w == word), "{word}");
    }
    readable(&fig);
    let fig = plot::criteria(&sweep(&[2], &[CovarianceType::Tied]), &PlotOptions::default()).unwrap();
    assert_eq!((count(&fig, "criterion"), count(&fig, "entry")), (3, 0));
    readable(&fig);
}

#[test]
fn small_curves_are_readable() {
    let d = drawn(150, 2, 3, 5);
    let fit = wgmm::fit(&d.samples, &FitOptions::new(3)).unwrap();
    for size in [(240, 240), (320, 240), (500, 240)] {
        let options = PlotOptions { size: Some(size), ..PlotOptions::default() };
        readable(&plot::trace(&fit.report, &options).unwrap());
    }
    let candidates = sweep(&[1, 2, 3], &[CovarianceType::Full, CovarianceType::Diag]);
    let of = |width| {
        plot::criteria(&candidates, &PlotOptions { size: Some((width, 240)), ..PlotOptions::default() })
    };
    readable(&of(462).unwrap());
    for width in [240, 461] {
        let error = of(width).unwrap_err().to_string();
        assert!(error.contains("size") && error.contains("at least 462 pixels"), "{error}");
    }
}

#[test]
fn a_sweep_of_failures_is_refused() {
    let error = plot::criteria(&sweep(&[99], &[CovarianceType::Full]), &PlotOptions::default()).unwrap_err();
    assert!(error.to_string().contains("did not fail"), "{error}");
}
