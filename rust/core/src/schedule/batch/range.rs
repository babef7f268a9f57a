//! Schedules over a range, computed in vectors: the ends across schedules, the levels along each, straight to where they
//! belong.

use std::ops::Range;

use super::rule::Column;
use crate::schedule::Tail;
use crate::simd::{Backend, Float, Ramp, exponentials, ln_on, powers, raise_each, small_powers};

/// Schedules whose ends are computed together.
const BLOCK: usize = 128;

/// Largest integer exponent that is multiplied out: more multiplications round more than a power does.
const MULTIPLIED: f64 = 8.0;

/// Levels between which, and exponent from which, no power of an end leaves float64: everything that schedules are used
/// for, and more. Others are computed one schedule at a time.
const LEAST: f64 = 1e-10;
const MOST: f64 = 1e10;
const LEAST_RHO: f64 = 0.04;

/// Four times the relative rounding of a karras level is at most this times `rho + 16`: three roundings of the evenly
/// spaced value and 2 ulp of its ends are each multiplied by rho, and the power adds its own.
const GAP_KARRAS: f64 = 1.0 / (1_u64 << 48) as f64;

/// Four times the relative rounding of an exponential level, whose argument of up to 24 is rounded four times.
const GAP_EXPONENTIAL: f64 = 1.0 / (1_u64 << 44) as f64;

/// Where the levels of schedules over a range lie.
pub(super) struct Ends<'a> {
    pub(super) sigma_min: Column<'a>,
    pub(super) sigma_max: Column<'a>,
    /// `None`: evenly spaced in log sigma, else in `sigma^(1/rho)`.
    pub(super) rho: Option<Column<'a>>,
}

/// What makes levels of evenly spaced values.
#[derive(Clone, Copy)]
enum Curve {
    /// One small integer exponent for all.
    Multiplied(u32),
    /// Each row's own exponent.
    Powers,
    Exponential,
}

/// The ends of a block of schedules on the scale on which its levels are evenly spaced.
struct Scaled {
    /// The upper ends, then the lower ones.
    ends: [f64; 2 * BLOCK],
    rhos: [f64; BLOCK],
    /// Whether vectors can compute the schedule at all.
    fits: [bool; BLOCK],
}

impl Ends<'_> {
    /// Writes the schedules of a range of indices to `places` of `out`; what vectors cannot compute, `single` does.
    pub(super) fn fill<T: Float, E>(
        &self,
        backend: Backend,
        range: Range<usize>,
        tail: impl Fn(usize) -> Result<Tail, E>,
        places: impl Fn(usize) -> Range<usize>,
        out: &mut [T],
        mut single: impl FnMut(usize, &mut [T]) -> Result<(), E>,
    ) -> Result<(), E> {
        let curve = self.curve();
        let mut rows = Vec::with_capacity(BLOCK);
        for start in range.clone().step_by(BLOCK) {
            let block = start..range.end.min(start + BLOCK);
            let scaled = self.transform(backend, block.clone());
            for (slot, index) in block.enumerate() {
                let (tail, place) = (tail(index)?, places(index));
                if place.is_empty() {
                    continue;
                }
                if let Some(row) = self.row::<T>(&scaled, slot, index, tail, place.start) {
                    rows.push(row);
                } else {
                    // A row runs over what follows it, so all before this one come first.
                    write(backend, curve, &rows, out);
                    rows.clear();
                    single(index, &mut out[place])?;
                }
            }
            write(backend, curve, &rows, out);
            rows.clear();
        }
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an integer from 1 to 8")]
    fn curve(&self) -> Curve {
        match self.rho {
            None => Curve::Exponential,
            Some(Column::All(rho)) if (1.0..=MULTIPLIED).contains(&rho) && rho.fract() == 0.0 => {
                Curve::Multiplied(rho as u32)
            }
            Some(_) => Curve::Powers,
        }
    }

    fn transform(&self, backend: Backend, block: Range<usize>) -> Scaled {
        let mut scaled = Scaled { ends: [1.0; 2 * BLOCK], rhos: [1.0; BLOCK], fits: [false; BLOCK] };
        let mut inverses = [1.0; 2 * BLOCK];
        for (slot, index) in block.enumerate() {
            let (low, high) = (self.sigma_min.at(index), self.sigma_max.at(index));
            let rho = self.rho.map_or(1.0, |rho| rho.at(index));
            if low >= LEAST && high <= MOST && rho >= LEAST_RHO {
                scaled.fits[slot] = true;
                (scaled.ends[slot], scaled.ends[BLOCK + slot]) = (high, low);
                (inverses[slot], inverses[BLOCK + slot]) = (1.0 / rho, 1.0 / rho);
                scaled.rhos[slot] = rho;
            }
        }
        if self.rho.is_none() {
            ln_on(backend, &mut scaled.ends);
        } else {
            raise_each(backend, &mut scaled.ends, &inverses);
        }
        scaled
    }

    /// One schedule; `None` where neighbouring levels could come out equal, or an end leaves the vectors' range.
    #[inline]
    fn row<T: Float>(&self, scaled: &Scaled, slot: usize, index: usize, tail: Tail, at: usize) -> Option<Ramp> {
        let (high, low, rho) = (scaled.ends[slot], scaled.ends[BLOCK + slot], scaled.rhos[slot]);
        // The ratio of neighbours is at least exp(spread / scale / gaps); `least_gap` is four times the rounding that
        // they can differ by.
        let (spread, scale, least_gap) = if self.rho.is_none() {
            (high - low, 1.0, GAP_EXPONENTIAL)
        } else {
            (rho * (high - low), high, GAP_KARRAS * (rho + 16.0))
        };
        let (gaps, first) = (tail.build - 1, tail.build + 1 - tail.keep);
        let told_apart = spread > least_gap.max(2.0 * T::STEP) * gaps as f64 * scale;
        let last = gaps.max(1) as f64;
        (told_apart && scaled.fits[slot]).then(|| Ramp {
            at,
            count: tail.build - first,
            first: first as f64,
            last,
            high: high / last,
            low: low / last,
            exponent: rho,
            top: self.sigma_max.at(index),
            bottom: self.sigma_min.at(index),
        })
    }
}

fn write<T: Float>(backend: Backend, curve: Curve, rows: &[Ramp], out: &mut [T]) {
    match curve {
        Curve::Multiplied(exponent) => small_powers(backend, rows, out, exponent),
        Curve::Powers => powers(backend, rows, out),
        Curve::Exponential => exponentials(backend, rows, out),
    }
}
