//! exp and ln of a vector, branch-free.
//!
//! Errors, tested against `std` (itself within 1 ulp): exp at most 2 ulp on [−150, 700], ln at most
//! 2 ulp on positive normal numbers.

use pulp::Simd;
use pulp::bytemuck::cast;

/// ln 2 with 33 significant bits, so that n·ln 2 is exact for every exponent n, and the rest
/// (fdlibm).
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// 1.5·2⁵²: adding it rounds to an integer, which then stands in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// 1.5·2²⁰: adding it to an integer puts that into the high word.
const PLACE: f64 = 1_572_864.0;
/// Below this e^x is taken as 0. Its argument is half a log responsibility, so that r < e⁻³⁰⁰ is 0:
/// far too little to reach the last digit of any count that an M-step accepts (10 ε), and far enough
/// from the subnormal numbers, which are slow.
pub(super) const EXP_MIN: f64 = -150.0;

/// (e^x − 1 − x) / x² on |x| ≤ ½ ln 2, minimax (Remez), relative error of e^x 2⁻⁵⁷·⁹.
const EXP: [f64; 10] = [
    0.500_000_000_000_001_1,
    0.166_666_666_666_664_1,
    0.041_666_666_666_529_725,
    0.008_333_333_333_494_983,
    0.001_388_888_894_375_984_5,
    0.000_198_412_695_057_592_9,
    2.480_149_294_975_501e-5,
    2.755_758_681_826_611_7e-6,
    2.763_030_620_817_227_4e-7,
    2.500_001_391_345_301_6e-8,
];

/// e^x for x ≤ 700: 0 below [`EXP_MIN`], NaN for NaN.
#[inline(always)]
pub(super) fn exp<S: Simd>(s: S, x: S::f64s) -> S::f64s {
    // x = n ln 2 + r, |r| ≤ ½ ln 2.
    let round = s.splat_f64s(ROUND);
    let n = s.sub_f64s(s.mul_add_e_f64s(x, s.splat_f64s(std::f64::consts::LOG2_E), round), round);
    let r = s.mul_add_e_f64s(n, s.splat_f64s(-LN2_HIGH), x);
    let r = s.mul_add_e_f64s(n, s.splat_f64s(-LN2_LOW), r);
    let mut p = s.splat_f64s(EXP[9]);
    for i in (0..9).rev() {
        p = s.mul_add_e_f64s(p, r, s.splat_f64s(EXP[i]));
    }
    let e = s.add_f64s(s.splat_f64s(1.0), s.mul_add_e_f64s(s.mul_f64s(p, r), r, r));
    // · 2ⁿ: with 1.5·2²⁰ added n stands in the low bits of the high word; moved 20 places up it is
    // added to the exponent.
    let placed = s.transmute_u64s_f64s(s.add_f64s(n, s.splat_f64s(PLACE)));
    let exponent = high_words::<S>(placed, |w| w << 20, |w| s.wrapping_dyn_shl_u32s(w, s.splat_u32s(20)));
    let scaled = s.transmute_f64s_u64s(s.add_u64s(s.transmute_u64s_f64s(e), exponent));
    // Neither comparison holds for NaN, which thus stays.
    let small = s.less_than_f64s(x, s.splat_f64s(EXP_MIN));
    let normal = s.greater_than_or_equal_f64s(x, s.splat_f64s(EXP_MIN));
    s.select_f64s(normal, scaled, s.select_f64s(small, s.splat_f64s(0.0), x))
}

/// Shifts the high halves of numbers whose low halves are 0: pulp shifts no 64-bit lanes, but 32-bit
/// ones; a lone scalar has no 32-bit twin of its size.
#[inline(always)]
fn high_words<S: Simd>(
    bits: S::u64s,
    scalar: impl Fn(u32) -> u32,
    vector: impl Fn(S::u32s) -> S::u32s,
) -> S::u64s {
    if S::U64_LANES == 1 {
        let bits: u64 = cast(bits);
        cast(u64::from(scalar((bits >> 32) as u32)) << 32)
    } else {
        cast(vector(cast(bits)))
    }
}

/// fdlibm's coefficients of ln(1+f) = f − ½f² + s·(½f² + R(s²)), s = f/(2+f).
const LN: [f64; 7] = [
    6.666_666_666_666_735e-1,
    3.999_999_999_940_942e-1,
    2.857_142_874_366_239e-1,
    2.222_219_843_214_978_4e-1,
    1.818_357_216_161_805e-1,
    1.531_383_769_920_937_3e-1,
    1.479_819_860_511_658_6e-1,
];

/// ln x for positive normal x; NaN for anything else (also for infinity).
#[inline(always)]
pub(super) fn ln<S: Simd>(s: S, x: S::f64s) -> S::f64s {
    // x = 2ⁿ m with m in [√½, √2): the offset carries into the exponent where m would exceed √2.
    const SQRT_HALF_BITS: u64 = 0x3fe6_a09e_667f_3bcd;
    const ONE_BITS: u64 = 0x3ff0_0000_0000_0000;
    let bits = s.add_u64s(s.transmute_u64s_f64s(x), s.splat_u64s(ONE_BITS - SQRT_HALF_BITS));
    let mantissa = s.and_u64s(bits, s.splat_u64s(0x000f_ffff_ffff_ffff));
    let m = s.transmute_f64s_u64s(s.add_u64s(mantissa, s.splat_u64s(SQRT_HALF_BITS)));
    // The exponent as a float, without a conversion: moved down in the high word it is the integer
    // part of 2²⁰ + exponent.
    let high = s.and_u64s(bits, s.splat_u64s(0xfff0_0000_0000_0000));
    let exponent = high_words::<S>(high, |w| w >> 20, |w| s.wrapping_dyn_shr_u32s(w, s.splat_u32s(20)));
    let exponent = s.or_u64s(exponent, s.splat_u64s(0x4130_0000_0000_0000));
    let n = s.sub_f64s(s.transmute_f64s_u64s(exponent), s.splat_f64s(1_048_576.0 + 1023.0));
    let f = s.sub_f64s(m, s.splat_f64s(1.0));
    let q = s.div_f64s(f, s.add_f64s(f, s.splat_f64s(2.0)));
    let z = s.mul_f64s(q, q);
    let mut p = s.splat_f64s(LN[6]);
    for i in (0..6).rev() {
        p = s.mul_add_e_f64s(p, z, s.splat_f64s(LN[i]));
    }
    let half_square = s.mul_f64s(s.mul_f64s(f, s.splat_f64s(0.5)), f);
    let tail = s.mul_add_e_f64s(p, z, half_square);
    let tail = s.mul_add_e_f64s(q, tail, s.mul_f64s(n, s.splat_f64s(LN2_LOW)));
    let value = s.mul_add_e_f64s(n, s.splat_f64s(LN2_HIGH), s.sub_f64s(f, s.sub_f64s(half_square, tail)));
    let nan = s.splat_f64s(f64::NAN);
    let value = s.select_f64s(s.less_than_or_equal_f64s(x, s.splat_f64s(f64::MAX)), value, nan);
    s.select_f64s(s.greater_than_or_equal_f64s(x, s.splat_f64s(f64::MIN_POSITIVE)), value, nan)
}

#[cfg(test)]
mod tests {
    use super::super::simd::{available, lanes_mut, name};
    use super::*;
    use pulp::{Arch, WithSimd};

    struct Apply<'a> {
        exp: &'a mut [f64],
        ln: &'a mut [f64],
    }

    impl WithSimd for Apply<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, s: S) {
            lanes_mut::<S>(self.exp).iter_mut().for_each(|x| *x = exp(s, *x));
            lanes_mut::<S>(self.ln).iter_mut().for_each(|x| *x = ln(s, *x));
        }
    }

    fn apply(arch: Arch, values: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let mut exp = values.to_vec();
        exp.resize(values.len().next_multiple_of(8), 1.0);
        let mut ln = exp.clone();
        arch.dispatch(Apply { exp: &mut exp, ln: &mut ln });
        exp.truncate(values.len());
        ln.truncate(values.len());
        (exp, ln)
    }

    /// Distance in units in the last place of two positive (or two negative) normal numbers.
    fn ulps(a: f64, b: f64) -> u64 {
        if a == b { 0 } else { (a.to_bits() as i64).abs_diff(b.to_bits() as i64) }
    }

    /// The stated bound: 1 ulp of our own rounding and 1 of std's.
    const MAX_ULPS: u64 = 2;

    #[test]
    fn exp_agrees_with_std_over_its_range() {
        let n = 400_000;
        let mut values: Vec<f64> = (0..=n).map(|i| EXP_MIN * i as f64 / n as f64).collect();
        values.extend((0..2000).map(|i| -(0.5f64.powi(i % 1000)) * (1.0 + i as f64 / 2000.0)));
        values.extend((0..70_000).map(|i| f64::from(i) / 100.0));
        for arch in available() {
            for (x, e) in values.iter().zip(apply(arch, &values).0) {
                assert!(
                    ulps(e, x.exp()) <= MAX_ULPS,
                    "{}: exp({x:e}) = {e:e}, std {:e}",
                    name(arch),
                    x.exp()
                );
            }
        }
    }

    #[test]
    fn exp_of_extremes() {
        let values = [0.0, -0.0, -150.1, -745.0, -1e5, -1e308, f64::NEG_INFINITY, f64::NAN];
        for arch in available() {
            let (e, _) = apply(arch, &values);
            assert_eq!(e[..7], [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], "{}", name(arch));
            assert!(e[7].is_nan(), "{}", name(arch));
        }
    }

    #[test]
    fn ln_agrees_with_std_over_all_exponents() {
        let mut values = vec![1.0, f64::MIN_POSITIVE, f64::MAX, 1.0 + f64::EPSILON, 1.0 - f64::EPSILON];
        values.extend(
            (-1021..1024).flat_map(|e| (0..50).map(move |i| 2f64.powi(e) * (1.0 + f64::from(i) / 50.0))),
        );
        values.extend((0..400_000).map(|i| 0.5 + f64::from(i) * 1e-5));
        for arch in available() {
            for (x, l) in values.iter().zip(apply(arch, &values).1) {
                assert!(ulps(l, x.ln()) <= MAX_ULPS, "{}: ln({x:e}) = {l:e}, std {:e}", name(arch), x.ln());
            }
        }
    }

    #[test]
    fn ln_refuses_what_is_not_positive_and_normal() {
        let values = [0.0, -1.0, 1e-310, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
        for arch in available() {
            assert!(apply(arch, &values).1.iter().all(|l| l.is_nan()), "{}", name(arch));
        }
    }
}
