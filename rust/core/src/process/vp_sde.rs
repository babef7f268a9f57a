//! The variance-preserving SDE of Song et al., "Score-Based Generative Modeling through Stochastic Differential
//! Equations" (arXiv 2011.13456), equation 33, in the form of Karras et al. (arXiv 2206.00364), table 1, column "VP":
//! `sigma(t)² = exp(beta_d t² / 2 + beta_min t) - 1`.

use super::{BEFORE_START, Family, Lookup, NoiseProcess, map, percent_ends};
use crate::error::{Error, Noun, Number, Result};

/// Number of levels in the table of a [`VpSdeProcess`].
pub const VP_SDE_TABLE: usize = 1000;

/// Continuous, variance preserving; sampled from time 1 down to `time_min`.
#[derive(Debug, Clone, PartialEq)]
pub struct VpSdeProcess {
    beta_min: f64,
    beta_d: f64,
    time_min: f64,
    table: Vec<f64>,
}

impl VpSdeProcess {
    /// The process whose noise grows at the rate `beta_min + beta_d t`.
    ///
    /// # Errors
    /// Rates that are negative, not finite or add up to more than 1000, or a `time_min` outside 0 to 1.
    pub fn new(beta_min: f64, beta_d: f64, time_min: f64) -> Result<Self> {
        let noun = Noun::Process;
        if !(beta_min > 0.0 && beta_min <= 500.0) {
            let expected = "a positive value up to 500";
            return Err(Error::Parameter { noun, name: "beta_min", got: beta_min, expected });
        }
        if !(0.0..=500.0).contains(&beta_d) {
            return Err(Error::Parameter { noun, name: "beta_d", got: beta_d, expected: "0 to 500" });
        }
        if !(1e-12..1.0).contains(&time_min) {
            let expected = "1e-12 to 1, 1 excluded";
            return Err(Error::Parameter { noun, name: "time_min", got: time_min, expected });
        }
        let mut process = Self { beta_min, beta_d, time_min, table: Vec::new() };
        let last = VP_SDE_TABLE - 1;
        process.table = (0..=last).map(|k| process.level(process.time_at(k as f64 / last as f64))).collect();
        if process.table.is_sorted_by(|a, b| a < b) {
            return Ok(process);
        }
        let message =
            format!("time_min is {}; expected one that leaves room for 1000 different levels", Number(time_min));
        Err(Error::Message { noun, message })
    }

    /// Time at that fraction of the range.
    fn time_at(&self, part: f64) -> f64 {
        self.time_min * (1.0 - part) + part
    }

    fn level(&self, t: f64) -> f64 {
        libm::sqrt(libm::expm1((0.5 * self.beta_d * t + self.beta_min) * t))
    }

    /// The root of the quadratic in t, written without the difference of two near numbers.
    fn time(&self, sigma: f64) -> f64 {
        // ln(1 + sigma²), which overflows first.
        let grown = if sigma < 1e100 { libm::log1p(sigma * sigma) } else { 2.0 * libm::log(sigma) };
        2.0 * grown / (self.beta_min + libm::sqrt(self.beta_min * self.beta_min + 2.0 * self.beta_d * grown))
    }
}

impl NoiseProcess for VpSdeProcess {
    fn family(&self) -> Family {
        Family::Vp
    }

    fn sigma_min(&self) -> f64 {
        self.table[0]
    }

    fn sigma_max(&self) -> f64 {
        self.table[VP_SDE_TABLE - 1]
    }

    fn sigmas(&self) -> Option<&[f64]> {
        Some(&self.table)
    }

    fn sigma(&self, t: &[f64], out: &mut [f64]) -> Result<()> {
        map("t", t, out, |t| (0.0..=1.0).contains(&t), || "0 to 1".to_owned(), |t| self.level(t))
    }

    fn timestep(&self, sigma: &[f64], _lookup: Lookup, out: &mut [f64]) -> Result<()> {
        let valid = |s: f64| s >= 0.0 && s.is_finite();
        map("sigma", sigma, out, valid, || "a finite value, 0 or above".to_owned(), |s| self.time(s))
    }

    fn percent_to_sigma(&self, percent: f64) -> Result<f64> {
        Ok(percent_ends(percent, BEFORE_START)?.unwrap_or_else(|| self.level(self.time_at(1.0 - percent))))
    }
}
