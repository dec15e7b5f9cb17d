//! Parameters taken apart, to be changed.

use crate::mixture::Parameters;
use crate::mixture::shape::CovarianceType;

/// The arrays of [`Parameters`], free to be wrong for a while.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) covariance_type: CovarianceType,
    pub(super) n_features: usize,
    pub(super) weights: Vec<f64>,
    pub(super) means: Vec<f64>,
    pub(super) covariances: Vec<f64>,
}

impl From<Parameters> for Draft {
    fn from(parameters: Parameters) -> Self {
        let (covariance_type, n_features) = (parameters.covariance_type(), parameters.n_features());
        let (weights, means, covariances) = parameters.into_parts();
        Draft { covariance_type, n_features, weights, means, covariances }
    }
}

impl From<Draft> for Parameters {
    fn from(d: Draft) -> Self {
        Parameters::from_parts(d.covariance_type, d.n_features, d.weights, d.means, d.covariances)
    }
}

impl Draft {
    pub(super) fn mean_mut(&mut self, c: usize) -> &mut [f64] {
        &mut self.means[c * self.n_features..(c + 1) * self.n_features]
    }

    /// Numbers of one component's own covariance: 0 if all components share one.
    fn block(&self) -> usize {
        match self.covariance_type {
            CovarianceType::Tied => 0,
            _ => self.covariances.len() / self.weights.len(),
        }
    }

    /// The covariance that belongs to component `c` alone; empty for tied ones.
    pub(super) fn own_block(&self, c: usize) -> &[f64] {
        let size = self.block();
        &self.covariances[c * size..(c + 1) * size]
    }

    pub(super) fn own_block_mut(&mut self, c: usize) -> &mut [f64] {
        let size = self.block();
        &mut self.covariances[c * size..(c + 1) * size]
    }

    /// Weight 1/K for each of `components`; the others keep their proportions.
    pub(super) fn share_weight(&mut self, components: &[usize]) {
        let share = 1.0 / self.weights.len() as f64;
        components.iter().for_each(|&c| self.weights[c] = 0.0);
        let others: f64 = self.weights.iter().sum();
        let rest = 1.0 - share * components.len() as f64;
        if !components.is_empty() && others > 0.0 {
            self.weights.iter_mut().for_each(|w| *w *= rest / others);
        }
        components.iter().for_each(|&c| self.weights[c] = share);
        self.normalise();
    }

    /// These components only; their weights keep their proportions.
    pub(super) fn only(self, components: &[usize]) -> Draft {
        let (d, size) = (self.n_features, self.block());
        let pick = |values: &[f64], size: usize| -> Vec<f64> {
            components.iter().flat_map(|&c| &values[c * size..(c + 1) * size]).copied().collect()
        };
        let covariances = match self.covariance_type {
            CovarianceType::Tied => self.covariances.clone(),
            _ => pick(&self.covariances, size),
        };
        let (weights, means) = (pick(&self.weights, 1), pick(&self.means, d));
        let mut draft = Draft { weights, means, covariances, ..self };
        draft.normalise();
        draft
    }

    /// Weights that sum to 1; equal ones if all are 0.
    fn normalise(&mut self) {
        let (sum, k) = (self.weights.iter().sum::<f64>(), self.weights.len());
        self.weights.iter_mut().for_each(|w| *w = if sum > 0.0 { *w / sum } else { 1.0 / k as f64 });
    }
}
