//! Data and mixtures that break careless arithmetic; the bounds follow the data.

use wgmm::{CovarianceType, Parameters};

use super::case::{Case, run_all};

/// One case per covariance type, changed by `change`.
fn each(n: usize, d: usize, k: usize, name: &str, change: impl Fn(&mut Case)) -> Vec<Case> {
    let with = |t| {
        let mut case = Case::new(t, n, d, k, false);
        case.name += &format!(" {name}");
        change(&mut case);
        case
    };
    CovarianceType::ALL.into_iter().map(with).collect()
}

fn with_weights(parameters: &Parameters, weights: Vec<f64>) -> Parameters {
    let (means, covariances) = (parameters.means().to_vec(), parameters.covariances().to_vec());
    Parameters::new(parameters.covariance_type(), weights, means, covariances).unwrap()
}

/// The first, a middle or the last component; all but one.
#[test]
fn components_of_weight_0() {
    let weights = [
        vec![0.0, 0.25, 0.5, 0.25],
        vec![0.5, 0.0, 0.0, 0.5],
        vec![0.75, 0.25, 0.0, 0.0],
        vec![0.0, 0.0, 0.0, 1.0],
    ];
    run_all(weights.iter().flat_map(|w| {
        each(300, 2, 4, &format!("weights {w:?}"), |case| {
            case.parameters = with_weights(&case.parameters, w.clone());
        })
    }));
    // The tiled kernel shares components out to teams.
    let mut tiled = Case::new(CovarianceType::Full, 200, 33, 10, false);
    let mut weights = vec![0.125; 10];
    (weights[0], weights[9]) = (0.0, 0.0);
    tiled.parameters = with_weights(&tiled.parameters, weights);
    run_all([tiled]);
}

#[test]
fn samples_of_weight_0() {
    run_all(each(700, 2, 3, "most of weight 0, far away", |case| {
        let mut weights = vec![0.0; 700];
        for i in (3..700).step_by(97) {
            weights[i] = 1.5;
        }
        for i in (0..700).filter(|i| weights[*i] == 0.0) {
            case.values[2 * i] = 1e3;
        }
        case.weights = Some(weights);
    }));
    run_all(each(600, 3, 3, "weights from 1e-6 to 1e6", |case| {
        case.weights = Some((0..600).map(|i| 10f64.powi(i % 13 - 6)).collect());
    }));
}

/// 300 standard deviations off: densities of thousands of bits, responsibilities still sum to 1.
#[test]
fn far_outliers() {
    run_all(each(400, 2, 3, "far outliers", |case| {
        for i in [0, 57, 399] {
            case.values[2 * i] += 300.0 * if i == 57 { -1.0 } else { 1.0 };
            case.values[2 * i + 1] -= 300.0;
        }
    }));
    let mut tiled = Case::new(CovarianceType::Full, 200, 33, 9, false);
    tiled.name += " far outliers";
    tiled.values[0] += 300.0;
    run_all([tiled]);
}

/// A constant column has no scale of its own, a large offset no digits to spare.
#[test]
fn awkward_columns() {
    run_all(each(500, 3, 3, "a constant column", |case| {
        case.values.iter_mut().skip(1).step_by(3).for_each(|x| *x = 42.0);
        let mut means = case.parameters.means().to_vec();
        means.iter_mut().skip(1).step_by(3).for_each(|m| *m = 42.0);
        replace_means(case, means);
    }));
    for (offset, scale) in [(1e6, 1.0), (-1e9, 1.0), (0.0, 1e-6), (1e3, 1e6)] {
        run_all(each(500, 2, 3, &format!("x·{scale}+{offset}"), |case| {
            case.values.iter_mut().for_each(|x| *x = *x * scale + offset);
            let means = case.parameters.means().iter().map(|m| m * scale + offset).collect();
            let covariances = case.parameters.covariances().iter().map(|v| v * scale * scale).collect();
            let weights = case.parameters.weights().to_vec();
            let kind = case.parameters.covariance_type();
            case.parameters = Parameters::new(kind, weights, means, covariances).unwrap();
        }));
    }
}

fn replace_means(case: &mut Case, means: Vec<f64>) {
    let p = &case.parameters;
    case.parameters =
        Parameters::new(p.covariance_type(), p.weights().to_vec(), means, p.covariances().to_vec()).unwrap();
}

/// More components than samples, all samples equal, components all alike.
#[test]
fn degenerate_counts() {
    run_all(each(1, 2, 33, "one sample", |_| {}));
    run_all(each(130, 2, 3, "all samples equal", |case| case.values.fill(0.5)));
    run_all(each(130, 2, 40, "all means equal", |case| {
        let means = vec![0.25; case.parameters.means().len()];
        replace_means(case, means);
    }));
}
