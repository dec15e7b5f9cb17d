//! Checkpoints of `wgmm fit`: what is written, and what a fit goes on from.

use std::path::PathBuf;

use clap::Args;
use wgmm::internals::fit::checkpoint::{Checkpoint, Interval, Writer};

use crate::args::parse;
use crate::exit::{Failure, Outcome};

/// What survives the end of the program.
#[derive(Debug, Args)]
#[command(next_help_heading = "Checkpoints")]
pub(crate) struct CheckpointArgs {
    /// Keep the state of the fit in this file; --resume goes on from it, whatever ended the program
    #[arg(long, value_name = "FILE")]
    pub(super) checkpoint: Option<PathBuf>,
    /// How often: a number of iterations (5) or a time (30s, 5m, 1h)
    #[arg(long, value_name = "N|TIME", default_value = "60s", requires = "checkpoint", allow_hyphen_values = true, value_parser = parse::interval)]
    checkpoint_every: Interval,
    /// Go on from this checkpoint to the same model, bit for bit. Data and options must be the same; the file may be
    /// that of --checkpoint
    #[arg(long, value_name = "FILE")]
    pub(super) resume: Option<PathBuf>,
}

/// The files, opened and read before the data.
pub(super) struct Checkpoints {
    writer: Option<Writer>,
    resume: Option<Checkpoint>,
}

impl Checkpoints {
    pub(super) fn prepare(args: &CheckpointArgs) -> Outcome<Self> {
        let every = args.checkpoint_every;
        let writer = args.checkpoint.as_deref().map(|path| Writer::create(path, every));
        Ok(Checkpoints {
            writer: writer.transpose().map_err(Failure::output)?,
            resume: args.resume.as_deref().map(Checkpoint::read).transpose()?,
        })
    }

    /// What keeps the state of the fit, and what it begins with.
    pub(super) fn into_parts(self) -> (Option<Writer>, Option<Checkpoint>) {
        (self.writer, self.resume)
    }
}
