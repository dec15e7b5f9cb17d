//! Checkpoints of `wgmm fit`: what is written, and what a fit goes on from.

use std::path::PathBuf;

use clap::Args;
use wgmm::Samples;
use wgmm::internals::fit::checkpoint::{Checkpoint, Identity, Interval, Writer};
use wgmm::internals::fit::em::{FitState, Step};
use wgmm::internals::fit::options::CheckedOptions;
use wgmm::internals::report::EngineInfo;

use crate::args::parse;
use crate::exit::{Failure, Outcome};

/// What survives the end of the program.
#[derive(Debug, Args)]
#[command(next_help_heading = "Checkpoints")]
pub(crate) struct CheckpointArgs {
    /// Keep the state of the fit in this file, to go on with --resume after whatever ended the program
    #[arg(long, value_name = "FILE")]
    pub(super) checkpoint: Option<PathBuf>,
    /// When: after so many iterations (5), or after so much time (30s, 5m, 1h)
    #[arg(long, value_name = "N|TIME", default_value = "60s", requires = "checkpoint", allow_hyphen_values = true, value_parser = parse::interval)]
    checkpoint_every: Interval,
    /// Go on from this checkpoint to the same model, bit for bit: same data, same options; may be the file of
    /// --checkpoint
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

    /// What the fit begins with, and what keeps its state.
    pub(super) fn begin(
        self,
        samples: &Samples<'_>,
        options: &CheckedOptions,
        engine: &EngineInfo,
        switches: bool,
    ) -> Outcome<(FitState, Option<Keeper>)> {
        if self.writer.is_none() && self.resume.is_none() {
            return Ok(Default::default());
        }
        let mut identity = Identity::new(samples, options, engine);
        if switches && engine.precision == "f32" {
            identity = identity.switching();
        }
        let state = match self.resume {
            Some(checkpoint) => {
                if let Some(other) = checkpoint.other_device(&identity) {
                    tracing::warn!(
                        "the checkpoint was written on another device ({other}), which may round otherwise: the last bits of the model may differ"
                    );
                }
                checkpoint.state_of(&identity)?
            }
            None => FitState::default(),
        };
        Ok((state, self.writer.map(|writer| Keeper { writer, identity, failing: false })))
    }
}

/// Writes the checkpoints of a fit.
pub(super) struct Keeper {
    writer: Writer,
    identity: Identity,
    /// Whether the last attempt failed, which is told once.
    failing: bool,
}

impl Keeper {
    /// Writes a checkpoint if it is time to. A fit does not end because its checkpoint cannot be written.
    pub(super) fn on_step(&mut self, step: &Step<'_>, last: bool) {
        // Another engine may have taken over from one that failed.
        self.identity.set_engine(&step.engine());
        match self.writer.on_step(&self.identity, step, last) {
            Ok(written) => self.failing &= !written,
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!("no checkpoint was written after iteration {}: {error}", step.iteration);
                }
            }
        }
    }
}
