//! Judges a fitted model against a golden snapshot: golden/judge.py's rules.

use wgmm::{CovarianceCenter, CovarianceType, GaussianMixture};

use super::compare::{Bound, compare, within};
use super::distance::{Distances, Mixture, distances};
use super::golden::{Expected, Golden, Snapshot};

/// Largest relative asymmetry of a covariance: an M-step writes both halves from one number.
const SYMMETRY: f64 = 1e-15;
/// Σ weights against 1: K roundings of ε/2 each.
const WEIGHT_SUM: f64 = 1e-13;
/// How far the trace may fall, relative to its first entry, where EM must rise: rounding of a mean over
/// N in f64, and of f32 densities.
const FALL_F64: f64 = 1e-12;
const FALL_F32: f64 = 2e-6;

/// What a fit answers, in parts, so that a self-test can spoil each of them.
#[derive(Debug, Clone)]
pub struct Answer {
    pub mixture: Mixture,
    pub trace: Vec<f64>,
    pub final_mean_log_likelihood: f64,
    pub bic: f64,
    pub aic: f64,
    pub n_parameters: usize,
    pub n_iter: usize,
}

impl From<&GaussianMixture> for Answer {
    fn from(model: &GaussianMixture) -> Self {
        let report = model.report.as_ref().expect("a fit has a report");
        Answer {
            mixture: (&model.parameters).into(),
            trace: report.log_likelihood_trace.clone(),
            final_mean_log_likelihood: report.final_mean_log_likelihood,
            bic: report.bic,
            aic: report.aic,
            n_parameters: model.n_parameters(),
            n_iter: report.n_iter,
        }
    }
}

/// The bounds of one judgement.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub distances: Distances,
    pub trace: f64,
    pub is_f64: bool,
}

/// Everything that is wrong with `answer`.
pub fn judge(
    golden: &Golden,
    expected: &Expected,
    snapshot: &Snapshot,
    answer: &Answer,
    bounds: Bounds,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let wanted = snapshot.mixture(golden.header.covariance_type);
    let found = distances(
        (&answer.mixture, answer.final_mean_log_likelihood),
        (&wanted, snapshot.final_mean_log_likelihood),
    );
    match found {
        Ok(found) => wrong.extend(found.outside(&bounds.distances)),
        Err(sizes) => return vec![sizes],
    }
    let n = snapshot.iterations;
    if answer.n_iter != n {
        wrong.push(format!("n_iter is {}, expected {n}", answer.n_iter));
    }
    let trace = &expected.log_likelihood_trace[..n];
    wrong.extend(compare("trace", &answer.trace, trace, Bound::Absolute(bounds.trace)).err());
    wrong.extend(falls(golden, answer, bounds).err());
    // The criteria hold −2·LL with LL = N·mean, so they inherit 2N times the mean's bound.
    let rows = expected.n_rows as f64;
    let criterion = 2.0 * rows * bounds.distances.d_ll + 1e-12 * snapshot.bic.abs();
    let criteria = compare(
        "bic, aic",
        &[answer.bic, answer.aic],
        &[snapshot.bic, snapshot.aic],
        Bound::Absolute(criterion),
    );
    wrong.extend(criteria.err());
    if answer.n_parameters != expected.n_parameters {
        wrong.push(format!("n_parameters is {}, expected {}", answer.n_parameters, expected.n_parameters));
    }
    let sum: f64 = answer.mixture.weights.iter().sum();
    wrong.extend(within("|Σ weights − 1|", (sum - 1.0).abs(), WEIGHT_SUM).err());
    wrong.extend(asymmetries(&answer.mixture));
    // nk = weights · N.
    let counts: Vec<f64> = answer.mixture.weights.iter().map(|w| w * rows).collect();
    let bound = Bound::Absolute(rows * bounds.distances.d_w.max(1e-14));
    wrong.extend(compare("nk", &counts, &snapshot.nk, bound).err());
    wrong
}

/// EM never lowers the likelihood where nothing is added to the covariances and their center is the
/// new mean.
fn falls(golden: &Golden, answer: &Answer, bounds: Bounds) -> Result<(), String> {
    if golden.header.reg_covar != 0.0 || golden.center == CovarianceCenter::OldMean {
        return Ok(());
    }
    let scale = answer.trace.first().map_or(1.0, |t| t.abs().max(1.0));
    let allowed = scale * if bounds.is_f64 { FALL_F64 } else { FALL_F32 };
    for (i, pair) in answer.trace.windows(2).enumerate() {
        within(&format!("fall of the log-likelihood at {}", i + 1), pair[0] - pair[1], allowed)?;
    }
    Ok(())
}

fn asymmetries(mixture: &Mixture) -> Vec<String> {
    let d = mixture.n_features;
    if !matches!(mixture.covariance_type, CovarianceType::Full | CovarianceType::Tied) {
        return Vec::new();
    }
    let matrices = mixture.covariances.chunks_exact(d * d).enumerate();
    matrices
        .filter_map(|(k, m)| {
            let scale = m.iter().fold(0.0f64, |s, v| s.max(v.abs()));
            let transposed: Vec<f64> = (0..d * d).map(|i| m[i % d * d + i / d]).collect();
            compare(
                &format!("covariance {k} against its transpose"),
                m,
                &transposed,
                Bound::Absolute(SYMMETRY * scale),
            )
            .err()
        })
        .collect()
}
