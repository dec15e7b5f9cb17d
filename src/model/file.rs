//! Files of mixtures: the content tells whether one is [JSON](super::json) or an [NPZ archive](super::npz).

use std::path::Path;

use super::json::{Fields, MAX_DEPTH, Nested};
use super::{GaussianMixture, Parameters, npz};
use crate::data;
use crate::error::{Error, Result};
use crate::mixture::shape::CovarianceType;

impl GaussianMixture {
    /// Reads a model file (`-` is standard input): JSON, or an archive as in [`super::npz`]; the content tells.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`] for text that is not one JSON object, and
    /// [`Error::InvalidParameters`] naming the field for everything else.
    pub fn read(path: &Path) -> Result<Self> {
        let (bytes, origin) = data::read_model(path)?;
        Self::from_bytes(&bytes, &origin)
    }

    /// [`GaussianMixture::read`] of bytes that are in memory already; `origin` names them in errors.
    ///
    /// # Errors
    /// As [`GaussianMixture::read`], but [`Error::Io`].
    pub fn from_bytes(bytes: &[u8], origin: &str) -> Result<Self> {
        if npz::is_npz(bytes) {
            Self::from_npz(bytes, origin)
        } else {
            Self::from_json(text(bytes, origin)?, origin)
        }
    }
}

impl Parameters {
    /// Reads a start for a fit of `covariance_type`: any JSON object with `weights`, `means` and
    /// `covariances`, a model file or NPZ archive included. Full matrices serve every type.
    ///
    /// # Errors
    /// As [`GaussianMixture::read`].
    #[doc(hidden)]
    pub fn read_start(path: &Path, covariance_type: CovarianceType) -> Result<Self> {
        let (bytes, origin) = data::read_model(path)?;
        if npz::is_npz(&bytes) {
            let model = GaussianMixture::from_npz(&bytes, &origin)?;
            let converted = model.parameters.with_covariance_type(covariance_type);
            return converted.map_err(|e| e.with_origin(&origin));
        }
        let fields = Fields::parse(text(&bytes, &origin)?, &origin)?;
        fields.check_version_of_models()?;
        let given: Option<CovarianceType> = fields.optional("covariance_type")?;
        // Without a stated type three levels of `covariances` tell: K×D×D is always full.
        let covariances: Nested = fields.required("covariances")?;
        let is_full = covariances.shape.len() == MAX_DEPTH;
        let stored = given.unwrap_or(if is_full { CovarianceType::Full } else { covariance_type });
        fields.parameters(stored)?.with_covariance_type(covariance_type).map_err(|e| e.with_origin(&origin))
    }
}

pub(super) fn text<'t>(bytes: &'t [u8], origin: &str) -> Result<&'t str> {
    std::str::from_utf8(bytes).map_err(|e| {
        let at = e.valid_up_to();
        Error::format(
            origin,
            format!("is not UTF-8 text (byte {at}). A model file is JSON in UTF-8; save it again as UTF-8"),
        )
    })
}
