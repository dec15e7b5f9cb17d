//! `wgmm select`: the number of components and the covariance type by an information criterion.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};
use wgmm::internals::engine::choose::open_engine;
use wgmm::internals::fit::em::Step;
use wgmm::internals::fit::select::{
    Candidate, Cell, Criterion, SelectOptions, SweepObserver, best_sound, select,
};
use wgmm::internals::fit::workflow::conclude;
use wgmm::internals::output::OutputFile;
use wgmm::internals::plot::{self, PlotOptions};
use wgmm::{CovarianceType, Engine, GaussianMixture};

use crate::args::{
    DataArgs, EngineArgs, FitFlags, FormatArg, ProgressArgs, TalkArgs, VerifyArgs, check_files, parse,
};
use crate::exit::{Failure, Outcome, shown};
use crate::fit::{NOT_CONVERGED, report};
use crate::output::{self, Align, align, is_stdout};
use crate::progress::Progress;
use crate::{input, interrupt, talk, words};
use wgmm::internals::report::Warning;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wgmm select data.csv -k 1..10 -o best.json --plot criteria.svg
  wgmm select data.csv -k 2,3,4,8 --covariance full,diag --criterion icl --n-init 3
Lower is better for every criterion. A fit that fails is marked and the sweep goes on.")]
pub(crate) struct SelectArgs {
    /// Table, .csv or .npy; `-` is standard input
    data: PathBuf,
    /// Numbers of components to try: 1..10 (inclusive) or 1,2,4
    #[arg(long = "components", short = 'k', value_name = "RANGE", allow_hyphen_values = true, value_parser = parse::counts)]
    components: parse::Counts,
    /// Forms of the covariances to try, separated by commas
    #[arg(long, default_value = "full", value_name = "TYPE,...", value_delimiter = ',', value_parser = parse::named::<CovarianceType>())]
    covariance: Vec<CovarianceType>,
    /// What decides
    #[arg(long, default_value = "bic", value_name = "NAME", value_parser = parse::named::<Criterion>())]
    criterion: Criterion,
    /// Write the best model
    #[arg(long, short, value_name = "BEST.json|.npz")]
    output: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArg,
    /// Draw BIC, AIC and ICL over the numbers of components (.svg or .png)
    #[arg(long, value_name = "FIG.svg|.png", value_parser = parse::figure_output())]
    plot: Option<PathBuf>,
    /// Print one JSON object instead of the table
    #[arg(long)]
    json: bool,
    /// End with exit code 5 if the best fit did not converge (it is written all the same)
    #[arg(long, help_heading = "Fit")]
    require_convergence: bool,
    #[command(flatten)]
    flags: FitFlags,
    #[command(flatten)]
    verify: VerifyArgs,
    #[command(flatten)]
    columns: DataArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    progress: ProgressArgs,
    #[command(flatten)]
    talk: TalkArgs,
}

pub(crate) fn run(args: &SelectArgs) -> Outcome {
    let started = Instant::now();
    talk::listen(args.talk.quiet, args.talk.verbose);
    let model_on_stdout = check_usage(args)?;
    let request = args.engine.request()?;
    let verify_options = args.verify.options(&args.engine)?;
    let file = args.output.as_deref().map(OutputFile::create).transpose().map_err(Failure::output)?;
    let figure = args.plot.as_deref().map(OutputFile::create).transpose().map_err(Failure::output)?;
    let components = args.components.0.clone();
    let largest = components.iter().copied().max().unwrap_or(1);
    // A start of full matrices becomes one of each type.
    let fits = args.covariance.iter().map(|&covariance| args.flags.options(largest, covariance));
    let fits = fits.collect::<Outcome<Vec<_>>>()?;
    let options = SelectOptions { components, fits, criterion: args.criterion };
    let table = input::table(&args.data, &args.columns, &args.talk)?;
    let (mut engine, line) = open_engine(&table.samples, largest, &request)?;
    args.talk.note(line);
    let mut watch = Watch {
        progress: Progress::new(
            args.progress.progress,
            args.talk.quiet,
            args.flags.n_init,
            args.flags.max_iter,
        ),
    };
    // From here on there are fits to lose.
    interrupt::defer();
    let selected = select(engine.as_mut(), &options, &mut watch);
    watch.progress.finish();
    let signal = interrupt::arrived();
    let mut selection = selected.map_err(|e| Failure::about(&args.data, e))?;
    let signal = signal.filter(|_| selection.interrupted);
    for candidate in &selection.candidates {
        if let Err(error) = &candidate.outcome {
            tracing::warn!("{} failed: {}", name(candidate.cell), words::error(error));
        }
    }
    let Some((best, mut fit)) = selection.best.take() else {
        return Err(Failure::failed(format!(
            "{}: every fit of the sweep failed; the reasons stand above. Try fewer components or a larger --reg-covar",
            shown(&args.data)
        )));
    };
    if let Some(fit_options) = options.fit_of(best) {
        conclude(engine.as_mut(), &mut fit, &fit_options, &verify_options);
    }
    let model = fit.into_model();
    let (candidates, model) = (&selection.candidates, &model);
    let converged = model.report.as_ref().is_some_and(|report| report.converged);
    let is_told = args.require_convergence || signal.is_some();
    for warning in model.report.iter().flat_map(|report| words::at_the_end(report, is_told)) {
        let text = words::warning(warning);
        match warning {
            Warning::Degenerate { .. } => {
                let sound = match best_sound(candidates, args.criterion) {
                    Some(candidate) => {
                        format!("the best without such components is {}", name(candidate.cell))
                    }
                    None => "every fit of the sweep has some".into(),
                };
                tracing::warn!("{}; {sound}", text.replacen("the fit has", "the best fit has", 1));
            }
            // Loud enough, and of no other fit.
            Warning::NotVerified { .. } => warning.tell(),
            _ => tracing::warn!("the best fit: {text}"),
        }
    }
    if let Some(file) = file {
        args.format.write(model, file)?;
    }
    if let Some(file) = figure {
        output::write_figure(&plot::criteria(candidates, &PlotOptions::default())?, file)?;
    }
    if args.json {
        let seconds = started.elapsed().as_secs_f64();
        output::print_json(&json_of(args, candidates, best, model, engine.as_ref(), seconds)?)?;
    } else if model_on_stdout {
        args.talk.note(text(args, candidates, best, model));
    } else {
        output::print(format!("{}\n", text(args, candidates, best, model)).as_bytes())?;
    }
    if let Some(report) = &model.report {
        args.verify.judge(report)?;
    }
    if let Some(signal) = signal {
        return Err(Failure::interrupted(signal));
    }
    if args.require_convergence && !converged {
        return Err(Failure::not_converged(NOT_CONVERGED));
    }
    Ok(())
}

/// The checks that need no data; whether the model goes to stdout.
fn check_usage(args: &SelectArgs) -> Outcome<bool> {
    let mut inputs = vec![("DATA", args.data.as_path())];
    inputs.extend(args.columns.weights.iter().map(|weights| ("--weights", Path::new(weights))));
    check_files(&inputs, &[("--output", args.output.as_ref()), ("--plot", args.plot.as_ref())])?;
    let types = &args.covariance;
    if let Some(i) = (1..types.len()).find(|&i| types[..i].contains(&types[i])) {
        return Err(Failure::usage(format!("--covariance names {} twice: name every type once", types[i])));
    }
    if args.plot.as_deref().is_some_and(is_stdout) {
        return Err(Failure::usage(
            "--plot - would mix the figure with the table on stdout: give it a file name",
        ));
    }
    let model_on_stdout = args.output.as_deref().is_some_and(is_stdout);
    if args.json && model_on_stdout {
        return Err(Failure::usage(
            "--json prints its object to stdout, where the model would go, too: give -o a file name",
        ));
    }
    Ok(model_on_stdout)
}

struct Watch {
    progress: Progress,
}

impl SweepObserver for Watch {
    fn on_cell(&mut self, cell: Cell, index: usize, n_cells: usize) {
        self.progress.begin(format!("{}/{n_cells} {}: ", index + 1, name(cell)));
    }

    fn on_step(&mut self, step: &mut Step<'_>) -> ControlFlow<()> {
        self.progress.step(step);
        if interrupt::arrived().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn name(cell: Cell) -> String {
    format!("k = {}, {}", cell.n_components, cell.covariance_type)
}

/// One line per fit, the best one marked.
fn text(args: &SelectArgs, candidates: &[Candidate], best: usize, model: &GaussianMixture) -> String {
    let header =
        ["", "k", "covariance", "log-likelihood", "parameters", "BIC", "AIC", "ICL", "iterations", "outcome"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for (index, candidate) in candidates.iter().enumerate() {
        let Candidate { cell, n_parameters, outcome } = candidate;
        let mark = if index == best { "*" } else { "" };
        let mut row = vec![mark.to_owned(), cell.n_components.to_string(), cell.covariance_type.to_string()];
        let dash = || "-".to_owned();
        match outcome {
            Ok(scores) => {
                let fixed = |value: f64| format!("{value:.2}");
                row.extend([fixed(scores.log_likelihood), n_parameters.to_string()]);
                row.extend([scores.bic, scores.aic, scores.icl].map(fixed));
                row.push(scores.n_iter.to_string());
                let outcome = if scores.converged { "converged" } else { "not converged" };
                row.push(match scores.degenerate {
                    0 => outcome.into(),
                    n => format!("{outcome}, {n} degenerate"),
                });
            }
            Err(_) => {
                row.extend([
                    dash(),
                    n_parameters.to_string(),
                    dash(),
                    dash(),
                    dash(),
                    dash(),
                    "failed".into(),
                ]);
            }
        }
        rows.push(row);
    }
    let cell = candidates[best].cell;
    let saved = match &args.output {
        Some(path) if is_stdout(path) => "model written to stdout".into(),
        Some(path) => format!("model saved to {}", path.display()),
        None => "no model was saved: -o BEST.json writes the best".into(),
    };
    let criterion = args.criterion.name().to_uppercase();
    let mut text = format!("{}\n\nbest by {criterion}: {}; {saved}", align(&rows, Align::Right), name(cell));
    if let Some(verification) = model.report.as_ref().and_then(|report| report.verification) {
        text += &format!("\n{}", report::verified(verification));
    }
    text
}

/// The object that `--json` prints. Only `seconds` differs between two runs of the same sweep.
fn json_of(
    args: &SelectArgs,
    candidates: &[Candidate],
    best: usize,
    model: &GaussianMixture,
    engine: &dyn Engine,
    seconds: f64,
) -> Outcome<Value> {
    let cells = candidates.iter().map(|candidate| {
        let mut object = json!(candidate.cell);
        object["n_parameters"] = json!(candidate.n_parameters);
        match &candidate.outcome {
            Ok(scores) => {
                let scores = json!(scores);
                scores.as_object().into_iter().flatten().for_each(|(k, v)| object[k] = v.clone());
            }
            Err(error) => object["error"] = json!(error.to_string()),
        }
        object
    });
    let mut report = json!(model.report);
    // Stands elsewhere in the object.
    if let Some(fields) = report.as_object_mut() {
        fields.retain(|name, _| !matches!(name.as_str(), "engine" | "options"));
    }
    let mut object = json!({
        "schema": "wgmm.select/1",
        "version": env!("CARGO_PKG_VERSION"),
        "data": shown(&args.data),
        "engine": engine.info(),
        "criterion": args.criterion,
        "options": model.report.as_ref().map(|report| &report.options),
        "candidates": cells.collect::<Vec<_>>(),
        "best": best,
        "report": report,
        "model": output::bare_json(model)?,
        "timings": {"total_seconds": seconds},
    });
    if let Some(path) = &args.output {
        object["outputs"] = json!({"model": path.display().to_string()});
    }
    Ok(object)
}
