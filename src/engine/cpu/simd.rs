//! Vectors of f64 for the kernels, by way of `pulp`: each kernel is written once and compiled for
//! AVX-512, AVX2 with FMA, NEON and plain scalars; the processor decides at run time. Results may
//! differ between instruction sets, never between numbers of threads.

use pulp::{Arch, Simd};

/// Most lanes of any instruction set.
pub(super) const MAX_LANES: usize = 8;
/// Rows are cut into multiples of this: whole chunks on every instruction set.
pub(super) const ROW_MULTIPLE: usize = 32;

/// Vectors held side by side so that all registers are used and none spills: call
/// `$run::<S, V>(…)` with what suits `S`.
macro_rules! with_width {
    ($simd:ident, $s:expr, $run:ident($($argument:expr),*)) => {
        if $simd::REGISTER_COUNT >= 32 { $run::<$simd, 4>($s, $($argument),*) } else { $run::<$simd, 2>($s, $($argument),*) }
    };
}
pub(super) use with_width;

/// The vectors of `values`, a whole number of them.
#[inline(always)]
pub(super) fn lanes<S: Simd>(values: &[f64]) -> &[S::f64s] {
    S::as_simd_f64s(values).0
}

/// As [`lanes`], to write to.
#[inline(always)]
pub(super) fn lanes_mut<S: Simd>(values: &mut [f64]) -> &mut [S::f64s] {
    S::as_mut_simd_f64s(values).0
}

/// Vectors in groups of V.
#[inline(always)]
pub(super) fn groups<S: Simd, const V: usize>(values: &[f64]) -> &[[S::f64s; V]] {
    lanes::<S>(values).as_chunks::<V>().0
}

/// As [`groups`], to write to.
#[inline(always)]
pub(super) fn groups_mut<S: Simd, const V: usize>(values: &mut [f64]) -> &mut [[S::f64s; V]] {
    lanes_mut::<S>(values).as_chunks_mut::<V>().0
}

/// Whether no lane is above 0.
#[inline(always)]
pub(super) fn none_positive<S: Simd>(s: S, values: S::f64s) -> bool {
    s.first_true_m64s(s.greater_than_f64s(values, s.splat_f64s(0.0))) >= S::F64_LANES
}

/// Adds the sum over lanes of each vector to the number at its place.
#[inline(always)]
pub(super) fn add_sums<S: Simd>(s: S, to: &mut [f64], sums: &[f64]) {
    for (to, sums) in to.iter_mut().zip(lanes::<S>(sums)) {
        *to += s.reduce_sum_f64s(*sums);
    }
}

/// Name of an instruction set for [`crate::report::EngineInfo`].
pub(super) fn name(arch: Arch) -> &'static str {
    match arch {
        #[cfg(target_arch = "x86_64")]
        Arch::V4(_) => "avx512",
        #[cfg(target_arch = "x86_64")]
        Arch::V3(_) => "avx2",
        Arch::Scalar => "scalar",
        #[allow(unreachable_patterns)]
        _ => std::env::consts::ARCH,
    }
}

/// Every instruction set this processor can run.
#[cfg(test)]
pub(super) fn available() -> Vec<Arch> {
    let mut all = vec![Arch::Scalar, Arch::new()];
    #[cfg(target_arch = "x86_64")]
    all.extend(pulp::x86::V3::try_new().map(Arch::V3));
    all
}
