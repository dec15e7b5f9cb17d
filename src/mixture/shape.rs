//! Checked sizes shared by every part: how many numbers each quantity of a mixture has.

/// Numbers in the lower triangle of a D×D matrix, diagonal included: D(D+1)/2.
pub const fn triangle_len(n_features: usize) -> usize {
    n_features * (n_features + 1) / 2
}

/// Position of row `i`, column `j` (`j <= i`) in a lower triangle stored row by row.
pub const fn triangle_index(i: usize, j: usize) -> usize {
    i * (i + 1) / 2 + j
}

/// The form of the covariance matrices, with scikit-learn's names and shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CovarianceType {
    /// Each component has its own matrix: `[K, D, D]`.
    #[default]
    Full,
    /// All components share one matrix: `[D, D]`.
    Tied,
    /// Each component has its own variances: `[K, D]`.
    Diag,
    /// Each component has one variance: `[K]`.
    Spherical,
}

impl CovarianceType {
    /// Every type, in the order of the documentation.
    pub const ALL: [CovarianceType; 4] =
        [CovarianceType::Full, CovarianceType::Tied, CovarianceType::Diag, CovarianceType::Spherical];

    /// The name used in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            CovarianceType::Full => "full",
            CovarianceType::Tied => "tied",
            CovarianceType::Diag => "diag",
            CovarianceType::Spherical => "spherical",
        }
    }

    /// The shape of `covariances` for K components of D features.
    pub fn shape(self, k: usize, d: usize) -> Vec<usize> {
        match self {
            CovarianceType::Full => vec![k, d, d],
            CovarianceType::Tied => vec![d, d],
            CovarianceType::Diag => vec![k, d],
            CovarianceType::Spherical => vec![k],
        }
    }

    /// Numbers in `covariances` for K components of D features.
    pub const fn covariances_len(self, k: usize, d: usize) -> usize {
        match self {
            CovarianceType::Full => k * d * d,
            CovarianceType::Tied => d * d,
            CovarianceType::Diag => k * d,
            CovarianceType::Spherical => k,
        }
    }

    /// Numbers in the second moments: triangles if the covariance is a matrix.
    pub const fn second_moments_len(self, k: usize, d: usize) -> usize {
        match self {
            CovarianceType::Full => k * triangle_len(d),
            CovarianceType::Tied => triangle_len(d),
            CovarianceType::Diag => k * d,
            CovarianceType::Spherical => k,
        }
    }

    /// Free parameters of a mixture: K−1 weights, K·D means and the covariances' own
    /// (scikit-learn's `_n_parameters`).
    pub const fn n_parameters(self, k: usize, d: usize) -> usize {
        let covariance = match self {
            CovarianceType::Full => k * triangle_len(d),
            CovarianceType::Tied => triangle_len(d),
            CovarianceType::Diag => k * d,
            CovarianceType::Spherical => k,
        };
        k - 1 + k * d + covariance
    }
}

impl std::fmt::Display for CovarianceType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
