//! ln π_k + ln N(x | μ_k, Σ_k) of one sample for axis-parallel covariances. Twin of `shaders/log_density_diag.wgsl`.

use super::density::Component;

/// Fills `out` (`[K]`, nats) for the sample `x`; of L only the diagonal counts.
pub fn log_density_diag(components: &[Component], x: &[f64], out: &mut [f64]) {
    for (component, out) in components.iter().zip(out) {
        let mut mahalanobis = 0.0;
        for i in 0..x.len() {
            let y = (x[i] - component.mean[i]) / component.lower[i][i];
            mahalanobis += y * y;
        }
        *out = component.log_normaliser - 0.5 * mahalanobis;
    }
}
