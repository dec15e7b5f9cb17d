//! What was compared with what, and what came out.

use wgmm::Engine;
use wgmm::internals::bench::timing::Spread;
use wgmm::internals::compare::ComponentDistances;
use wgmm::internals::compare::judge::Check;
use wgmm::internals::compare::labels::LabelChanges;
use wgmm::internals::compare::run::Followed;
use wgmm::internals::fit::em::steps::Outcome;
use wgmm::internals::report::EngineInfo;

/// What the others are held against.
pub(super) struct Yardstick<'a> {
    /// The engine's kind, or the model's file.
    pub(super) name: String,
    pub(super) engine: Box<dyn Engine + 'a>,
    pub(super) run: Outcome,
    /// The fit of the engine; none for a model.
    pub(super) followed: Option<Followed>,
    /// Whether its sums were in f64, as far as is known.
    pub(super) is_double: bool,
}

/// One engine against the yardstick.
pub(super) struct Comparison {
    pub(super) engine: EngineInfo,
    pub(super) followed: Followed,
    pub(super) check: Check,
    pub(super) components: Vec<ComponentDistances>,
    /// Whether each component had enough samples to be held to the bounds.
    pub(super) solid: Vec<bool>,
    pub(super) labels: LabelChanges,
}

/// Median seconds of an iteration; none where only one was seen.
pub(super) fn seconds_per_iteration(followed: &Followed) -> Option<f64> {
    (!followed.seconds.is_empty()).then(|| Spread::of(&followed.seconds).median)
}
