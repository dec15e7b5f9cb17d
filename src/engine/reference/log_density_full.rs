//! ln π_k + ln N(x | μ_k, Σ_k) of one sample: L y = x − μ row after row. Twin of `shaders/log_density_full.wgsl`.

use super::density::Component;

/// Fills `out` (`[K]`, nats) for the sample `x` by forward substitution.
pub fn log_density_full(components: &[Component], x: &[f64], out: &mut [f64]) {
    for (component, out) in components.iter().zip(out) {
        let mut y = vec![0.0; x.len()];
        let mut mahalanobis = 0.0;
        for i in 0..x.len() {
            let mut value = x[i] - component.mean[i];
            for j in 0..i {
                value -= component.lower[i][j] * y[j];
            }
            y[i] = value / component.lower[i][i];
            mahalanobis += y[i] * y[i];
        }
        *out = component.log_normaliser - 0.5 * mahalanobis;
    }
}
