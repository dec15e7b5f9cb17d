//! `wgmm sample`, and the drawing it shares with `wgmm synth`.

use std::path::{Path, PathBuf};

use clap::Args;
use wgmm::internals::mixture::sample::Sampler;
use wgmm::internals::output::{LabelWriter, MatrixWriter, OutputFile};
use wgmm::{GaussianMixture, Parameters};

use crate::args::{TalkArgs, check_files, parse};
use crate::exit::{Failure, Outcome};
use crate::output::is_stdout;
use crate::{input, talk};

/// Most rows that one run draws.
pub(crate) const MOST_ROWS: u64 = 1_000_000_000_000;

#[derive(Debug, Args)]
#[command(after_help = "Example: wgmm sample model.json -n 1000 -o new.csv --labels components.csv")]
pub(crate) struct SampleArgs {
    /// Model file
    model: PathBuf,
    /// Rows to draw
    #[arg(long = "samples", short = 'n', value_name = "N", allow_hyphen_values = true, value_parser = parse::whole::<usize>(1..=MOST_ROWS))]
    n_samples: usize,
    /// Where to write (.csv or .npy); stdout as CSV if not given
    #[arg(long, short, value_name = "FILE", value_parser = parse::table_output())]
    output: Option<PathBuf>,
    /// Write the component of every row (.csv or .npy)
    #[arg(long, value_name = "FILE", value_parser = parse::table_output())]
    labels: Option<PathBuf>,
    /// Seed of the random numbers
    #[arg(long, default_value_t = 0, value_name = "N", allow_hyphen_values = true, value_parser = parse::whole::<u64>(0..=u64::MAX))]
    seed: u64,
    #[command(flatten)]
    talk: TalkArgs,
}

pub(crate) fn run(args: &SampleArgs) -> Outcome {
    talk::listen(args.talk.quiet, args.talk.verbose);
    let output = args.output.clone().unwrap_or_else(|| "-".into());
    check_files(
        &[("MODEL", args.model.as_path())],
        &[("--output", Some(&output)), ("--labels", args.labels.as_ref())],
    )?;
    let drawing = Drawing::prepare(&output, args.labels.as_deref())?;
    let model = input::model(&args.model)?;
    drawing.draw(&model, args.n_samples, args.seed, &args.talk)
}

/// Files for samples and their true components, opened before anything else is done.
pub(crate) struct Drawing {
    output: OutputFile,
    labels: Option<OutputFile>,
}

impl Drawing {
    pub(crate) fn prepare(output: &Path, labels: Option<&Path>) -> Outcome<Self> {
        let output = OutputFile::create(output).map_err(Failure::output)?;
        let labels = labels.map(OutputFile::create).transpose().map_err(Failure::output)?;
        Ok(Drawing { output, labels })
    }

    /// Draws row by row, so that neither samples nor labels ever lie in memory as a whole.
    pub(crate) fn draw(self, model: &GaussianMixture, n: usize, seed: u64, talk: &TalkArgs) -> Outcome {
        let parameters = &model.parameters;
        let path = self.output.path().to_owned();
        let header = model.feature_names.clone().unwrap_or_else(|| feature_names(parameters));
        let mut writer = MatrixWriter::new(self.output, n, parameters.n_features(), Some(&header))?;
        let mut sampler = Sampler::new(parameters, seed)?;
        let mut x = vec![0.0; parameters.n_features()];
        let mut labels = self.labels.map(|file| LabelWriter::new(file, n)).transpose()?;
        for _ in 0..n {
            let component = sampler.draw(&mut x);
            writer.push(&x)?;
            if let Some(labels) = &mut labels {
                labels.push(&[component])?;
            }
        }
        if let Some(labels) = labels {
            labels.finish()?;
        }
        writer.finish()?;
        if !is_stdout(&path) {
            let k = input::count(parameters.n_components(), "component");
            let rows = input::count(n, "row");
            talk.note(format_args!("{rows} of a mixture of {k} written to {}", path.display()));
        }
        Ok(())
    }
}

/// `x0`, `x1`, … for a mixture without names.
pub(crate) fn feature_names(parameters: &Parameters) -> Vec<String> {
    (0..parameters.n_features()).map(|feature| format!("x{feature}")).collect()
}
