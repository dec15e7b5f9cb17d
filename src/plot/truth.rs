//! True labels as classes with colours.

use std::collections::BTreeMap;

use super::palette::{Rgb, colour};
use crate::error::{Error, Result};

/// Different labels at most; more are ids, not classes.
const MOST_CLASSES: usize = 256;

/// The true labels of the samples.
pub(super) struct Truth<'a> {
    /// Names of the classes: numbers by value, then words.
    pub(super) names: Vec<&'a str>,
    /// Class of every sample, `[N]`.
    pub(super) classes: Vec<u16>,
}

impl<'a> Truth<'a> {
    /// # Errors
    /// [`Error::Shape`] unless there are `n_samples` labels; [`Error::Option`] for too many different ones.
    pub(super) fn new(labels: &'a [String], n_samples: usize) -> Result<Self> {
        if labels.len() != n_samples {
            return Err(Error::shape("true labels, one per sample", n_samples, labels.len()));
        }
        let mut seen: BTreeMap<&str, u16> = BTreeMap::new();
        for label in labels {
            if seen.len() > MOST_CLASSES {
                break;
            }
            seen.entry(label).or_default();
        }
        if seen.len() > MOST_CLASSES {
            let allowed = format!("at most {MOST_CLASSES} different labels; is it a column of ids?");
            return Err(Error::option("truth", format!("more than {MOST_CLASSES} labels"), allowed));
        }
        let mut names: Vec<&str> = seen.keys().copied().collect();
        let number = |name: &str| name.parse::<f64>().unwrap_or(f64::INFINITY);
        names.sort_by(|a, b| number(a).total_cmp(&number(b)).then(a.cmp(b)));
        for (class, name) in names.iter().enumerate() {
            seen.insert(name, class as u16);
        }
        let classes = labels.iter().map(|label| seen[label.as_str()]).collect();
        Ok(Truth { names, classes })
    }

    /// A colour for every class: the colour of the component with which it shares most samples, so that equal
    /// colours mean agreement. If no component is left, other colours. `shared` is `[classes, K]`, from any part of
    /// the samples.
    pub(super) fn colours(&self, shared: &[f64], n_components: usize) -> Vec<Rgb> {
        let mut pairs: Vec<usize> = (0..shared.len()).filter(|&pair| shared[pair] > 0.0).collect();
        // The largest first; of equals the first.
        pairs.sort_by(|&a, &b| shared[b].total_cmp(&shared[a]).then(a.cmp(&b)));
        let mut matched = vec![None; self.names.len()];
        let mut taken = vec![false; n_components];
        for pair in pairs {
            let (class, component) = (pair / n_components, pair % n_components);
            if matched[class].is_none() && !taken[component] {
                matched[class] = Some(component);
                taken[component] = true;
            }
        }
        let mut next = n_components;
        matched
            .into_iter()
            .map(|component| {
                colour(component.unwrap_or_else(|| {
                    next += 1;
                    next - 1
                }))
            })
            .collect()
    }
}
