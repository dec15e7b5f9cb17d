//! docs/model.schema.json describes what is written: a small checker of the keywords it uses.

use serde_json::{Value, json};
use wgmm::{CovarianceType, GaussianMixture};

use super::fitted;
use crate::support::files;

fn schema() -> Value {
    files::json(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/model.schema.json"))
}

fn is_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        // 2020-12: a number without a fraction.
        "integer" => value.as_f64().is_some_and(|v| v.fract() == 0.0),
        other => panic!("unknown type {other}"),
    }
}

/// JSON Schema 2020-12, as far as the file uses it. An unknown keyword fails the test: it would check nothing.
fn check(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let fail = |keyword: &str| Err(format!("{at}: {keyword} {}: {value}", schema[keyword]));
    let number = |v: &Value| v.as_f64().unwrap();
    for (keyword, rule) in schema.as_object().unwrap() {
        let valid = match keyword.as_str() {
            "$schema" | "$id" | "title" | "description" | "then" => true,
            "type" => is_type(value, rule.as_str().unwrap()),
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|v| v >= number(rule)),
            "maximum" => value.as_f64().is_none_or(|v| v <= number(rule)),
            "exclusiveMinimum" => value.as_f64().is_none_or(|v| v > number(rule)),
            "minItems" => value.as_array().is_none_or(|v| v.len() as f64 >= number(rule)),
            "required" => {
                let object = value.as_object();
                let names = rule.as_array().unwrap();
                object.is_none_or(|o| names.iter().all(|n| o.contains_key(n.as_str().unwrap())))
            }
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(rule, item, &format!("{at}[{i}]"))?;
                }
                true
            }
            "properties" => {
                for (name, rule) in rule.as_object().unwrap() {
                    if let Some(found) = value.get(name) {
                        check(rule, found, &format!("{at}.{name}"))?;
                    }
                }
                true
            }
            "allOf" => {
                for rule in rule.as_array().unwrap() {
                    check(rule, value, at)?;
                }
                true
            }
            "if" => {
                if check(rule, value, at).is_ok() {
                    check(&schema["then"], value, at)?;
                }
                true
            }
            other => panic!("the checker does not know {other:?}"),
        };
        if !valid {
            return fail(keyword);
        }
    }
    Ok(())
}

/// Fails unless `value` is a model as the schema describes it, every field included.
#[track_caller]
pub fn check_model(value: &Value) {
    let schema = schema();
    check(&schema, value, "model").unwrap();
    for name in value.as_object().unwrap().keys() {
        assert!(schema["properties"].get(name).is_some(), "`{name}` is written but not described");
    }
    for group in ["engine", "verification", "worst_rounding"] {
        for name in value.get(group).and_then(Value::as_object).into_iter().flat_map(|g| g.keys()) {
            assert!(schema["properties"][group]["properties"].get(name).is_some(), "{group}.{name}");
        }
    }
}

fn written(model: &GaussianMixture) -> Value {
    let mut text = Vec::new();
    model.write_json(&mut text).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn what_is_written_is_what_the_schema_says() {
    let schema = schema();
    for covariance_type in CovarianceType::ALL {
        let model = fitted(covariance_type);
        let value = written(&model);
        check_model(&value);
        check(&schema, &written(&GaussianMixture::from(model.parameters)), "bare").unwrap();
    }
}

#[test]
fn planted_faults_are_rejected() {
    let schema = schema();
    let good = written(&fitted(CovarianceType::Full));
    let faults = [
        ("format", json!("other")),
        ("version", json!(2)),
        ("covariance_type", json!("diagonal")),
        ("covariance_type", json!("diag")),
        ("weights", json!([])),
        ("weights", json!([1.5, -0.5])),
        ("weights", json!("1")),
        ("means", json!([1.0, 2.0])),
        ("means", json!([[]])),
        ("covariances", json!([[1.0]])),
        ("n_components", json!(0)),
        ("n_features", json!(1.5)),
        ("feature_names", json!([1, 2, 3])),
        ("log_likelihood_trace", json!(1.0)),
        ("n_iter", json!(-1)),
        ("converged", json!("yes")),
        ("stop_reason", json!("bored")),
        ("options", json!([])),
        ("engine", json!({"kind": "gpu"})),
        ("restarts", json!([{"n_iter": 3}])),
        ("dropped_rows", json!([-1])),
        ("verification", json!({"within": true})),
        ("rounding_errors", json!([-1e-3])),
        ("warnings", json!([{"n_iter": 3}])),
        ("warnings", json!([])),
        ("degenerate", json!([{"component": 0}])),
        ("worst_rounding", json!({"iteration": 1, "component": 0, "error": 1e-6, "digits": 6})),
        ("engine", json!({"kind": "cpu", "device": "x", "precision": "f64", "began_on": {"kind": "gpu"}})),
    ];
    for (name, fault) in faults {
        let mut bad = good.clone();
        bad[name] = fault.clone();
        assert!(check(&schema, &bad, "model").is_err(), "{name} = {fault} passed");
    }
    for name in ["format", "version", "covariance_type", "weights", "means", "covariances"] {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove(name);
        assert!(check(&schema, &bad, "model").is_err(), "passed without {name}");
        // Our reader asks for the same fields.
        assert!(GaussianMixture::from_json(&bad.to_string(), "m").is_err(), "read without {name}");
    }
}
