//! Matches the components of two mixtures: other programs number theirs in another order.

use super::whitened_norm;
use crate::error::{Error, Result};
use crate::infer::agreement::{MOST_STEPS, best_matching};
use crate::mixture::Parameters;
use crate::mixture::factors::Factors;

/// The component of `found` for each component of `expected`, one to one, so that together they are as close
/// as can be: means in standard deviations and logarithms of variances count.
///
/// # Errors
/// [`Error::Shape`] if the mixtures' shapes differ; [`Error::Option`] for too many components to match;
/// [`Error::NotPositiveDefinite`].
pub fn best_match(found: &Parameters, expected: &Parameters) -> Result<Vec<usize>> {
    let (k, d) = (expected.n_components(), expected.n_features());
    if (found.n_components(), found.n_features()) != (k, d) {
        let text = |p: &Parameters| format!("{} components, {} features", p.n_components(), p.n_features());
        return Err(Error::shape("mixtures to compare", text(expected), text(found)));
    }
    if (k as u128).pow(3) > MOST_STEPS {
        return Err(Error::option("components", k, "so many components cannot be matched"));
    }
    let whitening = Factors::new(expected)?.whitening;
    let spreads = |p: &Parameters| -> Vec<Vec<f64>> {
        let logs = |k| (0..d).map(|i| p.variance(k, i).ln()).collect();
        (0..k).map(logs).collect()
    };
    let (found_spreads, expected_spreads) = (spreads(found), spreads(expected));
    let distance = |i: usize, j: usize| {
        let gap: Vec<f64> = found.mean(j).iter().zip(expected.mean(i)).map(|(a, b)| a - b).collect();
        let spread = found_spreads[j].iter().zip(&expected_spreads[i]).map(|(a, b)| (a - b).powi(2));
        whitened_norm(expected.covariance_type(), &whitening, i, &gap) + spread.sum::<f64>().sqrt()
    };
    // The matching needs whole numbers: 2⁵⁰ for the same component, less for one farther away.
    let gains: Vec<u64> =
        (0..k * k).map(|n| ((1u64 << 50) as f64 / (1.0 + distance(n / k, n % k))) as u64).collect();
    Ok(best_matching(k, k, |i, j| gains[i * k + j]))
}

/// The mixture whose component i is component `order[i]` of `parameters`; `order` is a permutation.
pub fn reordered(parameters: &Parameters, order: &[usize]) -> Parameters {
    parameters.picked(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mixture::shape::CovarianceType;

    #[test]
    fn a_permutation_is_found_in_every_type() -> Result<()> {
        let order = [3, 0, 4, 1, 2];
        for t in CovarianceType::ALL {
            let expected = crate::mixture::sample::random_mixture(5, 3, t, 8)?;
            let mut inverse = [0; 5];
            order.iter().enumerate().for_each(|(i, &k)| inverse[k] = i);
            let found = reordered(&expected, &order);
            assert_eq!(best_match(&found, &expected)?, inverse, "{t}");
            assert_eq!(reordered(&found, &inverse), expected, "{t}");
        }
        Ok(())
    }

    /// Components with the same mean are told apart by their spread.
    #[test]
    fn equal_means() -> Result<()> {
        let mixture = |variances: [f64; 2]| {
            Parameters::new(CovarianceType::Diag, vec![0.5; 2], vec![1.0; 2], variances.to_vec())
        };
        assert_eq!(best_match(&mixture([9.0, 1.0])?, &mixture([1.0, 8.0])?)?, [1, 0]);
        Ok(())
    }

    #[test]
    fn other_shapes_are_refused() -> Result<()> {
        let mixture = |k, d| crate::mixture::sample::random_mixture(k, d, CovarianceType::Full, 1);
        assert!(best_match(&mixture(2, 3)?, &mixture(3, 3)?).is_err());
        assert!(best_match(&mixture(2, 3)?, &mixture(2, 2)?).is_err());
        Ok(())
    }
}
