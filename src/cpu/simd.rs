//! Eight f64 side by side, and the choice of instruction set at run time.
//!
//! [`Lanes`] is a plain array: the compiler turns each of its loops into vector instructions once
//! they are inlined into a function that may use them. Kernels are written once as [`Kernel`] and
//! compiled for every [`Isa`]; `FMA` tells whether a·b + c is one rounding, `V` how many `Lanes`
//! are held side by side so that all registers are used and none spills.

use std::ops::{Add, AddAssign, Mul, Sub};

/// Values per [`Lanes`].
pub(super) const LANES: usize = 8;

/// Eight f64, one cache line.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
pub(super) struct Lanes(pub(super) [f64; LANES]);

impl Lanes {
    pub(super) const ZERO: Lanes = Lanes([0.0; LANES]);

    #[inline(always)]
    pub(super) fn splat(value: f64) -> Self {
        Lanes([value; LANES])
    }

    /// The lanes of `f` one by one.
    #[inline(always)]
    pub(super) fn map(self, f: impl Fn(f64) -> f64) -> Self {
        let mut out = self;
        for lane in 0..LANES {
            out.0[lane] = f(self.0[lane]);
        }
        out
    }

    #[inline(always)]
    pub(super) fn zip(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        let mut out = self;
        for lane in 0..LANES {
            out.0[lane] = f(self.0[lane], other.0[lane]);
        }
        out
    }

    /// self · a + b, with one rounding where `FMA`.
    #[inline(always)]
    pub(super) fn fma<const FMA: bool>(self, a: Self, b: Self) -> Self {
        let mut out = self;
        for lane in 0..LANES {
            out.0[lane] = fma::<FMA>(self.0[lane], a.0[lane], b.0[lane]);
        }
        out
    }

    /// The larger of each pair; `self` where `other` is NaN.
    #[inline(always)]
    pub(super) fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if b > a { b } else { a })
    }

    #[inline(always)]
    pub(super) fn sqrt(self) -> Self {
        self.map(f64::sqrt)
    }

    /// Sum of the lanes, in a fixed order.
    #[inline(always)]
    pub(super) fn sum(self) -> f64 {
        let v = self.0;
        ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]))
    }

    /// Whether every lane is 0.
    #[inline(always)]
    pub(super) fn is_zero(self) -> bool {
        let mut bits = 0;
        for lane in 0..LANES {
            bits |= self.0[lane].to_bits();
        }
        bits << 1 == 0
    }
}

impl Add for Lanes {
    type Output = Lanes;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
}
impl AddAssign for Lanes {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
impl Sub for Lanes {
    type Output = Lanes;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
}
impl Mul for Lanes {
    type Output = Lanes;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
}

/// a · b + c; never the slow software fma.
#[inline(always)]
pub(super) fn fma<const FMA: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// Work that is compiled once per instruction set. `run` must be `#[inline(always)]`, and so must
/// everything hot in it.
pub(super) trait Kernel {
    fn run<const FMA: bool, const V: usize>(self);
}

/// An instruction set the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Isa {
    /// x86-64 with AVX-512 F and DQ.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// x86-64 with AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What the build may assume: NEON on aarch64, SSE2 on x86-64.
    Baseline,
}

/// The baseline has fused multiply-add.
const BASELINE_FMA: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

impl Isa {
    /// The best instruction set of this processor.
    pub(super) fn detect() -> Isa {
        #[cfg(target_arch = "x86_64")]
        {
            let fma = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if fma && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
                return Isa::Avx512;
            }
            if fma {
                return Isa::Avx2;
            }
        }
        Isa::Baseline
    }

    /// Name for [`crate::report::EngineInfo`].
    pub(super) fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => "avx2",
            Isa::Baseline if cfg!(target_arch = "aarch64") => "neon",
            Isa::Baseline => "baseline",
        }
    }

    /// Every instruction set this processor can run.
    #[cfg(test)]
    pub(super) fn available() -> Vec<Isa> {
        let mut all = vec![Isa::Baseline];
        #[cfg(target_arch = "x86_64")]
        {
            let best = Isa::detect();
            if best != Isa::Baseline {
                all.push(Isa::Avx2);
            }
            if best == Isa::Avx512 {
                all.push(Isa::Avx512);
            }
        }
        all
    }

    /// Runs `kernel` as compiled for this instruction set.
    pub(super) fn run<K: Kernel>(self, kernel: K) {
        match self {
            // SAFETY: `Isa::Avx512` and `Isa::Avx2` are only made by `detect` (and `available`, by way
            // of it) after the processor reported every feature that these functions enable.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe { run_avx512(kernel) },
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { run_avx2(kernel) },
            Isa::Baseline => kernel.run::<BASELINE_FMA, 1>(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
fn run_avx512<K: Kernel>(kernel: K) {
    kernel.run::<true, 4>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<K: Kernel>(kernel: K) {
    kernel.run::<true, 1>();
}
