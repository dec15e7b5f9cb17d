//! Everything that one sample adds in an E-step: its densities, its responsibilities, its moments, its
//! log-likelihood. Twin of `shaders/fused.wgsl`.

use super::density::{Component, normalise};
use super::log_density_full::log_density_full;
use super::moments;
use crate::mixture::moments::Moments;

/// Adds the sample `x` of weight `weight` to `sums`.
pub fn fused(sums: &mut Moments, components: &[Component], x: &[f64], weight: f64) {
    // A row of weight 0 is absent, whatever its density.
    if weight > 0.0 {
        let mut responsibilities = vec![0.0; components.len()];
        log_density_full(components, x, &mut responsibilities);
        let log_density = normalise(&mut responsibilities);
        sums.log_likelihood += weight * log_density;
        moments::moments(sums, x, weight, &responsibilities);
    }
}
