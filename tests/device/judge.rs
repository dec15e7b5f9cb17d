//! Compares every stage of the device with its twin, each from the device's own numbers before it, so
//! that a fault is found where it is made.

use wgmm::internals::engine::gpu::GpuEngine;
use wgmm::{CovarianceType, Engine, Parameters, Samples};

use super::bounds;
use super::seen::Seen;
use crate::support::compare::{Bound, compare, within};

/// A log2 density at or below this counts as 0: the shaders' HUGE is far beyond it, every density of a
/// test far above.
const ABSENT: f64 = -1e30;
/// Relative error of f64 on the host: scaling back to data units and the last sums.
const HOST: f64 = 1e-12;

/// Runs the densities and an E-step on `engine`: the first stage that is wrong, if any.
pub fn judge(
    engine: &mut GpuEngine<'_>,
    samples: &Samples<'_>,
    parameters: &Parameters,
) -> Result<(), String> {
    let refused = |e: wgmm::Error| format!("refused: {e}");
    let n = samples.n_samples();
    // The E-step first: it must not find right numbers that another pass left in the scratch.
    let moments = engine.e_step(parameters).map_err(refused)?;
    let found = engine.weighted_log_densities(parameters, 0..n).map_err(refused)?;

    let seen = Seen::new(samples, parameters);
    let expected = seen.densities(&engine.info().kernels.unwrap_or_default());
    let mut bits: Vec<f64> = found.iter().map(|l| l * std::f64::consts::LOG2_E - seen.offset).collect();
    let absent = |l: &f64| if *l == f64::NEG_INFINITY { 0.0 } else { *l };
    if bits.len() == expected.len() {
        // A component of weight 0 has no finite density: the device says so by a huge negative number.
        for (b, e) in bits.iter_mut().zip(&expected).filter(|(_, e)| **e == f64::NEG_INFINITY) {
            within("density of a component of weight 0", *b, ABSENT)?;
            *b = absent(e);
        }
    }
    let mut bound = bounds::densities(&seen, &expected);
    let finite: Vec<f64> = expected.iter().map(absent).collect();
    bound.iter_mut().zip(&finite).for_each(|(b, l)| *b += HOST * (l.abs() + seen.offset.abs()));
    compare("log2 densities [N, K]", &bits, &finite, Bound::Each(&bound))?;

    // From here on the device's own densities are the truth.
    let own: Vec<f64> =
        bits.iter().zip(&expected).map(|(b, e)| if e.is_finite() { *b } else { f64::NEG_INFINITY }).collect();
    sums(&seen, parameters.covariance_type(), &own, &moments)
}

/// The moments and the log-likelihood against sums of the responsibilities that the densities `bits`
/// (`[N, K]`) give.
fn sums(
    seen: &Seen,
    covariance_type: CovarianceType,
    bits: &[f64],
    found: &wgmm::internals::mixture::moments::Moments,
) -> Result<(), String> {
    let k = seen.parameters.n_components();
    let mut responsibilities = Vec::with_capacity(bits.len());
    let mut errors = Vec::with_capacity(bits.len());
    let mut log_densities = Vec::new();
    for (l, &weight) in bits.chunks_exact(k).zip(&seen.weights) {
        let largest = l.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
        let log_density = largest + l.iter().map(|l| (l - largest).exp2()).sum::<f64>().log2();
        let error = bounds::log_density(l, log_density);
        log_densities.push((weight, log_density, error));
        for &l in l {
            let r = weight * (l - log_density).exp2();
            responsibilities.push(r);
            errors.push(if r > 0.0 {
                let log_weight = weight.log2();
                bounds::responsibility(r, l, log_density - log_weight, log_weight, error)
            } else {
                0.0
            });
        }
    }
    let log_likelihood: f64 = log_densities.iter().map(|(w, l, _)| w * (l + seen.offset)).sum();
    let host: f64 = log_densities.iter().map(|(w, l, _)| HOST * w * (l.abs() + seen.offset.abs())).sum();
    let bound = bounds::log_likelihood(log_densities.into_iter()) + host;
    compare(
        "log-likelihood",
        &[found.log_likelihood],
        &[log_likelihood * std::f64::consts::LN_2],
        Bound::Absolute(bound),
    )?;
    let expected = seen.moments(covariance_type, &responsibilities);
    let bound = bounds::moments(seen, covariance_type, &responsibilities, &errors);
    compare("origins", &found.origins, &expected.origins, Bound::Relative(HOST))?;
    let stages = [
        ("effective counts", &found.effective_counts, &expected.effective_counts, &bound.effective_counts),
        ("first moments", &found.first_moments, &expected.first_moments, &bound.first_moments),
        ("second moments", &found.second_moments, &expected.second_moments, &bound.second_moments),
    ];
    stages
        .into_iter()
        .try_for_each(|(what, found, expected, bound)| compare(what, found, expected, Bound::Each(bound)))
}
