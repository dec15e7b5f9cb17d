//! `wgmm fit`: a mixture from a table.

mod report;

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use wgmm::choose::open_engine;
use wgmm::data::output::OutputFile;
use wgmm::em::{self, Step};
use wgmm::{CovarianceType, Engine, Error, GaussianMixture, infer};

use crate::args::{DataArgs, EngineArgs, FitFlags, FormatArg, ProgressArgs, TalkArgs, check_files, parse};
use crate::exit::{Failure, Outcome};
use crate::output::{self, is_stdout};
use crate::progress::Progress;
use crate::{input, talk};
use report::{Timings, TraceRow};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wgmm fit data.csv -k 3 -o model.json
  wgmm fit data.csv -k 3 --drop-columns id,species --covariance diag --n-init 5 -o model.json
  wgmm fit data.npy -k 8 --engine gpu --labels labels.npy --trace trace.csv --json > report.json")]
pub(crate) struct FitArgs {
    /// Table, .csv or .npy; `-` is standard input
    pub(crate) data: PathBuf,
    /// Components of the mixture
    #[arg(long = "components", short = 'k', value_name = "K", allow_hyphen_values = true, value_parser = parse::whole::<usize>(parse::COMPONENTS))]
    n_components: usize,
    /// Write the model
    #[arg(long, short, value_name = "MODEL.json|.npz")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArg,
    /// Write the most probable component of every row (.csv or .npy)
    #[arg(long, value_name = "FILE", value_parser = parse::table_output)]
    pub(crate) labels: Option<PathBuf>,
    /// Write the log-likelihood of every iteration (.csv or .jsonl)
    #[arg(long, value_name = "FILE", value_parser = parse::trace_output)]
    pub(crate) trace: Option<PathBuf>,
    /// Print one JSON object instead of the summary
    #[arg(long)]
    json: bool,

    /// Form of the covariances
    #[arg(long, default_value = "full", value_name = "TYPE", help_heading = "Fit", value_parser = parse::covariance())]
    covariance: CovarianceType,
    /// End with exit code 5 if the fit did not converge (the model is written all the same)
    #[arg(long, help_heading = "Fit")]
    require_convergence: bool,

    #[command(flatten)]
    flags: FitFlags,
    #[command(flatten)]
    pub(crate) columns: DataArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    progress: ProgressArgs,
    #[command(flatten)]
    talk: TalkArgs,
}

/// scikit-learn's sentence.
pub(crate) const NOT_CONVERGED: &str = "Best performing initialization did not converge. Try different init parameters, \
                             or increase max_iter, tol, or check for degenerate data.";

pub(crate) fn run(args: &FitArgs) -> Outcome {
    let started = Instant::now();
    talk::listen(args.talk.quiet, args.talk.verbose);
    check_outputs(args)?;
    let request = args.engine.request()?;
    let files = Files::prepare(args)?;
    let options = args.flags.options(args.n_components, args.covariance)?;
    let table = input::table(&args.data, &args.columns, &args.talk)?;
    let samples = &table.samples;
    let checked = options.check(samples.n_effective(), samples.n_features()).map_err(|e| blame(args, e))?;
    let read = started.elapsed();

    let (mut engine, line) = open_engine(samples, args.n_components, &request)?;
    args.talk.note(line);
    let mut trace = Vec::new();
    let mut progress =
        Progress::new(args.progress.progress, args.talk.quiet, args.flags.n_init, args.flags.max_iter);
    let mut observer = |step: &mut Step<'_>| {
        progress.step(step);
        if args.trace.is_some() {
            trace.push(TraceRow::from(&*step));
        }
        ControlFlow::Continue(())
    };
    let fitting = Instant::now();
    let fitted = em::fit(engine.as_mut(), samples, &checked, &mut observer);
    progress.finish();
    let mut model = fitted.map_err(|e| Failure::about(&args.data, e))?;
    if let Some(report) = &mut model.report {
        report.dropped_rows.clone_from(&table.dropped_rows);
    }
    let fit = fitting.elapsed();
    files.write(args, &model, engine.as_mut(), &trace)?;

    let timings = Timings { read, fit, total: started.elapsed() };
    let converged = model.report.as_ref().is_some_and(|report| report.converged);
    // Without a tolerance, or without iterations, nobody asked for convergence.
    if !converged && args.flags.tol > 0.0 && args.flags.max_iter > 0 && !args.require_convergence {
        tracing::warn!("{NOT_CONVERGED}");
    }
    if args.json {
        output::print_json(&report::json(args, &model, &timings)?)?;
    } else if args.results_on_stdout() {
        args.talk.note(report::summary(args, &model));
    } else if !args.talk.quiet {
        output::print(format!("{}\n", report::summary(args, &model)).as_bytes())?;
    }
    if args.require_convergence && !converged {
        return Err(Failure::not_converged(NOT_CONVERGED));
    }
    Ok(())
}

impl FitArgs {
    /// Whether a file that was asked for goes to stdout.
    fn results_on_stdout(&self) -> bool {
        [&self.output, &self.labels, &self.trace].into_iter().flatten().any(|path| is_stdout(path))
    }
}

/// The checks of file names that need no data.
fn check_outputs(args: &FitArgs) -> Outcome {
    let mut inputs = vec![("DATA", args.data.as_path())];
    inputs.extend(args.columns.weights.iter().map(|weights| ("--weights", Path::new(weights))));
    let outputs = [
        ("--output", args.output.as_ref()),
        ("--labels", args.labels.as_ref()),
        ("--trace", args.trace.as_ref()),
    ];
    check_files(&inputs, &outputs)?;
    if args.json && args.results_on_stdout() {
        return Err(Failure::usage(
            "--json prints its object to stdout, where a file was asked for, too: give that file a name",
        ));
    }
    Ok(())
}

/// Options and data do not fit each other: names the file that the user should look at.
fn blame(args: &FitArgs, error: Error) -> Failure {
    match (&args.flags.init, &error) {
        (parse::InitArg::File(start), Error::Shape { .. } | Error::InvalidParameters { .. }) => {
            Failure::about(start, error)
        }
        _ => Failure::about(&args.data, error),
    }
}

/// Every output, opened before the data are read, so that a long fit is never lost to a bad path.
struct Files {
    model: Option<OutputFile>,
    labels: Option<OutputFile>,
    trace: Option<OutputFile>,
}

impl Files {
    fn prepare(args: &FitArgs) -> Outcome<Self> {
        let open = |path: &Option<PathBuf>| {
            path.as_deref().map(OutputFile::create).transpose().map_err(Failure::output)
        };
        Ok(Files { model: open(&args.output)?, labels: open(&args.labels)?, trace: open(&args.trace)? })
    }

    /// The model comes first: it is what must not be lost.
    fn write(
        self,
        args: &FitArgs,
        model: &GaussianMixture,
        engine: &mut dyn Engine,
        trace: &[TraceRow],
    ) -> Outcome {
        if let Some(file) = self.model {
            args.format.write(model, file)?;
        }
        if let Some(mut file) = self.trace {
            let path = file.path().to_owned();
            let text =
                report::trace(trace, path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jsonl")));
            file.write_all(text.as_bytes()).map_err(|e| Error::write(path, e))?;
            file.commit()?;
        }
        if let Some(file) = self.labels {
            let labels = infer::predict(engine, &model.parameters);
            file.write_labels(&labels.map_err(|e| Failure::about(&args.data, e))?)?;
        }
        Ok(())
    }
}
