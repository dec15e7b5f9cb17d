//! `wgmm fit`: a mixture from a table.

mod checkpoint;
mod files;
mod pictures;
pub(crate) mod report;
mod salvage;
mod watch;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use wgmm::internals::engine::choose::open_engine;
use wgmm::internals::fit::em::{self, Observer, Step};
use wgmm::internals::fit::verify::verify;
use wgmm::internals::report::{FitReport, StopReason};
use wgmm::{CovarianceType, Error, GaussianMixture};

use crate::args::{DataArgs, EngineArgs, FitFlags, FormatArg, ProgressArgs, TalkArgs, VerifyArgs, parse};
use crate::exit::{Failure, Outcome};
use crate::output::{self, is_stdout};
use crate::{input, interrupt, talk, words};
use checkpoint::{CheckpointArgs, Checkpoints};
use files::Files;
use pictures::{PictureArgs, Pictures};
use report::Timings;
use salvage::Keep;
use watch::Watch;

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
    #[arg(long, value_name = "FILE", value_parser = parse::table_output())]
    pub(crate) labels: Option<PathBuf>,
    /// Write the log-likelihood of every iteration (.csv or .jsonl)
    #[arg(long, value_name = "FILE", value_parser = parse::trace_output())]
    pub(crate) trace: Option<PathBuf>,
    /// Print one JSON object instead of the summary
    #[arg(long)]
    json: bool,

    /// Form of the covariances
    #[arg(long, default_value = "full", value_name = "TYPE", help_heading = "Fit", value_parser = parse::named::<CovarianceType>())]
    covariance: CovarianceType,
    /// End with exit code 5 if the fit did not converge (the model is written all the same)
    #[arg(long, help_heading = "Fit")]
    require_convergence: bool,

    #[command(flatten)]
    flags: FitFlags,
    #[command(flatten)]
    pub(crate) checkpoints: CheckpointArgs,
    #[command(flatten)]
    verify: VerifyArgs,
    #[command(flatten)]
    pub(crate) columns: DataArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    progress: ProgressArgs,
    #[command(flatten)]
    pub(crate) pictures: PictureArgs,
    #[command(flatten)]
    talk: TalkArgs,
}

/// scikit-learn's sentence.
pub(crate) const NOT_CONVERGED: &str = "Best performing initialization did not converge. Try different init parameters, \
                             or increase max_iter, tol, or check for degenerate data.";

pub(crate) fn run(args: &FitArgs) -> Outcome {
    let started = Instant::now();
    talk::listen(args.talk.quiet, args.talk.verbose);
    files::check(args)?;
    let request = args.engine.request()?;
    let verify_options = args.verify.options(&args.engine)?;
    let files = Files::prepare(args)?;
    let checkpoints = Checkpoints::prepare(&args.checkpoints)?;
    let mut pictures = Pictures::prepare(&args.pictures, args.flags.n_init)?;
    let options = args.flags.options(args.n_components, args.covariance)?;
    let table = input::table(&args.data, &args.columns, &args.talk)?;
    let samples = &table.samples;
    let checked = options.check(samples.n_effective(), samples.n_features()).map_err(|e| blame(args, e))?;
    let read = started.elapsed();

    let (mut engine, line) =
        open_engine(samples, args.n_components, &request).map_err(|e| Failure::about(&args.data, e))?;
    args.talk.note(line);
    let (state, keeper) = checkpoints.begin(samples, &checked, &engine.info(), request.switches())?;
    let mut watch = Watch::new(args, keeper, &state);
    let fitting = Instant::now();
    // From here on there is a model to lose.
    interrupt::defer();
    let mut observer = |step: &mut Step<'_>| {
        pictures.step(step, samples);
        watch.on_step(step)
    };
    let mut keep = Keep::new(&mut observer, args, engine.as_ref(), &state);
    let fitted = em::resume(engine.as_mut(), samples, &checked, &mut keep, state);
    let (state, trace) = (keep.state, watch.finish());
    let signal = interrupt::arrived();
    let describe = |report: &mut FitReport| report.dropped_rows.clone_from(&table.dropped_rows);
    let mut model = match fitted {
        Err(error) if error.is_device_failure() => {
            let describe = |report: &mut FitReport| {
                describe(report);
                report.engine = engine.info();
            };
            return Err(salvage::save(args, samples, &checked, (error, state), (files, &trace), describe));
        }
        outcome => outcome.map_err(|e| Failure::about(&args.data, e))?,
    };
    if let Err(error) = verify(engine.as_mut(), samples, &mut model, &verify_options) {
        // The model is there, and not to be lost.
        tracing::warn!("the result could not be checked in f64: {}", words::error(&error));
    }
    if let Some(report) = &mut model.report {
        describe(report);
    }
    let fit = fitting.elapsed();
    files.write(args, &model, engine.as_mut(), &trace)?;
    pictures.finish(engine.as_mut(), samples, &model)?;
    // A signal that found the fit at its end has changed nothing.
    let was_cut = model.report.as_ref().is_some_and(|r| r.stop_reason == StopReason::Interrupted);
    let signal = signal.filter(|_| was_cut);
    tell(args, &model, &Timings { read, fit, total: started.elapsed() }, signal)
}

/// The summary or the JSON object, and whether the fit converged as it had to and was not `interrupted`.
fn tell(args: &FitArgs, model: &GaussianMixture, timings: &Timings, interrupted: Option<i32>) -> Outcome {
    let converged = model.report.as_ref().is_some_and(|report| report.converged);
    // Without a tolerance, or without iterations, nobody asked for convergence.
    let tolerant = args.flags.tol > 0.0 && args.flags.max_iter > 0;
    if !converged && tolerant && !args.require_convergence && interrupted.is_none() {
        tracing::warn!("{NOT_CONVERGED}");
    }
    if let Some(warning) = report::degenerate("the fit", model) {
        tracing::warn!("{warning}");
    }
    if args.json {
        output::print_json(&report::json(args, model, timings)?)?;
    } else if args.results_on_stdout() {
        args.talk.note(report::summary(args, model));
    } else if !args.talk.quiet {
        output::print(format!("{}\n", report::summary(args, model)).as_bytes())?;
    }
    if let Some(report) = &model.report {
        args.verify.judge(report)?;
    }
    if let Some(signal) = interrupted {
        return Err(Failure::interrupted(signal));
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

/// Options and data do not fit each other: names the file that the user should look at.
fn blame(args: &FitArgs, error: Error) -> Failure {
    match (&args.flags.init, &error) {
        (parse::InitArg::File(start), Error::Shape { .. } | Error::InvalidParameters { .. }) => {
            Failure::about(start, error)
        }
        _ => Failure::about(&args.data, error),
    }
}
