//! `wgmm plot`: pictures of a model with its data.

use std::path::{Path, PathBuf};

use clap::Args;
use wgmm::internals::output::OutputFile;
use wgmm::internals::plot;
use wgmm::internals::plot::{Figure, PlotOptions};
use wgmm::{Error, GaussianMixture};

use crate::args::{check_files, parse};
use crate::exit::{Failure, Outcome, shown};
use crate::input::{self, TableArgs};
use crate::output::{is_stdout, write_figure};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wgmm plot model.json data.csv -o fit.svg
  wgmm plot model.json data.csv --features petal_length,petal_width --truth truth.csv -o fit.png
  wgmm plot model.json --trace -o trace.svg
One feature gives a histogram with the densities, two a scatter, more a matrix of pairs.")]
pub(crate) struct PlotArgs {
    /// Model file
    model: PathBuf,
    /// Table, .csv or .npy
    #[arg(required_unless_present = "trace")]
    data: Option<PathBuf>,
    /// Where to draw (.svg or .png)
    #[arg(long, short, value_name = "FIG.svg|.png", value_parser = parse::figure_output())]
    output: PathBuf,
    /// The features to show, by name or number from 1; if not given, the features that separate the components best
    #[arg(long, value_name = "A,B", value_parser = parse::columns)]
    features: Option<parse::Columns>,
    /// Draw the true labels beside the fit: one label per row (.npy, or CSV of one column)
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Draw the log-likelihood over the iterations of the fit instead; needs no DATA
    #[arg(long, conflicts_with_all = ["data", "features", "truth"])]
    trace: bool,
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    table: TableArgs,
}

/// What every figure has.
#[derive(Debug, Args)]
pub(crate) struct LookArgs {
    /// Width and height in pixels; 800x600 if not given, 1200x600 with --truth
    #[arg(long, value_name = "WxH", value_parser = parse::size)]
    size: Option<(u32, u32)>,
    /// Title above the figure
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
}

pub(crate) fn run(args: &PlotArgs) -> Outcome {
    let request = args.table.begin()?;
    let mut inputs = vec![("MODEL", args.model.as_path())];
    inputs.extend(args.data.iter().map(|data| ("DATA", data.as_path())));
    inputs.extend(args.truth.iter().map(|truth| ("--truth", truth.as_path())));
    check_files(&inputs, &[("--output", Some(&args.output))])?;
    let file = OutputFile::create(&args.output).map_err(Failure::output)?;
    let model = input::model(&args.model)?;
    let options =
        PlotOptions { size: args.look.size, title: args.look.title.clone(), ..PlotOptions::default() };
    let figure = match &args.data {
        Some(data) => {
            let names = args.features.as_ref().map_or(&[][..], |features| &features.0);
            let features =
                names.iter().map(|name| input::feature(&args.model, &model, name)).collect::<Outcome<_>>()?;
            let table = args.table.read(data, (&args.model, &model))?;
            let truth = input::truth(args.truth.as_deref(), &table)?;
            let samples = input::named(table.samples, &model)?;
            let mut engine = args.table.open(&samples, &model, &request)?;
            let options = PlotOptions { features, truth: truth.as_deref(), ..options };
            let drawn = plot::mixture(engine.as_mut(), &samples, &model.parameters, &options);
            drawn.map_err(|e| match (&e, &args.truth) {
                (Error::Option { name: "truth", .. }, Some(truth)) => Failure::about(truth, e),
                _ => Failure::about(data, e),
            })?
        }
        None => trace(&args.model, &model, &options)?,
    };
    write_figure(&figure, file)?;
    if !is_stdout(&args.output) {
        args.table.talk.note(format_args!("figure written to {}", args.output.display()));
    }
    Ok(())
}

/// The log-likelihood of the fit that gave `model`.
fn trace(path: &Path, model: &GaussianMixture, options: &PlotOptions<'_>) -> Outcome<Figure> {
    let Some(report) = &model.report else {
        return Err(Failure::input(format!(
            "{}: the model tells nothing of its fit, so there is no trace to draw. `wgmm fit -o MODEL.json` writes one that does",
            shown(path)
        )));
    };
    Ok(plot::trace(report, options)?)
}
