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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
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

named!(CovarianceType: "covariance_type" {
    Full = "full",
    Tied = "tied",
    Diag = "diag",
    Spherical = "spherical",
});

impl CovarianceType {
    /// The shape of `covariances` for K components of D features.
    #[doc(hidden)]
    pub fn shape(self, k: usize, d: usize) -> Vec<usize> {
        match self {
            CovarianceType::Full => vec![k, d, d],
            CovarianceType::Tied => vec![d, d],
            CovarianceType::Diag => vec![k, d],
            CovarianceType::Spherical => vec![k],
        }
    }

    /// Numbers in `covariances` for K components of D features.
    #[doc(hidden)]
    pub const fn covariances_len(self, k: usize, d: usize) -> usize {
        match self {
            CovarianceType::Full => k * d * d,
            CovarianceType::Tied => d * d,
            CovarianceType::Diag => k * d,
            CovarianceType::Spherical => k,
        }
    }

    /// Numbers of one covariance of D features.
    #[doc(hidden)]
    pub const fn block_len(self, d: usize) -> usize {
        match self {
            CovarianceType::Full | CovarianceType::Tied => d * d,
            CovarianceType::Diag => d,
            CovarianceType::Spherical => 1,
        }
    }

    /// Useful floating-point operations per sample of one EM iteration, whatever an engine really does; a
    /// fused multiply-add counts 2, exponentials and the M-step's own work count nothing. With
    /// T = D(D+1)/2:
    ///
    /// | type | E-step | moments |
    /// |---|---|---|
    /// | full | 2K(T + D): one triangle, the squares | 2K(T + D + 1): second, first, count |
    /// | tied | 2(T + 2KD): whiten once; differences, squares | 2(T + K(D + 1)): one scatter for all |
    /// | diag, spherical | 2K·2D: differences, squares | 2K(2D + 1) |
    #[doc(hidden)]
    pub fn useful_flops(self, k: usize, d: usize) -> f64 {
        let t = triangle_len(d);
        let multiply_adds = match self {
            CovarianceType::Full => k * (2 * t + 2 * d + 1),
            CovarianceType::Tied => 2 * t + k * (3 * d + 1),
            CovarianceType::Diag | CovarianceType::Spherical => k * (4 * d + 1),
        };
        2.0 * multiply_adds as f64
    }

    /// Numbers in the second moments: triangles if the covariance is a matrix.
    #[doc(hidden)]
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
    #[doc(hidden)]
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
