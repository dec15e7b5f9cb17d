//! `wgmm bench`: how long an iteration takes here, and whether its result is right.

mod commit;
mod table;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde_json::json;
use wgmm::internals::bench::case::Case;
use wgmm::internals::bench::report::{CaseError, CaseReport, Report};
use wgmm::internals::bench::{Bench, Problem, Settings};
use wgmm::internals::data::{self, Header, ReadOptions};
use wgmm::internals::output::OutputFile;
use wgmm::{CovarianceType, Error, Parameters};

use crate::args::{EngineArgs, TalkArgs, check_files, parse};
use crate::exit::{Failure, Outcome};
use crate::{output, talk};

/// Cases of a run that names none: together a few seconds on any machine.
const DEFAULT_CASES: [&str; 3] = ["seed2d", "small", "mid:100000"];

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wgmm bench --case mid --case 200000,24,48,diag
  wgmm bench --case all --engine gpu --save bench.json
  wgmm bench --data X.npy --init start.json --engine cpu --json
Every result is checked against f64 arithmetic: a wrong one ends with exit code 1.")]
pub(crate) struct BenchArgs {
    /// Problem to time: seed2d, small, tall2d, mid, big, wide, huge_k, xl, hd, all of them (`all`), one with another N (mid:100000), or N,D,K[,covariance]; may be repeated
    #[arg(long, value_name = "NAME|N,D,K", value_parser = parse::not_empty)]
    case: Vec<String>,
    /// Time this table (.npy or .csv) instead
    #[arg(long, value_name = "FILE", requires = "init", conflicts_with = "case")]
    data: Option<PathBuf>,
    /// Whether the first row of --data, a CSV, holds the names of its columns
    #[arg(long, default_value = "detect", value_name = "WHAT", value_parser = parse::named::<Header>())]
    header: Header,
    /// Start for --data: a JSON file with weights, means, covariances
    #[arg(long, value_name = "FILE", requires = "data")]
    init: Option<PathBuf>,
    /// Covariances of cases that name none, and of --init
    #[arg(long, default_value = "full", value_name = "TYPE", value_parser = parse::named::<CovarianceType>())]
    covariance: CovarianceType,
    /// Untimed iterations at the start
    #[arg(long, default_value_t = 2, value_name = "N", allow_hyphen_values = true, value_parser = parse::whole::<usize>(0..=parse::MAX_COUNT))]
    warmup: usize,
    /// Timed iterations
    #[arg(long, default_value_t = 5, value_name = "N", allow_hyphen_values = true, value_parser = parse::whole::<usize>(1..=parse::MAX_COUNT))]
    iters: usize,
    /// Added to the variances in every iteration
    #[arg(long, default_value = "1e-6", value_name = "VARIANCE", allow_hyphen_values = true, value_parser = parse::reg_covar)]
    reg_covar: f64,
    /// Seed of the data
    #[arg(long, default_value_t = 0, value_name = "N", allow_hyphen_values = true, value_parser = parse::whole::<u64>(0..=u64::MAX))]
    seed: u64,
    /// List the cases and end
    #[arg(long)]
    list: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write the JSON object, after every case
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Compare with a file that --save wrote
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Multiplies the bounds of the check; tests of the check itself need it
    #[arg(long, hide = true, default_value = "1", value_parser = parse::non_negative)]
    bounds_factor: f64,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    talk: TalkArgs,
}

pub(crate) fn run(args: &BenchArgs) -> Outcome {
    talk::listen(args.talk.quiet, args.talk.verbose);
    let cases = cases(args)?;
    if args.list {
        return list(args, &cases);
    }
    let files = [("--data", &args.data), ("--init", &args.init), ("--baseline", &args.baseline)];
    let inputs: Vec<(&str, &Path)> =
        files.into_iter().filter_map(|(n, p)| Some((n, p.as_deref()?))).collect();
    check_files(&inputs, &[("--save", args.save.as_ref())])?;
    if args.json && args.save.as_deref().is_some_and(output::is_stdout) {
        return Err(Failure::usage("--json and --save would both write to stdout: give a file name"));
    }
    let request = args.engine.request()?;
    if let Some(path) = &args.save {
        // A bad path fails here, before any time is spent; nothing is written yet.
        drop(OutputFile::create(path).map_err(Failure::output)?);
    }
    let baseline = args.baseline.as_deref().map(Report::read).transpose()?;

    let mut bench = Bench::new(Settings {
        engine: request,
        warmup: args.warmup,
        iters: args.iters,
        reg_covar: args.reg_covar,
        seed: args.seed,
        bounds_factor: args.bounds_factor,
    });
    let mut report = bench.report(std::env::args().collect(), commit::commit());
    let alone = cases.len() < 2;
    let mut first_error = None;
    let mut timed = |name: &str, outcome: Outcome<CaseReport>| -> Outcome {
        match outcome {
            Ok(case) => {
                if !args.json {
                    let first = report.cases.is_empty();
                    if first && !args.talk.quiet {
                        output::print(table::head(&report).as_bytes())?;
                    }
                    output::print(table::case(&case, first).as_bytes())?;
                }
                report.cases.push(case);
            }
            Err(failure) => {
                // The only one is told at the end.
                if !alone {
                    args.talk.note(format_args!("{name}: {}", failure.message()));
                }
                let error = failure.message().to_owned();
                report.errors.push(CaseError { name: name.to_owned(), error });
                first_error.get_or_insert(failure);
            }
        }
        args.save.as_deref().map_or(Ok(()), |path| save(path, &report))
    };
    if let (Some(data), Some(init)) = (&args.data, &args.init) {
        timed(&data.display().to_string(), given(&mut bench, data, init, args))?;
    }
    for case in cases {
        let name = case.name.clone();
        let outcome = Problem::generate(case, args.seed).and_then(|problem| bench.run(&problem));
        timed(&name, outcome.map_err(Failure::from))?;
    }

    let ratios = baseline.map(|baseline| report.ratios(&baseline));
    if args.json {
        let mut value = json!(report);
        if let Some(ratios) = &ratios {
            value["baseline"] = json!(ratios);
        }
        output::print_json(&value)?;
    } else if let Some(ratios) = &ratios {
        output::print(table::ratios(ratios).as_bytes())?;
    }
    if let Some(failure) = first_error {
        return Err(failure);
    }
    let wrong: Vec<String> =
        report.cases.iter().filter(|case| !case.check.within).map(table::wrong).collect();
    if wrong.is_empty() { Ok(()) } else { Err(Failure::failed(wrong.join("; "))) }
}

/// Times the user's table from the user's start.
fn given(bench: &mut Bench, data: &Path, init: &Path, args: &BenchArgs) -> Outcome<CaseReport> {
    let started = Instant::now();
    let start = Parameters::read_start(init, args.covariance).map_err(|e| Failure::about(init, e))?;
    let about = |e: Error| Failure::about(data, e);
    let options = ReadOptions { header: args.header, ..ReadOptions::default() };
    let table = data::open(data, &options).map_err(about)?;
    let seconds = started.elapsed().as_secs_f64();
    let problem =
        Problem::given(&data.display().to_string(), table.samples, start, seconds).map_err(about)?;
    bench.run(&problem).map_err(about)
}

fn save(path: &Path, report: &Report) -> Outcome {
    let mut file = OutputFile::create(path)?;
    serde_json::to_writer_pretty(&mut file, report).map_err(|e| Error::write(path, e.into()))?;
    file.write_all(b"\n").map_err(|e| Error::write(path, e))?;
    Ok(file.commit()?)
}

fn cases(args: &BenchArgs) -> Outcome<Vec<Case>> {
    if args.data.is_some() {
        return Ok(Vec::new());
    }
    let named = || Case::named(args.covariance);
    if args.case.is_empty() && args.list {
        return Ok(named());
    }
    let texts: Vec<&str> = if args.case.is_empty() {
        DEFAULT_CASES.to_vec()
    } else {
        args.case.iter().map(String::as_str).collect()
    };
    let mut cases = Vec::new();
    for text in texts {
        if text == "all" {
            cases.extend(named());
        } else {
            let case = Case::parse(text, args.covariance);
            cases.push(case.map_err(|e| Failure::usage(format!("--{e}")))?);
        }
    }
    Ok(cases)
}

/// The cases, without touching data or devices.
fn list(args: &BenchArgs, cases: &[Case]) -> Outcome {
    if args.json {
        return output::print_json(&json!({
            "schema": "wgmm.bench-cases/1",
            "version": env!("CARGO_PKG_VERSION"),
            "cases": cases,
        }));
    }
    output::print(table::list(cases).as_bytes())
}
