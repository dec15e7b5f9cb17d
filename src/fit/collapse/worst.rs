//! The samples that a mixture explains worst.

use std::collections::HashSet;

use crate::data::Scratch;
use crate::engine::Engine;
use crate::error::Result;
use crate::fit::init::SEEDING_SAMPLES;
use crate::infer::{self, log_sum_exp};
use crate::mixture::Parameters;

/// Neighbouring samples that are looked at together: K·BLOCK densities are held at once.
const BLOCK: usize = 1024;

/// Values of the at most `n` samples of lowest log-likelihood under `mixture`, the lowest first, equal
/// ones in the order of their rows; no two samples are equal. Of more than [`SEEDING_SAMPLES`] samples,
/// blocks spread evenly are looked at.
pub(super) fn samples(engine: &mut dyn Engine, mixture: &Parameters, n: usize) -> Result<Vec<Vec<f64>>> {
    if n == 0 {
        return Ok(Vec::new());
    }
    let all = engine.data().facts().n_samples;
    let mut scratch = Scratch::default();
    let blocks = all.min(SEEDING_SAMPLES).div_ceil(BLOCK);
    let mut scores: Vec<(f64, usize)> = Vec::with_capacity(all.min(SEEDING_SAMPLES));
    for block in 0..blocks {
        let first = if all <= SEEDING_SAMPLES {
            block * BLOCK
        } else {
            (block as u128 * all as u128 / blocks as u128) as usize
        };
        let rows = first..(first + BLOCK).min(all);
        let densities = engine.weighted_log_densities(mixture, rows.clone())?;
        let weights = infer::weights(engine.data(), rows.clone(), &mut scratch)?;
        let scored = densities.chunks_exact(mixture.n_components()).map(log_sum_exp).zip(rows);
        let present = scored.zip(weights).filter(|((score, _), weight)| !score.is_nan() && *weight > 0.0);
        scores.extend(present.map(|(scored, _)| scored));
    }
    scores.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    for (_, row) in scores {
        let values = engine.data().read(row..row + 1, &mut scratch)?.values();
        if seen.insert(values.iter().map(|v| v.to_bits()).collect::<Vec<u64>>()) {
            found.push(values.to_vec());
            if found.len() == n {
                break;
            }
        }
    }
    Ok(found)
}
