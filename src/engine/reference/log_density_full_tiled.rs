//! ln π_k + ln N(x | μ_k, Σ_k) of one sample, 16 rows of L at a time: what the rows before give, column after column,
//! then the block on the diagonal. Twin of `shaders/log_density_full_tiled.wgsl`.

use super::density::Component;

/// Rows of a block.
const ROWS: usize = 16;

/// Fills `out` (`[K]`, nats) for the sample `x` by forward substitution, block by block.
pub fn log_density_full_tiled(components: &[Component], x: &[f64], out: &mut [f64]) {
    let d = x.len();
    for (component, out) in components.iter().zip(out) {
        let mut y: Vec<f64> = x.iter().zip(&component.mean).map(|(x, m)| x - m).collect();
        let mut mahalanobis = 0.0;
        for first in (0..d).step_by(ROWS) {
            let rows = first..(first + ROWS).min(d);
            for j in 0..first {
                for i in rows.clone() {
                    y[i] -= component.lower[i][j] * y[j];
                }
            }
            for j in rows.clone() {
                y[j] /= component.lower[j][j];
                for i in j + 1..rows.end {
                    y[i] -= component.lower[i][j] * y[j];
                }
            }
            for i in rows {
                mahalanobis += y[i] * y[i];
            }
        }
        *out = component.log_normaliser - 0.5 * mahalanobis;
    }
}
