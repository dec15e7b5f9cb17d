//! The options of `wgmm fit`.

use std::path::PathBuf;

use clap::Args;
use wgmm::CovarianceType;

use super::checkpoint::CheckpointArgs;
use super::pictures::PictureArgs;
use crate::args::{DataArgs, EngineArgs, FitFlags, FormatArg, ProgressArgs, TalkArgs, VerifyArgs, parse};
use crate::output::is_stdout;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wgmm fit data.csv -k 3 -o model.json
  wgmm fit data.csv -k 3 --drop-columns id,species --covariance diag --n-init 5 -o model.json
  wgmm fit data.npy -k 8 --engine gpu --labels labels.npy --trace trace.csv --json > report.json")]
pub(crate) struct FitArgs {
    /// Table, .csv or .npy; `-` is standard input
    pub(super) data: PathBuf,
    /// Components of the mixture
    #[arg(long = "components", short = 'k', value_name = "K", allow_hyphen_values = true, value_parser = parse::whole::<usize>(parse::COMPONENTS))]
    pub(super) n_components: usize,
    /// Write the model
    #[arg(long, short, value_name = "MODEL.json|.npz")]
    pub(super) output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) format: FormatArg,
    /// Write the most probable component of every row (.csv or .npy)
    #[arg(long, value_name = "FILE", value_parser = parse::table_output())]
    pub(super) labels: Option<PathBuf>,
    /// Write the log-likelihood of every iteration (.csv or .jsonl)
    #[arg(long, value_name = "FILE", value_parser = parse::trace_output())]
    pub(super) trace: Option<PathBuf>,
    /// Print one JSON object instead of the summary
    #[arg(long)]
    pub(super) json: bool,

    /// Form of the covariances
    #[arg(long, default_value = "full", value_name = "TYPE", help_heading = "Fit", value_parser = parse::named::<CovarianceType>())]
    pub(super) covariance: CovarianceType,
    /// End with exit code 5 if the fit did not converge (the model is written all the same)
    #[arg(long, help_heading = "Fit")]
    pub(super) require_convergence: bool,

    #[command(flatten)]
    pub(super) flags: FitFlags,
    #[command(flatten)]
    pub(super) checkpoints: CheckpointArgs,
    #[command(flatten)]
    pub(super) verify: VerifyArgs,
    #[command(flatten)]
    pub(super) columns: DataArgs,
    #[command(flatten)]
    pub(super) engine: EngineArgs,
    #[command(flatten)]
    pub(super) progress: ProgressArgs,
    #[command(flatten)]
    pub(super) pictures: PictureArgs,
    #[command(flatten)]
    pub(super) talk: TalkArgs,
}

impl FitArgs {
    /// Whether a file that was asked for goes to stdout.
    pub(super) fn results_on_stdout(&self) -> bool {
        [&self.output, &self.labels, &self.trace].into_iter().flatten().any(|path| is_stdout(path))
    }
}
