//! [`GaussianMixture`]: a mixture with the names of its features and the report of its fit. Reading and writing is in
//! [`json`] and [`npz`]; [`PartialStart`] is any part of a mixture that a fit may start with.

mod file;
pub mod json;
pub mod npz;
mod start;

pub use start::PartialStart;

use crate::error::Result;
use crate::mixture::Parameters;
use crate::report::FitReport;

/// A fitted mixture: parameters, feature names and the report of its fit.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianMixture {
    /// The mixture itself.
    pub parameters: Parameters,
    /// One name per feature, if the data had names.
    pub feature_names: Option<Vec<String>>,
    /// How the fit went; absent for a mixture that was written down by hand.
    pub report: Option<FitReport>,
}

impl From<Parameters> for GaussianMixture {
    fn from(parameters: Parameters) -> Self {
        GaussianMixture { parameters, feature_names: None, report: None }
    }
}

impl GaussianMixture {
    /// Bayesian information criterion −2·LL + p·ln N for a total log-likelihood over samples of total
    /// weight N (scikit-learn's sign: lower is better).
    pub fn bic(&self, log_likelihood: f64, total_weight: f64) -> f64 {
        -2.0 * log_likelihood + self.n_parameters() as f64 * total_weight.ln()
    }

    /// Akaike information criterion −2·LL + 2·p.
    pub fn aic(&self, log_likelihood: f64) -> f64 {
        -2.0 * log_likelihood + 2.0 * self.n_parameters() as f64
    }

    /// Integrated completed likelihood BIC − 2 Σ w_n ln max_k r_nk, in the BIC's sign (lower is better): the
    /// BIC of the likelihood completed by each sample's most probable component (Biernacki, Celeux &
    /// Govaert, IEEE PAMI 22(7), 2000; mclust's `icl` with the sign turned). It prefers components that do
    /// not overlap. `assignment_log_probability` is [`crate::infer::assignment_log_probability`].
    pub fn icl(&self, log_likelihood: f64, total_weight: f64, assignment_log_probability: f64) -> f64 {
        self.bic(log_likelihood, total_weight) - 2.0 * assignment_log_probability
    }

    /// N_k = π_k · Σ sample weights of the fit, `[K]`; none without a report.
    #[doc(hidden)]
    pub fn effective_counts(&self) -> Option<Vec<f64>> {
        let report = self.report.as_ref()?;
        Some(self.parameters.weights().iter().map(|w| w * report.total_weight).collect())
    }

    /// Free parameters p of this mixture.
    #[doc(hidden)]
    pub fn n_parameters(&self) -> usize {
        let p = &self.parameters;
        p.covariance_type().n_parameters(p.n_components(), p.n_features())
    }
}

impl GaussianMixture {
    /// [`Parameters::marginal`] with the names of the features; the fit's report belongs to the whole
    /// mixture and is left out.
    ///
    /// # Errors
    /// As [`Parameters::marginal`].
    pub fn marginal(&self, features: &[usize]) -> Result<GaussianMixture> {
        let parameters = self.parameters.marginal(features)?;
        let pick = |names: &Vec<String>| features.iter().map(|&i| names[i].clone()).collect();
        Ok(GaussianMixture { parameters, feature_names: self.feature_names.as_ref().map(pick), report: None })
    }

    /// [`Parameters::conditional`] with the names of the features that stay free; without a report.
    ///
    /// # Errors
    /// As [`Parameters::conditional`].
    pub fn conditional(&self, given: &[(usize, f64)]) -> Result<GaussianMixture> {
        let parameters = self.parameters.conditional(given)?;
        let free = |i: &usize| given.iter().all(|(feature, _)| feature != i);
        let pick = |names: &Vec<String>| (0..names.len()).filter(free).map(|i| names[i].clone()).collect();
        Ok(GaussianMixture { parameters, feature_names: self.feature_names.as_ref().map(pick), report: None })
    }
}
