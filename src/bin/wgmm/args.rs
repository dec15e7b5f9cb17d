//! The groups of options that subcommands share.

mod fit_flags;
pub(crate) mod parse;
mod verify;

use std::path::{Path, PathBuf};

use clap::Args;
use wgmm::internals::data::{Header, Missing, ReadOptions};
use wgmm::internals::engine::choose::{EngineKind, EngineRequest, Fallback};

use crate::exit::{Failure, Outcome};
use crate::output::is_stdout;
use crate::progress::When;
use crate::talk::say;
use crate::words;

pub(crate) use fit_flags::{FitFlags, FormatArg};
pub(crate) use verify::VerifyArgs;

/// Which columns and rows of a table are used.
#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub(crate) struct DataArgs {
    /// Feature columns, by name or number from 1; all if not given
    #[arg(long, value_name = "A,B,C", value_parser = parse::columns)]
    pub(crate) columns: Option<parse::Columns>,
    /// Columns that are not features, by name or number from 1
    #[arg(long, value_name = "ID,...", value_parser = parse::columns)]
    pub(crate) drop_columns: Option<parse::Columns>,
    /// Weight of every row: a column, or a file (.npy, or CSV of one column)
    #[arg(long, value_name = "COLUMN|FILE", value_parser = parse::not_empty)]
    pub(crate) weights: Option<String>,
    /// What to do with rows that have missing cells (empty, NA, NaN, ...)
    #[arg(long, default_value = "error", value_name = "WHAT", value_parser = parse::named::<Missing>())]
    pub(crate) missing: Missing,
    /// Whether the first row of a CSV holds the names of its columns; detect: it does if it has names and no number
    #[arg(long, default_value = "detect", value_name = "WHAT", value_parser = parse::named::<Header>())]
    pub(crate) header: Header,
}

impl DataArgs {
    pub(crate) fn read_options(&self) -> ReadOptions {
        let names = |columns: &Option<parse::Columns>| columns.clone().unwrap_or_default().0;
        ReadOptions {
            columns: names(&self.columns),
            drop_columns: names(&self.drop_columns),
            weights: self.weights.clone(),
            missing: self.missing,
            header: self.header,
            ..ReadOptions::default()
        }
    }
}

/// What computes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Engine")]
pub(crate) struct EngineArgs {
    /// What computes: auto takes a graphics card if the problem gains from one, else all cores
    #[arg(long, default_value = "auto", value_name = "KIND", value_parser = parse::named::<EngineKind>())]
    engine: EngineKind,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
    /// What happens if the graphics card fails: cpu goes on there, none ends with the error (and fit saves what it
    /// has); if not given, cpu with --engine auto and none with --engine gpu. With --engine auto, cpu also takes over
    /// when f32 leaves fewer than three digits of a component
    #[arg(long, value_name = "WHAT", value_parser = parse::named::<Fallback>())]
    fallback: Option<Fallback>,
    /// For tests: the graphics device is gone after so many submissions
    #[cfg(feature = "gpu")]
    #[arg(long, hide = true, value_name = "N")]
    lose_device: Option<u32>,
}

/// On which device the engines compute, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Engine")]
pub(crate) struct DeviceArgs {
    /// Graphics adapter: an index of `wgmm devices`, or a part of the name
    #[arg(long, value_name = "INDEX|NAME", value_parser = parse::not_empty)]
    adapter: Option<String>,
    /// Threads of the cpu engine; all cores if not given
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = parse::whole::<usize>(1..=4096))]
    pub(crate) threads: Option<usize>,
    /// Most rows in one buffer of the graphics card; what fits if not given
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = parse::whole::<usize>(1..=1 << 40))]
    chunk_rows: Option<usize>,
    /// Kernel of the graphics card, e.g. fused, log_density_full or log_density_full_tiled; the best if not given
    #[arg(long, value_name = "NAME", value_parser = parse::not_empty)]
    kernel: Option<String>,
    /// Write the shaders that the graphics card runs into this folder
    #[arg(long, value_name = "FOLDER")]
    dump_shaders: Option<PathBuf>,
}

impl EngineArgs {
    /// The request for the library.
    ///
    /// # Errors
    /// Exit 2 for an option that the engine asked for cannot follow.
    pub(crate) fn request(&self) -> Outcome<EngineRequest> {
        let request = EngineRequest {
            fallback: self.fallback,
            #[cfg(feature = "gpu")]
            faults: self
                .lose_device
                .map(wgmm::internals::engine::gpu::Fault::Destroyed)
                .map_or_else(Default::default, wgmm::internals::engine::gpu::Faults::plant),
            ..self.device.request(self.engine)
        };
        match (request.kind, request.card_only_option()) {
            (EngineKind::Cpu | EngineKind::Reference, Some(option)) => Err(Failure::usage(format!(
                "{} is about a graphics adapter, but --engine {} uses none: leave one of them out",
                words::flag(option),
                request.kind
            ))),
            _ => Ok(request),
        }
    }
}

impl DeviceArgs {
    /// A request for an engine of this `kind`.
    pub(crate) fn request(&self, kind: EngineKind) -> EngineRequest {
        if let Some(threads) = self.threads {
            // The host's own steps follow the limit, too. The pool can be set once only, which is here.
            let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        }
        EngineRequest {
            kind,
            adapter: self.adapter.clone(),
            threads: self.threads,
            chunk_rows: self.chunk_rows,
            kernel: self.kernel.clone(),
            dump_shaders: self.dump_shaders.clone(),
            ..EngineRequest::default()
        }
    }
}

/// How much is said.
#[derive(Debug, Args)]
#[command(next_help_heading = "Messages")]
pub(crate) struct TalkArgs {
    /// Say nothing but warnings and errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Say more; twice for details
    #[arg(long, short, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

impl TalkArgs {
    /// A line on stderr that is neither warning nor error.
    pub(crate) fn note(&self, line: impl std::fmt::Display) {
        if !self.quiet {
            say(line);
        }
    }
}

/// When a progress bar is shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "Messages")]
pub(crate) struct ProgressArgs {
    /// Show progress on stderr; auto: on a terminal only
    #[arg(long, default_value = "auto", value_name = "WHEN", value_parser = parse::named::<When>())]
    pub(crate) progress: When,
}

/// Refuses outputs that would overwrite an input or each other, or share stdout.
///
/// # Errors
/// Exit 2, naming both.
pub(crate) fn check_files(inputs: &[(&str, &Path)], outputs: &[(&str, Option<&PathBuf>)]) -> Outcome {
    use wgmm::internals::output::same_file;

    let stdin: Vec<&str> = inputs.iter().filter(|(_, p)| *p == Path::new("-")).map(|(n, _)| *n).collect();
    if let [first, second, ..] = stdin[..] {
        return Err(Failure::usage(format!("{first} and {second} cannot both be standard input (`-`)")));
    }
    let outputs: Vec<(&str, &PathBuf)> = outputs.iter().filter_map(|(n, p)| Some((*n, (*p)?))).collect();
    for (i, (name, path)) in outputs.iter().enumerate() {
        if path.as_os_str().is_empty() {
            return Err(Failure::usage(format!("{name} needs a file name")));
        }
        if let Some((input, _)) = inputs.iter().find(|(_, input)| same_file(path, input)) {
            let path = path.display();
            return Err(Failure::usage(format!(
                "{name} {path} is the same file as {input}, which would be overwritten: give another name"
            )));
        }
        for (other, other_path) in &outputs[..i] {
            let both_stdout = is_stdout(path) && is_stdout(other_path);
            let same_name = std::path::absolute(path).ok() == std::path::absolute(other_path).ok();
            if both_stdout || same_name || same_file(path, other_path) {
                let path = path.display();
                return Err(Failure::usage(format!(
                    "{other} and {name} would both be written to {path}: give them different names"
                )));
            }
        }
    }
    Ok(())
}
