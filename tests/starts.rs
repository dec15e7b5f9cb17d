//! Parts of a start that are given: each replaces what the seeding finds, and is checked by its name.

use std::ops::ControlFlow;
use std::path::PathBuf;

use wgmm::internals::fit::em::Step;
use wgmm::{CovarianceType, Error, FitOptions, GaussianMixture, Init, Parameters, PartialStart};

use crate::support::compare::{Bound, assert_close};
use crate::support::engines::Kind;
use crate::support::problem::Problem;

/// The parameters of the first E-step, and the fit.
fn first(problem: &Problem, options: &FitOptions) -> (Parameters, GaussianMixture) {
    let mut start = None;
    let mut observer = |step: &mut Step<'_>| {
        start.get_or_insert_with(|| step.parameters.clone());
        ControlFlow::Continue(())
    };
    let model = Kind::Reference.fit_observed(&problem.samples(), options, &mut observer).unwrap();
    (start.unwrap(), model)
}

fn kmeans(covariance_type: CovarianceType) -> FitOptions {
    FitOptions { covariance_type, tol: 0.0, max_iter: 2, ..FitOptions::new(4) }
}

#[test]
fn every_part_replaces_what_was_found() {
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::medium(covariance_type);
        let given = &problem.start;
        let (found, _) = first(&problem, &kmeans(covariance_type));
        for parts in 0..8 {
            let part = |bit: usize, values: &[f64]| (parts & bit > 0).then(|| values.to_vec());
            let start = PartialStart {
                weights: part(1, given.weights()),
                means: part(2, given.means()),
                covariances: part(4, given.covariances()),
                ..Default::default()
            };
            let names = start.given();
            let (used, model) = first(&problem, &FitOptions { start, ..kmeans(covariance_type) });
            let from = |bit| if parts & bit > 0 { given } else { &found };
            assert_eq!(used.weights(), from(1).weights(), "{covariance_type} {parts}");
            assert_eq!(used.means(), from(2).means(), "{covariance_type} {parts}");
            assert_eq!(used.covariances(), from(4).covariances(), "{covariance_type} {parts}");
            let options = model.report.unwrap().options;
            match parts {
                0 => assert!(!options.contains_key("start")),
                7 => assert_eq!(options["init"], "given"),
                _ => assert_eq!(options["start"], serde_json::json!(names)),
            }
        }
    }
}

/// With nothing left to find, no seeding runs, not even one that would fail.
#[test]
fn a_complete_start_is_a_given_one() {
    let problem = Problem::medium(CovarianceType::Full);
    let p = &problem.start;
    let start = PartialStart {
        weights: Some(p.weights().to_vec()),
        means: Some(p.means().to_vec()),
        covariances: Some(p.covariances().to_vec()),
        ..Default::default()
    };
    let pieces = FitOptions { init: Init::Random, start, ..kmeans(CovarianceType::Full) };
    let whole = FitOptions { init: Init::Given(p.clone()), ..kmeans(CovarianceType::Full) };
    assert_eq!(first(&problem, &pieces), first(&problem, &whole));
}

#[test]
fn precisions_are_the_inverse_of_covariances() {
    for covariance_type in CovarianceType::ALL {
        let problem = Problem::medium(covariance_type);
        let d = 3;
        let precisions = match covariance_type {
            CovarianceType::Full | CovarianceType::Tied => {
                problem.start.covariances().chunks(d * d).flat_map(inverse_3).collect()
            }
            _ => problem.start.covariances().iter().map(|v| 1.0 / v).collect(),
        };
        let start = PartialStart { precisions: Some(precisions), ..Default::default() };
        let (used, _) = first(&problem, &FitOptions { start, ..kmeans(covariance_type) });
        let bound = Bound::Relative(1e-11);
        assert_close("covariances", used.covariances(), problem.start.covariances(), bound);
    }
}

/// By cofactors: no arithmetic of the library.
fn inverse_3(m: &[f64]) -> Vec<f64> {
    let minor = |i: usize, j: usize| {
        let (r, c) = ([(i + 1) % 3, (i + 2) % 3], [(j + 1) % 3, (j + 2) % 3]);
        m[r[0] * 3 + c[0]] * m[r[1] * 3 + c[1]] - m[r[0] * 3 + c[1]] * m[r[1] * 3 + c[0]]
    };
    let determinant: f64 = (0..3).map(|j| m[j] * minor(0, j)).sum();
    (0..9).map(|at| minor(at % 3, at / 3) / determinant).collect()
}

#[test]
fn wrong_parts_are_named() {
    let problem = Problem::medium(CovarianceType::Full);
    let unit = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0].repeat(4);
    let with = |at: usize, value: f64| {
        let mut matrices = unit.clone();
        matrices[at] = value;
        Some(matrices)
    };
    let none = PartialStart::default;
    let trials = [
        ("weights", "[4]", PartialStart { weights: Some(vec![0.5; 2]), ..none() }),
        ("weights", "normalized", PartialStart { weights: Some(vec![0.5; 4]), ..none() }),
        ("weights", "range", PartialStart { weights: Some(vec![1.5, -0.5, 0.0, 0.0]), ..none() }),
        ("weights", "finite", PartialStart { weights: Some(vec![f64::NAN; 4]), ..none() }),
        ("means", "[4, 3]", PartialStart { means: Some(vec![0.0; 4]), ..none() }),
        ("means", "finite", PartialStart { means: Some(vec![f64::INFINITY; 12]), ..none() }),
        ("covariances", "[4, 3, 3]", PartialStart { covariances: Some(vec![1.0; 4]), ..none() }),
        ("covariances", "symmetric", PartialStart { covariances: with(1, 0.5), ..none() }),
        ("covariances", "positive definite", PartialStart { covariances: with(35, -1.0), ..none() }),
        ("precisions", "[4, 3, 3]", PartialStart { precisions: Some(vec![]), ..none() }),
        ("precisions", "symmetric", PartialStart { precisions: with(1, 0.5), ..none() }),
        ("precisions", "component 3", PartialStart { precisions: with(35, 0.0), ..none() }),
        ("precisions", "finite", PartialStart { precisions: with(0, 1e-310), ..none() }),
        (
            "precisions",
            "beside covariances",
            PartialStart { covariances: Some(unit.clone()), precisions: Some(unit.clone()), ..none() },
        ),
    ];
    for (name, word, start) in trials {
        let options = FitOptions { start, ..kmeans(CovarianceType::Full) };
        match Kind::Reference.fit(&problem.samples(), &options) {
            Err(Error::InvalidParameters { field, what, .. }) => {
                assert!(field == name && what.contains(word), "{name}, {word}: {field} {what}");
            }
            other => panic!("{name}, {word}: {other:?}"),
        }
    }
    let start = PartialStart { weights: Some(vec![0.25; 4]), n_features: Some(2), ..none() };
    let options = FitOptions { start, ..kmeans(CovarianceType::Full) };
    let result = Kind::Reference.fit(&problem.samples(), &options);
    assert!(matches!(result, Err(Error::Shape { .. })), "{result:?}");
}

fn read(text: &str, covariance_type: CovarianceType) -> Result<PartialStart, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("start.json");
    std::fs::write(&path, text).unwrap();
    let result = PartialStart::read(&path, covariance_type);
    if let Err(error) = &result {
        assert!(error.to_string().contains("start.json"), "{error}");
    }
    result
}

#[test]
fn any_part_is_read_from_a_file() {
    use CovarianceType::{Diag, Full, Spherical, Tied};
    let means = read(r#"{"means": [[1, 2, 3], [4, 5, 6]], "comment": "two"}"#, Full).unwrap();
    assert_eq!((means.means.unwrap(), means.n_features), (vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], Some(3)));
    assert_eq!((means.weights, means.covariances), (None, None));
    let weights = read(r#"{"weights": [0.25, 0.75]}"#, Diag).unwrap();
    assert_eq!((weights.weights.unwrap(), weights.n_features), (vec![0.25, 0.75], None));
    // Full matrices serve every type, given as covariances or as precisions.
    for (field, values) in [
        ("covariances", "[[[4, 0], [0, 2]], [[1, 0], [0, 1]]]"),
        ("precisions", "[[[0.25, 0], [0, 0.5]], [[1, 0], [0, 1]]]"),
    ] {
        let text = format!(r#"{{"{field}": {values}}}"#);
        for (covariance_type, expected) in [
            (Full, vec![4.0, 0.0, 0.0, 2.0, 1.0, 0.0, 0.0, 1.0]),
            (Tied, vec![4.0, 0.0, 0.0, 2.0]),
            (Diag, vec![4.0, 2.0, 1.0, 1.0]),
            (Spherical, vec![3.0, 1.0]),
        ] {
            let start = read(&text, covariance_type).unwrap();
            assert_eq!(start.precisions, None);
            assert_close(field, &start.covariances.unwrap(), &expected, Bound::Absolute(1e-15));
            assert_eq!(start.n_features, Some(2));
        }
    }
    assert_eq!(read(r#"{"precisions": [4, 0.5]}"#, Spherical).unwrap().covariances, Some(vec![0.25, 2.0]));
    assert_eq!(
        read(r#"{"covariances": [[2, 1], [1, 2]], "weights": [0.5, 0.25, 0.25]}"#, Tied).unwrap().covariances,
        Some(vec![2.0, 1.0, 1.0, 2.0])
    );
}

#[test]
fn broken_parts_of_a_file_are_named() {
    for (text, words) in [
        (r#"{}"#, ["`weights`", "missing"]),
        (r#"{"comment": 1}"#, ["`weights`", "missing"]),
        (r#"{"means": [1, 2]}"#, ["`means`", "[K, D]"]),
        (r#"{"means": [[1, 2], [3]]}"#, ["`means`", "ragged"]),
        (r#"{"means": [["a"]]}"#, ["`means`", "invalid type"]),
        (r#"{"weights": [0.5, 0.5], "means": [[1], [2], [3]]}"#, ["`means`", "3 components"]),
        (
            r#"{"means": [[1], [2]], "precisions": [[[1, 0], [0, 1]], [[1, 0], [0, 1]]]}"#,
            ["`precisions`", "2 features"],
        ),
        (r#"{"means": [[1], [2]], "n_components": 3}"#, ["`n_components`", "3 components"]),
        (r#"{"means": [[1], [2]], "n_features": 3}"#, ["`n_features`", "3 features"]),
        (r#"{"weights": [0.5, 0.6]}"#, ["`weights`", "normalized"]),
        (r#"{"covariances": [[1, 2]]}"#, ["`covariances`", "[K, D, D]"]),
        (r#"{"covariances": [[[1, 2], [2, 1]]]}"#, ["`covariances`", "positive definite"]),
        (r#"{"precisions": [[[1, 2], [2, 1]]]}"#, ["`precisions`", "positive definite"]),
        (r#"{"covariances": [[[1]]], "precisions": [[[1]]]}"#, ["`precisions`", "beside"]),
        (r#"{"covariance_type": "diag", "covariances": [[1, 2]]}"#, ["covariance_type", "diag"]),
        (r#"{"format": "wgmm", "version": 99, "means": [[1]]}"#, ["`version`", "99"]),
        (r#"{"weights": null}"#, ["`weights`", "null"]),
        (r#"[1]"#, ["JSON object", "start.json"]),
    ] {
        let error = read(text, CovarianceType::Full).unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{text}: {error}");
    }
}
