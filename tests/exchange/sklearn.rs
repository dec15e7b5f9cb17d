//! Models that a real scikit-learn fitted and saved (tests/data/sklearn), against its own answers.

use serde_json::Value;
use wgmm::internals::infer;
use wgmm::{CovarianceType, GaussianMixture, Samples};

use crate::support::compare::{Bound, assert_close};
use crate::support::engines::{Kind, on_every_engine};
use crate::support::files;

fn model(name: &str) -> GaussianMixture {
    GaussianMixture::read(&files::data(format!("sklearn/{name}.npz"))).unwrap()
}

fn expected() -> Value {
    files::json(&files::data("sklearn/expected.json"))
}

/// The iris table of the fixture.
fn iris() -> Samples<'static> {
    wgmm::internals::data::open(&files::data("iris.csv"), &wgmm::internals::data::ReadOptions::default())
        .unwrap()
        .samples
}

fn labels(values: &Value) -> Vec<u32> {
    files::numbers(values).into_iter().map(|v| v as u32).collect()
}

/// Every answer about rows, one of them 1e7 nats away, within the engine's precision.
fn answers_are_scikit_learns(kind: Kind) {
    let expected = expected();
    // f64 only rounds; f32 holds the samples to 6e-8 of the widest row.
    let bound = if kind.is_f64() { 1e-10 } else { 2e-4 };
    for (name, case) in expected["cases"].as_object().unwrap() {
        let model = model(name);
        let p = &model.parameters;
        let iris = iris();
        let mut engine = kind.open(&iris).unwrap();
        let n = iris.n_samples() as f64;
        let total = infer::log_likelihood(engine.as_mut(), p).unwrap();
        for (what, value) in [("score", total / n), ("bic", model.bic(total, n)), ("aic", model.aic(total))] {
            let expected = case[what].as_f64().unwrap();
            assert_close(&format!("{name} {what}"), &[value], &[expected], Bound::Relative(bound));
        }
        // The device scales by the samples it holds: the ordinary rows apart from the far one.
        let rows = files::numbers(&expected["rows"]);
        let scores = files::numbers(&case["score_samples"]);
        let probabilities = files::numbers(&case["predict_proba"]);
        for part in [0..6, 6..7] {
            let samples = Samples::new(&rows[4 * part.start..4 * part.end], 4).unwrap();
            let mut engine = kind.open(&samples).unwrap();
            let found = infer::sample_log_likelihoods(engine.as_mut(), p).unwrap();
            assert_close(name, &found, &scores[part.clone()], Bound::Relative(bound));
            assert_eq!(infer::predict(engine.as_mut(), p).unwrap(), labels(&case["predict"])[part.clone()]);
            let found = infer::responsibilities(engine.as_mut(), p, 0..part.len()).unwrap();
            assert_close(name, &found, &probabilities[3 * part.start..3 * part.end], Bound::Absolute(bound));
        }
        let sampled = files::numbers(&case["sampled"]);
        let samples = Samples::new(&sampled, 4).unwrap();
        let mut engine = kind.open(&samples).unwrap();
        assert_eq!(infer::predict(engine.as_mut(), p).unwrap(), labels(&case["sampled_predict"]), "{name}");
    }
}

on_every_engine!(answers_are_scikit_learns);

#[test]
fn factors_and_precisions_are_scikit_learns() {
    let expected = expected();
    for covariance_type in CovarianceType::ALL {
        let (case, model) = (&expected["cases"][covariance_type.name()], model(covariance_type.name()));
        assert_eq!(case["covariance_type"], covariance_type.name());
        assert_eq!(model.parameters.covariance_type(), covariance_type);
        assert!(model.report.is_none() && model.feature_names.is_none());
        for (what, found) in [
            ("precisions", model.parameters.precisions().unwrap()),
            ("precisions_cholesky", model.parameters.precisions_cholesky().unwrap()),
        ] {
            // The condition of iris' covariances, 1e3, times rounding.
            let stored = files::numbers(&case[what]);
            assert_close(&format!("{covariance_type} {what}"), &found, &stored, Bound::Relative(1e-11));
        }
    }
}

/// The labels that scikit-learn drew its samples with agree with ours, as the truth of a mixture does.
#[test]
fn sampled_rows_belong_to_their_components() {
    for (name, case) in expected()["cases"].as_object().unwrap() {
        let sampled = files::numbers(&case["sampled"]);
        let samples = Samples::new(&sampled, 4).unwrap();
        let mut engine = Kind::Reference.open(&samples).unwrap();
        let found = infer::predict(engine.as_mut(), &model(name).parameters).unwrap();
        let truth = labels(&case["sampled_labels"]);
        let agreement = wgmm::internals::infer::agreement::Contingency::new(&truth, &found).unwrap();
        assert!(agreement.adjusted_rand_index() > 0.5, "{name}");
    }
}

/// Compressed, in Fortran order, with pickled names, in big-endian f4: the same mixture.
#[test]
fn odd_archives_are_read() {
    let (odd, full) = (model("odd"), model("full"));
    assert_eq!(odd.parameters.weights(), full.parameters.weights());
    assert_eq!(odd.parameters.means(), full.parameters.means());
    assert_eq!(odd.parameters.covariances(), full.parameters.covariances());
    assert_eq!(odd.feature_names, None, "pickled names are never read");
    let single = model("single").parameters;
    let diag = model("diag").parameters;
    assert_eq!(single.covariance_type(), CovarianceType::Diag);
    assert_close("f4 weights", single.weights(), diag.weights(), Bound::Absolute(0.05));
    assert!(single.means().iter().all(|m| f64::from(*m as f32) == *m));
}
