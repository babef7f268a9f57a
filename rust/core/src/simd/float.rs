//! The lanes: one element in, one element out, straight-line code that LLVM turns into vectors of any width.
//!
//! Every lane is a fixed sequence of IEEE operations (`mul_add` is never contracted or split), so an element's result
//! depends neither on its position nor on the CPU. Special values are selects, not branches.

mod exp;
mod ln;
mod pow;

pub(super) use pow::PowPlan;

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
    #[doc(hidden)]
    #[must_use]
    fn exp_lane(self) -> Self;
    #[doc(hidden)]
    #[must_use]
    fn ln_lane(self) -> Self;
    #[doc(hidden)]
    #[must_use]
    fn pow_lane(self, plan: &PowPlan) -> Self;
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
    ($t:ty, $squaring:literal, $exp:path, $ln:path, $pow:path, $libm_pow:path) => {
        impl Float for $t {
            const ONE: Self = 1.0;
            const SQUARING: f64 = $squaring;
            #[inline(always)]
            fn exp_lane(self) -> Self {
                $exp(self)
            }
            #[inline(always)]
            fn ln_lane(self) -> Self {
                $ln(self)
            }
            #[inline(always)]
            fn pow_lane(self, plan: &PowPlan) -> Self {
                $pow(self, plan)
            }
            fn pow_scalar(self, exponent: Self) -> Self {
                $libm_pow(self, exponent)
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

float!(f32, 4.0, exp::exp_f32, ln::ln_f32, pow::pow_f32, libm::powf);
float!(f64, 8.0, exp::exp_f64, ln::ln_f64, pow::pow_f64, libm::pow);

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
