//! How many samples a check takes: as many as a second or so pays for.

use crate::mixture::Parameters;

/// Operations that the CPU engine may spend on a check, per thread: about a second.
const CPU_BUDGET: f64 = 3e10;
/// Operations that the sequential reference may spend.
const REFERENCE_BUDGET: f64 = 2e9;
/// How far beyond its budget a check goes.
const STRETCH: usize = 10;
/// What an exponential and the bookkeeping of one sample and component cost, in operations.
const OVERHEAD: f64 = 60.0;

/// Operations for a check by the CPU engine on `threads`, or by the reference.
pub(super) fn budget(threads: Option<usize>) -> f64 {
    threads.map_or(REFERENCE_BUDGET, |threads| CPU_BUDGET * threads as f64)
}

/// Samples whose `e_steps` E-steps a `budget` pays for.
pub(super) fn affordable(mixture: &Parameters, e_steps: usize, budget: f64) -> usize {
    let (k, d) = (mixture.n_components(), mixture.n_features());
    let cost = mixture.covariance_type().useful_flops(k, d) + OVERHEAD * k as f64;
    (budget / (cost * e_steps as f64)) as usize
}

/// Samples of a check of one iteration, of `n_samples`: as many as `budget` allows, and up to
/// [`STRETCH`] times as many for 8·D samples a component, so that components are solid. It depends on
/// nothing that is measured.
pub(super) fn rows(mixture: &Parameters, n_samples: usize, budget: f64) -> usize {
    let (k, d) = (mixture.n_components(), mixture.n_features());
    let affordable = affordable(mixture, 1, budget);
    affordable.max((8 * d * k).min(STRETCH * affordable)).max(k).min(n_samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;
    use crate::mixture::shape::CovarianceType;

    #[test]
    fn a_check_takes_what_it_can_afford() -> Result<()> {
        let start = crate::mixture::sample::random_mixture(3, 2, CovarianceType::Full, 1)?;
        assert!(affordable(&start, 8, budget(None)) > 1000);
        assert_eq!(rows(&start, 1000, budget(Some(1))), 1000);
        let some = rows(&start, usize::MAX, budget(None));
        assert!(some < 100_000_000 && rows(&start, usize::MAX, budget(Some(2))) > some);
        // 8·D·K samples, beyond the budget if need be.
        assert_eq!(rows(&start, usize::MAX, 3000.0), 8 * 2 * 3);
        Ok(())
    }
}
