//! The estimate of what f32 leaves, against what the device loses: measured from the same parameters, one E-step
//! and M-step on the device and in f64.

use wgmm::internals::compare::{Distances, distances};
use wgmm::internals::data::Scaling;
use wgmm::internals::engine::rounding::{POOR, RoundingError, rounding_errors};
use wgmm::internals::mixture::moments::MStep;
use wgmm::internals::mixture::sample::{Sampler, random_mixture};
use wgmm::{CovarianceType, FitOptions, GaussianMixture, Init, Parameters, Samples};

use crate::support::engines::Kind;
use crate::support::files;
use crate::support::golden::{Golden, Outcome};

/// Iterations before the errors are measured.
const N_ITER: usize = 10;
/// Errors this small are those of any f32 sum.
const FLOOR: f64 = 1e-6;
/// Times the measured error that an estimate may be.
const SLACK: f64 = 100.0;

/// A case: what is expected, and what the device does.
struct Case {
    name: String,
    estimate: f64,
    /// Distances after one step from the same parameters; none where the device's step has no mixture.
    step: Option<Distances>,
    /// The device's own fit.
    fit: wgmm::Result<GaussianMixture>,
    exact: GaussianMixture,
}

impl Case {
    fn new(name: String, samples: &Samples<'_>, start: &Parameters, reg_covar: f64) -> Case {
        let options = FitOptions {
            covariance_type: start.covariance_type(),
            init: Init::Given(start.clone()),
            tol: 0.0,
            max_iter: N_ITER,
            reg_covar,
            ..FitOptions::new(start.n_components())
        };
        let exact = Kind::Cpu.fit(samples, &options).unwrap();
        let errors = rounding_errors(&exact.parameters, Scaling::of(samples).unwrap()).unwrap();
        let step = |kind: Kind| {
            let mut engine = kind.open(samples).unwrap();
            let p = &exact.parameters;
            let moments = engine.e_step(p).unwrap();
            let rule = MStep { reg_covar, ..MStep::default() };
            let new = rule.parameters(&moments, p.means(), 1).unwrap();
            (new, moments.log_likelihood / engine.data().facts().total_weight)
        };
        let ((found, a), (expected, b)) = (step(Kind::Gpu), step(Kind::Cpu));
        Case {
            estimate: errors.iter().map(RoundingError::largest).fold(0.0, f64::max),
            step: distances(&found, &expected, (a, b), |_| true).ok(),
            fit: Kind::Gpu.fit(samples, &options),
            exact,
            name,
        }
    }

    fn measured(&self) -> f64 {
        self.step.map_or(f64::INFINITY, |d| d.means.max(d.covariances))
    }

    /// What is wrong with the estimate.
    fn judge(&self) -> Option<String> {
        let (estimate, measured) = (self.estimate, self.measured());
        let free = match &self.fit {
            Err(_) => f64::INFINITY,
            Ok(model) => {
                let moved = distances(&model.parameters, &self.exact.parameters, (0.0, 0.0), |_| true);
                moved.map_or(f64::INFINITY, |d| d.means.max(d.covariances))
            }
        };
        let line =
            format!("{}: estimated {estimate:.1e}, measured {measured:.1e}, fit {free:.1e}", self.name);
        println!("{line}");
        let too_low = measured > estimate + FLOOR;
        let too_high = estimate > SLACK * measured.max(FLOOR);
        let silent = measured.max(free) > POOR && estimate <= POOR;
        (too_low || too_high || silent).then_some(line)
    }
}

/// Samples of a random mixture, changed row by row, and a start for them.
fn case(name: &str, t: CovarianceType, d: usize, k: usize, change: impl Fn(usize, &mut [f64])) -> Case {
    let truth = random_mixture(3, d, t, 4).unwrap();
    let mut sampler = Sampler::new(&truth, 1).unwrap();
    let mut values = vec![0.0; 4000 * d];
    for (n, row) in values.chunks_exact_mut(d).enumerate() {
        sampler.draw(row);
        change(n, row);
    }
    let samples = Samples::new(values, d).unwrap();
    let options = FitOptions { covariance_type: t, max_iter: 0, reg_covar: 0.0, ..FitOptions::new(k) };
    let start = Kind::Cpu.fit(&samples, &options).unwrap().parameters;
    Case::new(name.into(), &samples, &start, 0.0)
}

#[track_caller]
fn assert_honest(cases: Vec<Case>) {
    let wrong: Vec<String> = cases.iter().filter_map(Case::judge).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A sweep that never leaves the good cases, or never stays in them, shows nothing.
    let poor = cases.iter().filter(|case| case.measured() > POOR).count();
    assert!(poor > 0 && poor < cases.len(), "{poor} of {}", cases.len());
}

mod device {
    use super::*;

    /// The last feature is the sum of the others but for a share of noise.
    #[test]
    fn nearly_dependent_features() {
        let mut cases = Vec::new();
        for (d, thins) in [(2, [1.0, 1e-2, 1e-5]), (6, [1.0, 1e-1, 1e-2]), (17, [1.0, 1e-1, 1e-3])] {
            for thin in thins {
                let name = format!("{d} features, the last one free to {thin:e}");
                cases.push(case(&name, CovarianceType::Full, d, 3, |_, x| {
                    let sum: f64 = x[..d - 1].iter().sum();
                    x[d - 1] = sum + thin * x[d - 1];
                }));
            }
        }
        assert_honest(cases);
    }

    /// Two groups of components, far from each other beside their size: no common center serves both.
    #[test]
    fn groups_far_apart() {
        let mut cases = Vec::new();
        for t in CovarianceType::ALL {
            for far in [0.0, 1e2, 1e4, 1e6, 1e7] {
                cases.push(case(&format!("{t}, {far:e} apart"), t, 3, 6, |n, x| {
                    x.iter_mut().for_each(|x| *x += far * (n % 2) as f64);
                }));
            }
        }
        assert_honest(cases);
    }

    /// An offset of everything is no reason to warn.
    #[test]
    fn an_offset_costs_nothing() {
        for t in CovarianceType::ALL {
            let case = case(&format!("{t}, offset"), t, 3, 3, |_, x| x.iter_mut().for_each(|x| *x += 1e6));
            assert!(case.estimate < 1e-5 && case.judge().is_none(), "{}", case.estimate);
        }
    }

    /// The golden cases that pass their tier are no reason to warn either.
    #[test]
    fn golden_cases_do_not_cry_wolf() {
        let folder = files::data("golden");
        let mut checked = 0;
        for name in files::names(&folder).into_iter().filter(|name| name.starts_with('p')) {
            for file in files::names(&folder.join(&name)).into_iter().filter(|f| f.starts_with("expected")) {
                let golden = Golden::load(&folder.join(&name).join(&file));
                let Outcome::Fit(_) = golden.outcome else { continue };
                let (samples, start) = (&golden.samples, &golden.start);
                let case = Case::new(format!("{name}/{file}"), samples, start, golden.header.reg_covar);
                let fitted = &case.fit.as_ref().unwrap().report.as_ref().unwrap().rounding_errors;
                assert!(fitted.iter().all(|e| *e < 0.1 * POOR), "{name}/{file}: {fitted:?}");
                assert!(case.measured() <= case.estimate + FLOOR, "{name}/{file}");
                checked += 1;
            }
        }
        assert_eq!(checked, 17);
    }
}

/// Engines in f64 estimate nothing.
#[test]
fn f64_sums_have_no_estimate() {
    let values = [0.0, 0.1, 5.0, 5.1];
    let samples = Samples::new(&values[..], 1).unwrap();
    let model = Kind::Cpu.fit(&samples, &FitOptions::new(2)).unwrap();
    assert!(model.report.unwrap().rounding_errors.is_empty());
    assert!(Kind::Cpu.open(&samples).unwrap().rounding_errors(&model.parameters).unwrap().is_empty());
}

/// Known values: one feature, mean 3 and variance 4 on a scale of 2 about 1, so m' = 1 and s' = 1.
#[test]
fn known_estimates() {
    let scaling = Scaling { center: vec![1.0], scale: vec![2.0] };
    for t in CovarianceType::ALL {
        let p = Parameters::new(t, vec![1.0], vec![3.0], vec![4.0]).unwrap();
        let error = rounding_errors(&p, &scaling).unwrap()[0];
        let unit = f64::from(f32::EPSILON) / 2.0;
        assert_eq!((error.density, error.moments), (unit * 2f64.sqrt(), unit), "{t}");
    }
}
