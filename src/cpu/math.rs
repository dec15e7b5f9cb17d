//! exp and ln of eight values at once, branch-free so that they vectorise.
//!
//! Errors, tested against `std` (itself within 1 ulp): exp at most 2 ulp on [−708, 0], ln at most
//! 2 ulp on positive normal numbers.

use super::simd::{LANES, Lanes, fma};

/// ln 2 with 33 significant bits, so that n·ln 2 is exact for every exponent n, and the rest
/// (fdlibm).
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// 1.5·2⁵²: adding it rounds to an integer, which then stands in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// Below this e^x would be subnormal: it is taken as 0.
pub(super) const EXP_MIN: f64 = -708.0;

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

/// e^x for x ≤ 0 (and up to 700): 0 below [`EXP_MIN`], NaN for NaN.
#[inline(always)]
pub(super) fn exp<const FMA: bool>(x: Lanes) -> Lanes {
    let mut out = Lanes::ZERO;
    for lane in 0..LANES {
        out.0[lane] = exp_one::<FMA>(x.0[lane]);
    }
    out
}

#[inline(always)]
fn exp_one<const FMA: bool>(x: f64) -> f64 {
    // x = n ln 2 + r, |r| ≤ ½ ln 2.
    let shifted = fma::<FMA>(x, std::f64::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fma::<FMA>(n, -LN2_LOW, fma::<FMA>(n, -LN2_HIGH, x));
    let mut p = EXP[9];
    for i in (0..9).rev() {
        p = fma::<FMA>(p, r, EXP[i]);
    }
    let e = 1.0 + fma::<FMA>(p * r, r, r);
    // · 2ⁿ: n stands in the low bits of `shifted` and is added to the exponent.
    let scaled = f64::from_bits(e.to_bits().wrapping_add(shifted.to_bits() << 52));
    let normal = if x >= EXP_MIN { scaled } else { 0.0 };
    if x.is_nan() { x } else { normal }
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
pub(super) fn ln<const FMA: bool>(x: Lanes) -> Lanes {
    let mut out = Lanes::ZERO;
    for lane in 0..LANES {
        out.0[lane] = ln_one::<FMA>(x.0[lane]);
    }
    out
}

#[inline(always)]
fn ln_one<const FMA: bool>(x: f64) -> f64 {
    // x = 2ⁿ m with m in [√½, √2): the offset carries into the exponent where m would exceed √2.
    const SQRT_HALF_BITS: u64 = 0x3fe6_a09e_667f_3bcd;
    const ONE_BITS: u64 = 0x3ff0_0000_0000_0000;
    let bits = x.to_bits().wrapping_add(ONE_BITS - SQRT_HALF_BITS);
    let m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) + SQRT_HALF_BITS);
    // The exponent as a float, without a conversion: 2⁵² + biased exponent − (2⁵² + 1023).
    let n = f64::from_bits(0x4330_0000_0000_0000 | (bits >> 52)) - (4_503_599_627_370_496.0 + 1023.0);
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let mut p = LN[6];
    for i in (0..6).rev() {
        p = fma::<FMA>(p, z, LN[i]);
    }
    let half_square = 0.5 * f * f;
    let correction = fma::<FMA>(s, fma::<FMA>(p, z, half_square), n * LN2_LOW);
    let value = fma::<FMA>(n, LN2_HIGH, f - (half_square - correction));
    if x >= f64::MIN_POSITIVE && x <= f64::MAX { value } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::super::simd::{Isa, Kernel};
    use super::*;

    struct Apply<'a> {
        values: &'a [f64],
        exp: &'a mut Vec<f64>,
        ln: &'a mut Vec<f64>,
    }

    impl Kernel for Apply<'_> {
        #[inline(always)]
        fn run<const FMA: bool, const V: usize>(self) {
            for chunk in self.values.chunks(LANES) {
                let mut x = Lanes::splat(chunk[0]);
                x.0[..chunk.len()].copy_from_slice(chunk);
                self.exp.extend_from_slice(&exp::<FMA>(x).0[..chunk.len()]);
                self.ln.extend_from_slice(&ln::<FMA>(x).0[..chunk.len()]);
            }
        }
    }

    fn apply(isa: Isa, values: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (mut exp, mut ln) = (Vec::new(), Vec::new());
        isa.run(Apply { values, exp: &mut exp, ln: &mut ln });
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
        for isa in Isa::available() {
            for (x, e) in values.iter().zip(apply(isa, &values).0) {
                assert!(ulps(e, x.exp()) <= MAX_ULPS, "{isa:?}: exp({x:e}) = {e:e}, std {:e}", x.exp());
            }
        }
    }

    #[test]
    fn exp_of_extremes() {
        let values = [0.0, -0.0, -708.1, -745.0, -1e5, -1e308, f64::NEG_INFINITY, f64::NAN];
        for isa in Isa::available() {
            let (e, _) = apply(isa, &values);
            assert_eq!(e[..7], [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], "{isa:?}");
            assert!(e[7].is_nan(), "{isa:?}");
        }
    }

    #[test]
    fn ln_agrees_with_std_over_all_exponents() {
        let mut values = vec![1.0, f64::MIN_POSITIVE, f64::MAX, 1.0 + f64::EPSILON, 1.0 - f64::EPSILON];
        values.extend((-1021..1024).flat_map(|e| (0..50).map(move |i| 2f64.powi(e) * (1.0 + f64::from(i) / 50.0))));
        values.extend((0..400_000).map(|i| 0.5 + f64::from(i) * 1e-5));
        for isa in Isa::available() {
            for (x, l) in values.iter().zip(apply(isa, &values).1) {
                assert!(ulps(l, x.ln()) <= MAX_ULPS, "{isa:?}: ln({x:e}) = {l:e}, std {:e}", x.ln());
            }
        }
    }

    #[test]
    fn ln_refuses_what_is_not_positive_and_normal() {
        let values = [0.0, -1.0, 1e-310, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
        for isa in Isa::available() {
            assert!(apply(isa, &values).1.iter().all(|l| l.is_nan()), "{isa:?}");
        }
    }
}
