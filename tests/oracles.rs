//! Free oracles: what must hold on any data without knowing the answer. Each runs on every engine.

mod closed_form;
#[cfg(feature = "gpu")]
mod cuts;
mod observing;
mod seeding;
mod statistics;
mod sums;
mod symmetry;
