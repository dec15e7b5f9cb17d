//! The options that all fitting commands share, and how models are written.

use std::path::PathBuf;

use clap::Args;
use wgmm::internals::output::OutputFile;
use wgmm::{
    CovarianceCenter, CovarianceType, Error, FitOptions, GaussianMixture, Init, OnCollapse, PartialStart,
};

use super::parse;
use crate::exit::{Failure, Outcome};

/// How a fit starts, goes on and ends.
#[derive(Debug, Args)]
#[command(next_help_heading = "Fit")]
pub(crate) struct FitFlags {
    /// Start: kmeans, k-means++, random, random-from-data, notebook, or a JSON file (a model, say) with any of
    /// weights, means, and covariances or precisions, or an .npz; kmeans finds what the file leaves out
    #[arg(long, default_value = "kmeans", value_name = "METHOD|FILE", value_parser = parse::init())]
    pub(crate) init: parse::InitArg,
    /// Number of restarts; the best one is kept
    #[arg(long, default_value_t = 1, value_name = "N", allow_hyphen_values = true, value_parser = parse::whole::<usize>(1..=parse::MAX_COUNT))]
    pub(crate) n_init: usize,
    /// Most iterations; 0 returns the start
    #[arg(long, default_value_t = 100, value_name = "N", allow_hyphen_values = true, value_parser = parse::whole::<usize>(0..=parse::MAX_COUNT))]
    pub(crate) max_iter: usize,
    /// Converged when the mean log-likelihood changes by less; 0 never converges
    #[arg(long, default_value = "1e-3", value_name = "NATS", allow_hyphen_values = true, value_parser = parse::non_negative)]
    pub(crate) tol: f64,
    /// Added to the variances in every iteration, in squared units of the data
    #[arg(long, default_value = "1e-6", value_name = "VARIANCE", allow_hyphen_values = true, value_parser = parse::reg_covar)]
    pub(crate) reg_covar: f64,
    /// Seed of every random number
    #[arg(long, default_value_t = 0, value_name = "N", allow_hyphen_values = true, value_parser = parse::whole::<u64>(0..=u64::MAX))]
    pub(crate) seed: u64,
    /// The mean that new covariances are taken about; old-mean is the teaching notebook's rule
    #[arg(long, default_value = "new-mean", value_name = "MEAN", value_parser = parse::named::<CovarianceCenter>())]
    pub(crate) covariance_center: CovarianceCenter,
    /// What happens to a component that collapsed (it has no samples left, or no positive definite covariance): error
    /// ends the restart, reseed starts the component again at the worst explained samples, floor keeps its last good
    /// covariance, drop removes it
    #[arg(long, default_value = "error", value_name = "WHAT", value_parser = parse::named::<OnCollapse>())]
    pub(crate) on_collapse: OnCollapse,
}

impl FitFlags {
    /// The options of the library; a start is read from its file as `covariance`.
    ///
    /// # Errors
    /// Exit 3 for a start that cannot be read.
    pub(crate) fn options(&self, n_components: usize, covariance: CovarianceType) -> Outcome<FitOptions> {
        let (init, start) = match &self.init {
            parse::InitArg::Method(method) => (method.clone(), PartialStart::default()),
            parse::InitArg::File(path) => {
                let start = PartialStart::read(path, covariance).map_err(|e| Failure::about(path, e))?;
                (Init::default(), start)
            }
        };
        Ok(FitOptions {
            n_components,
            covariance_type: covariance,
            tol: self.tol,
            max_iter: self.max_iter,
            n_init: self.n_init,
            init,
            start,
            reg_covar: self.reg_covar,
            seed: self.seed,
            covariance_center: self.covariance_center,
            on_collapse: self.on_collapse,
        })
    }
}

/// What a model file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Npz,
}

wgmm::named!(Format: "format" { Json = "json", Npz = "npz" });

/// How a model is written.
#[derive(Debug, Args)]
pub(crate) struct FormatArg {
    /// Format of the model file; by its name if not given: .npz, else JSON
    #[arg(long, value_name = "FORMAT", value_parser = parse::named::<Format>())]
    format: Option<Format>,
}

impl FormatArg {
    /// Writes `model` and puts the file in place.
    ///
    /// # Errors
    /// Exit 1 for what cannot be written.
    pub(crate) fn write(&self, model: &GaussianMixture, mut file: OutputFile) -> Outcome {
        let path: PathBuf = file.path().to_owned();
        let by_name = if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npz")) {
            Format::Npz
        } else {
            Format::Json
        };
        match self.format.unwrap_or(by_name) {
            Format::Json => model.write_json(&mut file).map_err(|e| Error::write(&path, e))?,
            Format::Npz => model.write_npz(&mut file, &path)?,
        }
        Ok(file.commit()?)
    }
}
