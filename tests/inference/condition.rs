//! Marginal and conditional mixtures: identities of densities, and numeric integration.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wgmm::internals::infer;
use wgmm::internals::mixture::sample::{Sampler, random_mixture};
use wgmm::{CovarianceType, Error, GaussianMixture, Parameters, Samples};

use super::log_densities;
use crate::support::compare::{Bound, assert_close};
use crate::support::engines::Kind;

/// Rounding of a few hundred operations on log-densities of order ten.
const IDENTITY: Bound = Bound::Relative(1e-11);

/// p(a, b) = p(b) · p(a | b), at samples of the mixture and at points beside it.
#[test]
fn the_joint_density_is_marginal_times_conditional() {
    for covariance_type in CovarianceType::ALL {
        for (d, known) in [(2, vec![0]), (2, vec![1]), (5, vec![3, 0]), (5, vec![4, 2, 1, 0]), (6, vec![2])] {
            let p = random_mixture(4, d, covariance_type, d as u64).unwrap();
            let free: Vec<usize> = (0..d).filter(|i| !known.contains(i)).collect();
            let marginal = p.marginal(&known).unwrap();
            let mut rng = ChaCha8Rng::seed_from_u64(d as u64);
            let mut sampler = Sampler::new(&p, 3).unwrap();
            let mut x = vec![0.0; d];
            for trial in 0..20 {
                sampler.draw(&mut x);
                if trial % 2 == 0 {
                    x.iter_mut().for_each(|x| *x += rng.random_range(-5.0..5.0));
                }
                let b: Vec<f64> = known.iter().map(|&i| x[i]).collect();
                let a: Vec<f64> = free.iter().map(|&i| x[i]).collect();
                let given: Vec<(usize, f64)> = known.iter().map(|&i| (i, x[i])).collect();
                let conditional = p.conditional(&given).unwrap();
                assert_eq!(conditional.covariance_type(), covariance_type);
                assert_eq!(conditional.n_features(), free.len());
                assert!((conditional.weights().iter().sum::<f64>() - 1.0).abs() < 1e-12);
                let joint = log_densities(&p, &x);
                let product = log_densities(&marginal, &b)[0] + log_densities(&conditional, &a)[0];
                assert_close(&format!("{covariance_type} {known:?}"), &[product], &joint, IDENTITY);
                // What comes out is a mixture by every rule of `Parameters::new`.
                let again = Parameters::new(
                    covariance_type,
                    conditional.weights().to_vec(),
                    conditional.means().to_vec(),
                    conditional.covariances().to_vec(),
                );
                assert_eq!(again.unwrap(), conditional);
            }
        }
    }
}

/// ∫ p(a, b) db by the trapezoidal rule, which is exact to rounding for such smooth functions.
#[test]
fn the_marginal_is_the_integral_over_the_other_feature() {
    for covariance_type in CovarianceType::ALL {
        let p = random_mixture(3, 2, covariance_type, 2).unwrap();
        let marginal = p.marginal(&[1]).unwrap();
        for a in [-8.0, -1.0, 0.0, 3.5, 9.0] {
            let step = 0.05;
            let grid: Vec<f64> = (-1000..=1000).flat_map(|i| [f64::from(i) * step, a]).collect();
            let integral: f64 = log_densities(&p, &grid).iter().map(|v| v.exp() * step).sum();
            let density = log_densities(&marginal, &[a])[0].exp();
            assert!((integral - density).abs() <= 1e-12, "{covariance_type} at {a}: {integral} {density}");
        }
    }
}

/// The new weights are the responsibilities of the given values under their marginal.
#[test]
fn conditional_weights_are_responsibilities() {
    for covariance_type in CovarianceType::ALL {
        let p = random_mixture(5, 4, covariance_type, 8).unwrap();
        let values = [0.7, -2.0];
        let samples = Samples::new(&values[..], 2).unwrap();
        let mut engine = Kind::Reference.open(&samples).unwrap();
        let marginal = p.marginal(&[2, 0]).unwrap();
        let expected = infer::responsibilities(engine.as_mut(), &marginal, 0..1).unwrap();
        let conditional = p.conditional(&[(2, 0.7), (0, -2.0)]).unwrap();
        assert_close("weights", conditional.weights(), &expected, Bound::Absolute(1e-12));
    }
}

/// Bishop, *PRML*, 2.81–2.82 by hand: unit variances, correlation ½.
#[test]
fn a_known_conditional() {
    let covariance = vec![1.0, 0.5, 0.5, 1.0];
    let p = Parameters::new(CovarianceType::Full, vec![1.0], vec![10.0, 20.0], covariance).unwrap();
    let conditional = p.conditional(&[(0, 12.0)]).unwrap();
    assert_close("mean", conditional.means(), &[21.0], Bound::Absolute(1e-14));
    assert_close("variance", conditional.covariances(), &[0.75], Bound::Absolute(1e-15));
    // Far values: the weights go through logarithms and never become 0/0.
    let two = Parameters::new(
        CovarianceType::Diag,
        vec![0.5, 0.5],
        vec![0.0, 0.0, 1.0, 5.0],
        vec![1.0, 1.0, 1.0, 2.0],
    );
    let conditional = two.unwrap().conditional(&[(0, 1e6)]).unwrap();
    assert_eq!(conditional.weights(), [0.0, 1.0]);
    assert_eq!((conditional.means(), conditional.covariances()), (&[0.0, 5.0][..], &[1.0, 2.0][..]));
}

#[test]
fn all_features_in_another_order_and_back_is_the_same_mixture() {
    for covariance_type in CovarianceType::ALL {
        let p = random_mixture(3, 4, covariance_type, 5).unwrap();
        assert_eq!(p.marginal(&[0, 1, 2, 3]).unwrap(), p);
        let there = p.marginal(&[2, 0, 3, 1]).unwrap();
        assert_eq!(there.marginal(&[1, 3, 0, 2]).unwrap(), p);
        let given_nothing = p.conditional(&[]).unwrap();
        assert_close("means", given_nothing.means(), p.means(), Bound::Exact);
        assert_close("weights", given_nothing.weights(), p.weights(), Bound::Absolute(1e-15));
        assert_close("covariances", given_nothing.covariances(), p.covariances(), Bound::Relative(1e-14));
    }
}

#[test]
fn features_that_make_no_sense_are_refused() {
    let p = random_mixture(2, 3, CovarianceType::Full, 1).unwrap();
    let name = |result: wgmm::Result<Parameters>| match result {
        Err(Error::Option { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    for features in [&[][..], &[3], &[0, 0], &[1, usize::MAX]] {
        assert_eq!(name(p.marginal(features)), "features");
    }
    for given in [
        &[(3, 0.0)][..],
        &[(0, 1.0), (0, 1.0)],
        &[(0, f64::NAN)],
        &[(0, 0.0), (1, 0.0), (2, 0.0)],
        &[(0, 1e300)],
    ] {
        assert_eq!(name(p.conditional(given)), "given", "{given:?}");
    }
}

#[test]
fn names_follow_their_features() {
    let mut model = GaussianMixture::from(random_mixture(2, 3, CovarianceType::Full, 1).unwrap());
    model.feature_names = Some(vec!["a".into(), "b".into(), "c".into()]);
    assert_eq!(model.marginal(&[2, 0]).unwrap().feature_names.unwrap(), ["c", "a"]);
    assert_eq!(model.conditional(&[(1, 0.0)]).unwrap().feature_names.unwrap(), ["a", "c"]);
}
