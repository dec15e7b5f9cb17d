//! Samples whose most probable component differs between two mixtures, and how close the decision was.

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::infer::{argmax, chunks};
use crate::mixture::Parameters;

/// How the labels of two mixtures differ.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct LabelChanges {
    /// Samples whose label differs.
    pub differing: usize,
    /// Their share of all samples.
    pub share: f64,
    /// The largest margin among them: the difference of the two best log-responsibilities under the
    /// expected mixture, nats; 0 if none differs.
    pub largest_margin: f64,
    /// The median margin among them, nats; 0 if none differs.
    pub median_margin: f64,
}

/// Compares the labels that each mixture gives on its own engine; both engines hold the same samples.
///
/// # Errors
/// [`Error::Shape`] if N or K differ; as [`Engine::weighted_log_densities`].
pub fn label_changes(
    (engine, found): (&mut dyn Engine, &Parameters),
    (expected_engine, expected): (&mut dyn Engine, &Parameters),
) -> Result<LabelChanges> {
    let (n, k) = (expected_engine.data().facts().n_samples, expected.n_components());
    if (engine.data().facts().n_samples, found.n_components()) != (n, k) {
        return Err(Error::shape("samples and components to compare", n, engine.data().facts().n_samples));
    }
    let mut margins = Vec::new();
    for rows in chunks(0..n) {
        let a = engine.weighted_log_densities(found, rows.clone())?;
        let b = expected_engine.weighted_log_densities(expected, rows)?;
        for (a, b) in a.chunks_exact(k).zip(b.chunks_exact(k)) {
            let (label, margin) = best(b);
            if best(a).0 != label {
                margins.push(margin);
            }
        }
    }
    margins.sort_by(f64::total_cmp);
    let differing = margins.len();
    Ok(LabelChanges {
        differing,
        share: differing as f64 / n as f64,
        largest_margin: margins.last().copied().unwrap_or_default(),
        median_margin: margins.get(differing / 2).copied().unwrap_or_default(),
    })
}

/// The largest of some log-densities, the first of equals, and how far the next one is below it: the
/// difference of their log-responsibilities.
fn best(densities: &[f64]) -> (usize, f64) {
    let label = argmax(densities) as usize;
    let others = densities.iter().enumerate().filter(|(k, _)| *k != label).map(|(_, density)| *density);
    let (first, second) = (densities[label], others.fold(f64::NEG_INFINITY, f64::max));
    // Two components that do not reach the sample are equally far.
    (label, if first == second { 0.0 } else { first - second })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Samples;
    use crate::engine::reference::ReferenceEngine;
    use crate::mixture::shape::CovarianceType;

    #[test]
    fn labels_and_margins() {
        assert_eq!(best(&[-3.0, -1.0, -1.5]), (1, 0.5));
        assert_eq!(best(&[-1.0, -1.0]), (0, 0.0));
        assert_eq!(best(&[-2.0, -7.0, -3.0]), (0, 1.0));
        assert_eq!(best(&[f64::NEG_INFINITY; 2]), (0, 0.0));
        assert_eq!(best(&[-1.0]), (0, f64::INFINITY));
    }

    /// Two unit Gaussians at 0 and m: a sample at x has the margin |m (x − m/2)|, and moving the
    /// second mean from 2 to 2.4 moves the border from 1 to 1.2.
    #[test]
    fn the_samples_between_two_borders_differ() -> Result<()> {
        let samples = Samples::new(vec![-1.0, 0.9, 1.05, 1.15, 1.3, 5.0], 1)?;
        let mixture = |m| Parameters::new(CovarianceType::Full, vec![0.5; 2], vec![0.0, m], vec![1.0; 2]);
        let (expected, found) = (mixture(2.0)?, mixture(2.4)?);
        let (mut a, mut b) = (ReferenceEngine::new(&samples), ReferenceEngine::new(&samples));
        let changes = label_changes((&mut a, &found), (&mut b, &expected))?;
        assert_eq!((changes.differing, changes.share), (2, 2.0 / 6.0));
        assert!((changes.largest_margin - 0.3).abs() < 1e-12, "{changes:?}");
        assert!((changes.median_margin - 0.3).abs() < 1e-12, "{changes:?}");
        assert_eq!(
            label_changes((&mut a, &expected), (&mut b, &expected))?,
            LabelChanges { differing: 0, ..Default::default() }
        );
        Ok(())
    }
}
