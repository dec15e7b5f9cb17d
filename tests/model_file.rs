//! The model file: it keeps every bit, names the field at fault, and survives what others have found
//! to break JSON readers.

use std::fs;

use serde_json::{Value, json};
use wgmm::{CovarianceType, Error, FitOptions, GaussianMixture, Parameters, Result};

use crate::support::engines::Kind;
use crate::support::files;
use crate::support::problem::Problem;

mod hostile;

fn read(text: &str) -> Result<GaussianMixture> {
    GaussianMixture::from_json(text, "model.json")
}

fn write(model: &GaussianMixture) -> String {
    let mut text = Vec::new();
    model.write_json(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// A fitted model with everything a model can hold.
fn fitted(covariance_type: CovarianceType) -> GaussianMixture {
    let problem = Problem::medium(covariance_type);
    let names = vec!["length \"cm\"".to_string(), "größe, 2".into(), "\u{1f600}\\n".into()];
    let samples = problem.samples().with_feature_names(names).unwrap();
    let options = FitOptions { n_init: 2, reg_covar: 1e-6, ..problem.steps(3) };
    Kind::Reference.fit(&samples, &options).unwrap()
}

#[test]
fn a_model_comes_back_to_the_bit() {
    for covariance_type in CovarianceType::ALL {
        let model = fitted(covariance_type);
        let text = write(&model);
        let again = read(&text).unwrap();
        assert_eq!(again, model, "{covariance_type}");
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(again.parameters.covariances()), bits(model.parameters.covariances()));
        assert_eq!(write(&again), text, "a second trip changes the text");
        // Through a file, too, and as a start.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.json");
        fs::write(&path, &text).unwrap();
        assert_eq!(GaussianMixture::read(&path).unwrap(), model);
        assert_eq!(Parameters::read_start(&path, covariance_type).unwrap(), model.parameters);
    }
}

#[test]
fn awkward_numbers_come_back_to_the_bit() {
    let awkward = [
        f64::MIN_POSITIVE,
        5e-324,
        f64::MIN_POSITIVE * (1.0 - f64::EPSILON),
        0.1 + 0.2,
        1.0 / 3.0,
        9007199254740993.0,
        1e22,
        1.7976931348623157e308,
        -0.0,
        -1e-300,
    ];
    let k = awkward.len();
    let weights: Vec<f64> = (0..k).map(|i| if i == 0 { 1.0 - 9.0 / 16.0 } else { 1.0 / 16.0 }).collect();
    let variances: Vec<f64> = awkward.iter().map(|v| v.abs().max(5e-324)).collect();
    let p = Parameters::new(CovarianceType::Spherical, weights, awkward.to_vec(), variances).unwrap();
    let again = read(&write(&p.clone().into())).unwrap().parameters;
    let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(again.means()), bits(p.means()));
    assert_eq!(bits(again.covariances()), bits(p.covariances()));
}

#[test]
fn the_file_holds_what_it_promises() {
    for covariance_type in CovarianceType::ALL {
        let text = write(&fitted(covariance_type));
        let value: Value = serde_json::from_str(&text).unwrap();
        let promised = [
            "format",
            "version",
            "covariance_type",
            "n_components",
            "n_features",
            "feature_names",
            "weights",
            "means",
            "covariances",
            "log_likelihood_trace",
            "final_mean_log_likelihood",
            "n_iter",
            "converged",
            "stop_reason",
            "options",
            "engine",
        ];
        for field in promised {
            assert!(value.get(field).is_some(), "{covariance_type}: no `{field}`");
        }
        assert_eq!((&value["format"], &value["version"]), (&json!("wgmm"), &json!(1)));
        let depth = |mut v: &Value| {
            let mut shape = Vec::new();
            while let Some(items) = v.as_array() {
                shape.push(items.len());
                v = &items[0];
            }
            shape
        };
        let expected: &[usize] = match covariance_type {
            CovarianceType::Full => &[4, 3, 3],
            CovarianceType::Tied => &[3, 3],
            CovarianceType::Diag => &[4, 3],
            CovarianceType::Spherical => &[4],
        };
        assert_eq!(depth(&value["covariances"]), expected);
        assert_eq!(depth(&value["means"]), [4, 3]);
        for word in ["null", "NaN", "Infinity", "inf"] {
            assert!(!text.contains(word), "{covariance_type}: the file holds {word}");
        }
    }
}

/// Two components in two dimensions, only what a reader requires.
fn minimal() -> Value {
    json!({
        "format": "wgmm",
        "version": 1,
        "covariance_type": "full",
        "weights": [0.25, 0.75],
        "means": [[0.0, 1.0], [2.0, 3.0]],
        "covariances": [[[1.0, 0.5], [0.5, 1.0]], [[2.0, 0.0], [0.0, 2.0]]],
    })
}

#[test]
fn a_model_written_by_hand_needs_six_fields() {
    let model = read(&minimal().to_string()).unwrap();
    assert_eq!(model.parameters.weights(), [0.25, 0.75]);
    assert!(model.report.is_none() && model.feature_names.is_none());
    // Counts, names and fields of later versions may be there.
    let mut more = minimal();
    for (name, value) in [
        ("n_components", json!(2)),
        ("n_features", json!(2)),
        ("feature_names", json!(["a", "b"])),
        ("comment", json!({"by": ["hand", null]})),
    ] {
        more[name] = value;
    }
    assert_eq!(read(&more.to_string()).unwrap().feature_names.unwrap(), ["a", "b"]);
}

/// Asserts that `text` is refused with an error about `field`.
#[track_caller]
fn assert_names(text: &str, field: &str) {
    match read(text) {
        Err(Error::InvalidParameters { origin, field: found, what }) => {
            assert_eq!(found, field, "{what}\n{text}");
            assert_eq!(origin, "model.json", "{text}");
        }
        other => panic!("expected an error about `{field}`, got {other:?}\n{text}"),
    }
}

#[test]
fn every_required_field_is_required_and_typed() {
    let wrong_types = [
        json!(null),
        json!(true),
        json!("x"),
        json!({}),
        json!([]),
        json!([null]),
        json!(["1"]),
        json!([[[[1.0]]]]),
        json!(-1),
    ];
    for field in ["format", "version", "covariance_type", "weights", "means", "covariances"] {
        let mut model = minimal();
        model.as_object_mut().unwrap().remove(field);
        assert_names(&model.to_string(), field);
        for wrong in &wrong_types {
            let mut model = minimal();
            model[field] = wrong.clone();
            assert_names(&model.to_string(), field);
        }
    }
}

#[test]
fn every_invariant_is_checked_by_name() {
    let faults: Vec<(&str, Value)> = vec![
        ("format", json!("sklearn")),
        ("version", json!(0)),
        ("version", json!(2)),
        ("version", json!(1.5)),
        ("version", json!("1")),
        ("covariance_type", json!("banana")),
        ("covariance_type", json!("Full")),
        ("covariances", json!([[1.0, 1.0], [1.0, 1.0]])),
        ("weights", json!([0.25, 0.7])),
        ("weights", json!([-0.25, 1.25])),
        ("weights", json!([0.25, "0.75"])),
        ("weights", json!([[0.25], [0.75]])),
        ("weights", json!([0.25, null])),
        ("means", json!([[0.0, 1.0]])),
        ("means", json!([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])),
        ("means", json!([[0.0, 1.0], [2.0]])),
        ("means", json!([[0.0, 1.0], 2.0])),
        ("means", json!([0.0, 1.0])),
        ("means", json!([[], []])),
        ("means", json!([[0.0, 1.0], [2.0, "3"]])),
        ("covariances", json!([[[1.0, 0.5], [0.5, 1.0]]])),
        ("covariances", json!([[[1.0, 0.5], [0.5, 1.0]], [[2.0, 0.0], [0.0]]])),
        ("covariances", json!([[[1.0, 0.5], [0.4, 1.0]], [[2.0, 0.0], [0.0, 2.0]]])),
        ("covariances", json!([[[1.0, 2.0], [2.0, 1.0]], [[2.0, 0.0], [0.0, 2.0]]])),
        ("covariances", json!([[[1.0, 0.5], [0.5, 1.0]], [[0.0, 0.0], [0.0, 2.0]]])),
        ("covariances", json!([[[1.0, 1.0], [1.0, 1.0]], [[2.0, 0.0], [0.0, 2.0]]])),
        ("covariances", json!([[[-1.0, 0.0], [0.0, 1.0]], [[2.0, 0.0], [0.0, 2.0]]])),
        ("n_components", json!(3)),
        ("n_components", json!(1_000_000_000_000u64)),
        ("n_components", json!("2")),
        ("n_features", json!(1)),
        ("n_features", json!(-2)),
        ("feature_names", json!(["a"])),
        ("feature_names", json!("a")),
        ("feature_names", json!([1, 2])),
    ];
    for (field, value) in faults {
        let mut model = minimal();
        model[field] = value;
        assert_names(&model.to_string(), field);
    }
    // One shape of every other type.
    for (covariance_type, good, bad) in [
        ("tied", json!([[1.0, 0.5], [0.5, 1.0]]), json!([[1.0, 2.0], [2.0, 1.0]])),
        ("diag", json!([[1.0, 2.0], [3.0, 4.0]]), json!([[1.0, 2.0], [3.0, 0.0]])),
        ("spherical", json!([1.0, 2.0]), json!([1.0, -2.0])),
    ] {
        let mut model = minimal();
        model["covariance_type"] = json!(covariance_type);
        assert_names(&model.to_string(), "covariances");
        model["covariances"] = good;
        read(&model.to_string()).unwrap();
        model["covariances"] = bad;
        assert_names(&model.to_string(), "covariances");
    }
}

/// Numbers JSON cannot write, or f64 cannot hold.
#[test]
fn numbers_that_are_none_are_refused_by_name() {
    let text = minimal().to_string();
    for bad in ["NaN", "Infinity", "-Infinity", "nan", "1e999", "-1e999", "1e400"] {
        for (field, from) in [("weights", "0.25"), ("means", "3.0"), ("covariances", "0.5,1.0")] {
            let to = if field == "covariances" { format!("0.5,{bad}") } else { bad.to_string() };
            let spoiled = text.replacen(from, &to, 1);
            assert_ne!(spoiled, text);
            match read(&spoiled) {
                // NaN and Infinity are no JSON at all: the text as a whole is refused, with the place.
                Err(Error::Format { what, .. }) => assert!(what.contains("line 1 column"), "{what}"),
                Err(Error::InvalidParameters { field: found, .. }) => assert_eq!(found, field, "{spoiled}"),
                other => panic!("{other:?}\n{spoiled}"),
            }
        }
    }
}

#[test]
fn a_field_given_twice_is_refused_by_name() {
    for field in ["weights", "means", "version", "comment"] {
        let text = minimal().to_string();
        let value = minimal()[field].to_string();
        let twice = text.replacen('{', &format!("{{\"{field}\":{value},\"{field}\":{value},"), 1);
        let error = read(&twice).unwrap_err();
        assert!(matches!(error, Error::Format { .. }), "{error:?}");
        assert!(error.to_string().contains(field), "{error}");
    }
}

/// A start needs three fields, and full matrices serve every type.
#[test]
fn a_start_needs_three_fields() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("start.json");
    let mut start = minimal();
    for field in ["format", "version", "covariance_type"] {
        start.as_object_mut().unwrap().remove(field);
    }
    fs::write(&path, start.to_string()).unwrap();
    let covariances = |t: CovarianceType| Parameters::read_start(&path, t).unwrap().covariances().to_vec();
    assert_eq!(covariances(CovarianceType::Full), [1.0, 0.5, 0.5, 1.0, 2.0, 0.0, 0.0, 2.0]);
    assert_eq!(covariances(CovarianceType::Tied), [1.0, 0.5, 0.5, 1.0]);
    assert_eq!(covariances(CovarianceType::Diag), [1.0, 1.0, 2.0, 2.0]);
    assert_eq!(covariances(CovarianceType::Spherical), [1.0, 2.0]);
    for field in ["weights", "means", "covariances"] {
        let mut short = start.clone();
        short.as_object_mut().unwrap().remove(field);
        fs::write(&path, short.to_string()).unwrap();
        let error = Parameters::read_start(&path, CovarianceType::Full).unwrap_err();
        assert!(matches!(&error, Error::InvalidParameters { field: f, .. } if f == field), "{error:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("missing.json"), folder.path().to_path_buf()] {
        let error = GaussianMixture::read(&path).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error:?}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}
