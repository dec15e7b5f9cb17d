//! Components that collapsed: found after every M-step, and reseeded, floored or dropped as
//! [`OnCollapse`] asks. A fit in which nothing collapses is the same, bit for bit, under every policy.

mod draft;
mod find;
mod worst;

use std::collections::BTreeSet;

use crate::engine::Engine;
use crate::error::Result;
use crate::fit::init::Subset;
use crate::fit::options::{CheckedOptions, Init, OnCollapse};
use crate::fit::update::{Rescued, Update};
use crate::mixture::Parameters;
use crate::mixture::moments::Moments;
use crate::mixture::shape::CovarianceType;
use crate::report::{Collapse, CollapseAction, Precision, Warning};
use draft::Draft;
use find::{Found, find, is_sound};

/// Times the engine's ε and a column's standard deviation: a component that is no wider consists of
/// rounding errors, and samples far away would be infinitely far.
const RESOLUTION: f64 = 8.0;

/// Reseeds of one component in one restart; afterwards it is floored, so that every fit ends.
const RESEEDS: usize = 3;

/// Maximum likelihood under a policy for collapsed components: the M-steps of one restart, with what was done.
struct MaximumLikelihood<'a> {
    options: &'a CheckedOptions,
    total_weight: f64,
    columns: Columns,
    /// Per column, the variance at or below which a component is a point.
    least_variances: Vec<f64>,
    rescued: Rescued,
}

/// The rule that `options` ask for, for a restart that goes on after `rescued`. `precision` is the engine's own.
///
/// # Errors
/// As [`crate::data::Dataset::read`].
pub(crate) fn update<'a>(
    engine: &dyn Engine,
    precision: Precision,
    options: &'a CheckedOptions,
    rescued: Option<Rescued>,
) -> Result<Box<dyn Update + 'a>> {
    Ok(Box::new(MaximumLikelihood::new(engine, precision, options, rescued)?))
}

/// Weighted means and variances of the columns of the data.
struct Columns {
    means: Vec<f64>,
    variances: Vec<f64>,
}

impl<'a> MaximumLikelihood<'a> {
    /// For a restart over the data of `engine`, whose own precision is given, that goes on after `rescued`.
    ///
    /// # Errors
    /// As [`crate::data::Dataset::read`].
    fn new(
        engine: &dyn Engine,
        precision: Precision,
        options: &'a CheckedOptions,
        rescued: Option<Rescued>,
    ) -> Result<Self> {
        let (means, deviations) = match options.on_collapse {
            OnCollapse::Error => Default::default(),
            _ => Subset::new(engine.data())?.column_moments(),
        };
        let least = |s: &f64| (RESOLUTION * precision.epsilon() * s).powi(2);
        Ok(MaximumLikelihood {
            options,
            total_weight: engine.data().facts().total_weight,
            least_variances: deviations.iter().map(least).collect(),
            columns: Columns { means, variances: deviations.iter().map(|s| s * s).collect() },
            rescued: rescued.unwrap_or_else(|| Rescued {
                reseeds: vec![0; options.n_components],
                floored: BTreeSet::new(),
                collapses: Vec::new(),
            }),
        })
    }

    /// `new` with every collapsed component dealt with; `old` is none at the start.
    fn repair(
        &mut self,
        engine: &mut dyn Engine,
        new: Parameters,
        old: Option<&Parameters>,
        iteration: usize,
    ) -> Result<Parameters> {
        let policy = self.options.on_collapse;
        let found = match policy {
            OnCollapse::Error => Vec::new(),
            _ => find(&new, self.total_weight, &self.least_variances),
        };
        self.rescued.floored.retain(|place| found.iter().any(|f| f.component == *place));
        if found.is_empty() {
            return Ok(new);
        }
        let good: Vec<usize> =
            (0..new.n_components()).filter(|&c| found.iter().all(|f| f.component != Some(c))).collect();
        let draft = Draft::from(new);
        let repaired = match policy {
            OnCollapse::Drop => self.drop_from(draft, old, &found, good, iteration)?,
            _ => self.mend(engine, draft, old, &found, &good, iteration)?,
        };
        Ok(repaired.into())
    }

    /// Reseeds what the policy and the bound allow, and floors the rest.
    fn mend(
        &mut self,
        engine: &mut dyn Engine,
        mut draft: Draft,
        old: Option<&Parameters>,
        found: &[Found],
        good: &[usize],
        iteration: usize,
    ) -> Result<Draft> {
        // What tells badly explained samples and the usual width: the mixture of the E-step; at the
        // start what is sound of it, or one Gaussian over all samples.
        let current = match old {
            Some(old) => old.clone(),
            None if good.is_empty() || found.iter().any(|f| f.component.is_none()) => {
                self.columns.gaussian(draft.covariance_type, self.options.reg_covar)
            }
            None => draft.clone().only(good).into(),
        };
        let spare = self.spare(&current);
        let reseeds = &self.rescued.reseeds;
        let again = |c: &usize| self.options.on_collapse == OnCollapse::Reseed && reseeds[*c] < RESEEDS;
        let targets: Vec<usize> = found.iter().filter_map(|f| f.component).filter(again).collect();
        let seeds = worst::samples(engine, &current, targets.len())?;
        // There may be fewer different samples than components to reseed.
        let targets = &targets[..seeds.len()];
        for (&c, seed) in targets.iter().zip(&seeds) {
            draft.mean_mut(c).copy_from_slice(seed);
            draft.own_block_mut(c).iter_mut().zip(&spare).for_each(|(to, from)| *to = *from);
            self.rescued.reseeds[c] += 1;
            self.note(iteration, Some(c), CollapseAction::Reseed);
        }
        draft.share_weight(targets);
        for f in found.iter().filter(|f| f.component.is_none_or(|c| !targets.contains(&c))) {
            self.floor(&mut draft, f, old, &spare, iteration);
        }
        Ok(draft)
    }

    /// Gives a component (or the shared covariance) its last good covariance, or `spare` at the start;
    /// an empty component its last mean, too, or at the start that of the columns.
    fn floor(
        &mut self,
        draft: &mut Draft,
        found: &Found,
        old: Option<&Parameters>,
        spare: &[f64],
        iteration: usize,
    ) {
        let last = old.cloned().map(Draft::from);
        match found.component {
            None => draft.covariances.copy_from_slice(last.as_ref().map_or(spare, |l| &l.covariances)),
            Some(c) => {
                let covariance = last.as_ref().map_or(spare, |l| l.own_block(c));
                draft.own_block_mut(c).iter_mut().zip(covariance).for_each(|(to, from)| *to = *from);
                if found.is_empty() {
                    draft.mean_mut(c).copy_from_slice(old.map_or(&self.columns.means, |old| old.mean(c)));
                }
            }
        }
        // A component may stay floored for long; its first iteration is told.
        if self.rescued.floored.insert(found.component) {
            self.note(iteration, found.component, CollapseAction::Floor);
        }
    }

    /// Removes the collapsed components. A shared covariance that collapsed costs the lightest of the
    /// others and is floored, since there are no sums to compute another one from before the next
    /// E-step.
    fn drop_from(
        &mut self,
        mut draft: Draft,
        old: Option<&Parameters>,
        found: &[Found],
        mut good: Vec<usize>,
        iteration: usize,
    ) -> Result<Draft> {
        let k = draft.weights.len();
        if let Some(shared) = found.iter().find(|f| f.component.is_none()) {
            let lightest =
                (0..good.len()).min_by(|&a, &b| draft.weights[good[a]].total_cmp(&draft.weights[good[b]]));
            lightest.map(|at| good.remove(at));
            let spare = self.columns.covariance(draft.covariance_type, self.options.reg_covar);
            self.floor(&mut draft, shared, old, &spare, iteration);
        }
        if good.is_empty() {
            return Err(found[0].error(iteration));
        }
        for c in (0..k).filter(|c| !good.contains(c)) {
            self.note(iteration, Some(c), CollapseAction::Drop);
        }
        Warning::ComponentsDropped { iteration, n_dropped: k - good.len(), n_left: good.len() }.tell();
        Ok(draft.only(&good))
    }

    fn note(&mut self, iteration: usize, component: Option<usize>, action: CollapseAction) {
        match component {
            Some(c) => tracing::info!("component {c} collapsed in iteration {iteration}: {}", action.name()),
            None => {
                tracing::info!("the tied covariance collapsed in iteration {iteration}: {}", action.name())
            }
        }
        self.rescued.collapses.push(Collapse { iteration, component, action });
    }

    /// A covariance for a component without one: the mean of `mixture`'s, or where that is no covariance
    /// (to rounding) the columns' variances.
    fn spare(&self, mixture: &Parameters) -> Vec<f64> {
        let mut mean = vec![0.0; mixture.covariances().len()];
        let draft = Draft::from(mixture.clone());
        let blocks = match draft.covariance_type {
            CovarianceType::Tied => return draft.covariances,
            _ => mean.len() / draft.weights.len(),
        };
        mean.truncate(blocks);
        for (c, weight) in draft.weights.iter().enumerate() {
            mean.iter_mut().zip(draft.own_block(c)).for_each(|(m, v)| *m += weight * v);
        }
        if is_sound(&mean, draft.covariance_type, draft.n_features, &self.least_variances) {
            return mean;
        }
        self.columns.covariance(draft.covariance_type, self.options.reg_covar)
    }
}

impl Update for MaximumLikelihood<'_> {
    /// Given parameters are taken as they are.
    fn start(&mut self, engine: &mut dyn Engine, start: Parameters) -> Result<Parameters> {
        match self.options.init {
            Init::Given(_) => Ok(start),
            _ => self.repair(engine, start, None, 0),
        }
    }

    /// Under [`OnCollapse::Error`] a covariance that is not positive definite is found by the next E-step.
    fn m_step(
        &mut self,
        engine: &mut dyn Engine,
        moments: &Moments,
        old: &Parameters,
        iteration: usize,
    ) -> Result<Parameters> {
        let rule = self.options.m_step();
        match self.options.on_collapse {
            OnCollapse::Error => rule.parameters(moments, old.means(), iteration),
            _ => self.repair(engine, rule.maximise(moments, old.means()), Some(old), iteration),
        }
    }

    fn rescued(&self) -> &Rescued {
        &self.rescued
    }
}

impl Columns {
    /// One covariance with the columns' variances and nothing beside the diagonal. A constant column
    /// gets the mean variance, constant data 1.
    fn covariance(&self, covariance_type: CovarianceType, reg_covar: f64) -> Vec<f64> {
        let d = self.variances.len();
        let mean = self.variances.iter().sum::<f64>() / d as f64;
        let instead = if mean > 0.0 { mean } else { 1.0 };
        let variances = self.variances.iter().map(|v| if *v > 0.0 { *v } else { instead } + reg_covar);
        match covariance_type {
            CovarianceType::Full | CovarianceType::Tied => {
                let mut matrix = vec![0.0; d * d];
                variances.enumerate().for_each(|(i, v)| matrix[i * d + i] = v);
                matrix
            }
            CovarianceType::Diag => variances.collect(),
            CovarianceType::Spherical => vec![variances.sum::<f64>() / d as f64],
        }
    }

    /// One Gaussian over all samples.
    fn gaussian(&self, covariance_type: CovarianceType, reg_covar: f64) -> Parameters {
        let covariance = self.covariance(covariance_type, reg_covar);
        Parameters::from_parts(covariance_type, self.means.len(), vec![1.0], self.means.clone(), covariance)
    }
}
