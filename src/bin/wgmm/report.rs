//! `wgmm report`: one HTML page about a fit.

mod printed;

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;
use wgmm::GaussianMixture;
use wgmm::internals::data::{Header, column_list};
use wgmm::internals::output::OutputFile;
use wgmm::internals::plot::{self, PageOptions, PlotOptions};
use wgmm::internals::report::{CollapseAction, FitReport, StopReason};

use crate::args::{check_files, parse};
use crate::exit::{Failure, Outcome, shown};
use crate::input::{self, TableArgs};
use crate::output::{is_stdout, write_bytes};
use crate::words::quoted;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wgmm report model.json data.csv -o report.html
  wgmm report model.json data.csv --features petal_length,petal_width --truth truth.csv -o report.html
  wgmm fit data.csv -k 3 -o model.json --json > fit.json
  wgmm compare data.csv --against model.json --json > compare.json
  wgmm report model.json data.csv --fit fit.json --compare compare.json -o report.html
The page holds everything it shows: it needs no network, no script and no other file.")]
pub(crate) struct ReportArgs {
    /// Model file
    model: PathBuf,
    /// Table, .csv or .npy
    data: PathBuf,
    /// Where to write the page
    #[arg(long, short, value_name = "REPORT.html", value_parser = parse::page_output())]
    output: PathBuf,
    /// The features of the figure, by name or number from 1; if not given, the features that separate the components
    /// best
    #[arg(long, value_name = "A,B", value_parser = parse::columns)]
    features: Option<parse::Columns>,
    /// Compare with true labels: one label per row (.npy, or CSV of one column)
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Show how long the fit took: what `wgmm fit --json` printed as it wrote MODEL
    #[arg(long, value_name = "FIT.json")]
    fit: Option<PathBuf>,
    /// Show a comparison: what `wgmm compare --json` printed about MODEL
    #[arg(long, value_name = "COMPARE.json")]
    compare: Option<PathBuf>,
    #[command(flatten)]
    table: TableArgs,
}

pub(crate) fn run(args: &ReportArgs) -> Outcome {
    let request = args.table.begin()?;
    let mut inputs = vec![("MODEL", args.model.as_path()), ("DATA", args.data.as_path())];
    for (name, path) in [("--truth", &args.truth), ("--fit", &args.fit), ("--compare", &args.compare)] {
        inputs.extend(path.iter().map(|path| (name, path.as_path())));
    }
    check_files(&inputs, &[("--output", Some(&args.output))])?;
    let file = OutputFile::create(&args.output).map_err(Failure::output)?;
    let mut model = input::model(&args.model)?;
    let names = args.features.as_ref().map_or(&[][..], |features| &features.0);
    let features =
        names.iter().map(|name| input::feature(&args.model, &model, name)).collect::<Outcome<_>>()?;
    let table = args.table.read(&args.data, (&args.model, &model))?;
    let truth = input::truth(args.truth.as_deref(), &table)?;
    let printed = (args.fit.as_deref(), args.compare.as_deref());
    let sections = printed::sections(printed, (&args.model, &mut model), (&args.data, &table.samples))?;
    let samples = input::named(table.samples, &model)?;
    let mut engine = args.table.open(&samples, &model, &request)?;
    let (command, mut caveats) = command(args, &model);
    if let Some(report) = &model.report
        && (report.n_samples, report.total_weight) != (samples.n_samples(), samples.total_weight())
    {
        caveats.push(format!(
            "The fit saw {} samples of total weight {}, these are {} of {}: counts, trace and criteria are the fit's.",
            report.n_samples,
            report.total_weight,
            samples.n_samples(),
            samples.total_weight()
        ));
    }
    let options = PageOptions {
        title: format!("Report on {}", shown(&args.model)),
        data: shown(&args.data),
        command,
        caveats,
        plot: PlotOptions { features, truth: truth.as_deref(), ..PlotOptions::default() },
        sections,
    };
    let page = plot::page(engine.as_mut(), &samples, &model, &options);
    write_bytes(page.map_err(|e| Failure::about(&args.data, e))?.as_bytes(), file)?;
    if !is_stdout(&args.output) {
        args.table.talk.note(format_args!("report written to {}", args.output.display()));
    }
    Ok(())
}

/// The command that fits this model again, and what it cannot say.
fn command(args: &ReportArgs, model: &GaussianMixture) -> (String, Vec<String>) {
    let p = &model.parameters;
    let mut caveats = Vec::new();
    let mut words = vec!["wgmm".to_owned(), "fit".into(), quoted(&args.data.display().to_string())];
    let mut flag = |name: &str, value: &str| {
        // A value that looks like an option.
        let joined = value.starts_with('-').then(|| format!("{name}={}", quoted(value)));
        words.extend(joined.map_or_else(|| vec![name.to_owned(), quoted(value)], |joined| vec![joined]));
    };
    let dropped =
        |report: &FitReport| report.collapses.iter().filter(|c| c.action == CollapseAction::Drop).count();
    flag("-k", &(p.n_components() + model.report.as_ref().map_or(0, dropped)).to_string());
    flag("--covariance", p.covariance_type().name());
    if let Some(names) = &model.feature_names {
        flag("--columns", &column_list(names));
    }
    match args.table.columns.header {
        Header::Detect => {}
        Header::Yes => flag("--header", "yes"),
        Header::No => flag("--header", "no"),
    }
    match &args.table.columns.weights {
        Some(weights) => flag("--weights", weights),
        None if model.report.as_ref().is_some_and(|r| r.total_weight != r.n_samples as f64) => caveats
            .push("The fit used sample weights; the model does not tell from where: add --weights.".into()),
        None => {}
    }
    match &model.report {
        Some(report) => {
            let cut = matches!(report.stop_reason, StopReason::Interrupted | StopReason::DeviceFailed);
            if cut || report.engine.failed.is_some() {
                caveats.push("The fit was cut short, or changed its engine: the command does a whole fit on one.".into());
            }
            if !report.dropped_rows.is_empty() {
                flag("--missing", "drop");
            }
            for (name, value) in &report.options {
                match value {
                    // A start that a program gave; no method has this name.
                    Value::String(text) if text == "given" => {}
                    Value::String(text) => flag(&option(name), text),
                    Value::Number(number) => flag(&option(name), &number.to_string()),
                    _ => {}
                }
            }
            if report.options.contains_key("start")
                || report.options.get("init") == Some(&Value::from("given"))
            {
                caveats.push("The fit began from parameters in a file, which the model does not name: give it as --init FILE.".into());
            }
            // Only an automatic choice changes to f64 on the way.
            let switched = report.engine.began_on.is_some();
            flag("--engine", if switched { "auto" } else { report.engine.kind.name() });
        }
        None => {
            caveats.push("The model does not tell how it was made; it may be a part of another, or from elsewhere. The command makes a new fit, with the defaults.".into())
        }
    }
    flag("-o", &args.model.display().to_string());
    (words.join(" "), caveats)
}

/// `reg_covar` as `--reg-covar`.
fn option(name: &str) -> String {
    format!("--{}", name.replace('_', "-"))
}
