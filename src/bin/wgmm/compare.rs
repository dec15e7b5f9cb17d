//! `wgmm compare`: whether engines agree with each other, or with a model.

mod comparison;
mod report;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use wgmm::internals::compare::component_distances;
use wgmm::internals::compare::judge::{Tier, judge_conditioned};
use wgmm::internals::compare::labels::label_changes;
use wgmm::internals::compare::matching::{best_match, reordered};
use wgmm::internals::compare::run::{Followed, disturbed, follow};
use wgmm::internals::engine::choose::{EngineKind, open_engine};
use wgmm::internals::error::Remedy;
use wgmm::internals::fit::em::Step;
use wgmm::internals::fit::em::steps::Outcome as Run;
use wgmm::internals::infer;
use wgmm::internals::report::{Precision, Warning};
use wgmm::{CovarianceType, Dataset, Engine, Error, FitOptions, GaussianMixture, Samples};

use crate::args::{DataArgs, DeviceArgs, FitFlags, ProgressArgs, TalkArgs, check_files, parse};
use crate::exit::{Failure, Outcome, shown};
use crate::progress::Progress;
use crate::{input, output, talk, words};
use comparison::{Comparison, Yardstick};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wgmm compare data.csv -k 3                                  gpu against cpu, from one start
  wgmm compare data.csv -k 3 --engines cpu,reference          without a graphics card
  wgmm compare data.csv --against sklearn.npz --init start.json --tol 0 --max-iter 20
  wgmm compare data.csv --against m.json --init m.json --tol 0 --max-iter 1    how far m.json is from a fixed point
Bounds: 1e-5 (weights), 1e-4 sd (means), 1e-4 (covariances), 1e-5 nats per sample (mean log-likelihood) where sums are in
f32, 1e-11, 1e-10, 1e-10, 1e-11 where all are in f64; more where the last engine's own run moves more when each of its
steps is disturbed by rounding errors. Exit code 6: outside.")]
pub(crate) struct CompareArgs {
    /// Table, .csv or .npy; `-` is standard input
    data: PathBuf,
    /// Number of components; if not given, as many as --against has
    #[arg(long = "components", short = 'k', value_name = "K", allow_hyphen_values = true, required_unless_present = "against", value_parser = parse::whole::<usize>(parse::COMPONENTS))]
    n_components: Option<usize>,
    /// Engines to compare, from gpu, cpu, reference; gpu,cpu if not given. All run from one start, for as many
    /// iterations as the last one takes, and the others are compared with the last one
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = parse::named_but(EngineKind::Auto))]
    engines: Vec<EngineKind>,
    /// Compare fits with this model instead; components are matched in the best way
    #[arg(long, value_name = "MODEL.json|.npz")]
    against: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Form of the covariances; if not given, the form of --against, or full
    #[arg(long, value_name = "TYPE", help_heading = "Fit", value_parser = parse::named::<CovarianceType>())]
    covariance: Option<CovarianceType>,
    #[command(flatten)]
    flags: FitFlags,
    #[command(flatten)]
    columns: DataArgs,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    progress: ProgressArgs,
    #[command(flatten)]
    talk: TalkArgs,
}

pub(crate) fn run(args: &CompareArgs) -> Outcome {
    let started = Instant::now();
    talk::listen(args.talk.quiet, args.talk.verbose);
    let kinds = check_usage(args)?;
    let model = args.against.as_deref().map(|path| input::model(path).map(|model| (path, model)));
    let model = model.transpose()?;
    let options = options(args, model.as_ref())?;
    let table = match &model {
        Some((path, model)) => input::table_for(&args.data, (path, model), &args.columns, &args.talk)?,
        None => input::table(&args.data, &args.columns, &args.talk)?,
    };
    let samples = &table.samples;
    let about = |error: Error| Failure::about(&args.data, error);
    let check = |options: &FitOptions| options.check(samples.facts()).map_err(about);
    check(&options)?;

    let mut engines = Vec::new();
    for &kind in &kinds {
        let opened = open_engine(samples, options.n_components, &args.device.request(kind));
        let (engine, line) = opened.map_err(|e| {
            let others = || "`--engines cpu,reference` needs no graphics card".into();
            Failure::with_words(e, |remedy| (*remedy == Remedy::CpuEngine).then(others))
        })?;
        args.talk.note(line);
        engines.push(engine);
    }
    let mut yardstick = match (&model, engines.pop()) {
        (Some((path, model)), last) => {
            engines.extend(last);
            of_model(args, path, model, samples).map_err(about)?
        }
        (None, Some(mut engine)) => {
            let followed = watched(args, engine.as_mut(), &options).map_err(about)?;
            let info = engine.info();
            let (run, is_double) = (followed.outcome.clone(), info.precision == Precision::F64);
            Yardstick { name: info.kind.to_string(), engine, run, followed: Some(followed), is_double }
        }
        (None, None) => return Err(Failure::usage("--engines names no engine")),
    };
    // As many iterations as the yardstick did.
    let options = match &yardstick.followed {
        Some(followed) => FitOptions { tol: 0.0, max_iter: followed.trace.len(), ..options },
        None => options,
    };
    let checked = check(&options)?;
    let mut comparisons = Vec::new();
    for mut engine in engines {
        let followed = watched(args, engine.as_mut(), &options).map_err(about)?;
        comparisons
            .push(compare(engine.as_mut(), followed, &mut yardstick, samples, &options).map_err(about)?);
    }
    let seconds = started.elapsed().as_secs_f64();
    if args.json {
        output::print_json(&report::json(&args.data, samples, &checked, &yardstick, &comparisons, seconds))?;
    } else if !args.talk.quiet {
        output::print(report::text(&args.data, samples, &yardstick, &comparisons).as_bytes())?;
    }
    let outside: Vec<String> = comparisons.iter().filter_map(|c| report::outside(c, &yardstick)).collect();
    if outside.is_empty() { Ok(()) } else { Err(Failure::outside(outside.join("; "))) }
}

/// The checks that need no data; the engines to run.
fn check_usage(args: &CompareArgs) -> Outcome<Vec<EngineKind>> {
    let mut inputs = vec![("DATA", args.data.as_path())];
    inputs.extend(args.against.iter().map(|model| ("--against", model.as_path())));
    inputs.extend(args.columns.weights.iter().map(|weights| ("--weights", Path::new(weights))));
    check_files(&inputs, &[])?;
    if args.flags.n_init != 1 {
        return Err(Failure::usage(
            "--n-init: engines are compared from one start; another --seed gives another start",
        ));
    }
    let engines = &args.engines;
    if let Some(i) = (1..engines.len()).find(|&i| engines[..i].contains(&engines[i])) {
        let name = engines[i].name();
        return Err(Failure::usage(format!("--engines names {name} twice: name every engine once")));
    }
    let is_without_card = !engines.is_empty() && !engines.contains(&EngineKind::Gpu);
    if let (true, Some(option)) = (is_without_card, args.device.request(EngineKind::Auto).card_only_option())
    {
        return Err(Failure::usage(format!(
            "{} is about a graphics adapter, but --engines names no gpu: leave one of them out",
            words::flag(option)
        )));
    }
    Ok(match (&args.against, engines.len()) {
        (Some(_), 0) => vec![EngineKind::Auto],
        (None, 0) => vec![EngineKind::Gpu, EngineKind::Cpu],
        (None, 1) => {
            return Err(Failure::usage(
                "--engines needs two engines to compare, as gpu,cpu; or --against a model",
            ));
        }
        _ => engines.clone(),
    })
}

/// The options of the fits; K and the covariance type are the model's if they are not given.
fn options(args: &CompareArgs, model: Option<&(&Path, GaussianMixture)>) -> Outcome<FitOptions> {
    let parameters = model.map(|(_, model)| &model.parameters);
    let k = args.n_components.or(parameters.map(|p| p.n_components())).unwrap_or(1);
    let given = args.covariance.or(parameters.map(|p| p.covariance_type()));
    let covariance = given.unwrap_or_default();
    if let Some((path, model)) = model {
        let p = &model.parameters;
        if (p.n_components(), p.covariance_type()) != (k, covariance) {
            return Err(Failure::input(format!(
                "{}: the model has {} and {} covariance, but {k} and {covariance} are asked for: leave out -k and \
                 --covariance to take the model's",
                shown(path),
                input::count(p.n_components(), "component"),
                p.covariance_type()
            )));
        }
    }
    args.flags.options(k, covariance)
}

/// A fit that shows its progress.
fn watched(args: &CompareArgs, engine: &mut dyn Engine, options: &FitOptions) -> wgmm::Result<Followed> {
    let mut progress = Progress::new(args.progress.progress, args.talk.quiet, 1, options.max_iter);
    progress.begin(format!("{}: ", engine.info().kind));
    let mut observer = |step: &mut Step<'_>| {
        progress.step(step);
        ControlFlow::Continue(())
    };
    let followed = follow(engine, options, &mut observer);
    progress.finish();
    for warning in followed.iter().flat_map(|followed| &followed.fit.report.warnings) {
        if matches!(warning, Warning::FewDigits { .. } | Warning::FewDigitsPassed { .. }) {
            warning.tell();
        }
    }
    followed
}

/// A model, as the CPU engine sees it.
fn of_model<'a>(
    args: &CompareArgs,
    path: &Path,
    model: &GaussianMixture,
    samples: &'a Samples<'a>,
) -> wgmm::Result<Yardstick<'a>> {
    let parameters = model.parameters.clone();
    let mut engine = Box::new(wgmm::internals::engine::cpu::CpuEngine::new(samples, args.device.threads)?);
    let total = samples.total_weight();
    let mean_log_likelihood = infer::log_likelihood(engine.as_mut(), &parameters)? / total;
    let least_counts = parameters.weights().iter().map(|w| w * total).collect();
    let run = Run { parameters, mean_log_likelihood, least_counts };
    let is_double = model.report.as_ref().is_none_or(|report| report.engine.precision == Precision::F64);
    Ok(Yardstick { name: shown(path), engine, run, followed: None, is_double })
}

fn compare(
    engine: &mut dyn Engine,
    mut followed: Followed,
    yardstick: &mut Yardstick<'_>,
    samples: &Samples<'_>,
    options: &FitOptions,
) -> wgmm::Result<Comparison> {
    let info = engine.info();
    let expected = &yardstick.run;
    if yardstick.followed.is_none() {
        let order = best_match(&followed.outcome.parameters, &expected.parameters)?;
        let run = &mut followed.outcome;
        run.parameters = reordered(&run.parameters, &order);
        run.least_counts = order.iter().map(|&k| run.least_counts[k]).collect();
    }
    let is_double = yardstick.is_double && info.precision == Precision::F64;
    let tier = if is_double { Tier::EXACT } else { Tier::FLOAT32 };
    let n_iter = followed.trace.len();
    let collapses = followed.fit.report.collapses.len();
    let host = &mut yardstick.engine;
    let facts = (yardstick.name.as_str(), samples.n_samples(), n_iter);
    let check = judge_conditioned(&followed.outcome, expected, &tier, facts, || {
        if collapses > 0 {
            return Err(Error::shape("components that collapsed", 0, collapses));
        }
        disturbed(host.as_mut(), &followed.start, options.m_step(), n_iter, is_double)
    })?;
    let components = component_distances(&followed.outcome.parameters, &expected.parameters)?;
    let labels = label_changes(
        (engine, &followed.outcome.parameters),
        (yardstick.engine.as_mut(), &expected.parameters),
    )?;
    let solid = expected.least_counts.iter().map(|n| tier.is_solid(*n, samples.n_features())).collect();
    Ok(Comparison { engine: info, followed, check, components, solid, labels })
}
