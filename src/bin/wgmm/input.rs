//! Readers that commands share: models, and tables whose columns fit a model.

use std::path::Path;

use clap::Args;
use wgmm::internals::data::{self, Missing, Table};
use wgmm::internals::engine::choose::{EngineRequest, open_engine};
use wgmm::internals::output::is_npy;
use wgmm::{Engine, GaussianMixture, Samples};

use crate::args::{DataArgs, EngineArgs, TalkArgs, parse};
use crate::exit::{Failure, Outcome, shown};
use crate::talk;

/// Rows named in a message before it says "and more".
const NAMED_ROWS: usize = 10;

/// How a command that applies a model to a table reads the table and computes.
#[derive(Debug, Args)]
pub(crate) struct TableArgs {
    #[command(flatten)]
    pub(crate) columns: DataArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

impl TableArgs {
    /// Shows warnings and messages from here on; the request for an engine.
    ///
    /// # Errors
    /// As [`EngineArgs::request`].
    pub(crate) fn begin(&self) -> Outcome<EngineRequest> {
        talk::listen(self.talk.quiet, self.talk.verbose);
        self.engine.request()
    }

    /// [`table_for`] the model.
    pub(crate) fn read(&self, path: &Path, model: (&Path, &GaussianMixture)) -> Outcome<Table> {
        table_for(path, model, &self.columns, &self.talk)
    }

    /// Opens the engine that was asked for, and says which it is.
    pub(crate) fn open<'s>(
        &self,
        samples: &'s Samples<'s>,
        model: &GaussianMixture,
        request: &EngineRequest,
    ) -> Outcome<Box<dyn Engine + 's>> {
        let (engine, line) = open_engine(samples, model.parameters.n_components(), request)?;
        self.talk.note(line);
        Ok(engine)
    }
}

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

/// Reads the true labels of `table`'s rows, if a file of them was given.
pub(crate) fn truth(path: Option<&Path>, table: &Table) -> Outcome<Option<Vec<String>>> {
    path.map(|path| data::open_labels_of(path, table).map_err(|e| Failure::about(path, e))).transpose()
}

/// Reads a table for `model`. If the header has every feature of the model by name, these columns are taken, so
/// that ids and labels beside them do no harm.
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

/// The index of a feature given by name or, where no name matches, by number from 1.
pub(crate) fn feature(path: &Path, model: &GaussianMixture, name: &str) -> Outcome<usize> {
    let names = model.feature_names.as_deref().unwrap_or_default();
    if let Some(index) = names.iter().position(|known| known == name) {
        return Ok(index);
    }
    let d = model.parameters.n_features();
    let number = name.parse::<usize>().ok().filter(|n| (1..=d).contains(n));
    number.map(|n| n - 1).ok_or_else(|| {
        let known = if names.is_empty() { "no names".into() } else { parse::list(names, 12) };
        Failure::input(format!(
            "{}: there is no feature {name:?}. The model has features 1 to {d}: {known}",
            shown(path)
        ))
    })
}

/// The samples with the model's feature names where they have none of their own.
pub(crate) fn named(samples: Samples<'static>, model: &GaussianMixture) -> Outcome<Samples<'static>> {
    match (&model.feature_names, samples.feature_names()) {
        (Some(names), None) => Ok(samples.with_feature_names(names.clone())?),
        _ => Ok(samples),
    }
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
