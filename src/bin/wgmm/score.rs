//! `wgmm score`: how probable a table is under a model.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use wgmm::internals::data::Table;
use wgmm::internals::infer;
use wgmm::internals::infer::agreement::Contingency;
use wgmm::internals::output::OutputFile;
use wgmm::{Engine, Error, GaussianMixture};

use crate::args::{check_files, parse};
use crate::exit::{Failure, Outcome};
use crate::input::{self, TableArgs};
use crate::output::{self, Align, align, is_stdout, short};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wgmm score model.json data.csv --per-sample log_likelihoods.csv
  wgmm score model.json data.csv --below 0.01
  wgmm score model.json data.csv --truth species.csv
Log-likelihoods are natural logarithms of densities in the units of the data. BIC, AIC and ICL: lower is better.")]
pub(crate) struct ScoreArgs {
    /// Model file that `wgmm fit` wrote
    model: PathBuf,
    /// Table, .csv or .npy
    data: PathBuf,
    /// Write the log-likelihood of every row (.csv or .npy)
    #[arg(long, value_name = "FILE", value_parser = parse::table_output())]
    per_sample: Option<PathBuf>,
    /// List the least likely rows, this share of all, with their places in the file
    #[arg(long, value_name = "QUANTILE", allow_hyphen_values = true, value_parser = parse::share)]
    below: Option<f64>,
    /// Compare the labels with true labels, one per row of DATA (.csv or .npy): adjusted Rand index, accuracy
    #[arg(long, value_name = "LABELS")]
    truth: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    table: TableArgs,
}

pub(crate) fn run(args: &ScoreArgs) -> Outcome {
    let request = args.table.begin()?;
    let mut inputs = vec![("MODEL", args.model.as_path()), ("DATA", args.data.as_path())];
    inputs.extend(args.truth.iter().map(|truth| ("--truth", truth.as_path())));
    check_files(&inputs, &[("--per-sample", args.per_sample.as_ref())])?;
    // The rows on stdout leave no room for the summary there.
    let rows_on_stdout = args.per_sample.as_deref().is_some_and(is_stdout);
    if rows_on_stdout && (args.json || args.below.is_some() || args.truth.is_some()) {
        return Err(Failure::usage(
            "--per-sample - fills stdout, where --json, --below and --truth write, too: give it a file name",
        ));
    }
    let per_sample =
        args.per_sample.as_deref().map(OutputFile::create).transpose().map_err(Failure::output)?;
    let model = input::model(&args.model)?;
    let table = args.table.read(&args.data, (&args.model, &model))?;
    let truth = input::truth(args.truth.as_deref(), &table)?;
    let mut engine = args.table.open(&table.samples, &model, &request)?;
    let found = Found::new(args, &model, &table, engine.as_mut(), truth.as_deref())
        .map_err(|e| Failure::about(&args.data, e))?;
    if let Some(file) = per_sample {
        file.write_vector(&found.log_likelihoods, "log_likelihood")?;
    }
    if args.json {
        return output::print_json(&found.json(args, &table, engine.as_ref()));
    }
    let wanted = args.below.is_some() || truth.is_some();
    if rows_on_stdout || args.table.talk.quiet && args.per_sample.is_some() && !wanted {
        return Ok(());
    }
    output::print(found.text(args, &table).as_bytes())
}

/// Everything that was asked for.
struct Found {
    total_weight: f64,
    log_likelihood: f64,
    bic: f64,
    aic: f64,
    icl: f64,
    /// Log-likelihood of every sample, if a file or list needs it; else empty.
    log_likelihoods: Vec<f64>,
    /// The least likely samples, least likely first.
    below: Option<Vec<usize>>,
    truth: Option<Truth>,
}

struct Truth {
    adjusted_rand_index: f64,
    accuracy: f64,
}

impl Found {
    fn new(
        args: &ScoreArgs,
        model: &GaussianMixture,
        table: &Table,
        engine: &mut dyn Engine,
        truth: Option<&[String]>,
    ) -> wgmm::Result<Self> {
        let (samples, parameters) = (&table.samples, &model.parameters);
        let log_likelihood = infer::log_likelihood(engine, parameters)?;
        let (mut log_likelihoods, mut labels) = (Vec::new(), Vec::new());
        let keep_all = args.per_sample.is_some() || args.below.is_some();
        let mut assignment = infer::AssignmentSum::default();
        infer::for_each_sample(engine, parameters, |sample| {
            assignment.add(&sample);
            if keep_all {
                log_likelihoods.push(sample.log_likelihood);
            }
            if truth.is_some() {
                labels.push(sample.label);
            }
        })?;
        let total_weight = samples.total_weight();
        let truth = truth.map(|truth| {
            let table = Contingency::new(truth, &labels)?;
            let adjusted_rand_index = table.adjusted_rand_index();
            Ok::<_, Error>(Truth { adjusted_rand_index, accuracy: table.matching_accuracy()? })
        });
        Ok(Found {
            total_weight,
            log_likelihood,
            bic: model.bic(log_likelihood, total_weight),
            aic: model.aic(log_likelihood),
            icl: model.icl(log_likelihood, total_weight, assignment.finish()?),
            below: args.below.map(|share| infer::least_likely(&log_likelihoods, share)),
            log_likelihoods,
            truth: truth.transpose()?,
        })
    }

    fn json(&self, args: &ScoreArgs, table: &Table, engine: &dyn Engine) -> Value {
        let mut object = json!({
            "schema": "wgmm.score/1",
            "version": env!("CARGO_PKG_VERSION"),
            "engine": engine.info(),
            "n_samples": table.samples.n_samples(),
            "total_weight": self.total_weight,
            "mean_log_likelihood": self.log_likelihood / self.total_weight,
            "log_likelihood": self.log_likelihood,
            "bic": self.bic,
            "aic": self.aic,
            "icl": self.icl,
        });
        if let (Some(rows), Some(quantile)) = (&self.below, args.below) {
            let place = input::place(&args.data, table);
            let row =
                |&n: &usize| json!({place: table.row_number(n), "log_likelihood": self.log_likelihoods[n]});
            object["below"] = json!({"quantile": quantile, "rows": rows.iter().map(row).collect::<Vec<_>>()});
        }
        if let Some(truth) = &self.truth {
            object["truth"] =
                json!({"adjusted_rand_index": truth.adjusted_rand_index, "accuracy": truth.accuracy});
        }
        object
    }

    fn text(&self, args: &ScoreArgs, table: &Table) -> String {
        let mut rows = vec![
            ("samples", table.samples.n_samples().to_string()),
            ("mean log-likelihood", format!("{:.6}", self.log_likelihood / self.total_weight)),
            ("log-likelihood", short(self.log_likelihood)),
            ("BIC", short(self.bic)),
            ("AIC", short(self.aic)),
            ("ICL", short(self.icl)),
        ];
        if let Some(truth) = &self.truth {
            rows.push(("adjusted Rand index", format!("{:.6}", truth.adjusted_rand_index)));
            rows.push(("accuracy, best matching", format!("{:.6}", truth.accuracy)));
        }
        let rows: Vec<Vec<String>> =
            rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
        let mut text = align(&rows, Align::Left) + "\n";
        if let Some(least) = &self.below {
            let mut rows =
                vec![[input::place(&args.data, table), "log-likelihood"].map(str::to_owned).to_vec()];
            rows.extend(
                least.iter().map(|&n| {
                    vec![table.row_number(n).to_string(), format!("{:.6}", self.log_likelihoods[n])]
                }),
            );
            text += &format!(
                "\nleast likely {}:\n{}\n",
                input::count(least.len(), "row"),
                align(&rows, Align::Right)
            );
        }
        text
    }
}
