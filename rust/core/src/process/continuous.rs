//! What the continuous processes share: a range of noise-to-signal ratios, a table over it, and a map to time.

use super::{BEFORE_START, Family, Lookup, NoiseProcess, percent_ends};
use crate::error::{Error, Noun, Number, Result};

/// Number of levels in the table of a [`ContinuousProcess`].
pub const CONTINUOUS_TABLE: usize = 1000;

/// How a continuous process tells time.
pub trait TimeMap: Default + Send + Sync {
    /// How signal and noise mix.
    const FAMILY: Family;

    /// Noise level at every time, for a process whose range ends at `sigma_max`.
    ///
    /// # Errors
    /// A time outside the map's range, or not a number.
    fn sigma(t: &[f64], sigma_max: f64, out: &mut [f64]) -> Result<()>;

    /// Time of every noise level.
    ///
    /// # Errors
    /// A sigma that has no time.
    fn time(sigma: &[f64], out: &mut [f64]) -> Result<()>;
}

/// A process with a closed form of time.
///
/// The two maps are defined beyond the range; `sigma_min` and `sigma_max` are the range to sample over, and the ends of
/// a table of [`CONTINUOUS_TABLE`] log-spaced levels, which is what table-driven schedules pick from.
#[derive(Debug, Clone, PartialEq)]
pub struct ContinuousProcess<M> {
    table: Vec<f64>,
    map: M,
}

impl<M: TimeMap> ContinuousProcess<M> {
    /// A process sampled from `sigma_max` down to `sigma_min`.
    ///
    /// # Errors
    /// An end that is not positive and finite, or two ends that are not far enough apart for the table.
    pub fn new(sigma_min: f64, sigma_max: f64) -> Result<Self> {
        for (name, got) in [("sigma_min", sigma_min), ("sigma_max", sigma_max)] {
            if !(got > 0.0 && got.is_finite()) {
                let expected = "a positive finite value";
                return Err(Error::Parameter { noun: Noun::Process, name, got, expected });
            }
        }
        let invalid = |why: &str| {
            Err(Error::Message {
                noun: Noun::Process,
                message: format!(
                    "sigma_min is {} and sigma_max is {}; expected {why}",
                    Number(sigma_min),
                    Number(sigma_max)
                ),
            })
        };
        if sigma_min >= sigma_max {
            return invalid("sigma_min below sigma_max");
        }
        let (low, high) = (libm::log(sigma_min), libm::log(sigma_max));
        let last = CONTINUOUS_TABLE - 1;
        let mut table: Vec<f64> =
            (0..=last).map(|k| libm::exp((low * (last - k) as f64 + high * k as f64) / last as f64)).collect();
        table[0] = sigma_min;
        table[last] = sigma_max;
        if !table.is_sorted_by(|a, b| a < b) {
            return invalid("a ratio that leaves room for 1000 different levels");
        }
        Ok(Self { table, map: M::default() })
    }
}

impl<M: TimeMap> NoiseProcess for ContinuousProcess<M> {
    fn family(&self) -> Family {
        M::FAMILY
    }

    fn sigma_min(&self) -> f64 {
        self.table[0]
    }

    fn sigma_max(&self) -> f64 {
        self.table[CONTINUOUS_TABLE - 1]
    }

    fn sigmas(&self) -> Option<&[f64]> {
        Some(&self.table)
    }

    fn sigma(&self, t: &[f64], out: &mut [f64]) -> Result<()> {
        M::sigma(t, self.sigma_max(), out)
    }

    fn timestep(&self, sigma: &[f64], _lookup: Lookup, out: &mut [f64]) -> Result<()> {
        M::time(sigma, out)
    }

    fn percent_to_sigma(&self, percent: f64) -> Result<f64> {
        if let Some(end) = percent_ends(percent, BEFORE_START)? {
            return Ok(end);
        }
        let (low, high) = (libm::log(self.sigma_min()), libm::log(self.sigma_max()));
        Ok(libm::exp(high + percent * (low - high)))
    }
}

/// `f` of every positive finite sigma.
pub(super) fn positive(sigma: &[f64], out: &mut [f64], f: impl Fn(f64) -> f64) -> Result<()> {
    super::map("sigma", sigma, out, |s| s > 0.0 && s.is_finite(), || "a positive finite value".to_owned(), f)
}
