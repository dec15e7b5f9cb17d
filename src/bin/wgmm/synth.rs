//! `wgmm synth`: clustered test data whose truth is known.

use std::path::PathBuf;

use clap::Args;
use wgmm::internals::mixture::sample::random_mixture;
use wgmm::internals::output::OutputFile;
use wgmm::{CovarianceType, GaussianMixture};

use crate::args::{FormatArg, TalkArgs, check_files, parse};
use crate::exit::{Failure, Outcome};
use crate::sample::{Drawing, MOST_ROWS, feature_names};
use crate::{input, talk};

/// Most numbers in the covariances of a random mixture (2 GiB).
const MOST_NUMBERS: u128 = 1 << 28;

#[derive(Debug, Args)]
#[command(after_help = "\
Example: wgmm synth --components 4 --features 2 -n 10000 -o data.csv --labels truth.csv --save-model truth.json
Random mixtures have means of standard deviation 6 and covariances of standard deviations 0.5 to 2.")]
pub(crate) struct SynthArgs {
    /// Draw from this model file instead of a random mixture
    #[arg(long, value_name = "FILE", conflicts_with_all = ["n_components", "n_features", "covariance"])]
    model: Option<PathBuf>,
    /// Components of the random mixture
    #[arg(long = "components", short = 'k', value_name = "K", required_unless_present = "model", allow_hyphen_values = true, value_parser = parse::whole::<usize>(parse::COMPONENTS))]
    n_components: Option<usize>,
    /// Features of the random mixture
    #[arg(long = "features", short = 'd', value_name = "D", required_unless_present = "model", allow_hyphen_values = true, value_parser = parse::whole::<usize>(1..=16_384))]
    n_features: Option<usize>,
    /// Covariances of the random mixture
    #[arg(long, default_value = "full", value_name = "TYPE", value_parser = parse::named::<CovarianceType>())]
    covariance: CovarianceType,
    /// Rows to draw
    #[arg(long = "samples", short = 'n', value_name = "N", allow_hyphen_values = true, value_parser = parse::whole::<usize>(1..=MOST_ROWS))]
    n_samples: usize,
    /// Where to write the rows (.csv or .npy)
    #[arg(long, short, value_name = "DATA", value_parser = parse::table_output())]
    output: PathBuf,
    /// Write the true component of every row (.csv or .npy)
    #[arg(long, value_name = "FILE", value_parser = parse::table_output())]
    labels: Option<PathBuf>,
    /// Write the mixture that the rows are drawn from as a model file
    #[arg(long, value_name = "FILE")]
    save_model: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArg,
    /// Seed of the random numbers
    #[arg(long, default_value_t = 0, value_name = "N", allow_hyphen_values = true, value_parser = parse::whole::<u64>(0..=u64::MAX))]
    seed: u64,
    #[command(flatten)]
    talk: TalkArgs,
}

pub(crate) fn run(args: &SynthArgs) -> Outcome {
    talk::listen(args.talk.quiet, args.talk.verbose);
    let inputs: Vec<_> = args.model.iter().map(|model| ("--model", model.as_path())).collect();
    let outputs = [
        ("--output", Some(&args.output)),
        ("--labels", args.labels.as_ref()),
        ("--save-model", args.save_model.as_ref()),
    ];
    check_files(&inputs, &outputs)?;
    let (k, d) = (args.n_components.unwrap_or(1), args.n_features.unwrap_or(1));
    if k as u128 * d as u128 * d as u128 > MOST_NUMBERS {
        return Err(Failure::usage(format!(
            "--components {k} with --features {d}: components × features² may be at most {MOST_NUMBERS}"
        )));
    }
    let drawing = Drawing::prepare(&args.output, args.labels.as_deref())?;
    let save = args.save_model.as_deref().map(OutputFile::create).transpose().map_err(Failure::output)?;
    let model = match &args.model {
        Some(path) => input::model(path)?,
        None => {
            let mut model = GaussianMixture::from(random_mixture(k, d, args.covariance, args.seed)?);
            model.feature_names = Some(feature_names(&model.parameters));
            model
        }
    };
    drawing.draw(&model, args.n_samples, args.seed, &args.talk)?;
    match save {
        Some(file) => args.format.write(&model, file),
        None => Ok(()),
    }
}
