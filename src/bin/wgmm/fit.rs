//! `wgmm fit`: a mixture from a table.

mod args;
mod checkpoint;
mod files;
mod pictures;
pub(crate) mod report;
mod salvage;
mod watch;

use std::time::Instant;

use wgmm::internals::engine::choose::open_engine;
use wgmm::internals::fit::em::{Observer, Step};
use wgmm::internals::fit::workflow::{self, Finished, Surroundings};
use wgmm::internals::report::StopReason;
use wgmm::{Dataset, Error, GaussianMixture};

use crate::args::parse;
use crate::exit::{Failure, Outcome};
use crate::{input, interrupt, output, talk, words};
pub(crate) use args::FitArgs;
use checkpoint::Checkpoints;
use files::Files;
use pictures::Pictures;
use report::Timings;
use watch::Watch;

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
    options.check(samples.facts()).map_err(|e| blame(args, e))?;
    let read = started.elapsed();

    let about_data = |e| Failure::about(&args.data, e);
    let (mut engine, line) = open_engine(samples, args.n_components, &request).map_err(about_data)?;
    args.talk.note(line);
    let mut surroundings = Surroundings::default();
    surroundings.verify = verify_options;
    (surroundings.checkpoints, surroundings.resume) = checkpoints.into_parts();
    surroundings.may_switch = request.switches();
    surroundings.salvage = args.output.is_some();
    let begun = workflow::begin(engine.as_mut(), &options, surroundings)?;
    let mut watch = Watch::new(args, begun.state());
    let fitting = Instant::now();
    // From here on there is a model to lose.
    interrupt::defer();
    let mut observer = |step: &mut Step<'_>| {
        pictures.step(step, samples);
        watch.on_step(step)
    };
    let finished = begun.run(&mut observer);
    let trace = watch.finish();
    let signal = interrupt::arrived();
    let Finished { fit, failure } = finished.map_err(|error| {
        let lost = error.is_device_failure();
        let failure = about_data(error);
        if lost { failure.and("No model was saved") } else { failure }
    })?;
    let seconds = fitting.elapsed();
    if let Some(error) = failure {
        return Err(salvage::save(args, samples, (error, fit), files, &trace));
    }
    let model = fit.into_model();
    // A signal that found the fit at its end has changed nothing.
    let was_cut = model.report.as_ref().is_some_and(|r| r.stop_reason == StopReason::Interrupted);
    let signal = signal.filter(|_| was_cut);
    // Before anything is written, which may fail.
    let is_told = args.require_convergence || signal.is_some();
    for warning in model.report.iter().flat_map(|report| words::at_the_end(report, is_told)) {
        warning.tell();
    }
    files.write(args, &model, engine.as_mut(), &trace)?;
    pictures.finish(engine.as_mut(), samples, &model)?;
    tell(args, &model, &Timings { read, fit: seconds, total: started.elapsed() }, signal)
}

/// The summary or the JSON object, and whether the fit converged as it had to and was not `interrupted`.
fn tell(args: &FitArgs, model: &GaussianMixture, timings: &Timings, interrupted: Option<i32>) -> Outcome {
    let converged = model.report.as_ref().is_some_and(|report| report.converged);
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

/// Options and data do not fit each other: names the file that the user should look at.
fn blame(args: &FitArgs, error: Error) -> Failure {
    match (&args.flags.init, &error) {
        (parse::InitArg::File(start), Error::Shape { .. } | Error::InvalidParameters { .. }) => {
            Failure::about(start, error)
        }
        _ => Failure::about(&args.data, error),
    }
}
