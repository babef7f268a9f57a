//! Picking levels from a process's table: at the rounded indices that hosts use, or between levels where rounding would
//! repeat one.

use super::loglinear::between;
use crate::error::{Error, Noun, Result};
use crate::process::NoiseProcess;

/// The process's table, ascending.
///
/// # Errors
/// [`Error::Message`] for a process without one.
pub(super) fn table(process: &dyn NoiseProcess) -> Result<&[f64]> {
    process.sigmas().ok_or_else(|| Error::Message {
        noun: Noun::Schedule,
        message:
            "the process has no table of sigmas; expected one (sigmas is None), so choose a schedule over a range, \
                  such as karras"
                .to_owned(),
    })
}

/// The different positive levels of an ascending table, log-linear between them.
///
/// Hosts clamp some tables, so that the same level stands at both ends several times; a schedule has no use for those.
pub(super) struct Rungs {
    values: Vec<f64>,
    logs: Vec<f64>,
}

impl Rungs {
    pub(super) fn new(table: &[f64]) -> Self {
        let mut values: Vec<f64> = Vec::with_capacity(table.len());
        for &level in table {
            if level > values.last().copied().unwrap_or(0.0) {
                values.push(level);
            }
        }
        let logs = values.iter().map(|&level| libm::log(level)).collect();
        Self { values, logs }
    }

    /// Index of the highest level.
    pub(super) fn last(&self) -> usize {
        self.values.len() - 1
    }

    /// The level at index `numerator / denominator`; a level of the table is exact.
    pub(super) fn at_ratio(&self, numerator: usize, denominator: usize) -> f64 {
        between(&self.values, &self.logs, numerator, denominator)
    }

    /// The level at a fractional index from 0 to [`Rungs::last`].
    pub(super) fn at(&self, index: f64) -> f64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index, clamped to the table")]
        let below = (index as usize).min(self.last());
        let part = index - below as f64;
        if part <= 0.0 || below == self.last() {
            return self.values[below];
        }
        libm::exp((1.0 - part) * self.logs[below] + part * self.logs[below + 1])
    }

    /// Levels at an even stride of index, from the highest down to the lowest.
    pub(super) fn spread(&self, levels: &mut [f64]) {
        let stride = levels.len().saturating_sub(1).max(1);
        for (k, level) in levels.iter_mut().enumerate() {
            *level = self.at_ratio((stride - k) * self.last(), stride);
        }
    }
}

/// Whether levels can stand above a zero as they are.
pub(super) fn descends(levels: &[f64]) -> bool {
    levels.is_sorted_by(|a, b| a > b) && levels.iter().all(|level| level.is_finite() && *level > 0.0)
}

/// The table's level nearest to every fraction of its index (halves go up), highest first.
pub(super) fn nearest(table: &[f64], fractions: &[f64]) -> Vec<f64> {
    fractions.iter().map(|&fraction| table[rounded(fraction, table)]).collect()
}

/// [`nearest`], without an index that equals the one before it.
pub(super) fn nearest_different(table: &[f64], fractions: &[f64]) -> Vec<f64> {
    let mut indices: Vec<usize> = fractions.iter().map(|&fraction| rounded(fraction, table)).collect();
    indices.dedup();
    indices.into_iter().map(|index| table[index]).collect()
}

/// [`nearest`] where that gives different levels, else the levels at the fractional indices themselves.
pub(super) fn place(table: &[f64], fractions: &[f64], levels: &mut [f64]) {
    levels.copy_from_slice(&nearest(table, fractions));
    if !descends(levels) {
        let rungs = Rungs::new(table);
        for (level, fraction) in levels.iter_mut().zip(fractions) {
            *level = rungs.at(fraction * rungs.last() as f64);
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a fraction of the table's index")]
fn rounded(fraction: f64, table: &[f64]) -> usize {
    ((fraction * (table.len() - 1) as f64).round() as usize).min(table.len() - 1)
}
