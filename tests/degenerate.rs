//! Components of too few samples are found, and sound ones are not accused.

use wgmm::internals::fit::select::{Criterion, NoSweepObserver, SelectOptions, best_sound, select};
use wgmm::{CovarianceType, FitOptions, Init, Samples};

use crate::support::engines::Kind;
use crate::support::problem::Problem;

/// A cloud of 300 samples in D features, and `n_far` samples beside each other far away.
fn cloud_and_far(d: usize, n_far: usize) -> Vec<f64> {
    let cloud = Problem::new(CovarianceType::Full, 300, d, 1, 3);
    let mut values = cloud.values;
    let far = Problem::new(CovarianceType::Full, n_far.max(1), d, 1, 4).values;
    values.extend(far[..n_far * d].iter().map(|x| x + 1e3));
    values
}

/// The counts of the components found, rounded.
fn found(samples: &Samples<'_>, covariance_type: CovarianceType) -> Vec<f64> {
    let options = FitOptions { covariance_type, ..FitOptions::new(2) };
    let model = Kind::Cpu.fit(samples, &options).unwrap();
    let report = model.report.unwrap();
    for found in &report.degenerate {
        let expected = model.parameters.weights()[found.component] * samples.n_effective() as f64;
        assert_eq!(found.effective_count, expected);
    }
    report.degenerate.iter().map(|found| found.effective_count.round()).collect()
}

#[test]
fn few_samples_are_found() {
    for d in [1, 4] {
        for n_far in [1, 2, 4, 5, 40] {
            let values = cloud_and_far(d, n_far);
            let samples = Samples::new(&values, d).unwrap();
            for t in CovarianceType::ALL {
                let too_few = if t == CovarianceType::Full { d } else { 1 };
                let expected = if n_far <= too_few { vec![n_far as f64] } else { Vec::new() };
                assert_eq!(found(&samples, t), expected, "{t}, {n_far} of {d} features");
            }
        }
    }
}

/// Weights that sum to 1, or to a million, and rows of weight 0 change nothing.
#[test]
fn the_scale_of_weights_does_not_matter() {
    let values = cloud_and_far(4, 3);
    for scale in [1.0, 1.0 / 303.0, 1e4] {
        let samples = Samples::new(&values, 4).unwrap().with_sample_weights(vec![scale; 303]).unwrap();
        assert_eq!(found(&samples, CovarianceType::Full), [3.0], "{scale}");
        assert!(found(&samples, CovarianceType::Diag).is_empty(), "{scale}");
    }
    let mut weights = vec![1.0; 303];
    weights[100..300].fill(0.0);
    let samples = Samples::new(&values, 4).unwrap().with_sample_weights(weights).unwrap();
    assert_eq!(found(&samples, CovarianceType::Full), [3.0]);
}

/// The candidates say it, and the best one without is known.
#[test]
fn a_sweep_knows_its_sound_fits() {
    let values = cloud_and_far(2, 1);
    let samples = Samples::new(&values, 2).unwrap();
    let mut engine = Kind::Cpu.open(&samples).unwrap();
    let mut sweep = |components: &[usize]| {
        let fit = FitOptions { init: Init::KMeans, ..FitOptions::new(1) };
        let options =
            SelectOptions { components: components.to_vec(), fits: vec![fit], criterion: Criterion::Bic };
        select(engine.as_mut(), &options, &mut NoSweepObserver).unwrap()
    };
    let selection = sweep(&[1, 2]);
    let (best, fit) = selection.best.unwrap();
    assert_eq!((best, fit.report.degenerate.len()), (1, 1));
    let counts: Vec<usize> =
        selection.candidates.iter().map(|c| c.outcome.as_ref().unwrap().degenerate).collect();
    assert_eq!(counts, [0, 1]);
    let sound = best_sound(&selection.candidates, Criterion::Bic).unwrap();
    assert_eq!(sound.cell.n_components, 1);
    assert!(best_sound(&sweep(&[2]).candidates, Criterion::Bic).is_none());
}
