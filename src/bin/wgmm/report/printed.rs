//! Reads what other commands printed with `--json` about the model of the page. Output about another model is refused.

mod comparison;
mod object;
mod timings;

use std::path::Path;

use wgmm::internals::plot::Section;
use wgmm::{GaussianMixture, Samples};

use crate::exit::Outcome;

/// The sections that the files of `--fit` and `--compare` give to a page about `model` and the `samples` of `data`. A
/// model that tells nothing of its fit takes it from the first.
///
/// # Errors
/// Exit 3 for files of another kind, about another model, or over other data.
pub(super) fn sections(
    (fit, compare): (Option<&Path>, Option<&Path>),
    (model_path, model): (&Path, &mut GaussianMixture),
    (data, samples): (&Path, &Samples<'_>),
) -> Outcome<Vec<Section>> {
    let timings = fit.map(|path| timings::section(path, (model_path, model))).transpose()?;
    let compared = |path| comparison::section(path, (model_path, model), (data, samples));
    Ok(timings.into_iter().chain(compare.map(compared).transpose()?).collect())
}
