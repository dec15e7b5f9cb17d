//! The files that `wgmm fit` writes.

use std::io::Write;
use std::path::{Path, PathBuf};

use wgmm::internals::infer;
use wgmm::internals::output::OutputFile;
use wgmm::{Engine, Error, GaussianMixture};

use super::args::FitArgs;
use super::report::{self, TraceRow};
use crate::args::check_files;
use crate::exit::{Failure, Outcome};
use crate::output::is_stdout;

/// The checks of file names that need no data.
pub(super) fn check(args: &FitArgs) -> Outcome {
    let mut inputs = vec![("DATA", args.data.as_path())];
    inputs.extend(args.columns.weights.iter().map(|weights| ("--weights", Path::new(weights))));
    let outputs = [
        ("--output", args.output.as_ref()),
        ("--labels", args.labels.as_ref()),
        ("--trace", args.trace.as_ref()),
        ("--animate", args.pictures.animate.as_ref()),
    ];
    let checkpoint = args.checkpoints.checkpoint.as_ref();
    let previous = checkpoint.map(|path| wgmm::internals::fit::checkpoint::previous(path));
    // Not with each other: a run that ended at the wrong moment leaves both as one file.
    for kept in [("--checkpoint", checkpoint), ("the checkpoint before it", previous.as_ref())] {
        check_files(&inputs, &[&outputs[..], &[kept]].concat())?;
    }
    // Only the next checkpoint may take the place of the one that the fit goes on from.
    let resume = args.checkpoints.resume.iter().map(|path| ("--resume", path.as_path()));
    check_files(&resume.collect::<Vec<_>>(), &outputs)?;
    if checkpoint.is_some_and(|path| is_stdout(path)) {
        return Err(Failure::usage("--checkpoint needs a file: standard output cannot be resumed from"));
    }
    if args.json && args.results_on_stdout() {
        return Err(Failure::usage(
            "--json prints its object to stdout, where a file was asked for, too: give that file a name",
        ));
    }
    Ok(())
}

/// Every output, opened before the data are read, so that a long fit is never lost to a bad path.
pub(super) struct Files {
    model: Option<OutputFile>,
    labels: Option<OutputFile>,
    trace: Option<OutputFile>,
}

impl Files {
    pub(super) fn prepare(args: &FitArgs) -> Outcome<Self> {
        let open = |path: &Option<PathBuf>| {
            path.as_deref().map(OutputFile::create).transpose().map_err(Failure::output)
        };
        Ok(Files { model: open(&args.output)?, labels: open(&args.labels)?, trace: open(&args.trace)? })
    }

    /// The model comes first: it is what must not be lost.
    pub(super) fn write(
        self,
        args: &FitArgs,
        model: &GaussianMixture,
        engine: &mut dyn Engine,
        trace: &[TraceRow],
    ) -> Outcome {
        if let Some(file) = self.model {
            args.format.write(model, file)?;
        }
        if let Some(mut file) = self.trace {
            let path = file.path().to_owned();
            let text =
                report::trace(trace, path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jsonl")));
            file.write_all(text.as_bytes()).map_err(|e| Error::write(path, e))?;
            file.commit()?;
        }
        if let Some(file) = self.labels {
            let labels = infer::predict(engine, &model.parameters);
            file.write_labels(&labels.map_err(|e| Failure::about(&args.data, e))?)?;
        }
        Ok(())
    }
}
