//! What the parts of a batch must satisfy together, and the errors that name a schedule by its index.

use super::rule::{Column, Rule};
use crate::error::{Error, Noun, Number, Result};
use crate::simd::Float;

/// Most values of a batch, 2^40: 8 TiB as float64, more than a machine has, so that no allocator is asked for more.
pub const MAX_VALUES: usize = 1 << 40;

/// Length of all columns that have one; a length of 1 goes with every other.
pub(super) fn common_length(rule: &Rule<'_>, steps: Column<'_, i64>, denoise: Column<'_>) -> Result<usize> {
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

pub(super) fn check_room<T>(len: usize, total: usize, offsets: &[i64], out: &[T]) -> Result<()> {
    for (name, got, expected) in [("offsets", offsets.len(), len + 1), ("out", out.len(), total)] {
        if got != expected {
            return Err(Error::Length { noun: Noun::Schedule, name, got, expected: expected.to_string() });
        }
    }
    Ok(())
}

/// A total with `more` values added.
pub(super) fn grow(total: usize, more: usize) -> Result<usize> {
    total.checked_add(more).filter(|&total| total <= MAX_VALUES).ok_or_else(|| {
        message(format!("the batch has more than {MAX_VALUES} values up to here; expected fewer, so split the batch"))
    })
}

/// Copies levels into the element type of the batch; strictly descending levels stay so.
pub(super) fn round<T: Float>(levels: &[f64], out: &mut [T]) -> Result<()> {
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
            Number(levels[index - 1]),
            Number(levels[index]),
            Number(value(index - 1)),
            Number(value(index)),
        ))),
    }
}

#[cold]
pub(super) fn at(index: usize, error: &Error) -> Error {
    Error::Message { noun: error.noun(), message: format!("schedule {index}: {error}") }
}

pub(super) fn message(message: String) -> Error {
    Error::Message { noun: Noun::Schedule, message }
}

pub(super) fn offset(position: usize) -> i64 {
    position.cast_signed() as i64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from `offset`, or checked")]
pub(super) fn position(offset: i64) -> usize {
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
