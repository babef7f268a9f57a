//! Many schedules at once, each with its own steps and parameters, packed one behind the other without padding.
//!
//! A batch is made in two passes. [`Batch::new`] checks every parameter and adds up the sizes, so that nothing is
//! allocated for a batch that will be refused; [`Batch::fill`] then writes all levels into one slice. A schedule of a
//! batch equals the single one: bit for bit where it comes from a table, and within `(rho + 8) * 2^-51` (karras) or
//! 2e-14 (exponential) where the batch computes powers and exponentials in vectors. Ends of a range and the trailing
//! zero are exact in both.

use std::ops::Range;
use std::panic::resume_unwind;

use super::{
    MAX_STEPS, Tail, TailRule, align_your_steps, check_range, check_rho, exponential, karras, normal, simple, tail,
};
use crate::error::{Error, Noun, Result};
use crate::kernel::MAX_THREADS;
use crate::process::NoiseProcess;
use crate::simd::{
    Backend, Float, GROUP, Ramp, exp_on, exponents, ln_on, nearest_into, pow_on, raise_each, ramps, seventh_powers,
};

/// Most values of a batch: what fits an `i64` offset and, as float64, an address space.
pub const MAX_VALUES: usize = isize::MAX as usize / size_of::<f64>();

/// Schedules whose ends are computed together.
const BLOCK: usize = 128;

/// Values computed together: with as many exponents they fit the first cache.
const STAGED: usize = 2000;

/// Fewest values that are worth a thread.
const PER_THREAD: usize = 1 << 14;

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

/// Step counts remembered where a schedule depends on nothing else.
const KNOWN: usize = 1024;

/// One value for all schedules, or one for each.
#[derive(Debug, Clone, Copy)]
pub enum Column<'a, T = f64> {
    /// The same for every schedule.
    All(T),
    /// As many values as there are schedules.
    Each(&'a [T]),
}

impl<T: Copy> Column<'_, T> {
    #[inline]
    fn at(&self, index: usize) -> T {
        match self {
            Self::All(value) => *value,
            Self::Each(values) => values[index],
        }
    }

    fn len(&self) -> Option<usize> {
        match self {
            Self::All(_) => None,
            Self::Each(values) => Some(values.len()),
        }
    }
}

impl Column<'_> {
    /// One value in place of equal ones.
    fn merged(self) -> Self {
        match self {
            Self::Each([first, rest @ ..]) if rest.iter().all(|value| value == first) => Self::All(*first),
            other => other,
        }
    }
}

/// The schedules that a batch computes, with what varies between its items.
#[derive(Clone, Copy)]
pub enum Rule<'a> {
    /// [`karras()`].
    Karras {
        /// Lower ends.
        sigma_min: Column<'a>,
        /// Upper ends.
        sigma_max: Column<'a>,
        /// Exponents.
        rho: Column<'a>,
    },
    /// [`exponential()`].
    Exponential {
        /// Lower ends.
        sigma_min: Column<'a>,
        /// Upper ends.
        sigma_max: Column<'a>,
    },
    /// [`align_your_steps()`] of one family.
    AlignYourSteps(&'a str),
    /// [`simple()`] over one process.
    Simple(&'a dyn NoiseProcess),
    /// [`normal()`] over one process.
    Normal(&'a dyn NoiseProcess),
}

impl Rule<'_> {
    /// What `denoise < 1` means.
    #[must_use]
    pub fn tail_rule(&self) -> TailRule {
        match self {
            Self::AlignYourSteps(_) => TailRule::Round,
            _ => TailRule::StepsOverDenoise,
        }
    }

    /// Lengths of the columns, by name.
    fn lengths(&self) -> [(&'static str, Option<usize>); 3] {
        let (sigma_min, sigma_max, rho) = match self {
            Self::Karras { sigma_min, sigma_max, rho } => (sigma_min.len(), sigma_max.len(), rho.len()),
            Self::Exponential { sigma_min, sigma_max } => (sigma_min.len(), sigma_max.len(), None),
            _ => (None, None, None),
        };
        [("sigma_min", sigma_min), ("sigma_max", sigma_max), ("rho", rho)]
    }

    fn check(&self, index: usize) -> Result<()> {
        match self {
            Self::Karras { sigma_min, sigma_max, rho } => {
                check_range(sigma_min.at(index), sigma_max.at(index))?;
                check_rho(rho.at(index))
            }
            Self::Exponential { sigma_min, sigma_max } => check_range(sigma_min.at(index), sigma_max.at(index)),
            _ => Ok(()),
        }
    }

    /// The single schedule of that index.
    fn single(&self, index: usize, out: &mut [f64]) -> Result<()> {
        match self {
            Self::Karras { sigma_min, sigma_max, rho } => {
                karras(sigma_min.at(index), sigma_max.at(index), rho.at(index), out)
            }
            Self::Exponential { sigma_min, sigma_max } => exponential(sigma_min.at(index), sigma_max.at(index), out),
            Self::AlignYourSteps(family) => align_your_steps(family, out),
            Self::Simple(process) => simple(*process, out),
            Self::Normal(process) => normal(*process, out),
        }
    }
}

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

    /// Writes all schedules to `out` and to `offsets` where each begins, the end of the last one behind them. float32
    /// values are the float64 ones, rounded once. The number of threads changes no bit of the result.
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
                self.fill_ramps::<T>(backend, range, &places, &Ends { sigma_min, sigma_max, rho: Some(rho) }, out)
            }
            Rule::Exponential { sigma_min, sigma_max } => {
                self.fill_ramps::<T>(backend, range, &places, &Ends { sigma_min, sigma_max, rho: None }, out)
            }
            _ => self.fill_copies(range, &places, out),
        }
    }

    /// Schedules over a range: their ends are computed in vectors across schedules, their levels along each.
    fn fill_ramps<T: Float>(
        &self,
        backend: Backend,
        range: Range<usize>,
        places: &impl Fn(usize) -> Range<usize>,
        columns: &Ends<'_>,
        out: &mut [T],
    ) -> Result<()> {
        let mut stage = Stage::new(backend, columns.curve(), out);
        let mut built = Vec::new();
        for start in range.clone().step_by(BLOCK) {
            let block = start..range.end.min(start + BLOCK);
            let ends = columns.transform(backend, block.clone());
            for (index, ends) in block.zip(ends) {
                let tail = self.tail(index)?;
                let gaps = (tail.build - 1) as f64;
                // NaN fails the comparison too.
                if ends.spread > ends.least_gap.max(2.0 * T::STEP) * gaps * ends.scale {
                    stage.push(tail, &ends, columns.sigma_max.at(index), columns.sigma_min.at(index));
                } else {
                    let place = places(index);
                    stage.flush();
                    stage.done = place.end;
                    self.fill_single(index, &mut built, &mut stage.out[place])?;
                }
            }
        }
        stage.flush();
        Ok(())
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

/// Where the levels of schedules over a range lie.
struct Ends<'a> {
    sigma_min: Column<'a>,
    sigma_max: Column<'a>,
    /// `None`: evenly spaced in log sigma, else in `sigma^(1/rho)`.
    rho: Option<Column<'a>>,
}

/// The two ends of one schedule on the scale on which its levels are evenly spaced.
#[derive(Clone, Copy)]
struct Scaled {
    high: f64,
    low: f64,
    /// Divided by `scale`: at most `ln(level[k] / level[k + 1])` times the number of gaps. NaN where vectors cannot compute
    /// this schedule.
    spread: f64,
    scale: f64,
    /// Four times the rounding that two neighbours can differ by.
    least_gap: f64,
    rho: f64,
}

/// What makes levels of evenly spaced values.
#[derive(Clone, Copy)]
enum Curve {
    Seventh,
    /// One exponent for all.
    Power(f64),
    /// Each schedule's own.
    Powers,
    Exponential,
}

impl Ends<'_> {
    fn curve(&self) -> Curve {
        match self.rho {
            None => Curve::Exponential,
            Some(Column::All(7.0)) => Curve::Seventh,
            Some(Column::All(rho)) => Curve::Power(rho),
            Some(Column::Each(_)) => Curve::Powers,
        }
    }

    fn transform(&self, backend: Backend, block: Range<usize>) -> impl Iterator<Item = Scaled> + use<> {
        let size = block.len();
        let mut ends = [1.0; 2 * BLOCK];
        let mut powers = [1.0; 2 * BLOCK];
        let mut rhos = [1.0; BLOCK];
        let mut fits = [false; BLOCK];
        for (slot, index) in block.enumerate() {
            let (low, high) = (self.sigma_min.at(index), self.sigma_max.at(index));
            let rho = self.rho.map_or(1.0, |rho| rho.at(index));
            fits[slot] = low >= LEAST && high <= MOST && rho >= LEAST_RHO;
            if fits[slot] {
                (ends[slot], ends[BLOCK + slot]) = (high, low);
                (powers[slot], powers[BLOCK + slot]) = (1.0 / rho, 1.0 / rho);
                rhos[slot] = rho;
            }
        }
        let geometric = self.rho.is_none();
        if geometric {
            ln_on(backend, &mut ends);
        } else {
            raise_each(backend, &mut ends, &powers);
        }
        (0..size).map(move |slot| {
            let (high, low, rho) = (ends[slot], ends[BLOCK + slot], rhos[slot]);
            let (spread, scale, least_gap) = if geometric {
                (high - low, 1.0, GAP_EXPONENTIAL)
            } else {
                (rho * (high - low), high, GAP_KARRAS * (rho + 16.0))
            };
            Scaled { high, low, spread: if fits[slot] { spread } else { f64::NAN }, scale, least_gap, rho }
        })
    }
}

/// Levels of consecutive schedules on their way to `out`: computed together in the first cache, whatever their lengths.
struct Stage<'a, T> {
    backend: Backend,
    curve: Curve,
    out: &'a mut [T],
    /// Values of `out` already written.
    done: usize,
    rows: Vec<Ramp>,
    /// Index and exact value of levels that no curve should round.
    exact: Vec<(usize, f64)>,
    levels: Vec<f64>,
    exponents: Vec<f64>,
    used: usize,
}

impl<'a, T: Float> Stage<'a, T> {
    fn new(backend: Backend, curve: Curve, out: &'a mut [T]) -> Self {
        let buffer = vec![1.0; STAGED + GROUP];
        Self {
            backend,
            curve,
            out,
            done: 0,
            rows: Vec::new(),
            exact: Vec::new(),
            exponents: buffer.clone(),
            levels: buffer,
            used: 0,
        }
    }

    /// Adds one schedule, in pieces where it does not fit.
    fn push(&mut self, tail: Tail, ends: &Scaled, top: f64, bottom: f64) {
        let mut next = tail.build + 1 - tail.keep;
        let last = (tail.build - 1).max(1) as f64;
        let (high, low) = (ends.high / last, ends.low / last);
        while next < tail.build {
            if self.used + 1 >= STAGED {
                self.flush();
            }
            let (at, count) = (self.used, (tail.build - next).min(STAGED - 1 - self.used));
            self.rows.push(Ramp { at, count, first: next as f64, last, high, low, exponent: ends.rho });
            self.used += count;
            if next + count == tail.build {
                self.exact.push((self.used - 1, bottom));
                self.exact.push((self.used, 0.0));
                self.used += 1;
            }
            if next == 0 {
                self.exact.push((at, top));
            }
            next += count;
        }
    }

    fn flush(&mut self) {
        match self.curve {
            Curve::Seventh => seventh_powers(self.backend, &self.rows, &mut self.levels),
            _ => ramps(self.backend, &self.rows, &mut self.levels),
        }
        let levels = &mut self.levels[..self.used];
        match self.curve {
            Curve::Seventh => {}
            Curve::Power(rho) => pow_on(self.backend, levels, rho),
            Curve::Powers => {
                exponents(self.backend, &self.rows, &mut self.exponents);
                raise_each(self.backend, levels, &self.exponents);
            }
            Curve::Exponential => exp_on(self.backend, levels),
        }
        for (index, level) in self.exact.drain(..) {
            levels[index] = level;
        }
        nearest_into(self.backend, &mut self.out[self.done..], levels);
        self.done += self.used;
        self.used = 0;
        self.rows.clear();
    }
}

/// Given schedules, packed in a given order.
pub struct Packing<'a> {
    items: &'a [&'a [f64]],
    which: &'a [i64],
    total: usize,
}

impl<'a> Packing<'a> {
    /// `items[which[i]]` for every i; allocates nothing.
    ///
    /// # Errors
    /// An index without an item; more than [`MAX_VALUES`] values in all.
    pub fn new(items: &'a [&'a [f64]], which: &'a [i64]) -> Result<Self> {
        let mut total = 0;
        for (index, &item) in which.iter().enumerate() {
            let Some(item) = usize::try_from(item).ok().and_then(|item| items.get(item)) else {
                let count = items.len();
                return Err(message(format!("which[{index}] is {item}; expected an index into {count} items")));
            };
            total = grow(total, item.len()).map_err(|error| at(index, &error))?;
        }
        Ok(Self { items, which, total })
    }

    /// Number of values of all schedules together.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// Writes all schedules to `out` and to `offsets` where each begins, the end of the last one behind them.
    ///
    /// # Errors
    /// Levels that are not different in the element type, with the first index that has one; `offsets` or `out` of
    /// another length.
    pub fn fill<T: Float>(&self, offsets: &mut [i64], out: &mut [T]) -> Result<()> {
        check_room(self.which.len(), self.total, offsets, out)?;
        let mut end = 0;
        for (index, &item) in self.which.iter().enumerate() {
            let item = self.items[position(item)];
            offsets[index] = offset(end);
            round(item, &mut out[end..end + item.len()]).map_err(|error| at(index, &error))?;
            end += item.len();
        }
        offsets[self.which.len()] = offset(end);
        Ok(())
    }
}

/// Length of all columns that have one; a length of 1 goes with every other.
fn common_length(rule: &Rule<'_>, steps: Column<'_, i64>, denoise: Column<'_>) -> Result<usize> {
    let mut common: Option<(&'static str, usize)> = None;
    for (name, got) in [("steps", steps.len()), ("denoise", denoise.len())].into_iter().chain(rule.lengths()) {
        match (got, common) {
            (None, _) => {}
            (Some(got), None) => common = Some((name, got)),
            (Some(got), Some((_, len))) if got == len => {}
            (Some(got), Some((first, len))) => {
                let expected = format!("{len}, as {first}");
                return Err(Error::Length { noun: Noun::Schedule, name, got, expected });
            }
        }
    }
    Ok(common.map_or(1, |(_, len)| len))
}

fn check_room<T>(len: usize, total: usize, offsets: &[i64], out: &[T]) -> Result<()> {
    for (name, got, expected) in [("offsets", offsets.len(), len + 1), ("out", out.len(), total)] {
        if got != expected {
            return Err(Error::Length { noun: Noun::Schedule, name, got, expected: expected.to_string() });
        }
    }
    Ok(())
}

/// A total with `more` values added.
fn grow(total: usize, more: usize) -> Result<usize> {
    total.checked_add(more).filter(|&total| total <= MAX_VALUES).ok_or_else(|| {
        message(format!("the batch has more than {MAX_VALUES} values up to here; expected fewer, so split the batch"))
    })
}

/// Copies levels into the element type of the batch; strictly descending levels stay so.
fn round<T: Float>(levels: &[f64], out: &mut [T]) -> Result<()> {
    for (out, &level) in out.iter_mut().zip(levels) {
        *out = T::nearest(level);
    }
    let value = |index: usize| -> f64 { out[index].into() };
    let distinct = |index: usize| value(index) > value(index + 1) && value(index) < f64::INFINITY;
    match (1..out.len()).find(|&index| !distinct(index - 1)) {
        None => Ok(()),
        Some(index) => Err(message(format!(
            "sigmas[{}] is {} and sigmas[{index}] {}, which as float32 are {} and {}; expected strictly descending \
             values, so ask for float64, fewer steps or a wider range",
            index - 1,
            levels[index - 1],
            levels[index],
            value(index - 1),
            value(index),
        ))),
    }
}

#[cold]
fn at(index: usize, error: &Error) -> Error {
    Error::Message { noun: error.noun(), message: format!("schedule {index}: {error}") }
}

fn message(message: String) -> Error {
    Error::Message { noun: Noun::Schedule, message }
}

fn offset(position: usize) -> i64 {
    position.cast_signed() as i64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from `offset`, or checked")]
fn position(offset: i64) -> usize {
    offset as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_do_not_overflow() {
        assert_eq!(grow(MAX_VALUES - 21, 21), Ok(MAX_VALUES));
        for (total, more) in [(MAX_VALUES, 1), (1, usize::MAX), (usize::MAX, usize::MAX)] {
            assert!(grow(total, more).unwrap_err().to_string().contains("split the batch"));
        }
    }
}
