//! How a chunk comes from memory into an accumulator's type and goes back.

use super::cpu::Cpu;
use super::finite::NonFinite;
use super::run::{GROUP, Load};

/// The accumulator types.
pub(super) trait Accumulator: Copy {
    const ZERO: Self;
    fn coefficient(load: &Load) -> Self;
    fn times(self, coefficient: Self) -> Self;
    /// `self * coefficient + sum`, rounded once.
    fn times_plus(self, coefficient: Self, sum: Self) -> Self;
}

impl Accumulator for f32 {
    const ZERO: Self = 0.0;
    #[inline(always)]
    fn coefficient(load: &Load) -> Self {
        load.single
    }
    #[inline(always)]
    fn times(self, coefficient: Self) -> Self {
        self * coefficient
    }
    #[inline(always)]
    fn times_plus(self, coefficient: Self, sum: Self) -> Self {
        self.mul_add(coefficient, sum)
    }
}

impl Accumulator for f64 {
    const ZERO: Self = 0.0;
    #[inline(always)]
    fn coefficient(load: &Load) -> Self {
        load.double
    }
    #[inline(always)]
    fn times(self, coefficient: Self) -> Self {
        self * coefficient
    }
    #[inline(always)]
    fn times_plus(self, coefficient: Self, sum: Self) -> Self {
        self.mul_add(coefficient, sum)
    }
}

/// A stored form with the accumulator it is computed in.
pub(super) trait Format {
    type Acc: Accumulator;
    /// Bytes per stored element.
    const SIZE: usize;

    /// # Safety
    /// `from` must be valid for a group of stored elements, of any alignment, and `C`'s instructions must exist.
    unsafe fn load<C: Cpu>(from: *const u8) -> [Self::Acc; GROUP];

    /// Rounds, stores and notes values that are not finite as stored.
    ///
    /// # Safety
    /// As [`Format::load`], for `to`.
    unsafe fn store<C: Cpu>(values: &[Self::Acc; GROUP], to: *mut u8, bad: &mut NonFinite);
}

/// A form narrower than float64.
pub(super) trait Narrow: Format<Acc = f32> {
    /// How a float64 sum becomes the float32 that [`Format::store`] rounds.
    fn from_wide(value: f64) -> f32;
}

/// float32 in a float32 accumulator.
pub(super) struct F32;
/// binary16 in a float32 accumulator.
pub(super) struct F16;
/// bfloat16 in a float32 accumulator.
pub(super) struct Bf16;
/// float64 in a float64 accumulator.
pub(super) struct F64;
/// A narrower form in a float64 accumulator.
pub(super) struct Wide<F>(std::marker::PhantomData<F>);

impl Format for F32 {
    type Acc = f32;
    const SIZE: usize = 4;

    #[inline(always)]
    unsafe fn load<C: Cpu>(from: *const u8) -> [f32; GROUP] {
        // SAFETY: the caller's.
        unsafe { from.cast::<[f32; GROUP]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store<C: Cpu>(values: &[f32; GROUP], to: *mut u8, bad: &mut NonFinite) {
        bad.f32(values);
        // SAFETY: the caller's.
        unsafe { to.cast::<[f32; GROUP]>().write_unaligned(*values) };
    }
}

impl Format for F64 {
    type Acc = f64;
    const SIZE: usize = 8;

    #[inline(always)]
    unsafe fn load<C: Cpu>(from: *const u8) -> [f64; GROUP] {
        // SAFETY: the caller's.
        unsafe { from.cast::<[f64; GROUP]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store<C: Cpu>(values: &[f64; GROUP], to: *mut u8, bad: &mut NonFinite) {
        bad.f64(values);
        // SAFETY: the caller's.
        unsafe { to.cast::<[f64; GROUP]>().write_unaligned(*values) };
    }
}

impl Format for F16 {
    type Acc = f32;
    const SIZE: usize = 2;

    #[inline(always)]
    unsafe fn load<C: Cpu>(from: *const u8) -> [f32; GROUP] {
        // SAFETY: the caller's.
        unsafe { C::widen(from) }
    }

    #[inline(always)]
    unsafe fn store<C: Cpu>(values: &[f32; GROUP], to: *mut u8, bad: &mut NonFinite) {
        // SAFETY: the caller's.
        let bits = unsafe { C::narrow(values) };
        bad.bits16::<0x0400>(&bits);
        // SAFETY: the caller's.
        unsafe { to.cast::<[u16; GROUP]>().write_unaligned(bits) };
    }
}

impl Format for Bf16 {
    type Acc = f32;
    const SIZE: usize = 2;

    #[inline(always)]
    unsafe fn load<C: Cpu>(from: *const u8) -> [f32; GROUP] {
        // SAFETY: the caller's.
        let bits = unsafe { from.cast::<[u16; GROUP]>().read_unaligned() };
        let mut values = [0.0; GROUP];
        for (value, bits) in values.iter_mut().zip(bits) {
            *value = f32::from_bits(u32::from(bits) << 16);
        }
        values
    }

    #[inline(always)]
    unsafe fn store<C: Cpu>(values: &[f32; GROUP], to: *mut u8, bad: &mut NonFinite) {
        let mut bits = [0; GROUP];
        for (bits, value) in bits.iter_mut().zip(values) {
            *bits = to_bf16(*value);
        }
        bad.bits16::<0x0080>(&bits);
        // SAFETY: the caller's.
        unsafe { to.cast::<[u16; GROUP]>().write_unaligned(bits) };
    }
}

impl<F: Narrow> Format for Wide<F> {
    type Acc = f64;
    const SIZE: usize = F::SIZE;

    #[inline(always)]
    unsafe fn load<C: Cpu>(from: *const u8) -> [f64; GROUP] {
        // SAFETY: the caller's.
        let single = unsafe { F::load::<C>(from) };
        let mut values = [0.0; GROUP];
        for (value, single) in values.iter_mut().zip(single) {
            *value = f64::from(single);
        }
        values
    }

    #[inline(always)]
    unsafe fn store<C: Cpu>(values: &[f64; GROUP], to: *mut u8, bad: &mut NonFinite) {
        let mut single = [0.0; GROUP];
        for (single, value) in single.iter_mut().zip(values) {
            *single = F::from_wide(*value);
        }
        // SAFETY: the caller's.
        unsafe { F::store::<C>(&single, to, bad) };
    }
}

impl Narrow for F32 {
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the rounding is the point")]
    fn from_wide(value: f64) -> f32 {
        value as f32
    }
}

impl Narrow for F16 {
    #[inline(always)]
    fn from_wide(value: f64) -> f32 {
        round_to_odd(value)
    }
}

impl Narrow for Bf16 {
    #[inline(always)]
    fn from_wide(value: f64) -> f32 {
        round_to_odd(value)
    }
}

/// To nearest, ties to even; NaN keeps its upper payload and becomes quiet.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "both words fit 16 bits after their shift")]
fn to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    let quiet = (bits >> 16) | 0x0040;
    (if value.is_nan() { quiet } else { rounded }) as u16
}

/// The float next to `value` toward zero, its last bit set where it is not exact: rounding the result once more, to a
/// format at least two bits shorter, equals rounding `value` there at once.
#[inline(always)]
#[expect(clippy::float_cmp, reason = "exactness is the question")]
fn round_to_odd(value: f64) -> f32 {
    let nearest = F32::from_wide(value);
    let back = f64::from(nearest);
    let toward_zero = nearest.to_bits() - u32::from(back.abs() > value.abs());
    let inexact = back != value && !value.is_nan();
    f32::from_bits(if inexact { toward_zero | 1 } else { nearest.to_bits() })
}
