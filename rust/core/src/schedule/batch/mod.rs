//! Many schedules at once, each with its own steps and parameters, packed one behind the other without padding.
//!
//! A batch is made in two passes. [`Batch::new`] checks every parameter and adds up the sizes, so that nothing is
//! allocated for a batch that will be refused; [`Batch::fill`] then writes all levels into one slice. A schedule of a
//! batch equals the single one: bit for bit where it comes from a table, and within `(rho + 8) * 2^-51` (karras) or
//! 2e-14 (exponential) where the batch computes powers and exponentials in vectors. float32 levels of those two are within
//! 6.1e-8 of the float64 ones, relative, and of all others the float64 ones, rounded once. Ends of a range and the
//! trailing zero are exact everywhere.

mod check;
mod packing;
mod range;
mod rule;

use std::ops::Range;
use std::panic::resume_unwind;

pub use check::MAX_VALUES;
use check::{at, check_room, common_length, grow, message, offset, position, round};
pub use packing::Packing;
use range::Ends;
pub use rule::{Column, Rule};

use super::{MAX_STEPS, Tail, tail};
use crate::error::{Error, Noun, Result};
use crate::kernel::MAX_THREADS;
use crate::simd::{Backend, Float};

/// Fewest values that are worth a thread.
const PER_THREAD: usize = 1 << 14;

/// Step counts remembered where a schedule depends on nothing else.
const KNOWN: usize = 1024;

/// Checked requests for many schedules of one rule.
pub struct Batch<'a> {
    rule: Rule<'a>,
    steps: Column<'a, i64>,
    denoise: Column<'a>,
    len: usize,
    total: usize,
}

impl<'a> Batch<'a> {
    /// Checks every parameter of every schedule and adds up their sizes; allocates nothing that grows with the batch.
    /// Where nothing varies there is one schedule.
    ///
    /// # Errors
    /// Columns of different lengths; a parameter outside its limits, with the first index that has one; more than
    /// [`MAX_VALUES`] values in all.
    pub fn new(rule: Rule<'a>, steps: Column<'a, i64>, denoise: Column<'a>) -> Result<Self> {
        let len = common_length(&rule, steps, denoise)?;
        let rule = match rule {
            Rule::Karras { sigma_min, sigma_max, rho } => Rule::Karras { sigma_min, sigma_max, rho: rho.merged() },
            other => other,
        };
        let mut batch = Self { rule, steps, denoise: denoise.merged(), len, total: 0 };
        for index in 0..len {
            let checked = batch.rule.check(index).and_then(|()| grow(batch.total, batch.tail(index)?.keep));
            batch.total = checked.map_err(|error| at(index, &error))?;
        }
        Ok(batch)
    }

    /// Number of schedules.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no schedules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of values of all schedules together.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// Writes all schedules to `out` and to `offsets` where each begins, the end of the last one behind them. The number of
    /// threads changes no bit of the result.
    ///
    /// # Errors
    /// A schedule whose steps do not fit its range or the element type, with the first index that has one (`out` then
    /// holds nothing of use); `offsets` not of [`len`](Self::len)` + 1` values, `out` not of [`total`](Self::total);
    /// `threads` outside 1 to [`MAX_THREADS`].
    pub fn fill<T: Float>(&self, offsets: &mut [i64], out: &mut [T], threads: usize) -> Result<()> {
        self.fill_on(Backend::active(), offsets, out, threads)
    }

    /// [`Batch::fill`] on a chosen CPU path; all give the same bits.
    ///
    /// # Errors
    /// As there.
    pub fn fill_on<T: Float>(
        &self,
        backend: Backend,
        offsets: &mut [i64],
        out: &mut [T],
        threads: usize,
    ) -> Result<()> {
        check_room(self.len, self.total, offsets, out)?;
        if !(1..=MAX_THREADS).contains(&threads) {
            let (got, expected) = (threads as f64, "1 to 256");
            return Err(Error::Parameter { noun: Noun::Schedule, name: "threads", got, expected });
        }
        let mut end = 0;
        for (index, place) in offsets[..self.len].iter_mut().enumerate() {
            *place = offset(end);
            end += self.tail(index)?.keep;
        }
        offsets[self.len] = offset(end);
        let offsets = &*offsets;
        let parts = threads.min(self.total / PER_THREAD).max(1);
        if parts == 1 {
            return self.fill_part(backend, 0..self.len, offsets, out);
        }
        std::thread::scope(|scope| {
            let mut rest = out;
            let mut start = 0;
            let mut running = Vec::with_capacity(parts);
            for part in 1..=parts {
                let share = offset(self.total / parts * part);
                let stop = if part == parts { self.len } else { offsets.partition_point(|&place| place < share) };
                let (mine, others) = rest.split_at_mut(position(offsets[stop] - offsets[start]));
                rest = others;
                running.push(scope.spawn(move || self.fill_part(backend, start..stop, offsets, mine)));
                start = stop;
            }
            // In order, so that the error with the lowest index is the one that comes out.
            running.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
        })
    }

    /// Which part of which schedule an item is.
    #[inline]
    fn tail(&self, index: usize) -> Result<Tail> {
        let steps = self.steps.at(index);
        let Some(steps) = usize::try_from(steps).ok().filter(|steps| (1..=MAX_STEPS).contains(steps)) else {
            return Err(message(format!("steps is {steps}; expected 1 to {MAX_STEPS}")));
        };
        let denoise = self.denoise.at(index);
        if denoise == 1.0 {
            return Ok(Tail { build: steps, keep: steps + 1, discards_penultimate: false });
        }
        tail(self.rule.tail_rule(), steps, denoise, false)
    }

    /// Fills the schedules of a range; `out` begins with the first of them.
    fn fill_part<T: Float>(&self, backend: Backend, range: Range<usize>, offsets: &[i64], out: &mut [T]) -> Result<()> {
        let origin = offsets[range.start];
        let places = |index: usize| position(offsets[index] - origin)..position(offsets[index + 1] - origin);
        match self.rule {
            Rule::Karras { sigma_min, sigma_max, rho } => {
                self.fill_ranges(backend, range, &places, &Ends { sigma_min, sigma_max, rho: Some(rho) }, out)
            }
            Rule::Exponential { sigma_min, sigma_max } => {
                self.fill_ranges(backend, range, &places, &Ends { sigma_min, sigma_max, rho: None }, out)
            }
            _ if self.rule.is_one_for_all() => self.fill_copies(range, &places, out),
            _ => {
                let mut built = Vec::new();
                range.into_iter().try_for_each(|index| self.fill_single(index, &mut built, &mut out[places(index)]))
            }
        }
    }

    /// Schedules over a range, in vectors.
    fn fill_ranges<T: Float>(
        &self,
        backend: Backend,
        range: Range<usize>,
        places: &impl Fn(usize) -> Range<usize>,
        ends: &Ends<'_>,
        out: &mut [T],
    ) -> Result<()> {
        let mut built = Vec::new();
        let single = |index: usize, out: &mut [T]| self.fill_single(index, &mut built, out);
        ends.fill(backend, range, |index| self.tail(index), places, out, single)
    }

    /// Schedules that the number of steps alone decides: equal ones are copied from where they were computed last.
    fn fill_copies<T: Float>(
        &self,
        range: Range<usize>,
        places: &impl Fn(usize) -> Range<usize>,
        out: &mut [T],
    ) -> Result<()> {
        let mut built = Vec::new();
        let mut known: Vec<Option<(Tail, usize)>> = vec![None; KNOWN];
        for index in range {
            let (place, tail) = (places(index), self.tail(index)?);
            let slot = &mut known[(tail.build + 31 * tail.keep) % KNOWN];
            match *slot {
                Some((same, from)) if same == tail => out.copy_within(from..from + tail.keep, place.start),
                _ => {
                    *slot = Some((tail, place.start));
                    self.fill_single(index, &mut built, &mut out[place])?;
                }
            }
        }
        Ok(())
    }

    /// One schedule, by the function that makes single ones.
    fn fill_single<T: Float>(&self, index: usize, built: &mut Vec<f64>, out: &mut [T]) -> Result<()> {
        let tail = self.tail(index)?;
        built.resize(tail.build + 1 + tail.keep, 0.0);
        let (whole, kept) = built.split_at_mut(tail.build + 1);
        let single =
            self.rule.single(index, whole).and_then(|()| tail.take(whole, kept)).and_then(|()| round(kept, out));
        single.map_err(|error| at(index, &error))
    }
}
