//! Curves over evenly spaced values, for rows of different lengths packed one behind the other, and powers with an
//! exponent for each element: what a batch of schedules is computed from.

use super::Float;
use super::dispatch::{Backend, Level};
use super::float::power_f64;
use super::map::per_cpu;

/// Elements written together: one AVX-512 register of doubles, two of AVX2.
const GROUP: usize = 8;

/// A row of a curve over `count` values `(last - k) * high + k * low` for k from `first`, beginning at index `at`, and a
/// zero behind them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ramp {
    pub(crate) at: usize,
    pub(crate) count: usize,
    pub(crate) first: f64,
    pub(crate) last: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) exponent: f64,
    /// What stands at `k = 0` and, otherwise, at the end of the row: no curve rounds it.
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

per_cpu! {
    fn powers_body<T: Float>(rows: &[Ramp], out: &mut [T]) {
        fill(rows, out, |x, row| T::power_of(x, row.exponent));
    }
}

per_cpu! {
    fn exponentials_body<T: Float>(rows: &[Ramp], out: &mut [T]) {
        fill(rows, out, |x, _| T::exp_of(x));
    }
}

/// An integer exponent known to the compiler, which then multiplies without a choice.
pub(super) trait Exponent {
    const N: u32;
}

pub(super) struct To<const N: u32>;

impl<const N: u32> Exponent for To<N> {
    const N: u32 = N;
}

per_cpu! {
    fn small_powers_body<T: Float, E: Exponent>(rows: &[Ramp], out: &mut [T], _exponent: E) {
        let factor = |bit: u32, power: f64| if E::N & bit == 0 { 1.0 } else { power };
        fill(rows, out, |x, _| {
            let square = x * x;
            let fourth = square * square;
            T::nearest(factor(1, x) * factor(2, square) * factor(4, fourth) * factor(8, fourth * fourth))
        });
    }
}

/// The rows in order; the group that a row ends in runs into the next row, which is written later, or is cut.
#[inline(always)]
fn fill<T: Float>(rows: &[Ramp], out: &mut [T], curve: impl Fn(f64, &Ramp) -> T) {
    for row in rows {
        let (count, padded) = (row.count, row.count.next_multiple_of(GROUP));
        let room = &mut out[row.at..];
        let whole = if padded <= room.len() { padded } else { count - count % GROUP };
        let mut k = row.first;
        for group in room[..whole].chunks_exact_mut(GROUP) {
            along(row, k, group, &curve);
            k += GROUP as f64;
        }
        if whole < count {
            let mut group = [T::ONE; GROUP];
            along(row, k, &mut group, &curve);
            room[whole..count].copy_from_slice(&group[..count - whole]);
        }
        if count > 0 {
            room[count - 1] = T::nearest(row.bottom);
            if row.first == 0.0 {
                room[0] = T::nearest(row.top);
            }
        }
        room[count] = T::nearest(0.0);
    }
}

#[inline(always)]
fn along<T: Float>(row: &Ramp, k: f64, group: &mut [T], curve: impl Fn(f64, &Ramp) -> T) {
    for (out, lane) in group.iter_mut().zip([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]) {
        let k = k + lane;
        *out = curve((row.last - k) * row.high + k * row.low, row);
    }
}

per_cpu! {
    fn raise_each_body<>(bases: &mut [f64], exponents: &[f64]) {
        for (base, exponent) in bases.iter_mut().zip(exponents) {
            *base = power_f64::<true>(*base, *exponent);
        }
    }
}

/// Fills rows, which lie in ascending order, with each one's power of its ramp. Values behind the last row may be
/// overwritten.
pub(crate) fn powers<T: Float>(backend: Backend, rows: &[Ramp], out: &mut [T]) {
    powers_body(backend, rows, out);
}

/// [`powers`] by multiplication, for one exponent from 1 to 8 in all rows.
pub(crate) fn small_powers<T: Float>(backend: Backend, rows: &[Ramp], out: &mut [T], exponent: u32) {
    match exponent {
        1 => small_powers_body(backend, rows, out, To::<1>),
        2 => small_powers_body(backend, rows, out, To::<2>),
        3 => small_powers_body(backend, rows, out, To::<3>),
        4 => small_powers_body(backend, rows, out, To::<4>),
        5 => small_powers_body(backend, rows, out, To::<5>),
        6 => small_powers_body(backend, rows, out, To::<6>),
        7 => small_powers_body(backend, rows, out, To::<7>),
        8 => small_powers_body(backend, rows, out, To::<8>),
        _ => powers(backend, rows, out),
    }
}

/// [`powers`], but the exponential of the ramp.
pub(crate) fn exponentials<T: Float>(backend: Backend, rows: &[Ramp], out: &mut [T]) {
    exponentials_body(backend, rows, out);
}

/// Raises each positive normal number to its own exponent, to 2 ulp where |exponent ln base| <= 700.
pub(crate) fn raise_each(backend: Backend, bases: &mut [f64], exponents: &[f64]) {
    raise_each_body(backend, bases, exponents);
}
