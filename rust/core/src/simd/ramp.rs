//! Schedules of different lengths, packed one behind the other, each along its own curve: the inner loop of a batch.

use super::Float;
use super::dispatch::{Backend, Level};
use super::float::{exp_f64, power_f64};
use super::map::per_cpu;

/// Elements computed together: one AVX-512 register of doubles, two of AVX2.
const WIDTH: usize = 8;

/// Groups that a geometric row computes by multiplication before the next exponential.
const ANCHOR: u32 = 8;

type Group = [f64; WIDTH];

/// What becomes of a row's evenly spaced values.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Curve {
    /// To the power of 7.
    Seventh,
    /// To the power of a positive integer.
    Integer(u32),
    /// To the power of any number whose results [`raise_each`] would accept.
    Power(f64),
    /// `exp`; the values lie within -700 to 700.
    Exponential,
}

/// A row of `count` values `curve((last - k) * high + k * low)` for k from `first`, beginning at index `at`, and a zero
/// behind them. The value at k = 0, where the row has it, is `top` instead; its last one is `bottom`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ramp {
    pub(crate) at: usize,
    pub(crate) count: usize,
    pub(crate) first: f64,
    pub(crate) last: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
    pub(crate) curve: Curve,
}

per_cpu! {
    fn fill_ramps_body<T: Float>(rows: &[Ramp], out: &mut [T]) {
        for row in rows {
            match row.curve {
                Curve::Seventh => along(row, out, |xs| {
                    for x in xs {
                        let square = *x * *x;
                        *x *= square * square * square;
                    }
                }),
                Curve::Integer(exponent) => along(row, out, |xs| integer_power(xs, exponent)),
                Curve::Power(exponent) => along(row, out, |xs| {
                    for x in xs {
                        *x = power_f64::<true>(*x, exponent);
                    }
                }),
                Curve::Exponential => {
                    let ratio = exp_f64::<true>(WIDTH as f64 * (row.low - row.high));
                    let mut group = 0;
                    let mut previous = [0.0; WIDTH];
                    along(row, out, |xs| {
                        if group % ANCHOR == 0 {
                            for (p, x) in previous.iter_mut().zip(xs.iter()) {
                                *p = exp_f64::<true>(*x);
                            }
                        } else {
                            for p in &mut previous {
                                *p *= ratio;
                            }
                        }
                        group += 1;
                        *xs = previous;
                    });
                }
            }
            out[row.at + row.count] = T::nearest(0.0);
            out[row.at + row.count - 1] = T::nearest(row.bottom);
            if row.first == 0.0 {
                out[row.at] = T::nearest(row.top);
            }
        }
    }
}

per_cpu! {
    /// Raises each element to its own exponent.
    fn raise_each_body<>(bases: &mut [f64], exponents: &[f64]) {
        for (base, exponent) in bases.iter_mut().zip(exponents) {
            *base = power_f64::<true>(*base, *exponent);
        }
    }
}

/// Fills rows that lie in ascending order. Elements behind a row may be overwritten, to write whole groups: what belongs
/// to no row is filled afterwards.
pub(crate) fn fill_ramps<T: Float>(backend: Backend, rows: &[Ramp], out: &mut [T]) {
    fill_ramps_body(backend, rows, out);
}

/// Raises each positive normal number to its own exponent, to 2 ulp where |exponent ln base| <= 700.
pub(crate) fn raise_each(backend: Backend, bases: &mut [f64], exponents: &[f64]) {
    raise_each_body(backend, bases, exponents);
}

#[inline(always)]
fn along<T: Float>(row: &Ramp, out: &mut [T], mut curve: impl FnMut(&mut Group)) {
    let out = &mut out[row.at..];
    let padded = row.count.next_multiple_of(WIDTH);
    let whole = if padded <= out.len() { padded } else { padded - WIDTH };
    let mut k = row.first;
    let mut next = || {
        let mut xs = [0.0; WIDTH];
        for (x, lane) in xs.iter_mut().zip([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]) {
            let k = k + lane;
            *x = (row.last - k) * row.high + k * row.low;
        }
        k += WIDTH as f64;
        curve(&mut xs);
        xs
    };
    for group in out[..whole].chunks_exact_mut(WIDTH) {
        for (out, x) in group.iter_mut().zip(next()) {
            *out = T::nearest(x);
        }
    }
    if whole < row.count {
        for (out, x) in out[whole..row.count].iter_mut().zip(next()) {
            *out = T::nearest(x);
        }
    }
}

/// Repeated squaring, as for a single schedule.
#[inline(always)]
fn integer_power(xs: &mut Group, mut exponent: u32) {
    let mut power = [1.0; WIDTH];
    while exponent > 1 {
        if exponent & 1 == 1 {
            for (p, x) in power.iter_mut().zip(xs.iter()) {
                *p *= *x;
            }
        }
        for x in xs.iter_mut() {
            *x *= *x;
        }
        exponent >>= 1;
    }
    for (x, p) in xs.iter_mut().zip(power) {
        *x *= p;
    }
}
