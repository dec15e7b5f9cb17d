//! The judge is guarded, too: wrong answers it must reject, right ones it must pass.

use super::*;
use crate::support::distance::Mixture;
use crate::support::golden::Snapshot;

struct Court {
    golden: Golden,
    expected: Box<Expected>,
}

impl Court {
    fn of(case: &str) -> Court {
        let mut golden = load(case);
        let Outcome::Fit(expected) = std::mem::replace(&mut golden.outcome, Outcome::Error) else {
            panic!("{case} expects an error")
        };
        Court { golden, expected }
    }

    fn last(&self) -> &Snapshot {
        self.expected.snapshots.last().unwrap()
    }

    /// The stored answer itself at snapshot `s`.
    fn answer(&self, s: &Snapshot) -> Answer {
        Answer {
            mixture: s.mixture(self.golden.header.covariance_type),
            trace: self.expected.log_likelihood_trace[..s.iterations].to_vec(),
            final_mean_log_likelihood: s.final_mean_log_likelihood,
            bic: s.bic,
            aic: s.aic,
            n_parameters: self.expected.n_parameters,
            n_iter: s.iterations,
        }
    }

    fn verdict(&self, answer: &Answer, kind: Kind) -> Vec<String> {
        let s = self.last();
        let distances = s.tolerance.of(kind).unwrap();
        let trace = self.expected.trace_tolerance.of(kind).unwrap();
        judge(&self.golden, &self.expected, s, answer, Bounds { distances, trace, is_f64: kind.is_f64() })
    }
}

type Mutation = (&'static str, fn(&Court, &mut Answer));

fn scale_covariances(answer: &mut Answer, factor: impl Fn(usize) -> f64) {
    let per_component = answer.mixture.covariances.len() / answer.mixture.n_components();
    for (i, v) in answer.mixture.covariances.iter_mut().enumerate() {
        *v *= factor(i / per_component);
    }
}

fn add_to_diagonals(mixture: &mut Mixture, value: f64) {
    let d = mixture.n_features;
    mixture
        .covariances
        .iter_mut()
        .enumerate()
        .filter(|(i, _)| (i % (d * d)).is_multiple_of(d + 1))
        .for_each(|(_, v)| *v += value);
}

/// Faults of kinds that Gaussian-mixture programs have had.
const MUTATIONS: &[Mutation] = &[
    ("unbiased covariance", |c, a| {
        let nk = c.last().nk.clone();
        scale_covariances(a, |k| nk[k] / (nk[k] - 1.0));
    }),
    ("reg_covar 1e-3 too many", |_, a| add_to_diagonals(&mut a.mixture, 1e-3)),
    ("off-diagonals dropped", |_, a| {
        let d = a.mixture.n_features;
        let off = |(i, _): &(usize, &mut f64)| i % (d * d) % (d + 1) != 0;
        a.mixture.covariances.iter_mut().enumerate().filter(off).for_each(|(_, v)| *v = 0.0);
    }),
    ("one triangle only", |_, a| {
        let d = a.mixture.n_features;
        let upper = |(i, _): &(usize, &mut f64)| i % d > i / d % d;
        a.mixture.covariances.iter_mut().enumerate().filter(upper).for_each(|(_, v)| *v = 0.0);
    }),
    ("one entry's sign", |_, a| a.mixture.covariances[1] *= -1.0),
    ("standard deviations for variances", |_, a| {
        a.mixture.covariances.iter_mut().for_each(|v| *v = v.signum() * v.abs().sqrt());
    }),
    ("means of two components swapped", |_, a| {
        let d = a.mixture.n_features;
        let (first, rest) = a.mixture.means.split_at_mut(d);
        first.swap_with_slice(&mut rest[..d]);
    }),
    ("weights permuted", |_, a| a.mixture.weights.rotate_left(1)),
    ("weights not normalised", |_, a| a.mixture.weights.iter_mut().for_each(|w| *w *= 1.01)),
    ("a weight is NaN", |_, a| a.mixture.weights[0] = f64::NAN),
    ("a mean is NaN", |_, a| *a.mixture.means.last_mut().unwrap() = f64::NAN),
    ("a covariance is NaN", |_, a| *a.mixture.covariances.last_mut().unwrap() = f64::NAN),
    ("a mean moved by a hundredth", |_, a| a.mixture.means[1] += 0.01),
    ("a component missing", |_, a| {
        a.mixture.weights.pop();
    }),
    ("parameters of an earlier snapshot", |c, a| {
        a.mixture = c.answer(&c.expected.snapshots[1]).mixture;
    }),
    ("likelihood before the last step", |c, a| {
        a.final_mean_log_likelihood = c.expected.log_likelihood_trace[0];
    }),
    ("total for mean log-likelihood", |c, a| a.final_mean_log_likelihood *= c.expected.n_rows as f64),
    ("likelihood is NaN", |_, a| a.final_mean_log_likelihood = f64::NAN),
    ("trace starts one step late", |c, a| {
        a.trace.remove(0);
        a.trace.push(c.last().final_mean_log_likelihood);
    }),
    ("trace one short", |_, a| {
        a.trace.pop();
    }),
    ("trace empty", |_, a| a.trace.clear()),
    ("a trace entry is NaN", |_, a| a.trace[3] = f64::NAN),
    ("n_iter one too many", |_, a| a.n_iter += 1),
    ("bic of the other sign", |_, a| a.bic *= -1.0),
    ("aic for bic", |_, a| a.bic = a.aic),
    ("K parameters instead of K − 1", |_, a| a.n_parameters += 1),
];

#[test]
fn stored_answers_pass() {
    for case in CASES {
        if matches!(load(case).outcome, Outcome::Error) {
            continue;
        }
        let court = Court::of(case);
        let answer = court.answer(court.last());
        for kind in [Kind::Reference, Kind::Cpu] {
            assert_eq!(court.verdict(&answer, kind), Vec::<String>::new(), "{case}");
        }
    }
}

#[test]
fn wrong_answers_are_rejected() {
    let court = Court::of("p02_iris_k3/expected.json");
    for (name, spoil) in MUTATIONS {
        let mut answer = court.answer(court.last());
        spoil(&court, &mut answer);
        assert!(!court.verdict(&answer, Kind::Reference).is_empty(), "not rejected: {name}");
    }
}

/// The f32 bounds are wider; they still must see every one of these faults.
#[cfg(feature = "gpu")]
#[test]
fn wrong_answers_are_rejected_at_the_float32_tier() {
    let court = Court::of("p02_iris_k3/expected.json");
    for (name, spoil) in MUTATIONS {
        let mut answer = court.answer(court.last());
        spoil(&court, &mut answer);
        assert!(!court.verdict(&answer, Kind::Gpu).is_empty(), "not rejected: {name}");
    }
}

/// Real fits of the wrong rule: the other covariance centre, another reg_covar, one step short.
#[test]
fn fits_by_another_rule_are_rejected() {
    use wgmm::{CovarianceCenter, FitOptions};
    let court = Court::of("p02_iris_k3/expected.json");
    let n = court.last().iterations;
    let right = court.golden.steps(n);
    let wrong_rules = [
        ("old mean", FitOptions { covariance_center: CovarianceCenter::OldMean, ..right.clone() }),
        ("reg_covar", FitOptions { reg_covar: 1e-6, ..right.clone() }),
        ("one step short", FitOptions { max_iter: n - 1, ..right.clone() }),
    ];
    let fitted =
        |options: &FitOptions| Answer::from(&Kind::Reference.fit(&court.golden.samples, options).unwrap());
    assert!(court.verdict(&fitted(&right), Kind::Reference).is_empty());
    for (name, options) in wrong_rules {
        assert!(!court.verdict(&fitted(&options), Kind::Reference).is_empty(), "not rejected: {name}");
    }
}
