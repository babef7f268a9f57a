//! pow with one exponent for a whole slice: exp(y ln|x|) with ln|x| in two doubles.

use super::exp::{LN2_HI, exp_short, exp_sum, exp_sum_f32};
use super::ln::{ATANH, ATANH_F32, ATANH_SHORT, split, split_any, split_any_f32};
use super::{Float, horner_f32, horner_f64};

/// What depends on the exponent alone.
#[derive(Debug, Clone, Copy)]
pub struct PowPlan {
    /// The exponent, finite, not 0, magnitude at most `Float::MOST_EXPONENT`.
    exponent: f64,
    /// Of a zero base, and of an infinite one.
    at_zero: f64,
    at_infinity: f64,
    /// Sign of a result whose base has its sign bit set: -1 for odd integers, else 1.
    odd: f64,
    /// Result factor of a base below 0: 1 for integers, NaN else.
    negative: f64,
    /// Normal bases between which the result is ordinary for the element type.
    least: f64,
    most: f64,
}

impl PowPlan {
    /// `None` where the vector path's error grows beyond its promise: a huge, infinite or NaN exponent, or 0.
    pub(in crate::simd) fn new<T: Float>(exponent: f64) -> Option<Self> {
        if exponent.is_nan() || exponent.abs() > T::MOST_EXPONENT || exponent == 0.0 {
            return None;
        }
        let integer = exponent.fract() == 0.0;
        let (at_zero, at_infinity) = if exponent > 0.0 { (0.0, f64::INFINITY) } else { (f64::INFINITY, 0.0) };
        // A little less, for the rounding of the bounds.
        let reach = 0.999 * T::ORDINARY_EXP / exponent.abs();
        Some(Self {
            exponent,
            at_zero,
            at_infinity,
            odd: if integer && exponent % 2.0 != 0.0 { -1.0 } else { 1.0 },
            negative: if integer { 1.0 } else { f64::NAN },
            least: libm::exp(-reach).max(f64::MIN_POSITIVE),
            most: libm::exp(reach).min(f64::MAX),
        })
    }

    /// Whether every special case is excluded.
    #[inline(always)]
    pub(super) fn is_ordinary(&self, x: f64) -> bool {
        x >= self.least && x <= self.most
    }
}

/// A power of a positive normal number in doubles, to 1e-9 while the exponent is at most 100 or the base near 1: more
/// than a float holds.
#[inline(always)]
pub(super) fn power_short(x: f64, exponent: f64) -> f64 {
    let (k, m) = split(x);
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let ln = k.mul_add(LN2_HI, (s * z).mul_add(horner_f64(z, ATANH_SHORT), 2.0 * s));
    exp_short(exponent * ln)
}

/// `(m - 1) / (m + 1)` in two words, but for the rounding of `m + 1`: at most 2e-17, or times 16 in a power 3e-16.
#[inline(always)]
fn quotient(m: f64) -> (f64, f64) {
    let num = m - 1.0;
    let den = m + 1.0;
    let inverse = 1.0 / den;
    let s = num * inverse;
    (s, s.mul_add(-den, num) * inverse)
}

/// The same with that rounding made good, which the narrower promise for floats needs.
#[inline(always)]
fn quotient_f32(m: f32) -> (f32, f32) {
    let num = m - 1.0;
    let den = m + 1.0;
    let den_lo = m - (den - 1.0);
    let inverse = 1.0 / den;
    let s = num * inverse;
    let rest = s.mul_add(-den_lo, s.mul_add(-den, num));
    (s, rest * inverse)
}

/// Defines a lane and the replacement of the power of |x| by that of x, in one precision.
macro_rules! pow {
    ($t:ident, $pow:ident, $power:ident, $finish:ident, $split:ident, $horner:ident, $atanh:ident, $exp:ident, $quotient:ident, $ln2:literal, $rest:literal) => {
        /// `ORD` promises that `plan` found `x` ordinary.
        #[inline(always)]
        #[allow(clippy::cast_possible_truncation, reason = "the plan for a float exponent holds floats")]
        pub(super) fn $pow<const ORD: bool>(x: $t, plan: &PowPlan) -> $t {
            let power = $power::<ORD>(x, plan.exponent as $t);
            if ORD { power } else { $finish(x, power, plan) }
        }

        /// |x| to the power of `exponent`, of a magnitude that needs no [`PowPlan`]; `ORD` promises what [`exp_sum`] and
        /// [`split_any`] need.
        #[inline(always)]
        pub(in crate::simd) fn $power<const ORD: bool>(x: $t, exponent: $t) -> $t {
            let (k, m) = $split::<ORD>(if ORD { x } else { x.abs() });
            let (s, s_lo) = $quotient(m);
            let z = s * s;
            let atanh = $horner(z, $atanh);
            // $ln2 is ln 2 cut so that its product with k is exact; hi is 0 or larger than 2 s, so both sums lose
            // nothing.
            let hi = k * $ln2;
            let sum = (2.0 as $t).mul_add(s, hi);
            let lost = (2.0 as $t).mul_add(s, hi - sum);
            let low = lost + k.mul_add($rest, (s * z).mul_add(atanh, 2.0 * s_lo));
            let ln_hi = sum + low;
            let ln_lo = low - (ln_hi - sum);
            let p_hi = exponent * ln_hi;
            let p_lo = exponent.mul_add(ln_lo, exponent.mul_add(ln_hi, -p_hi));
            $exp::<ORD>(p_hi, p_lo)
        }

        #[inline(always)]
        #[allow(clippy::cast_possible_truncation, reason = "the plan for a float exponent holds floats")]
        fn $finish(x: $t, power: $t, plan: &PowPlan) -> $t {
            let power = if x == 0.0 { plan.at_zero as $t } else { power };
            let power = if x.abs() == $t::INFINITY { plan.at_infinity as $t } else { power };
            let power = if x.is_sign_negative() { power * plan.odd as $t } else { power };
            let finite_negative = x < 0.0 && x > $t::NEG_INFINITY;
            let power = if finite_negative { power * plan.negative as $t } else { power };
            if x.is_nan() { x } else { power }
        }
    };
}

pow!(
    f64,
    pow_f64,
    power_f64,
    finish_f64,
    split_any,
    horner_f64,
    ATANH,
    exp_sum,
    quotient,
    0.693_147_180_559_890_3,
    5.497_923_018_708_371e-14
);
pow!(
    f32,
    pow_f32,
    power_f32,
    finish_f32,
    split_any_f32,
    horner_f32,
    ATANH_F32,
    exp_sum_f32,
    quotient_f32,
    0.693_145_75,
    1.428_606_8e-6
);
