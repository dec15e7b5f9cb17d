//! What a state holds is needed: each part, changed, changes the outcome or is refused.

use serde_json::{Value, json};

use super::*;

/// The outcome of a fit resumed from `state` after `change`.
fn changed(
    samples: &Samples<'_>,
    options: &FitOptions,
    state: &FitState,
    change: impl FnOnce(&mut Value),
) -> String {
    let mut value = serde_json::to_value(state).unwrap();
    let before = value.clone();
    change(&mut value);
    assert_ne!(value, before, "the change must change something");
    let state: FitState = match serde_json::from_value(value) {
        Ok(state) => state,
        Err(error) => return format!("refused: {error}"),
    };
    match resume(Kind::Reference, samples, options, state) {
        Err(error @ Error::Shape { .. }) => format!("refused: {error}"),
        other => outcome(other),
    }
}

/// Constant data, reseeded three times and then floored; two restarts.
fn reseeding() -> (Samples<'static>, FitOptions) {
    let options = FitOptions {
        reg_covar: 0.0,
        tol: 1e9,
        n_init: 2,
        on_collapse: OnCollapse::Reseed,
        ..FitOptions::new(1)
    };
    (Samples::new(vec![2.5; 12], 2).unwrap(), options)
}

#[test]
fn every_part_of_a_state_counts() {
    let (samples, options) = reseeding();
    let (whole, states) = states(Kind::Reference, &samples, &options);
    let whole = outcome(whole);
    assert_eq!(states.len(), 8, "four steps in each restart");
    let last = &states[6];
    let faults: [(&str, Value); 5] = [
        ("/current/rescued/reseeds/0", json!(0)),
        ("/current/rescued/floored", json!([])),
        ("/current/rescued/collapses", json!([])),
        ("/ended", json!([])),
        ("/current", Value::Null),
    ];
    for (at, instead) in faults {
        let state = if at.ends_with("reseeds/0") { &states[5] } else { last };
        let found = changed(&samples, &options, state, |v| *v.pointer_mut(at).unwrap() = instead);
        // A restart that begins anew ends the same; all else is told apart.
        assert_eq!(found == whole, at == "/current", "{at}: {found}");
    }
    // The best of restarts that are over is not computed again.
    let problem = Problem::medium(CovarianceType::Full);
    let options = FitOptions { n_init: 2, ..problem.steps(3) };
    let (whole, states) = super::states(Kind::Reference, &problem.samples(), &options);
    let whole = outcome(whole);
    for (at, instead) in [
        ("/best/parameters/weights/0", json!(0.125)),
        ("/best/log_likelihood", json!(-1.0)),
        ("/current/parameters/means/0", json!(0.5)),
        ("/current/trace/0", json!(-5.0)),
    ] {
        let found =
            changed(&problem.samples(), &options, &states[4], |v| *v.pointer_mut(at).unwrap() = instead);
        // Of a restart that is not kept, only the last bound is told.
        assert_eq!(found == whole, at == "/current/trace/0", "{at}");
    }
}

#[test]
fn states_of_another_fit_are_refused() {
    let problem = Problem::medium(CovarianceType::Full);
    let options = FitOptions { n_init: 2, ..problem.steps(3) };
    let (_, states) = states(Kind::Reference, &problem.samples(), &options);
    let state = &states[4];
    let other = |problem: &Problem, options: &FitOptions| {
        resume(Kind::Reference, &problem.samples(), options, state.clone())
    };
    let refused = |result: Result<GaussianMixture>, word: &str| match result {
        Err(error @ Error::Shape { .. }) => assert!(error.to_string().contains(word), "{error}"),
        other => panic!("{word}: {other:?}"),
    };
    refused(other(&problem, &FitOptions { max_iter: 2, ..options.clone() }), "iterations");
    let init = Init::KMeans;
    refused(
        other(&problem, &FitOptions { n_components: 5, init: init.clone(), ..options.clone() }),
        "5 components",
    );
    refused(
        other(&problem, &FitOptions { n_components: 3, init: init.clone(), ..options.clone() }),
        "3 components",
    );
    let covariance_type = CovarianceType::Diag;
    refused(other(&problem, &FitOptions { covariance_type, init: init.clone(), ..options.clone() }), "diag");
    let narrow = Problem::new(CovarianceType::Full, 700, 2, 4, 11);
    refused(other(&narrow, &FitOptions { init, ..options.clone() }), "2 features");
    let faults: [(&str, Value); 9] = [
        ("/current/trace", json!([])),
        ("/current/parameters/weights", json!([])),
        ("/current/parameters/means", json!([])),
        ("/current/parameters/means", json!([1.0, 2.0, 3.0])),
        ("/current/parameters/covariances", json!([1.0])),
        ("/current/rescued/reseeds", json!([])),
        ("/best/restart", json!(1)),
        ("/best/restart", json!(u64::MAX)),
        ("/ended", json!([])),
    ];
    for (at, instead) in faults {
        let found = changed(&problem.samples(), &options, state, |v| *v.pointer_mut(at).unwrap() = instead);
        assert!(found.starts_with("refused: "), "{at}: {found}");
    }
    let twice = |v: &mut Value| {
        let ended = v["ended"][0].clone();
        v["ended"] = json!([ended, ended, ended]);
    };
    assert!(changed(&problem.samples(), &options, state, twice).contains("restarts"));
    let unknown = |v: &mut Value| v["surprise"] = json!(1);
    assert!(changed(&problem.samples(), &options, state, unknown).starts_with("refused: "));
}
