//! `wgmm marginal` and `wgmm conditional`: models of fewer features.

use std::path::{Path, PathBuf};

use clap::Args;
use wgmm::GaussianMixture;
use wgmm::internals::output::OutputFile;

use crate::args::{FormatArg, TalkArgs, check_files, parse};
use crate::exit::{Failure, Outcome};
use crate::output::is_stdout;
use crate::{input, talk};

#[derive(Debug, Args)]
#[command(
    after_help = "Example: wgmm marginal model.json --features petal_length,petal_width -o petals.json"
)]
pub(crate) struct MarginalArgs {
    /// Model file
    model: PathBuf,
    /// The features to keep, in this order, by name or number from 1
    #[arg(long, value_name = "A,B", value_parser = parse::columns)]
    features: parse::Columns,
    #[command(flatten)]
    saving: Saving,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example: wgmm conditional model.json --given sepal_length=5.1,2=3.5 -o rest.json
The new weights are the probabilities of the components, given these values.")]
pub(crate) struct ConditionalArgs {
    /// Model file
    model: PathBuf,
    /// The known features with their values, by name or number from 1
    #[arg(long, value_name = "A=1.5,B=2", allow_hyphen_values = true, value_parser = parse::given)]
    given: parse::Given,
    #[command(flatten)]
    saving: Saving,
}

#[derive(Debug, Args)]
struct Saving {
    /// Where to write the model; stdout if not given
    #[arg(long, short, value_name = "MODEL.json|.npz")]
    output: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArg,
    #[command(flatten)]
    talk: TalkArgs,
}

pub(crate) fn marginal(args: &MarginalArgs) -> Outcome {
    derive(&args.model, &args.saving, |model| {
        let names = &args.features.0;
        let features: Vec<usize> =
            names.iter().map(|name| input::feature(&args.model, model, name)).collect::<Outcome<_>>()?;
        let asked: Vec<(&str, usize)> = names.iter().map(String::as_str).zip(features.clone()).collect();
        once("--features", &asked)?;
        Ok(model.marginal(&features)?)
    })
}

pub(crate) fn conditional(args: &ConditionalArgs) -> Outcome {
    derive(&args.model, &args.saving, |model| {
        let known = args.given.0.iter();
        let known: Vec<(usize, f64)> = known
            .map(|(name, value)| Ok((input::feature(&args.model, model, name)?, *value)))
            .collect::<Outcome<_>>()?;
        let names = args.given.0.iter().map(|(name, _)| name.as_str());
        once("--given", &names.zip(known.iter().map(|(index, _)| *index)).collect::<Vec<_>>())?;
        Ok(model.conditional(&known)?)
    })
}

/// Reads a model, changes it and writes it.
fn derive(
    path: &Path,
    saving: &Saving,
    change: impl FnOnce(&GaussianMixture) -> Outcome<GaussianMixture>,
) -> Outcome {
    talk::listen(saving.talk.quiet, saving.talk.verbose);
    let output = saving.output.clone().unwrap_or_else(|| "-".into());
    check_files(&[("MODEL", path)], &[("--output", Some(&output))])?;
    let file = OutputFile::create(&output).map_err(Failure::output)?;
    let model = change(&input::model(path)?)?;
    saving.format.write(&model, file)?;
    if !is_stdout(&output) {
        let features = input::count(model.parameters.n_features(), "feature");
        saving.talk.note(format_args!("a mixture of {features} written to {}", output.display()));
    }
    Ok(())
}

/// Refuses features that were asked for twice, perhaps once by name and once by number.
fn once(flag: &str, asked: &[(&str, usize)]) -> Outcome {
    for (i, (name, index)) in asked.iter().enumerate() {
        if let Some((other, _)) = asked[..i].iter().find(|(_, earlier)| earlier == index) {
            return Err(Failure::input(format!(
                "{flag}: {other:?} and {name:?} are the same feature: name every feature once"
            )));
        }
    }
    Ok(())
}
