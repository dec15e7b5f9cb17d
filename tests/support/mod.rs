//! What the tests share: one comparator, affine-invariant distances, golden cases, engines, problems.

pub mod compare;
pub mod distance;
pub mod engines;
pub mod files;
pub mod golden;
pub mod judge;
pub mod problem;
