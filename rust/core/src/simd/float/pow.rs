//! pow with one exponent for a whole slice: exp(y ln|x|) with ln|x| in two doubles.

use super::exp::{LN2_HI, exp_short, exp_sum};
use super::{Float, horner_f64};
use super::ln::{ATANH, ATANH_SHORT, split, split_any};

/// ln 2 cut to 42 bits, so that its product with an exponent is exact, and the rest.
const LN2_42: f64 = 0.693_147_180_559_890_3;
const LN2_REST: f64 = 5.497_923_018_708_371e-14;

/// What depends on the exponent alone.
#[derive(Debug, Clone, Copy)]
pub struct PowPlan {
    /// The exponent, finite, not 0, magnitude at most 2^40.
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
        if exponent.is_nan() || exponent.abs() > 1_099_511_627_776.0 || exponent == 0.0 {
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

    /// Replaces the power of |x| by the power of x.
    #[inline(always)]
    fn finish(&self, x: f64, power: f64) -> f64 {
        let power = if x == 0.0 { self.at_zero } else { power };
        let power = if x.abs() == f64::INFINITY { self.at_infinity } else { power };
        let power = if x.to_bits() >> 63 == 1 { power * self.odd } else { power };
        let finite_negative = x < 0.0 && x > f64::NEG_INFINITY;
        let power = if finite_negative { power * self.negative } else { power };
        if x.is_nan() { x } else { power }
    }
}

#[inline(always)]
pub(super) fn pow_f64<const ORD: bool>(x: f64, plan: &PowPlan) -> f64 {
    let (k, m) = split_any::<ORD>(if ORD { x } else { x.abs() });
    let num = m - 1.0;
    let den = m + 1.0;
    let den_lo = m - (den - 1.0);
    let inverse = 1.0 / den;
    let s = num * inverse;
    // The quotient's remainder gives s a second double.
    let rest = s.mul_add(-den_lo, s.mul_add(-den, num));
    let s_lo = rest * inverse;
    let z = s * s;
    let atanh = horner_f64(z, ATANH);
    // hi is 0 or larger than 2 s, so both sums lose nothing.
    let hi = k * LN2_42;
    let sum = 2.0f64.mul_add(s, hi);
    let lost = 2.0f64.mul_add(s, hi - sum);
    let low = lost + k.mul_add(LN2_REST, (s * z).mul_add(atanh, 2.0 * s_lo));
    let ln_hi = sum + low;
    let ln_lo = low - (ln_hi - sum);
    let p_hi = plan.exponent * ln_hi;
    let p_lo = plan.exponent.mul_add(ln_lo, plan.exponent.mul_add(ln_hi, -p_hi));
    let power = exp_sum::<ORD>(p_hi, p_lo);
    if ORD { power } else { plan.finish(x, power) }
}

#[inline(always)]
pub(super) fn pow_f32<const ORD: bool>(x: f32, plan: &PowPlan) -> f32 {
    let wide = f64::from(x);
    let (k, m) = split(if ORD { wide } else { wide.abs() });
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let ln = k.mul_add(LN2_HI, (s * z).mul_add(horner_f64(z, ATANH_SHORT), 2.0 * s));
    let p = plan.exponent * ln;
    let power = if ORD {
        exp_short(p)
    } else {
        let p = if p > 200.0 { 200.0 } else { p };
        let p = if p < -200.0 { -200.0 } else { p };
        plan.finish(wide, exp_short(p))
    };
    #[expect(clippy::cast_possible_truncation, reason = "the only rounding that counts")]
    let power = power as f32;
    power
}
