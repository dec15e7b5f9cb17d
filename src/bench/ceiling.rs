//! What the processor can do at most: fused multiply-adds of f64 vectors in registers, on all threads.

use std::hint::black_box;
use std::time::{Duration, Instant};

use pulp::{Arch, Simd, WithSimd};

use crate::error::{Error, Result};

/// Independent chains: latency times issue width of today's processors is at most 10.
const CHAINS: usize = 12;
/// Rounds of one burst on one thread: about a millisecond.
const ROUNDS: usize = 1 << 17;
/// How long the probe looks for the best burst.
const PROBE: Duration = Duration::from_millis(250);

/// One burst; the operations it took.
struct Burst;

impl WithSimd for Burst {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) -> f64 {
        let factor = s.splat_f64s(black_box(0.999));
        let term = s.splat_f64s(black_box(1e-3));
        let mut chains: [S::f64s; CHAINS] = std::array::from_fn(|i| s.splat_f64s(black_box(i as f64)));
        for _ in 0..ROUNDS {
            for chain in &mut chains {
                *chain = s.mul_add_e_f64s(*chain, factor, term);
            }
        }
        let sum = chains.into_iter().reduce(|a, b| s.add_f64s(a, b));
        black_box(sum.map(|sum| s.reduce_sum_f64s(sum)));
        (ROUNDS * CHAINS * 2 * S::F64_LANES) as f64
    }
}

/// The most floating-point operations per second seen on `threads` threads (all cores if none is given).
///
/// # Errors
/// [`Error::Option`] if the threads cannot be started.
pub fn cpu_fma(threads: Option<usize>) -> Result<f64> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build();
    let pool = pool.map_err(|e| Error::option("threads", threads.unwrap_or(0), e.to_string()))?;
    let arch = Arch::new();
    let started = Instant::now();
    let mut best = 0.0f64;
    while started.elapsed() < PROBE {
        // Every thread's own best rate would count cores that are shared: the slowest ends the burst.
        let burst = Instant::now();
        let operations: f64 = pool.broadcast(|_| arch.dispatch(Burst)).into_iter().sum();
        best = best.max(operations / burst.elapsed().as_secs_f64());
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_probe_is_not_optimised_away() -> crate::Result<()> {
        // From a slow core without vectors to the largest machine of many sockets.
        let rate = super::cpu_fma(Some(1))?;
        assert!((1e7..1e13).contains(&rate), "{rate:e}");
        Ok(())
    }
}
