//! [`PartialStart`]: any of weights, means and covariances, to replace what a seeding finds.

use std::path::Path;

use super::file::text;
use super::json::{Fields, MAX_DEPTH, Nested};
use super::{GaussianMixture, Parameters, npz};
use crate::data;
use crate::error::{Error, Result};
use crate::mixture::linalg;
use crate::mixture::shape::CovarianceType;

/// Parts of a start (scikit-learn's `weights_init`, `means_init`, `precisions_init`). The parts that are given replace
/// what the chosen seeding finds. Arrays are flat and row-major.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PartialStart {
    /// π, `[K]`.
    pub weights: Option<Vec<f64>>,
    /// μ, `[K, D]`, data units.
    pub means: Option<Vec<f64>>,
    /// Σ in the shape of the fit's type, data units².
    pub covariances: Option<Vec<f64>>,
    /// Σ⁻¹ in the same shape, instead of `covariances`.
    pub precisions: Option<Vec<f64>>,
    /// D, if the arrays came with their shape. Data of another D are then refused.
    pub n_features: Option<usize>,
}

impl PartialStart {
    /// Reads an NPZ archive, or any JSON object that has some of `weights`, `means` and `covariances` or `precisions`; a
    /// model file has all. Full matrices serve every `covariance_type`: tied takes the first, diag the
    /// diagonals of the covariances, spherical their trace/D.
    ///
    /// # Errors
    /// As [`crate::GaussianMixture::read`].
    pub fn read(path: &Path, covariance_type: CovarianceType) -> Result<Self> {
        let (bytes, origin) = data::read_model(path)?;
        if npz::is_npz(&bytes) {
            let mixture = GaussianMixture::from_npz(&bytes, &origin)?.parameters;
            let mixture =
                mixture.with_covariance_type(covariance_type).map_err(|e| e.with_origin(&origin))?;
            let n_features = Some(mixture.n_features());
            let (weights, means, covariances) = mixture.into_parts();
            return Ok(PartialStart {
                n_features,
                weights: Some(weights),
                means: Some(means),
                covariances: Some(covariances),
                precisions: None,
            });
        }
        Self::from_fields(&Fields::parse(text(&bytes, &origin)?, &origin)?, covariance_type)
            .map_err(|e| e.with_origin(&origin))
    }

    fn from_fields(fields: &Fields<'_>, target: CovarianceType) -> Result<Self> {
        fields.check_version_of_models()?;
        let mut start = PartialStart { weights: fields.optional("weights")?, ..Default::default() };
        // What every field says about K and D; all must agree.
        let mut sizes = vec![("weights", start.weights.as_ref().map(Vec::len), None)];
        if let Some(means) = fields.optional::<Nested>("means")? {
            let (k, d) = fields.shape_of_means(&means)?;
            sizes.push(("means", Some(k), Some(d)));
            start.means = Some(means.values);
        }
        let mut stored = fields.optional("covariance_type")?;
        for (field, values) in
            [("covariances", &mut start.covariances), ("precisions", &mut start.precisions)]
        {
            let Some(matrices) = fields.optional::<Nested>(field)? else { continue };
            // Without a stated type three levels tell: K×D×D is always full.
            let full = matrices.shape.len() == MAX_DEPTH;
            let given = *stored.get_or_insert(if full { CovarianceType::Full } else { target });
            let (k, d) = match (given, matrices.shape.as_slice()) {
                (CovarianceType::Full, &[k, d, e]) if d == e => (Some(k), Some(d)),
                (CovarianceType::Tied, &[d, e]) if d == e => (None, Some(d)),
                (CovarianceType::Diag, &[k, d]) => (Some(k), Some(d)),
                (CovarianceType::Spherical, &[k]) => (Some(k), None),
                (_, shape) => {
                    let wanted = match given {
                        CovarianceType::Full => "[K, D, D]",
                        CovarianceType::Tied => "[D, D]",
                        CovarianceType::Diag => "[K, D]",
                        CovarianceType::Spherical => "[K]",
                    };
                    let what = format!("of type {given} should have the shape {wanted}, but has {shape:?}");
                    return Err(fields.invalid(field, what));
                }
            };
            sizes.push((field, k, d));
            *values = Some(matrices.values);
        }
        if start.is_empty() {
            let parts = "a start has some of weights, means, and covariances or precisions";
            return Err(fields.invalid("weights", format!("is missing like all others: {parts}")));
        }
        let count = |field| Ok::<_, Error>(fields.optional::<u64>(field)?.map(|n| n as usize));
        sizes.push(("n_components", count("n_components")?, None));
        sizes.push(("n_features", None, count("n_features")?));
        let (mut k, mut d) = (None, None);
        for (field, this_k, this_d) in sizes {
            for (name, this, known) in [("components", this_k, &mut k), ("features", this_d, &mut d)] {
                let Some(this) = this else { continue };
                let expected = *known.get_or_insert(this);
                if this != expected || this == 0 {
                    let what = format!("is for {this} {name}, where the other fields have {expected}");
                    return Err(fields.invalid(field, what));
                }
            }
        }
        start.n_features = d;
        // What no field tells (K beside a tied matrix alone, D beside variances alone) changes nothing.
        start.resolve(stored.unwrap_or(target), k.unwrap_or(1), d.unwrap_or(1))?.reduced(
            stored.unwrap_or(target),
            target,
            k.unwrap_or(1),
        )
    }

    /// Whether nothing is given.
    #[doc(hidden)]
    pub fn is_empty(&self) -> bool {
        self.given().is_empty()
    }

    /// Names of the parts that are given.
    #[doc(hidden)]
    pub fn given(&self) -> Vec<&'static str> {
        let parts = [
            ("weights", &self.weights),
            ("means", &self.means),
            ("covariances", &self.covariances),
            ("precisions", &self.precisions),
        ];
        parts.into_iter().filter(|(_, values)| values.is_some()).map(|(name, _)| name).collect()
    }

    /// Checks every part by itself and turns precisions into covariances.
    ///
    /// # Errors
    /// [`Error::InvalidParameters`] naming the field; [`Error::Shape`] for arrays of another D.
    pub(crate) fn resolve(&self, covariance_type: CovarianceType, k: usize, d: usize) -> Result<Self> {
        let invalid = |field: &str, what: String| Error::InvalidParameters {
            origin: "start".into(),
            field: field.into(),
            what,
        };
        if let Some(found) = self.n_features.filter(|found| *found != d) {
            return Err(Error::shape("features of the given start", d, found));
        }
        let matrices = (covariance_type.covariances_len(k, d), covariance_type.shape(k, d));
        for (field, values, (len, shape)) in [
            ("weights", &self.weights, (k, vec![k])),
            ("means", &self.means, (k * d, vec![k, d])),
            ("covariances", &self.covariances, matrices.clone()),
            ("precisions", &self.precisions, matrices),
        ] {
            if let Some(found) = values.as_ref().map(Vec::len).filter(|found| *found != len) {
                let sizes = format!("for {k} components of {d} features");
                let what = format!("should have {len} numbers ({shape:?} {sizes}), but has {found}");
                return Err(invalid(field, what));
            }
        }
        // Each part is checked inside a mixture whose other parts are harmless.
        let neutral = Neutral { covariance_type, k, d };
        let mut resolved = self.clone();
        let as_precisions = |e| match e {
            Error::InvalidParameters { field, what, .. } if field == "covariances" => {
                invalid("precisions", what)
            }
            other => other,
        };
        if let Some(precisions) = resolved.precisions.take() {
            if self.covariances.is_some() {
                return Err(invalid("precisions", "is given beside covariances: give one of them".into()));
            }
            let checked = neutral.mixture(None, None, Some(precisions)).map_err(as_precisions)?;
            resolved.covariances = Some(inverses(checked.covariances(), covariance_type, d));
        }
        let parts = (resolved.weights.clone(), resolved.means.clone(), resolved.covariances.clone());
        neutral.mixture(parts.0, parts.1, parts.2).map_err(|e| {
            let e = if self.precisions.is_some() { as_precisions(e) } else { e };
            e.with_origin("start")
        })?;
        Ok(resolved)
    }

    /// Converts a checked start of type `stored` to type `target`.
    fn reduced(mut self, stored: CovarianceType, target: CovarianceType, k: usize) -> Result<Self> {
        if let Some(covariances) = self.covariances.take() {
            let d = self.n_features.unwrap_or(1);
            let mixture = Neutral { covariance_type: stored, k, d }.mixture(None, None, Some(covariances))?;
            self.covariances = Some(mixture.with_covariance_type(target)?.into_parts().2);
        }
        Ok(self)
    }

    /// The mixture, if no part is missing.
    pub(crate) fn complete(&self, covariance_type: CovarianceType) -> Option<Parameters> {
        let (weights, means) = (self.weights.clone()?, self.means.clone()?);
        let d = means.len() / weights.len();
        Some(Parameters::from_parts(covariance_type, d, weights, means, self.covariances.clone()?))
    }

    /// `computed` with the given parts in their places. The start is a resolved one.
    pub(crate) fn replace_in(&self, computed: Parameters) -> Parameters {
        let (covariance_type, d) = (computed.covariance_type(), computed.n_features());
        let (weights, means, covariances) = computed.into_parts();
        let or = |given: &Option<Vec<f64>>, computed| given.clone().unwrap_or(computed);
        Parameters::from_parts(
            covariance_type,
            d,
            or(&self.weights, weights),
            or(&self.means, means),
            or(&self.covariances, covariances),
        )
    }
}

/// Equal weights, means 0 and unit covariances.
struct Neutral {
    covariance_type: CovarianceType,
    k: usize,
    d: usize,
}

impl Neutral {
    /// The mixture with the given parts, checked.
    fn mixture(
        &self,
        weights: Option<Vec<f64>>,
        means: Option<Vec<f64>>,
        covariances: Option<Vec<f64>>,
    ) -> Result<Parameters> {
        let (k, d) = (self.k, self.d);
        let unit = || {
            let len = self.covariance_type.covariances_len(k, d);
            match self.covariance_type {
                CovarianceType::Full | CovarianceType::Tied => {
                    (0..len).map(|i| if i % (d * d) % (d + 1) == 0 { 1.0 } else { 0.0 }).collect()
                }
                CovarianceType::Diag | CovarianceType::Spherical => vec![1.0; len],
            }
        };
        Parameters::new(
            self.covariance_type,
            weights.unwrap_or_else(|| vec![1.0 / k as f64; k]),
            means.unwrap_or_else(|| vec![0.0; k * d]),
            covariances.unwrap_or_else(unit),
        )
    }
}

/// The inverse of every matrix or variance. A matrix that cannot be inverted gives NaN, which the
/// checks refuse.
fn inverses(values: &[f64], covariance_type: CovarianceType, d: usize) -> Vec<f64> {
    if matches!(covariance_type, CovarianceType::Diag | CovarianceType::Spherical) {
        return values.iter().map(|v| 1.0 / v).collect();
    }
    let inverse = |matrix: &[f64]| {
        let Ok(l) = linalg::cholesky(matrix, d) else { return vec![f64::NAN; d * d] };
        // P = L Lᵀ, so P⁻¹ = Wᵀ W with W = L⁻¹.
        let w = linalg::invert_lower(&l, d);
        let entry = |i: usize, j: usize| (i.max(j)..d).map(|m| w[m * d + i] * w[m * d + j]).sum();
        (0..d * d).map(|at| entry(at / d, at % d)).collect()
    };
    values.chunks_exact(d * d).flat_map(inverse).collect()
}
