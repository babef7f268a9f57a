//! exp: x = n ln 2 + r with |r| <= ln(2)/2, a polynomial in r, and 2^n by two exact powers of two.

use std::f64::consts::LOG2_E;

use super::{horner_f32, horner_f64};

/// ln 2 in two doubles.
pub(super) const LN2_HI: f64 = std::f64::consts::LN_2;
pub(super) const LN2_LO: f64 = 2.319_046_813_846_299_6e-17;

/// (e^r - 1 - r) / r^2 on |r| <= 0.3467; Chebyshev fit, error times r^2 below 1.3e-17.
const EXP: [f64; 10] = [
    0.500_000_000_000_000_1,
    0.166_666_666_666_666_69,
    0.041_666_666_666_623_99,
    0.008_333_333_333_330_051,
    0.001_388_888_891_728_179_4,
    0.000_198_412_698_631_059_68,
    2.480_152_119_021_773e-5,
    2.755_726_837_868_419_2e-6,
    2.762_013_871_973_399_4e-7,
    2.510_042_415_700_506_7e-8,
];

/// The same function for single precision: error times r^2 below 8e-9.
const EXP_F32: [f32; 5] = [0.5, 0.166_665_77, 0.041_666_556, 0.008_363_203, 0.001_392_621_3];

/// The same function on the same range, error times r^2 below 2e-10: for doubles that become floats.
const EXP_SHORT: [f64; 6] = [
    0.500_000_001_348_722_6,
    0.166_666_666_816_470_16,
    0.041_666_464_711_379_08,
    0.008_333_310_901_725_97,
    0.001_393_367_373_293_185_2,
    0.000_198_910_171_843_020_3,
];

/// Adding this rounds a double of magnitude below 2^51 to an integer held in the low bits, here with 2046 added so that
/// half of them is an exponent field.
const ROUND: f64 = 6_755_399_441_055_744.0 + 2046.0;

/// Adding this does the same to a float, with 254 added.
const ROUND_F32: f32 = 12_582_912.0 + 254.0;

/// Magnitude of an exponent up to which the result is a normal number with room to spare.
pub(super) const ORDINARY: f64 = 700.0;
/// The same for floats.
pub(super) const ORDINARY_F32: f32 = 85.0;

/// `exp(hi + lo)` for |lo| far below 1; overflows to infinity and underflows through the subnormals to 0. `ORD`
/// promises
/// |hi| <= [`ORDINARY`].
#[inline(always)]
pub(super) fn exp_sum<const ORD: bool>(hi: f64, lo: f64) -> f64 {
    let x = if ORD {
        hi
    } else {
        // Beyond these the result is inf or 0 whatever x is, and 2^n stays within two exponent fields. NaN passes.
        let x = if hi > 710.0 { 710.0 } else { hi };
        if x < -746.0 { -746.0 } else { x }
    };
    let shifted = x.mul_add(LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-LN2_HI, x);
    let r = n.mul_add(-LN2_LO, r) + lo;
    let q = horner_f64(r, EXP);
    let p = 1.0 + (r * r).mul_add(q, r);
    let bits = shifted.to_bits();
    if ORD {
        return p * f64::from_bits(bits.wrapping_sub(1023) << 52);
    }
    // 2^n = 2^(n/2) 2^(n - n/2): the first product is exact, so a subnormal result is rounded once.
    let half = bits >> 1;
    let first = f64::from_bits(half << 52);
    let second = f64::from_bits(bits.wrapping_sub(half) << 52);
    p * first * second
}

#[inline(always)]
pub(super) fn exp_f64<const ORD: bool>(x: f64) -> f64 {
    exp_sum::<ORD>(x, 0.0)
}

/// exp to 3e-10, for |x| <= [`ORDINARY`]: more than a float holds.
#[inline(always)]
pub(super) fn exp_short(x: f64) -> f64 {
    let shifted = x.mul_add(LOG2_E, ROUND);
    let r = (shifted - ROUND).mul_add(-LN2_HI, x);
    let p = 1.0 + (r * r).mul_add(horner_f64(r, EXP_SHORT), r);
    p * f64::from_bits(shifted.to_bits().wrapping_sub(1023) << 52)
}

/// [`exp_sum`] in single precision.
#[inline(always)]
pub(super) fn exp_sum_f32<const ORD: bool>(hi: f32, lo: f32) -> f32 {
    let x = if ORD {
        hi
    } else {
        let x = if hi > 89.0 { 89.0 } else { hi };
        if x < -104.0 { -104.0 } else { x }
    };
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND_F32);
    let n = shifted - ROUND_F32;
    let r = n.mul_add(-std::f32::consts::LN_2, x);
    let r = n.mul_add(1.904_654_2e-9, r) + lo;
    let q = horner_f32(r, EXP_F32);
    let p = 1.0 + (r * r).mul_add(q, r);
    let bits = shifted.to_bits();
    if ORD {
        return p * f32::from_bits(bits.wrapping_sub(127) << 23);
    }
    let half = bits >> 1;
    let first = f32::from_bits(half << 23);
    let second = f32::from_bits(bits.wrapping_sub(half) << 23);
    p * first * second
}

#[inline(always)]
pub(super) fn exp_f32<const ORD: bool>(x: f32) -> f32 {
    exp_sum_f32::<ORD>(x, 0.0)
}
