//! `wgmm score`: how probable a table is under a model.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use wgmm::choose::open_engine;
use wgmm::data::output::OutputFile;
use wgmm::infer;

use crate::args::{DataArgs, EngineArgs, TalkArgs, check_files, parse};
use crate::exit::{Failure, Outcome};
use crate::output::{self, is_stdout, short};
use crate::{input, talk};

#[derive(Debug, Args)]
#[command(after_help = "\
Example: wgmm score model.json data.csv --per-sample log_likelihoods.csv
Log-likelihoods are natural logarithms of densities in the units of the data.")]
pub(crate) struct ScoreArgs {
    /// Model file that `wgmm fit` wrote
    model: PathBuf,
    /// Table, .csv or .npy
    data: PathBuf,
    /// Write the log-likelihood of every row (.csv or .npy)
    #[arg(long, value_name = "FILE", value_parser = parse::table_output)]
    per_sample: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    columns: DataArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    talk: TalkArgs,
}

pub(crate) fn run(args: &ScoreArgs) -> Outcome {
    talk::listen(args.talk.quiet, args.talk.verbose);
    check_files(
        &[("MODEL", args.model.as_path()), ("DATA", args.data.as_path())],
        &[("--per-sample", args.per_sample.as_ref())],
    )?;
    // The rows on stdout leave no room for the summary there.
    let rows_on_stdout = args.per_sample.as_deref().is_some_and(is_stdout);
    if rows_on_stdout && args.json {
        return Err(Failure::usage("--per-sample - and --json would both write to stdout: give a file name"));
    }
    let request = args.engine.request()?;
    let per_sample =
        args.per_sample.as_deref().map(OutputFile::create).transpose().map_err(Failure::output)?;
    let model = input::model(&args.model)?;
    let table = input::table_for(&args.data, (&args.model, &model), &args.columns, &args.talk)?;
    let samples = &table.samples;
    let (mut engine, line) = open_engine(samples, model.parameters.n_components(), &request)?;
    args.talk.note(line);
    let about = |e| Failure::about(&args.data, e);
    let log_likelihood = infer::log_likelihood(engine.as_mut(), &model.parameters).map_err(about)?;
    if let Some(file) = per_sample {
        let scores = infer::sample_log_likelihoods(engine.as_mut(), &model.parameters).map_err(about)?;
        file.write_vector(&scores, "log_likelihood")?;
    }
    let total_weight = samples.total_weight();
    let mean_log_likelihood = log_likelihood / total_weight;
    let (bic, aic) = (model.bic(log_likelihood, total_weight), model.aic(log_likelihood));
    if args.json {
        return output::print_json(&json!({
            "schema": "wgmm.score/1",
            "version": env!("CARGO_PKG_VERSION"),
            "device": engine.info(),
            "n_samples": samples.n_samples(),
            "total_weight": total_weight,
            "mean_log_likelihood": mean_log_likelihood,
            "log_likelihood": log_likelihood,
            "bic": bic,
            "aic": aic,
        }));
    }
    if rows_on_stdout || args.talk.quiet && args.per_sample.is_some() {
        return Ok(());
    }
    let rows = [
        ("samples", samples.n_samples().to_string()),
        ("mean log-likelihood", format!("{mean_log_likelihood:.6}")),
        ("log-likelihood", short(log_likelihood)),
        ("BIC", short(bic)),
        ("AIC", short(aic)),
    ];
    let rows = rows.map(|(name, value)| vec![name.to_owned(), value]);
    output::print(format!("{}\n", output::align(&rows, output::Align::Left)).as_bytes())
}
