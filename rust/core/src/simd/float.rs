//! The lanes: one element in, one element out, straight-line code that LLVM turns into vectors of any width.
//!
//! Every lane is a fixed sequence of IEEE operations (`mul_add` is never contracted or split), so an element's result
//! depends neither on its position nor on the CPU. Special values are selects, not branches; `ORD` (ordinary) promises
//! that an element needs none of them and drops the selects, which changes no bit of its result.

mod exp;
mod ln;
mod pow;

pub(super) use pow::{PowPlan, power_f64};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// `f32` and `f64`, the element types of the vectorised functions.
pub trait Float: sealed::Sealed + Copy + Into<f64> + Send + Sync + 'static {
    #[doc(hidden)]
    const ONE: Self;
    /// Largest integer exponent for which repeated squaring keeps the promise of `pow`: each of its roundings may
    /// cost an ulp.
    #[doc(hidden)]
    const SQUARING: f64;
    /// Magnitude of an argument of exp up to which nothing special can happen.
    #[doc(hidden)]
    const ORDINARY_EXP: f64;
    /// Magnitude of an exponent up to which the vectorised power stays within its promise.
    #[doc(hidden)]
    const MOST_EXPONENT: f64;
    /// Distance from 1 to the next number.
    #[doc(hidden)]
    const STEP: f64;
    /// The nearest number of this type.
    #[doc(hidden)]
    #[must_use]
    fn nearest(value: f64) -> Self;
    /// A power of a positive normal number, |exponent ln base| <= 700, to what this type can tell apart.
    #[doc(hidden)]
    #[must_use]
    fn power_of(base: f64, exponent: f64) -> Self;
    /// An exponential, |x| <= 700, to what this type can tell apart.
    #[doc(hidden)]
    #[must_use]
    fn exp_of(x: f64) -> Self;
    #[doc(hidden)]
    #[must_use]
    fn is_ordinary_for_exp(self) -> bool;
    #[doc(hidden)]
    #[must_use]
    fn is_ordinary_for_ln(self) -> bool;
    #[doc(hidden)]
    #[must_use]
    fn is_ordinary_for_pow(self, plan: &PowPlan) -> bool;
    #[doc(hidden)]
    #[must_use]
    fn exp_lane<const ORD: bool>(self) -> Self;
    #[doc(hidden)]
    #[must_use]
    fn ln_lane<const ORD: bool>(self) -> Self;
    #[doc(hidden)]
    #[must_use]
    fn pow_lane<const ORD: bool>(self, plan: &PowPlan) -> Self;
    #[doc(hidden)]
    #[must_use]
    fn pow_scalar(self, exponent: Self) -> Self;
    #[doc(hidden)]
    #[must_use]
    fn times(self, other: Self) -> Self;
    #[doc(hidden)]
    #[must_use]
    fn reciprocal(self) -> Self;
}

macro_rules! float {
    ($t:ident, $squaring:literal, $ordinary:expr, $most:literal, $exp:ident, $ln:ident, $pow:ident, $libm_pow:ident, $power_of:path, $exp_of:path) => {
        impl Float for $t {
            const ONE: Self = 1.0;
            const SQUARING: f64 = $squaring;
            const ORDINARY_EXP: f64 = $ordinary as f64;
            const MOST_EXPONENT: f64 = $most;
            const STEP: f64 = $t::EPSILON as f64;
            #[inline(always)]
            #[allow(clippy::cast_possible_truncation, reason = "rounding is the point")]
            fn nearest(value: f64) -> Self {
                value as $t
            }
            #[inline(always)]
            fn power_of(base: f64, exponent: f64) -> Self {
                Self::nearest($power_of(base, exponent))
            }
            #[inline(always)]
            fn exp_of(x: f64) -> Self {
                Self::nearest($exp_of(x))
            }
            #[inline(always)]
            fn is_ordinary_for_exp(self) -> bool {
                self.abs() <= $ordinary
            }
            #[inline(always)]
            fn is_ordinary_for_ln(self) -> bool {
                ($t::MIN_POSITIVE..=$t::MAX).contains(&self)
            }
            #[inline(always)]
            fn is_ordinary_for_pow(self, plan: &PowPlan) -> bool {
                plan.is_ordinary(self.into())
            }
            #[inline(always)]
            fn exp_lane<const ORD: bool>(self) -> Self {
                exp::$exp::<ORD>(self)
            }
            #[inline(always)]
            fn ln_lane<const ORD: bool>(self) -> Self {
                ln::$ln::<ORD>(self)
            }
            #[inline(always)]
            fn pow_lane<const ORD: bool>(self, plan: &PowPlan) -> Self {
                pow::$pow::<ORD>(self, plan)
            }
            fn pow_scalar(self, exponent: Self) -> Self {
                libm::$libm_pow(self, exponent)
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self * other
            }
            #[inline(always)]
            fn reciprocal(self) -> Self {
                1.0 / self
            }
        }
    };
}

float!(f32, 4.0, exp::ORDINARY_F32, 65_536.0, exp_f32, ln_f32, pow_f32, powf, pow::power_short, exp::exp_short);
float!(
    f64,
    8.0,
    exp::ORDINARY,
    1_099_511_627_776.0,
    exp_f64,
    ln_f64,
    pow_f64,
    pow,
    power_f64::<true>,
    exp::exp_f64::<true>
);

/// Polynomial with `c[0]` the constant term, by Horner's rule.
#[inline(always)]
fn horner_f64<const N: usize>(x: f64, c: [f64; N]) -> f64 {
    let mut p = c[N - 1];
    let mut i = N - 1;
    while i > 0 {
        i -= 1;
        p = p.mul_add(x, c[i]);
    }
    p
}

/// [`horner_f64`] in single precision.
#[inline(always)]
fn horner_f32<const N: usize>(x: f32, c: [f32; N]) -> f32 {
    let mut p = c[N - 1];
    let mut i = N - 1;
    while i > 0 {
        i -= 1;
        p = p.mul_add(x, c[i]);
    }
    p
}
