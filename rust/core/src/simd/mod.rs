//! exp, ln and pow over slices of `f32` and `f64`, with the CPU's widest vectors chosen at run time.
//!
//! | function | `f64` | `f32` | promised for |
//! |---|---|---|---|
//! | [`exp()`] | 2 ulp | 2 ulp | every input, subnormal results included |
//! | [`ln()`] | 2 ulp | 2 ulp | every input, subnormals included |
//! | [`pow()`] | 8 ulp | 4 ulp | finite normal results, base 1e-6 to 1e6, exponent -16 to 16 |
//!
//! Special values: `exp` gives inf above the overflow threshold and for inf, 0 for -inf, subnormals between and NaN for
//! NaN; `ln` gives -inf for both zeros, NaN for negatives and NaN, inf for inf; `pow` follows IEEE 754 `pow`
//! everywhere. An element's result depends on its value alone: not on its position, the slice's length, or the CPU
//! path.

#![expect(clippy::inline_always, reason = "a body must inline into each CPU path to be compiled for it")]

mod dispatch;
mod float;
mod map;
mod ramp;

pub use dispatch::Backend;
pub(crate) use dispatch::Level;
pub use float::Float;
use float::PowPlan;
use map::{Lane, map_in_place, map_into, powi_in_place};
pub(crate) use ramp::{Ramp, exponentials, powers, raise_each, small_powers};

struct Exp;
struct Ln;
struct Pow(PowPlan);

impl<T: Float> Lane<T> for Exp {
    #[inline(always)]
    fn is_ordinary(&self, x: T) -> bool {
        x.is_ordinary_for_exp()
    }
    #[inline(always)]
    fn lane<const ORD: bool>(&self, x: T) -> T {
        x.exp_lane::<ORD>()
    }
}

impl<T: Float> Lane<T> for Ln {
    #[inline(always)]
    fn is_ordinary(&self, x: T) -> bool {
        x.is_ordinary_for_ln()
    }
    #[inline(always)]
    fn lane<const ORD: bool>(&self, x: T) -> T {
        x.ln_lane::<ORD>()
    }
}

impl<T: Float> Lane<T> for Pow {
    #[inline(always)]
    fn is_ordinary(&self, x: T) -> bool {
        x.is_ordinary_for_pow(&self.0)
    }
    #[inline(always)]
    fn lane<const ORD: bool>(&self, x: T) -> T {
        x.pow_lane::<ORD>(&self.0)
    }
}

/// Replaces each element by its exponential.
pub fn exp<T: Float>(xs: &mut [T]) {
    exp_on(Backend::active(), xs);
}

/// Writes the exponentials of `src` to `dst`.
///
/// # Panics
/// When the lengths differ.
pub fn exp_into<T: Float>(dst: &mut [T], src: &[T]) {
    map_into(Backend::active(), &Exp, dst, src);
}

/// [`exp()`] on a chosen CPU path.
pub fn exp_on<T: Float>(backend: Backend, xs: &mut [T]) {
    map_in_place(backend, &Exp, xs);
}

/// Replaces each element by its natural logarithm.
pub fn ln<T: Float>(xs: &mut [T]) {
    ln_on(Backend::active(), xs);
}

/// Writes the natural logarithms of `src` to `dst`.
///
/// # Panics
/// When the lengths differ.
pub fn ln_into<T: Float>(dst: &mut [T], src: &[T]) {
    map_into(Backend::active(), &Ln, dst, src);
}

/// [`ln()`] on a chosen CPU path.
pub fn ln_on<T: Float>(backend: Backend, xs: &mut [T]) {
    map_in_place(backend, &Ln, xs);
}

/// Raises each element to `exponent`. Integers of magnitude 8 (`f32`: 4) and below go through [`powi()`].
pub fn pow<T: Float>(xs: &mut [T], exponent: T) {
    pow_on(Backend::active(), xs, exponent);
}

/// Writes `src` raised to `exponent` to `dst`.
///
/// # Panics
/// When the lengths differ.
pub fn pow_into<T: Float>(dst: &mut [T], src: &[T], exponent: T) {
    let y: f64 = exponent.into();
    if small_integer::<T>(y).is_none()
        && let Some(plan) = PowPlan::new::<T>(y)
    {
        map_into(Backend::active(), &Pow(plan), dst, src);
    } else {
        dst.copy_from_slice(src);
        pow(dst, exponent);
    }
}

/// [`pow()`] on a chosen CPU path.
pub fn pow_on<T: Float>(backend: Backend, xs: &mut [T], exponent: T) {
    let y: f64 = exponent.into();
    if let Some(n) = small_integer::<T>(y) {
        powi_in_place(backend, xs, n);
    } else if let Some(plan) = PowPlan::new::<T>(y) {
        map_in_place(backend, &Pow(plan), xs);
    } else {
        // Infinite, NaN or astronomical exponents: no schedule has one, so only the value matters.
        for x in xs {
            *x = x.pow_scalar(exponent);
        }
    }
}

/// Raises each element to the integer `n` by repeated squaring, one reciprocal last where `n` is negative. The relative
/// error is at most (|n| - 1) 2^-53 (`f32`: 2^-24) for normal results, one rounding more for negative `n`; a reciprocal
/// of an overflown power is 0 where the true result may be subnormal.
pub fn powi<T: Float>(xs: &mut [T], n: i32) {
    powi_in_place(Backend::active(), xs, n);
}

/// The exponents for which repeated squaring keeps [`pow()`]'s promise.
#[expect(clippy::cast_possible_truncation, reason = "at most 8")]
fn small_integer<T: Float>(y: f64) -> Option<i32> {
    (y.fract() == 0.0 && y.abs() <= T::SQUARING).then_some(y as i32)
}
