//! L y = x of one sample, with the L that all components of a tied covariance share. Twin of `shaders/whiten.wgsl`.

use super::density::Component;

/// y for the sample `x`.
pub fn whiten(lower: &[Vec<f64>], x: &[f64]) -> Vec<f64> {
    let mut y = vec![0.0; x.len()];
    for i in 0..x.len() {
        let mut value = x[i];
        for j in 0..i {
            value -= lower[i][j] * y[j];
        }
        y[i] = value / lower[i][i];
    }
    y
}

/// `component` as it is among whitened samples: of covariance 1, and of the same densities.
pub fn whitened(component: &Component) -> Component {
    let d = component.mean.len();
    let unit = |i: usize| (0..=i).map(|j| if i == j { 1.0 } else { 0.0 }).collect();
    Component {
        mean: whiten(&component.lower, &component.mean),
        lower: (0..d).map(unit).collect(),
        log_normaliser: component.log_normaliser,
    }
}
