//! Whole fits against 256-bit arithmetic: every stored snapshot of every golden case on every engine.
//! `tests/data/golden/README.md` says where the numbers come from.

use std::collections::BTreeSet;
use std::path::Path;

use wgmm::{Error, GaussianMixture, Samples};

use crate::support::compare::{Bound, assert_close, compare};
use crate::support::distance::Distances;
use crate::support::engines::Kind;
use crate::support::files;
use crate::support::golden::{Expected, Golden, Outcome};
use crate::support::judge::{Answer, Bounds, judge};

mod mutations;
mod published;

/// Steps given to a fit that must fail.
const STEPS_TO_AN_ERROR: usize = 5;
/// A label may differ in f32 only where the two best responsibilities are this close.
const LABEL_MARGIN: f64 = 1e-3;

/// One test per expected file and engine, and the list of the files.
macro_rules! golden_cases {
    ($($name:ident: $file:literal),+ $(,)?) => {
        const CASES: &[&str] = &[$($file),+];
        mod reference {
            $( #[test] fn $name() { super::check($file, $crate::support::engines::Kind::Reference) } )+
        }
        mod cpu {
            $( #[test] fn $name() { super::check($file, $crate::support::engines::Kind::Cpu) } )+
        }
        #[cfg(feature = "gpu")]
        mod device {
            $( #[test] fn $name() { super::check($file, $crate::support::engines::Kind::Gpu) } )+
        }
    };
}

golden_cases! {
    p02: "p02_iris_k3/expected.json",
    p02_diag: "p02_iris_k3/expected_diag.json",
    p02_reg1em6: "p02_iris_k3/expected_reg1e-6.json",
    p02_seed: "p02_iris_k3/expected_seed.json",
    p02_spherical: "p02_iris_k3/expected_spherical.json",
    p02_tied: "p02_iris_k3/expected_tied.json",
    p06: "p06_spark_rdata_k2/expected.json",
    p06_seed: "p06_spark_rdata_k2/expected_seed.json",
    p07: "p07_offset_1e6_k3/expected.json",
    p07_diag: "p07_offset_1e6_k3/expected_diag.json",
    p07_f32data: "p07_offset_1e6_k3/expected_f32data.json",
    p08: "p08_unequal_weights_k3/expected.json",
    p09: "p09_dup_constant_k2/expected.json",
    p09_reg0: "p09_dup_constant_k2/expected_reg0.json",
    p10: "p10_nist_numacc4_k1/expected.json",
    p11: "p11_kn_singletons/expected.json",
    p12: "p12_far_tail_k2/expected.json",
    p13: "p13_highd32_k4/expected.json",
}

#[test]
fn every_stored_file_has_its_test_and_the_count_is_known() {
    let stored: BTreeSet<String> = expected_files(&files::data("golden")).into_iter().collect();
    let tested: BTreeSet<String> = CASES.iter().map(|c| c.to_string()).collect();
    assert_eq!(stored, tested);
    assert_eq!(tested.len(), 18);
    let goldens: Vec<Golden> = CASES.iter().map(|case| load(case)).collect();
    let snapshots = goldens.iter().map(|g| match &g.outcome {
        Outcome::Error => 0,
        Outcome::Fit(expected) => expected.snapshots.len(),
    });
    assert_eq!(snapshots.sum::<usize>(), 62);
    assert_eq!(goldens.iter().filter(|g| matches!(g.outcome, Outcome::Error)).count(), 1);
}

/// Each case on every other kernel that can serve it.
#[cfg(feature = "gpu")]
#[test]
fn device_on_kernels_asked_for() {
    use wgmm::internals::engine::gpu::plan::{Problem, kernels_for};

    let mut seen = BTreeSet::new();
    for case in CASES {
        let golden = load(case);
        let problem = Problem {
            n_samples: golden.samples.n_samples(),
            n_features: golden.samples.n_features(),
            n_components: golden.start.n_components(),
            covariance_type: golden.start.covariance_type(),
            weighted: golden.samples.sample_weights().is_some(),
        };
        for kernel in kernels_for(&problem).into_iter().skip(1) {
            seen.insert(kernel.name);
            check(case, Kind::Kernel(kernel.name));
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["log_density_full", "log_density_full_tiled"]);
}

/// Cases that may not be copied here: give their folder in `WGMM_GOLDEN_DIR`.
mod elsewhere {
    use super::*;

    fn check_all(kind: Kind) {
        let folder =
            std::env::var("WGMM_GOLDEN_DIR").expect("WGMM_GOLDEN_DIR names a folder of golden cases");
        let folder = Path::new(&folder);
        let files = expected_files(folder);
        let wrong: Vec<String> = files
            .iter()
            .flat_map(|file| {
                failures(&Golden::load(&folder.join(file)), kind)
                    .into_iter()
                    .map(move |w| format!("{file}: {w}"))
            })
            .collect();
        assert!(wrong.is_empty(), "{} of {} files:\n{}", wrong.len(), files.len(), wrong.join("\n"));
        println!("{} files passed on {kind:?}", files.len());
    }

    #[test]
    #[ignore = "needs WGMM_GOLDEN_DIR"]
    fn reference() {
        check_all(Kind::Reference);
    }

    #[test]
    #[ignore = "needs WGMM_GOLDEN_DIR"]
    fn cpu() {
        check_all(Kind::Cpu);
    }

    #[cfg(feature = "gpu")]
    #[test]
    #[ignore = "needs WGMM_GOLDEN_DIR"]
    fn device() {
        check_all(Kind::Gpu);
    }
}

/// `case/expected….json` of every case in `folder`.
fn expected_files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for case in files::names(folder).into_iter().filter(|c| folder.join(c).join("case.json").exists()) {
        let files = files::names(&folder.join(&case)).into_iter();
        found.extend(files.filter(|f| f.starts_with("expected")).map(|f| format!("{case}/{f}")));
    }
    found
}

fn load(case: &str) -> Golden {
    Golden::load(&files::data("golden").join(case))
}

fn check(case: &str, kind: Kind) {
    let wrong = failures(&load(case), kind);
    assert!(wrong.is_empty(), "{case} on {kind:?}:\n{}", wrong.join("\n"));
}

/// Everything `kind` gets wrong in one expected file.
fn failures(golden: &Golden, kind: Kind) -> Vec<String> {
    let expected = match &golden.outcome {
        Outcome::Fit(expected) => expected,
        Outcome::Error => {
            return match kind.fit(&golden.samples, &golden.steps(STEPS_TO_AN_ERROR)) {
                Err(Error::NotPositiveDefinite { .. }) => vec![],
                other => vec![format!("expected NotPositiveDefinite, got {other:?}")],
            };
        }
    };
    let mut wrong = Vec::new();
    for snapshot in &expected.snapshots {
        let n = snapshot.iterations;
        let bounds = snapshot.tolerance.of(kind).zip(expected.trace_tolerance.of(kind));
        let Some((distances, trace)) = bounds else {
            wrong.push(format!("n = {n}: no tolerance stored"));
            continue;
        };
        let model = match kind.fit(&golden.samples, &golden.steps(n)) {
            Ok(model) => model,
            Err(error) => {
                wrong.push(format!("n = {n}: {error}"));
                continue;
            }
        };
        let bounds = Bounds { distances, trace, is_f64: kind.is_f64() };
        let mut found = judge(golden, expected, snapshot, &Answer::from(&model), bounds);
        if n == expected.predict.iterations {
            found.extend(judge_predict(golden, expected, &model, kind, &distances));
        }
        wrong.extend(found.into_iter().map(|w| format!("n = {n}: {w}")));
    }
    wrong.extend(judge_convergence(golden, expected, kind));
    wrong
}

/// The `predict` block: first rows' responsibilities and log densities, labels and their counts.
fn judge_predict(
    golden: &Golden,
    expected: &Expected,
    model: &GaussianMixture,
    kind: Kind,
    bound: &Distances,
) -> Vec<String> {
    let (parameters, predict) = (&model.parameters, &expected.predict);
    let mut engine = kind.open(&golden.samples).unwrap();
    let mut wrong = Vec::new();
    let scores = wgmm::internals::infer::sample_log_likelihoods(engine.as_mut(), parameters).unwrap();
    let labels = wgmm::internals::infer::predict(engine.as_mut(), parameters).unwrap();
    for (i, &row) in predict.rows.iter().enumerate() {
        let responsibilities =
            wgmm::internals::infer::responsibilities(engine.as_mut(), parameters, row..row + 1).unwrap();
        let log_density = predict.log_density[i];
        // |Δ ln N| ≤ m·d_mu + ½ (m² + D) √D d_cov with m the Mahalanobis distance, and m² is of the order
        // of D + |ln p|; the density's own rounding is of the order of the mean's, d_ll.
        let d = parameters.n_features() as f64;
        let size = d + log_density.abs();
        let allowed = size * (bound.d_mu + d.sqrt() * bound.d_cov + bound.d_ll);
        wrong.extend(compare("ln p", &scores[row..=row], &[log_density], Bound::Absolute(allowed)).err());
        // |Δr| ≤ ½ |Δ ln(r/(1−r))|, of two densities.
        let wanted = &predict.responsibilities[i];
        wrong.extend(compare("responsibilities", &responsibilities, wanted, Bound::Absolute(allowed)).err());
    }
    wrong.extend(judge_labels(golden, expected, model, kind, &labels));
    wrong
}

fn judge_labels(
    golden: &Golden,
    expected: &Expected,
    model: &GaussianMixture,
    kind: Kind,
    labels: &[u32],
) -> Vec<String> {
    let predict = &expected.predict;
    let k = model.parameters.n_components();
    // f64 engines may not differ anywhere; f32 ones only in the rows the reference calls close.
    let close = if kind.is_f64() { 0 } else { predict.rows_with_margin_below_1e_3 };
    let mut counts = vec![0usize; k];
    labels.iter().for_each(|l| counts[*l as usize] += 1);
    let moved: usize = counts.iter().zip(&predict.label_counts).map(|(a, b)| a.abs_diff(*b)).sum();
    let mut wrong = Vec::new();
    if labels.len() != expected.n_rows || predict.label_counts.len() != k || moved > 2 * close {
        wrong.push(format!("label counts {counts:?}, expected {:?}", predict.label_counts));
    }
    let Some(wanted) = &predict.labels else { return wrong };
    if wanted.len() != labels.len() {
        return vec![format!("{} labels, expected {}", labels.len(), wanted.len())];
    }
    let differ: Vec<usize> = (0..labels.len()).filter(|&n| labels[n] != wanted[n]).collect();
    for &n in &differ {
        let margin = reference_margin(&golden.samples, model, n);
        if kind.is_f64() || margin.is_nan() || margin >= LABEL_MARGIN {
            wrong.push(format!(
                "label of row {n} is {}, expected {} (margin {margin:.1e})",
                labels[n], wanted[n]
            ));
        }
    }
    if differ.len() > close {
        wrong.push(format!("{} labels differ, only {close} rows are close", differ.len()));
    }
    wrong
}

/// Gap between the two largest responsibilities of row `n`, by the reference engine.
fn reference_margin(samples: &Samples<'static>, model: &GaussianMixture, n: usize) -> f64 {
    let mut engine = Kind::Reference.open(samples).unwrap();
    let mut r =
        wgmm::internals::infer::responsibilities(engine.as_mut(), &model.parameters, n..n + 1).unwrap();
    r.sort_by(|a, b| b.total_cmp(a));
    r[0] - r.get(1).copied().unwrap_or(0.0)
}

/// With the case's own `tol` the fit stops by itself at the stored iteration.
fn judge_convergence(golden: &Golden, expected: &Expected, kind: Kind) -> Option<String> {
    let (tol, n) = (expected.tol?, expected.converged_iterations?);
    let options = wgmm::FitOptions { tol, max_iter: expected.max_iter, ..golden.steps(0) };
    let report = match kind.fit(&golden.samples, &options) {
        Ok(model) => model.report.unwrap(),
        Err(error) => return Some(format!("tol = {tol:e}: {error}")),
    };
    // In f64 the step is exact. In f32 a mean is known to about one ulp of f32, which may let the fit
    // stop where the exact change is that close to tol, or go on for a while.
    let reached = report.n_iter;
    // A tol below that ulp may be reached in any later step, when the noise happens to repeat, or never.
    let ulp = report.final_mean_log_likelihood.abs() * f64::from(f32::EPSILON);
    let drowned = !kind.is_f64() && tol < ulp;
    let right = if kind.is_f64() {
        reached == n
    } else {
        let trace = &expected.log_likelihood_trace;
        let noise = |n: usize| trace[n - 1].abs() * f64::from(f32::EPSILON);
        let close = |n: usize| (trace[n - 1] - trace[n - 2]).abs() < tol + noise(n);
        if reached < n { reached >= 2 && close(reached) } else { reached <= 2 * n || drowned }
    };
    (!(report.converged || drowned) || !right)
        .then(|| format!("tol = {tol:e}: converged = {} after {reached}, expected {n}", report.converged))
}
