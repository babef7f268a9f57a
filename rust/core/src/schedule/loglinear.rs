//! Log-linear interpolation over a descending table: how every published table of noise levels is stretched to other
//! step counts (Sabour et al., "Align Your Steps", arXiv 2404.14507, section 3.2 and the authors' quick-start guide).

use super::MAX_STEPS;
use crate::error::{Error, Noun, Result};

/// Most points that [`LogTable::resample`] returns: a schedule of [`MAX_STEPS`] steps.
pub const MAX_POINTS: usize = MAX_STEPS + 1;

/// A descending table of positive levels with its logarithms.
#[derive(Debug, Clone, PartialEq)]
pub struct LogTable {
    values: Vec<f64>,
    logs: Vec<f64>,
}

impl LogTable {
    /// A table of at least two positive, finite, strictly descending levels.
    ///
    /// # Errors
    /// [`Error::Length`] or [`Error::Element`] with what breaks the rule.
    pub fn new(values: Vec<f64>) -> Result<Self> {
        if values.len() < 2 {
            let expected = "at least 2".to_owned();
            return Err(Error::Length { noun: Noun::Schedule, name: "table", got: values.len(), expected });
        }
        let mut previous = f64::INFINITY;
        for (index, &got) in values.iter().enumerate() {
            if !(got > 0.0 && got < previous) {
                let expected = "positive, finite, strictly descending values";
                return Err(Error::Element { noun: Noun::Schedule, name: "table", index, got, expected });
            }
            previous = got;
        }
        let logs = values.iter().map(|&value| libm::log(value)).collect();
        Ok(Self { values, logs })
    }

    /// The table, descending.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// `out.len()` points evenly spaced over the table's index, log-linear between levels; both ends, and every point
    /// that falls on a level, are exact. A single point is the last level, as in the NumPy form
    /// `exp(interp(linspace(0, 1, n), linspace(0, 1, len), log(reversed table)))` reversed.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `out` has 1 to [`MAX_POINTS`] places.
    pub fn resample(&self, out: &mut [f64]) -> Result<()> {
        let points = out.len();
        check_points(points as u64)?;
        let last = self.values.len() - 1;
        if points == 1 {
            out[0] = self.values[last];
            return Ok(());
        }
        let stride = points - 1;
        for (k, out) in out.iter_mut().enumerate() {
            *out = between(&self.values, &self.logs, k * last, stride);
        }
        Ok(())
    }
}

/// A number of points inside `1..=MAX_POINTS`.
///
/// # Errors
/// [`Error::Parameter`] outside of it.
pub fn check_points(points: u64) -> Result<usize> {
    match usize::try_from(points) {
        Ok(count) if (1..=MAX_POINTS).contains(&count) => Ok(count),
        _ => Err(Error::Parameter { noun: Noun::Schedule, name: "n", got: points as f64, expected: "1 to 10000001" }),
    }
}

/// Log-linear interpolation at index `numerator / denominator` of a table and its logarithms; a level itself is exact.
pub(super) fn between(table: &[f64], logs: &[f64], numerator: usize, denominator: usize) -> f64 {
    let (index, part) = (numerator / denominator, numerator % denominator);
    if part == 0 {
        return table[index];
    }
    let (low, high) = (logs[index], logs[index + 1]);
    libm::exp(((denominator - part) as f64 * low + part as f64 * high) / denominator as f64)
}
