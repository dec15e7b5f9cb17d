//! Values published by others, quoted in the cases' own `case.json`.

use super::*;
use crate::support::engines::on_every_engine;

on_every_engine!(mixtools_on_sparks_data, nist_numacc4);

fn published(case: &str) -> serde_json::Value {
    files::json(&files::data("golden").join(case).join("case.json"))["published"].clone()
}

/// R mixtools' result, quoted in Apache Spark's own test suite.
fn mixtools_on_sparks_data(kind: Kind) {
    let golden = load("p06_spark_rdata_k2/expected.json");
    let published = published("p06_spark_rdata_k2");
    let model = kind.fit(&golden.samples, &golden.steps(50)).unwrap();
    // The published digits.
    let bound = Bound::Absolute(published["tolerance"].as_f64().unwrap());
    let numbers = |field: &str| files::numbers(&published[field]);
    assert_close("weights", model.parameters.weights(), &numbers("weights"), bound);
    assert_close("means", model.parameters.means(), &numbers("means"), bound);
    assert_close("covariances", model.parameters.covariances(), &numbers("covariances"), bound);
    let total = model.report.unwrap().final_mean_log_likelihood * golden.samples.total_weight();
    // 15 rows of at most 1e-5 nats each in f32.
    assert_close(
        "LL",
        &[total],
        &[published["total_log_likelihood"].as_f64().unwrap()],
        Bound::Absolute(1.5e-4),
    );
}

/// NIST StRD NumAcc4: mean 10000000.2, variance 0.01 of 1001 values; one component is one sum.
fn nist_numacc4(kind: Kind) {
    let golden = load("p10_nist_numacc4_k1/expected.json");
    let published = published("p10_nist_numacc4_k1");
    let model = kind.fit(&golden.samples, &golden.steps(1)).unwrap();
    let mean = published["mean"].as_f64().unwrap();
    // One ulp at 1e7 is 1.9e-9 for f64 engines; 1e-4 standard deviations of 0.1 for f32.
    let mean_bound = if kind.is_f64() { 4e-9 } else { 1e-5 };
    assert_close("mean", model.parameters.means(), &[mean], Bound::Absolute(mean_bound));
    let variance = published["ml_variance"].as_f64().unwrap();
    // The stored doubles differ from the decimal certificate by 1.1e-8 relative (case.json's note).
    let variance_bound = variance * if kind.is_f64() { 1.2e-8 } else { 1e-4 };
    assert_close("variance", model.parameters.covariances(), &[variance], Bound::Absolute(variance_bound));
}
