//! Adds the sums of a block of samples to those of all blocks before it. Twin of `shaders/sum_partials.wgsl`.

use crate::error::Result;
use crate::mixture::moments::Moments;

/// Adds `partial` to `total`.
///
/// # Errors
/// As [`Moments::add`].
pub fn sum_partials(total: &mut Moments, partial: &Moments) -> Result<()> {
    total.add(partial)
}
