//! Evenly spaced values for rows of different lengths, packed one behind the other, and powers with an exponent for each
//! element: what a batch of schedules is computed from.

use super::Float;
use super::dispatch::{Backend, Level};
use super::float::power_f64;
use super::map::per_cpu;

/// Elements written together: one AVX-512 register of doubles, two of AVX2.
pub(crate) const GROUP: usize = 8;

/// A row of `count` values `(last - k) * high + k * low` for k from `first`, beginning at index `at`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ramp {
    pub(crate) at: usize,
    pub(crate) count: usize,
    pub(crate) first: f64,
    pub(crate) last: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) exponent: f64,
}

per_cpu! {
    fn ramps_body<>(rows: &[Ramp], out: &mut [f64]) {
        for row in rows {
            along(row, out, |x| x);
        }
    }
}

per_cpu! {
    fn seventh_powers_body<>(rows: &[Ramp], out: &mut [f64]) {
        for row in rows {
            along(row, out, |x| {
                let square = x * x;
                square * square * square * x
            });
        }
    }
}

/// One row of [`ramps`], and `curve` over it.
#[inline(always)]
fn along(row: &Ramp, out: &mut [f64], curve: impl Fn(f64) -> f64) {
    let mut k = row.first;
    for group in out[row.at..][..row.count.next_multiple_of(GROUP)].chunks_exact_mut(GROUP) {
        for (out, lane) in group.iter_mut().zip([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]) {
            let k = k + lane;
            *out = curve((row.last - k) * row.high + k * row.low);
        }
        k += GROUP as f64;
    }
    out[row.at + row.count] = 1.0;
}

per_cpu! {
    fn exponents_body<>(rows: &[Ramp], out: &mut [f64]) {
        for row in rows {
            for group in out[row.at..][..row.count.next_multiple_of(GROUP)].chunks_exact_mut(GROUP) {
                group.fill(row.exponent);
            }
            out[row.at + row.count] = 1.0;
        }
    }
}

per_cpu! {
    fn raise_each_body<>(bases: &mut [f64], exponents: &[f64]) {
        for (base, exponent) in bases.iter_mut().zip(exponents) {
            *base = power_f64::<true>(*base, *exponent);
        }
    }
}

per_cpu! {
    fn nearest_into_body<T: Float>(out: &mut [T], xs: &[f64]) {
        for (out, x) in out.iter_mut().zip(xs) {
            *out = T::nearest(*x);
        }
    }
}

/// Writes the nearest numbers of the element type.
pub(crate) fn nearest_into<T: Float>(backend: Backend, out: &mut [T], xs: &[f64]) {
    nearest_into_body(backend, out, xs);
}

/// Fills rows that lie in ascending order, and the place behind each with 1. Up to a [`GROUP`] behind the last row is
/// overwritten.
pub(crate) fn ramps(backend: Backend, rows: &[Ramp], out: &mut [f64]) {
    ramps_body(backend, rows, out);
}

/// Each row's exponent at the places that [`ramps`] fills.
pub(crate) fn exponents(backend: Backend, rows: &[Ramp], out: &mut [f64]) {
    exponents_body(backend, rows, out);
}

/// [`ramps`] to the power of 7, the default of karras.
pub(crate) fn seventh_powers(backend: Backend, rows: &[Ramp], out: &mut [f64]) {
    seventh_powers_body(backend, rows, out);
}

/// Raises each positive normal number to its own exponent, to 2 ulp where |exponent ln base| <= 700.
pub(crate) fn raise_each(backend: Backend, bases: &mut [f64], exponents: &[f64]) {
    raise_each_body(backend, bases, exponents);
}
