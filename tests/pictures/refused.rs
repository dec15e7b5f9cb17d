//! Bad input: an error that names the option.

use wgmm::internals::plot::{Animation, PlotOptions};
use wgmm::{Parameters, Samples};

use super::{drawn, figure, of};

#[track_caller]
fn refused(result: wgmm::Result<wgmm::internals::plot::Figure>, words: &[&str]) {
    let error = result.unwrap_err().to_string();
    for word in words {
        assert!(error.contains(word), "no {word:?} in {error:?}");
    }
}

#[test]
fn features_that_are_not_there() {
    let one = drawn(20, 1, 2, 1);
    refused(one.figure(&of(&[0, 1])), &["features", "1", "0 to 0"]);
    let d = drawn(20, 12, 2, 1);
    refused(d.figure(&of(&[12])), &["features", "12", "0 to 11"]);
    refused(d.figure(&of(&[3, 3])), &["features", "3", "once"]);
    refused(d.figure(&of(&[0, 1, 2, 3, 4, 5, 6, 7, 8])), &["features", "9", "at most 8"]);
    d.figure(&of(&[0, 1, 2, 3, 4, 5, 6, 7])).unwrap();
}

#[test]
fn truth_of_another_length() {
    let d = drawn(20, 2, 2, 1);
    let truth = |labels: &[String]| d.figure(&PlotOptions { truth: Some(labels), ..PlotOptions::default() });
    refused(truth(&d.labels[1..]), &["true labels", "20", "19"]);
    refused(truth(&[]), &["true labels", "20", "0"]);
    let d = drawn(300, 2, 2, 1);
    let ids: Vec<String> = (0..300).map(|i| i.to_string()).collect();
    let options = PlotOptions { truth: Some(&ids), ..PlotOptions::default() };
    refused(d.figure(&options), &["truth", "256", "ids"]);
}

#[test]
fn data_of_another_shape() {
    let (d, other) = (drawn(20, 2, 2, 1), drawn(20, 3, 2, 1));
    refused(figure(&d.samples, &other.parameters, &PlotOptions::default()), &["features", "3", "2"]);
    // Neither a mixture of no components nor samples of no rows can be made.
    assert!(Parameters::new(wgmm::CovarianceType::Full, vec![], vec![], vec![]).is_err());
    assert!(Samples::new(Vec::<f64>::new(), 2).is_err());
}

#[test]
fn sizes_that_show_nothing() {
    let d = drawn(20, 2, 2, 1);
    for size in [(0, 600), (239, 600), (800, 9000)] {
        refused(
            d.figure(&PlotOptions { size: Some(size), ..PlotOptions::default() }),
            &["size", "240 to 8000"],
        );
    }
    for features in [&[0][..], &[0, 1]] {
        let options = PlotOptions { size: Some((240, 240)), truth: Some(&d.labels), ..of(features) };
        d.figure(&options).unwrap().to_png().unwrap();
    }
}

#[test]
fn animations_of_nothing_or_of_two_sizes() {
    assert!(Animation::new(Vec::new()).finish().unwrap_err().to_string().contains("frames"));
    let d = drawn(20, 2, 2, 1);
    let mut animation = Animation::new(Vec::new());
    animation.add(&d.figure(&PlotOptions::default()).unwrap()).unwrap();
    let larger = PlotOptions { size: Some((900, 600)), ..PlotOptions::default() };
    let error = animation.add(&d.figure(&larger).unwrap()).unwrap_err().to_string();
    assert!(error.contains("800x600") && error.contains("900x600"), "{error}");
}
