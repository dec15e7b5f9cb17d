//! Pictures of a fit while it runs: one file per iteration, or one animation.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use wgmm::internals::fit::em::Step;
use wgmm::internals::output::OutputFile;
use wgmm::internals::plot::{self, Animation, Figure, PlotOptions};
use wgmm::{Engine, Error, GaussianMixture, Samples};

use crate::args::parse;
use crate::exit::{Failure, Outcome};
use crate::output::write_bytes;

#[derive(Debug, Args)]
#[command(next_help_heading = "Pictures")]
pub(crate) struct PictureArgs {
    /// Draw every iteration into this folder, as iteration_0001.png, ..., and final.png
    #[arg(long, value_name = "DIR")]
    snapshots: Option<PathBuf>,
    /// Draw every iteration as a frame of one animation
    #[arg(long, value_name = "FILE.gif", value_parser = parse::gif_output())]
    pub(crate) animate: Option<PathBuf>,
}

/// Most features in a picture: the ones that separate the components best.
const SHOWN: usize = 4;

/// Draws the steps of a fit.
pub(super) struct Pictures {
    folder: Option<PathBuf>,
    animation: Option<Animation<OutputFile>>,
    n_init: usize,
    /// The same in every picture.
    features: Vec<usize>,
    /// What went wrong first. A picture that cannot be drawn ends the pictures, not the fit.
    failed: Option<Error>,
}

impl Pictures {
    /// Makes the folder and opens the file, before any data are read.
    pub(super) fn prepare(args: &PictureArgs, n_init: usize) -> Outcome<Self> {
        let folder = args.snapshots.clone();
        if let Some(folder) = &folder {
            prepare_folder(folder)?;
        }
        let animation =
            args.animate.as_deref().map(OutputFile::create).transpose().map_err(Failure::output)?;
        let animation = animation.map(Animation::new);
        Ok(Pictures { folder, animation, n_init, features: Vec::new(), failed: None })
    }

    fn wanted(&self) -> bool {
        self.failed.is_none() && (self.folder.is_some() || self.animation.is_some())
    }

    /// Draws one step: the parameters that its E-step used.
    pub(super) fn step(&mut self, step: &mut Step<'_>, samples: &Samples<'_>) {
        if !self.wanted() {
            return;
        }
        if self.features.is_empty() {
            self.features = plot::most_separating(step.new_parameters, SHOWN);
        }
        let options = PlotOptions { features: self.features.clone(), ..PlotOptions::default() };
        let iteration = format!("iteration_{:04}.png", step.iteration);
        let name = match self.n_init {
            1 => iteration,
            _ => format!("restart_{:03}_{iteration}", step.restart + 1),
        };
        let kept = plot::step(step, samples, &options).and_then(|figure| self.keep(&figure, &name));
        self.failed = kept.err();
    }

    /// Draws the model and puts the animation in place.
    pub(super) fn finish(
        mut self,
        engine: &mut dyn Engine,
        samples: &Samples<'_>,
        model: &GaussianMixture,
    ) -> Outcome {
        if self.wanted() {
            let parameters = &model.parameters;
            let title = model
                .report
                .as_ref()
                .map(|report| format!("{} after {} iterations", report.stop_reason.name(), report.n_iter));
            let options = PlotOptions { features: self.features.clone(), title, ..PlotOptions::default() };
            let figure = plot::mixture(engine, samples, parameters, &options)?;
            self.keep(&figure, "final.png")?;
        }
        match (self.failed, self.animation) {
            (Some(error), _) => Err(error.into()),
            (None, Some(animation)) => Ok(animation.finish()?.commit()?),
            (None, None) => Ok(()),
        }
    }

    fn keep(&mut self, figure: &Figure, name: &str) -> wgmm::Result<()> {
        if let Some(folder) = &self.folder {
            write_bytes(&figure.to_png()?, OutputFile::create(&folder.join(name))?)?;
        }
        self.animation.as_mut().map_or(Ok(()), |animation| animation.add(figure))
    }
}

/// A folder that takes files and holds no pictures of another fit, which would mix with these.
fn prepare_folder(folder: &Path) -> Outcome {
    let refuse = |source: io::Error, hint| {
        Failure::output(Error::Io { path: folder.into(), action: "create", source, hint })
    };
    fs::create_dir_all(folder).map_err(|e| refuse(e, "Give --snapshots a folder that can be made"))?;
    // Shows that the folder takes files; nothing is left.
    drop(OutputFile::create(&folder.join("final.png")).map_err(Failure::output)?);
    let entries =
        fs::read_dir(folder).map_err(|e| refuse(e, "Give --snapshots a folder that can be read"))?;
    let is_picture =
        |name: &str| name.ends_with(".png") && (name.contains("iteration_") || name == "final.png");
    if entries.flatten().any(|entry| entry.file_name().to_str().is_some_and(is_picture)) {
        return Err(Failure::usage(format!(
            "--snapshots {}: the folder holds pictures of an earlier fit, which would mix with the new ones: give another folder or empty it",
            folder.display()
        )));
    }
    Ok(())
}
