//! Options that may vary from step to step.

use super::option;
use crate::error::{Error, Noun, Result};

/// One value for every step, or one value for each.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    values: Vec<f64>,
}

impl Curve {
    /// One value per step; a single one holds for all.
    #[must_use]
    pub fn per_step(values: Vec<f64>) -> Self {
        Self { values }
    }

    /// The value in step `i`.
    #[must_use]
    pub fn at(&self, i: usize) -> f64 {
        if let [value] = self.values[..] { value } else { self.values[i] }
    }

    /// The value that holds for all steps, unless there is one for each.
    #[must_use]
    pub fn constant(&self) -> Option<f64> {
        if let [value] = self.values[..] { Some(value) } else { None }
    }

    /// Whether every value is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.values.iter().all(|&v| v == 0.0)
    }

    /// Refuses another number of values than steps, or a value that is not `valid`.
    pub(super) fn check(
        &self,
        name: &'static str,
        steps: usize,
        valid: impl Fn(f64) -> bool,
        expected: &'static str,
    ) -> Result<()> {
        let got = self.values.len();
        if got != 1 && got != steps {
            let expected = format!("1 or {steps}, one per step");
            return Err(Error::Length { noun: Noun::Sampler, name, got, expected });
        }
        if got == 1 {
            return option(name, self.values[0], valid(self.values[0]), expected);
        }
        match self.values.iter().position(|&v| !valid(v)) {
            None => Ok(()),
            Some(index) => Err(Error::Element { noun: Noun::Sampler, name, index, got: self.values[index], expected }),
        }
    }

    /// `eta`, `s_noise`: finite and not negative.
    pub(super) fn non_negative(&self, name: &'static str, steps: usize) -> Result<()> {
        self.check(name, steps, |v| v.is_finite() && v >= 0.0, "a finite number of at least 0")
    }
}

impl From<f64> for Curve {
    fn from(value: f64) -> Self {
        Self { values: vec![value] }
    }
}
