//! Reading what commands share: models, and tables whose columns fit a model.

use std::path::Path;

use wgmm::GaussianMixture;
use wgmm::internals::data::{self, Missing, Table};
use wgmm::internals::output::is_npy;

use crate::args::{DataArgs, TalkArgs, parse};
use crate::exit::{Failure, Outcome, shown};

/// Rows named in a message before it says "and more".
const NAMED_ROWS: usize = 10;

/// Reads a model file, JSON or NPZ; `-` is standard input.
pub(crate) fn model(path: &Path) -> Outcome<GaussianMixture> {
    Ok(GaussianMixture::read(path)?)
}

/// Reads a table for a fit.
pub(crate) fn table(path: &Path, args: &DataArgs, talk: &TalkArgs) -> Outcome<Table> {
    let table = data::open(path, &args.read_options()).map_err(|e| Failure::about(path, e))?;
    describe(path, &table, args, talk);
    Ok(table)
}

/// Reads the true labels of `table`'s rows, where a file of them was given.
pub(crate) fn truth(path: Option<&Path>, table: &Table) -> Outcome<Option<Vec<String>>> {
    path.map(|path| data::open_labels_of(path, table).map_err(|e| Failure::about(path, e))).transpose()
}

/// Reads a table for `model`. Where the header has every feature of the model by name, these columns
/// are taken, so that ids and labels beside them do no harm.
pub(crate) fn table_for(
    path: &Path,
    (model_path, model): (&Path, &GaussianMixture),
    args: &DataArgs,
    talk: &TalkArgs,
) -> Outcome<Table> {
    let mut options = args.read_options();
    options.prefer_columns = model.feature_names.clone().unwrap_or_default();
    let table = data::open(path, &options).map_err(|e| Failure::about(path, e))?;
    describe(path, &table, args, talk);
    let (expected, found) = (model.parameters.n_features(), table.samples.n_features());
    let names = |names: Option<&[String]>| match names {
        Some(names) => format!(" ({})", parse::list(names, 12)),
        None => String::new(),
    };
    let model_names = model.feature_names.as_deref();
    if expected != found {
        return Err(Failure::input(format!(
            "{}: the model {} has {expected} features{}, but the data has {found}{}. Choose the model's columns with --columns or --drop-columns",
            shown(path),
            shown(model_path),
            names(model_names),
            names(table.samples.feature_names())
        )));
    }
    if let (Some(wanted), Some(given)) = (model_names, table.samples.feature_names())
        && wanted != given
    {
        tracing::warn!(
            "{}: the columns{} are not named as the model's{}; they are taken in this order",
            shown(path),
            names(Some(given)),
            names(Some(wanted))
        );
    }
    Ok(table)
}

fn describe(path: &Path, table: &Table, args: &DataArgs, talk: &TalkArgs) {
    let samples = &table.samples;
    tracing::info!("{}: {} samples, {} features", shown(path), samples.n_samples(), samples.n_features());
    let dropped = &table.dropped_rows;
    if args.missing == Missing::Drop && !dropped.is_empty() {
        let place = place(path, table);
        talk.note(format_args!(
            "{}: {} left out for missing values: {place} {}",
            shown(path),
            count(dropped.len(), "row"),
            parse::list(dropped, NAMED_ROWS)
        ));
    }
}

/// What [`Table::row_number`] counts.
pub(crate) fn place(path: &Path, table: &Table) -> &'static str {
    if table.has_header || !is_npy(path) { "line" } else { "row" }
}

/// `1 row`, `2 rows`.
pub(crate) fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
