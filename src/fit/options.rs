//! What a fit is asked to do: [`FitOptions`], plain and public, and [`CheckedOptions`], the only way in.

use serde_json::{Map, Value, json};

use crate::data::Facts;
use crate::error::{Error, Result};
use crate::mixture::Parameters;
use crate::mixture::moments::{CovarianceCenter, MStep};
use crate::mixture::shape::CovarianceType;
use crate::model::PartialStart;
use crate::names;

/// How the start of a fit is found.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Init {
    /// k-means++ seeds, then Lloyd's algorithm; its labels are the first responsibilities.
    #[default]
    KMeans,
    /// k-means++ seeds; each sample starts with its nearest seed.
    KMeansPlusPlus,
    /// Random responsibilities.
    Random,
    /// Random samples as seeds; each sample starts with its nearest seed.
    RandomFromData,
    /// The teaching notebook's start: weights 1/K, means ~ N(column mean, column standard deviation),
    /// covariances diag(column standard deviation).
    Notebook,
    /// Given parameters; no random numbers are used.
    Given(Parameters),
}

impl Init {
    /// The starts that are computed, in the order of the documentation.
    #[doc(hidden)]
    pub const METHODS: [Init; 5] =
        [Init::KMeans, Init::KMeansPlusPlus, Init::Random, Init::RandomFromData, Init::Notebook];

    /// The name used in files and on the command line.
    #[doc(hidden)]
    pub const fn name(&self) -> &'static str {
        match self {
            Init::KMeans => "kmeans",
            Init::KMeansPlusPlus => "k-means++",
            Init::Random => "random",
            Init::RandomFromData => "random-from-data",
            Init::Notebook => "notebook",
            Init::Given(_) => "given",
        }
    }
}

impl std::fmt::Display for Init {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One of [`Init::METHODS`] by its name.
impl std::str::FromStr for Init {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Init::METHODS.into_iter().find(|method| method.name() == text);
        found.ok_or_else(|| names::unknown("init", text, &Init::METHODS.map(|method| method.name())))
    }
}

/// What happens to a component that collapsed: one whose effective count is (nearly) 0, or whose new
/// covariance is not positive definite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnCollapse {
    /// The restart fails with an error that names component and iteration: scikit-learn's rule.
    #[default]
    Error,
    /// It starts again at the sample that the mixture explains worst, with the mean covariance of the
    /// components and weight 1/K; after three times in one restart it is floored instead.
    Reseed,
    /// It keeps its last good covariance, and its mean if nothing is left to compute one from.
    Floor,
    /// It is removed; an error if it was the last one.
    Drop,
}

named!(OnCollapse: "on_collapse" { Error = "error", Reseed = "reseed", Floor = "floor", Drop = "drop" });

/// Options of a fit, with scikit-learn's names, meanings and defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct FitOptions {
    /// The number of components K, at least 1.
    pub n_components: usize,
    /// Form of the covariances.
    pub covariance_type: CovarianceType,
    /// Converged when the mean log-likelihood changes by less than this (nats per sample; at least 0,
    /// and 0 never converges). The GPU engine knows the mean to about 1e-7 of its size: a smaller `tol` may
    /// never be met there.
    pub tol: f64,
    /// M-steps at most; 0 returns the start.
    pub max_iter: usize,
    /// Restarts; the one with the highest lower bound is kept.
    pub n_init: usize,
    /// The start.
    pub init: Init,
    /// Parts of the start that are given. They replace the parts that `init` finds; if all are given, `init` computes
    /// nothing.
    pub start: PartialStart,
    /// Added to the covariances' diagonal in every M-step (data units², at least 0).
    pub reg_covar: f64,
    /// Seed of every random number; restart r uses stream r.
    pub seed: u64,
    /// The point a new covariance is taken about.
    pub covariance_center: CovarianceCenter,
    /// What happens to a component that collapsed.
    pub on_collapse: OnCollapse,
}

impl FitOptions {
    /// scikit-learn's defaults for `n_components` components.
    pub fn new(n_components: usize) -> Self {
        FitOptions {
            n_components,
            covariance_type: CovarianceType::Full,
            tol: 1e-3,
            max_iter: 100,
            n_init: 1,
            init: Init::KMeans,
            start: PartialStart::default(),
            reg_covar: 1e-6,
            seed: 0,
            covariance_center: CovarianceCenter::NewMean,
            on_collapse: OnCollapse::Error,
        }
    }

    /// The teaching notebook's algorithm: its start, covariances about the old mean, no regularisation,
    /// exactly 25 steps.
    pub fn notebook(n_components: usize) -> Self {
        FitOptions {
            init: Init::Notebook,
            covariance_center: CovarianceCenter::OldMean,
            reg_covar: 0.0,
            tol: 0.0,
            max_iter: 25,
            ..FitOptions::new(n_components)
        }
    }

    /// Checks every option, alone and against the data set that `facts` tell of.
    ///
    /// # Errors
    /// [`Error::Option`], [`Error::TooFewSamples`], [`Error::Shape`] for a given start of another K
    /// or D, or [`Error::InvalidParameters`] naming the part of the start at fault.
    #[doc(hidden)]
    pub fn check(&self, facts: &Facts) -> Result<CheckedOptions> {
        let Facts { n_effective, n_features, .. } = *facts;
        self.check_values()?;
        if n_effective < self.n_components {
            return Err(Error::TooFewSamples { n_samples: n_effective, n_components: self.n_components });
        }
        if let Init::Given(start) = &self.init {
            if start.n_components() != self.n_components {
                return Err(Error::shape(
                    "components of the given start",
                    self.n_components,
                    start.n_components(),
                ));
            }
            if start.n_features() != n_features {
                return Err(Error::shape("features of the given start", n_features, start.n_features()));
            }
            if start.covariance_type() != self.covariance_type {
                return Err(Error::shape(
                    "covariance_type of the given start",
                    self.covariance_type,
                    start.covariance_type(),
                ));
            }
        }
        let mut checked = self.clone();
        checked.start = self.start.resolve(self.covariance_type, self.n_components, n_features)?;
        if let Some(start) = checked.start.complete(self.covariance_type) {
            checked.init = Init::Given(start);
            checked.start = PartialStart::default();
        }
        Ok(CheckedOptions(checked))
    }

    /// The rule of its M-step.
    #[doc(hidden)]
    pub fn m_step(&self) -> MStep {
        MStep { center: self.covariance_center, reg_covar: self.reg_covar }
    }

    /// The checks that need no data.
    ///
    /// # Errors
    /// [`Error::Option`].
    #[doc(hidden)]
    pub fn check_values(&self) -> Result<()> {
        let at_least_one = [("n_components", self.n_components), ("n_init", self.n_init)];
        for (name, value) in at_least_one {
            if value == 0 {
                return Err(Error::option(name, value, "a whole number of at least 1"));
            }
        }
        for (name, value) in [("tol", self.tol), ("reg_covar", self.reg_covar)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(Error::option(name, value, "a finite number of at least 0"));
            }
        }
        if self.reg_covar > MAX_REG_COVAR {
            return Err(Error::option("reg_covar", self.reg_covar, format!("at most {MAX_REG_COVAR:e}")));
        }
        Ok(())
    }
}

/// Larger values would overflow when covariances are multiplied.
pub const MAX_REG_COVAR: f64 = 1e150;

/// Options that passed [`FitOptions::check`].
#[derive(Debug, Clone)]
pub struct CheckedOptions(FitOptions);

impl std::ops::Deref for CheckedOptions {
    type Target = FitOptions;
    fn deref(&self) -> &FitOptions {
        &self.0
    }
}

impl CheckedOptions {
    /// The options by name, as they stand in a model file.
    pub fn to_map(&self) -> Map<String, Value> {
        let value = json!({
            "tol": self.tol,
            "max_iter": self.max_iter,
            "n_init": self.n_init,
            "init": self.init.name(),
            "reg_covar": self.reg_covar,
            "seed": self.seed,
            "covariance_center": self.covariance_center.name(),
            "on_collapse": self.on_collapse.name(),
        });
        let mut map = value.as_object().cloned().unwrap_or_default();
        if !self.start.is_empty() {
            map.insert("start".into(), json!(self.start.given()));
        }
        map
    }
}
