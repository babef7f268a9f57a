//! Half-precision conversion of one group, per CPU path. Everything else is the same source on every path.

use half::f16;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};

use super::run::GROUP;

/// A CPU path. Implementors other than [`Portable`] use instructions that the path's detection has proven.
pub(super) trait Cpu {
    /// Widens `GROUP` binary16 values from memory of any alignment.
    ///
    /// # Safety
    /// `from` must be valid for `GROUP` binary16 values, and the path's instructions must exist on this CPU.
    unsafe fn widen(from: *const u8) -> [f32; GROUP];

    /// Rounds `GROUP` values to binary16, to nearest, ties to even; NaN stays NaN, quietened.
    ///
    /// # Safety
    /// The path's instructions must exist on this CPU.
    unsafe fn narrow(values: &[f32; GROUP]) -> [u16; GROUP];
}

/// No instructions beyond the target triple's; `half` picks what it has.
pub(super) struct Portable;

impl Cpu for Portable {
    unsafe fn widen(from: *const u8) -> [f32; GROUP] {
        // SAFETY: the caller's.
        let bits = unsafe { from.cast::<[u16; GROUP]>().read_unaligned() };
        let mut values = [0.0; GROUP];
        bits.reinterpret_cast::<f16>().convert_to_f32_slice(&mut values);
        values
    }

    unsafe fn narrow(values: &[f32; GROUP]) -> [u16; GROUP] {
        let mut bits = [0; GROUP];
        bits.reinterpret_cast_mut::<f16>().convert_from_f32_slice(values);
        bits
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        _MM_FROUND_TO_NEAREST_INT, _mm_loadu_si128, _mm_storeu_si128, _mm256_cvtph_ps, _mm256_cvtps_ph,
        _mm256_loadu_ps, _mm256_loadu_si256, _mm256_storeu_ps, _mm256_storeu_si256, _mm512_cvtph_ps, _mm512_cvtps_ph,
        _mm512_loadu_ps, _mm512_storeu_ps,
    };

    use super::{Cpu, GROUP};

    /// F16C, eight values at a time.
    pub(in super::super) struct Avx2;

    impl Cpu for Avx2 {
        #[inline(always)]
        unsafe fn widen(from: *const u8) -> [f32; GROUP] {
            let mut values = [0.0; GROUP];
            for i in (0..GROUP).step_by(8) {
                // SAFETY: i + 8 <= GROUP, since 8 divides it; the caller vouches for F16C.
                unsafe {
                    let half = _mm_loadu_si128(from.add(2 * i).cast());
                    _mm256_storeu_ps(values.as_mut_ptr().add(i), _mm256_cvtph_ps(half));
                }
            }
            values
        }

        #[inline(always)]
        unsafe fn narrow(values: &[f32; GROUP]) -> [u16; GROUP] {
            let mut bits = [0; GROUP];
            for i in (0..GROUP).step_by(8) {
                // SAFETY: as in `widen`.
                unsafe {
                    let single = _mm256_loadu_ps(values.as_ptr().add(i));
                    let half = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(single);
                    _mm_storeu_si128(bits.as_mut_ptr().add(i).cast(), half);
                }
            }
            bits
        }
    }

    /// AVX-512, sixteen values at a time.
    pub(in super::super) struct Avx512;

    impl Cpu for Avx512 {
        #[inline(always)]
        unsafe fn widen(from: *const u8) -> [f32; GROUP] {
            let mut values = [0.0; GROUP];
            for i in (0..GROUP).step_by(16) {
                // SAFETY: i + 16 <= GROUP, since 16 divides it; the caller vouches for AVX-512.
                unsafe {
                    let half = _mm256_loadu_si256(from.add(2 * i).cast());
                    _mm512_storeu_ps(values.as_mut_ptr().add(i), _mm512_cvtph_ps(half));
                }
            }
            values
        }

        #[inline(always)]
        unsafe fn narrow(values: &[f32; GROUP]) -> [u16; GROUP] {
            let mut bits = [0; GROUP];
            for i in (0..GROUP).step_by(16) {
                // SAFETY: as in `widen`.
                unsafe {
                    let single = _mm512_loadu_ps(values.as_ptr().add(i));
                    let half = _mm512_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(single);
                    _mm256_storeu_si256(bits.as_mut_ptr().add(i).cast(), half);
                }
            }
            bits
        }
    }
}
