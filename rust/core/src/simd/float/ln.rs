//! ln: x = 2^k m with m in [sqrt(1/2), sqrt(2)), and ln m = 2 atanh(s), s = (m - 1) / (m + 1).

use super::exp::{LN2_HI, LN2_LO};
use super::{horner_f32, horner_f64};

/// (2 atanh(s) - 2 s) / s^3 as a polynomial in s^2 for |s| <= 0.1717; error times s^3 below 2e-18.
pub(super) const ATANH: [f64; 7] = [
    0.666_666_666_666_667,
    0.399_999_999_998_988_9,
    0.285_714_286_262_539_1,
    0.222_222_110_893_681_24,
    0.181_828_924_333_645_64,
    0.153_316_116_945_700_85,
    0.146_178_074_928_038_47,
];

/// The same to an error times s^3 below 6e-12: for doubles that become floats.
pub(super) const ATANH_SHORT: [f64; 4] =
    [0.666_666_665_544_516_5, 0.400_001_218_769_72, 0.285_508_165_997_115_1, 0.233_305_819_382_418_93];

/// The same for single precision: error times s^3 below 1e-9.
pub(super) const ATANH_F32: [f32; 3] = [0.666_666_85, 0.399_887_57, 0.295_809_86];

/// Bits of sqrt(1/2): subtracting them makes the exponent field change where m wraps.
const SQRT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
const SQRT_HALF_F32: u32 = 0x3f35_04f3;

/// `(k, m)` of a positive normal double. Of anything else, two numbers that a later select discards.
#[inline(always)]
pub(super) fn split(x: f64) -> (f64, f64) {
    let bits = x.to_bits();
    let wrapped = bits.wrapping_sub(SQRT_HALF).wrapping_add(1023 << 52);
    // The biased exponent becomes a double without an integer conversion, which AVX2 lacks.
    let biased = f64::from_bits((wrapped >> 52) | 0x4330_0000_0000_0000);
    let k = biased - (4_503_599_627_370_496.0 + 1023.0);
    let m = f64::from_bits(bits.wrapping_sub((wrapped & (0xfff << 52)).wrapping_sub(1023 << 52)));
    (k, m)
}

/// [`split`] for positive subnormals too, unless `ORD` promises that there are none.
#[inline(always)]
pub(super) fn split_any<const ORD: bool>(x: f64) -> (f64, f64) {
    if ORD {
        return split(x);
    }
    let tiny = x < f64::MIN_POSITIVE;
    let (k, m) = split(if tiny { x * 18_014_398_509_481_984.0 } else { x });
    (if tiny { k - 54.0 } else { k }, m)
}

/// `ORD` promises a positive normal number.
#[inline(always)]
pub(super) fn ln_f64<const ORD: bool>(x: f64) -> f64 {
    let (k, m) = split_any::<ORD>(x);
    let f = m - 1.0;
    let s = f / (f + 2.0);
    let z = s * s;
    let half_square = 0.5 * f * f;
    // 2 s = f - f^2/2 + s f^2/2 moves the rounding of s, which is large against f, into a small term.
    let tail = s.mul_add(z.mul_add(horner_f64(z, ATANH), half_square), k * LN2_LO);
    let value = k.mul_add(LN2_HI, f - (half_square - tail));
    if ORD {
        return value;
    }
    // Written so that NaN and negatives fail both comparisons.
    let special = if x == 0.0 {
        f64::NEG_INFINITY
    } else if x > 0.0 {
        x
    } else {
        f64::NAN
    };
    if x > 0.0 && x < f64::INFINITY { value } else { special }
}

/// [`split_any`] in single precision.
#[inline(always)]
pub(super) fn split_any_f32<const ORD: bool>(x: f32) -> (f32, f32) {
    let tiny = !ORD && x < f32::MIN_POSITIVE;
    let bits = (if tiny { x * 33_554_432.0 } else { x }).to_bits();
    let wrapped = bits.wrapping_sub(SQRT_HALF_F32).wrapping_add(127 << 23);
    let biased = f32::from_bits((wrapped >> 23) | 0x4b00_0000);
    let k = biased - if tiny { 8_388_608.0 + 127.0 + 25.0 } else { 8_388_608.0 + 127.0 };
    let m = f32::from_bits(bits.wrapping_sub((wrapped & (0x1ff << 23)).wrapping_sub(127 << 23)));
    (k, m)
}

/// `ORD` promises a positive normal number.
#[inline(always)]
pub(super) fn ln_f32<const ORD: bool>(x: f32) -> f32 {
    let (k, m) = split_any_f32::<ORD>(x);
    let f = m - 1.0;
    let s = f / (f + 2.0);
    let z = s * s;
    let half_square = 0.5 * f * f;
    let atanh = horner_f32(z, ATANH_F32);
    let tail = s.mul_add(z.mul_add(atanh, half_square), k * -1.904_654_2e-9);
    let value = k.mul_add(std::f32::consts::LN_2, f - (half_square - tail));
    if ORD {
        return value;
    }
    let special = if x == 0.0 {
        f32::NEG_INFINITY
    } else if x > 0.0 {
        x
    } else {
        f32::NAN
    };
    if x > 0.0 && x < f32::INFINITY { value } else { special }
}
