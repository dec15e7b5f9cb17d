//! `wgmm predict`: labels or membership probabilities.

use std::path::{Path, PathBuf};

use clap::Args;
use wgmm::internals::data::Table;
use wgmm::internals::data::copy_with_column;
use wgmm::internals::infer;
use wgmm::internals::output::{MatrixWriter, OutputFile};
use wgmm::{Engine, GaussianMixture};

use crate::args::{check_files, parse};
use crate::exit::{Failure, Outcome};
use crate::input::{self, TableArgs};
use crate::output::is_stdout;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wgmm predict model.json data.csv -o labels.csv
  wgmm predict model.json data.csv --append -o labelled.csv
  wgmm predict model.json data.csv --proba -o responsibilities.npy")]
pub(crate) struct PredictArgs {
    /// Model file that `wgmm fit` wrote
    model: PathBuf,
    /// Table, .csv or .npy
    data: PathBuf,
    /// Where to write (.csv or .npy); stdout as CSV if not given
    #[arg(long, short, value_name = "FILE", value_parser = parse::table_output())]
    output: Option<PathBuf>,
    /// Write the probability of every component instead of the label
    #[arg(long, conflicts_with = "append")]
    proba: bool,
    /// Write the whole table with the label as one more column
    #[arg(long)]
    append: bool,
    #[command(flatten)]
    table: TableArgs,
}

pub(crate) fn run(args: &PredictArgs) -> Outcome {
    let request = args.table.begin()?;
    check_files(
        &[("MODEL", args.model.as_path()), ("DATA", args.data.as_path())],
        &[("--output", args.output.as_ref())],
    )?;
    if args.append && args.data == Path::new("-") {
        return Err(Failure::usage(
            "--append copies the table, which standard input cannot give twice: give DATA as a file",
        ));
    }
    let path = args.output.as_deref().unwrap_or(Path::new("-"));
    let out = OutputFile::create(path).map_err(Failure::output)?;
    let model = input::model(&args.model)?;
    let table = args.table.read(&args.data, (&args.model, &model))?;
    let mut engine = args.table.open(&table.samples, &model, &request)?;
    let about = |e| Failure::about(&args.data, e);
    if args.proba {
        write_responsibilities(out, engine.as_mut(), &model).map_err(about)?;
    } else {
        let labels = infer::predict(engine.as_mut(), &model.parameters).map_err(about)?;
        if args.append {
            append(args, path, out, &table, &labels)?;
        } else {
            out.write_labels(&labels)?;
        }
    }
    if !is_stdout(path) {
        let rows = input::count(table.samples.n_samples(), "row");
        args.table.talk.note(format_args!("{rows} written to {}", path.display()));
    }
    Ok(())
}

fn append(args: &PredictArgs, path: &Path, out: OutputFile, table: &Table, labels: &[u32]) -> Outcome {
    // `out` has shown that the file can be written; the copy makes its own.
    drop(out);
    Ok(copy_with_column(&args.data, path, table, "label", labels)?)
}

/// Streams r, `[N, K]`, so that it never lies in memory as a whole.
fn write_responsibilities(
    out: OutputFile,
    engine: &mut dyn Engine,
    model: &GaussianMixture,
) -> wgmm::Result<()> {
    let k = model.parameters.n_components();
    let header: Vec<String> = (0..k).map(|component| format!("component_{component}")).collect();
    let mut writer = MatrixWriter::new(out, engine.data().facts().n_samples, k, Some(&header))?;
    for rows in infer::chunks(engine.data().rows()) {
        writer.push(&infer::responsibilities(engine, &model.parameters, rows)?)?;
    }
    writer.finish()
}
