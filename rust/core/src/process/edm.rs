//! The continuous process of Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models"
//! (arXiv 2206.00364), table 1, column "Ours": variance exploding, `c_noise = ln(sigma) / 4`.

use super::{Family, Lookup, NoiseProcess, map, percent_ends};
use crate::error::{Error, Result};

/// Number of levels in the table of an [`EdmProcess`].
pub const EDM_TABLE: usize = 1000;

/// Continuous, variance exploding: `t = ln(sigma) / 4`, `sigma = exp(4 t)`.
///
/// The two maps are defined for every positive sigma; `sigma_min` and `sigma_max` are the range to sample over, and the
/// ends of a table of [`EDM_TABLE`] log-spaced levels, which is what table-driven schedules pick from.
#[derive(Debug, Clone, PartialEq)]
pub struct EdmProcess {
    table: Vec<f64>,
}

impl EdmProcess {
    /// A process sampled from `sigma_max` down to `sigma_min`.
    ///
    /// # Errors
    /// [`Error::Message`] unless `0 < sigma_min < sigma_max`, both finite and far enough apart for the table.
    pub fn new(sigma_min: f64, sigma_max: f64) -> Result<Self> {
        let invalid = |why: &str| {
            Err(Error::Message {
                noun: crate::Noun::Process,
                message: format!("sigma_min is {sigma_min} and sigma_max is {sigma_max}; expected {why}"),
            })
        };
        if !(sigma_min > 0.0 && sigma_min < sigma_max && sigma_max.is_finite()) {
            return invalid("0 < sigma_min < sigma_max, both finite");
        }
        let (low, high) = (libm::log(sigma_min), libm::log(sigma_max));
        let last = EDM_TABLE - 1;
        let mut table: Vec<f64> =
            (0..EDM_TABLE).map(|k| libm::exp((low * (last - k) as f64 + high * k as f64) / last as f64)).collect();
        table[0] = sigma_min;
        table[last] = sigma_max;
        if !table.is_sorted_by(|a, b| a < b) {
            return invalid("a ratio that leaves room for 1000 different levels");
        }
        Ok(Self { table })
    }
}

impl NoiseProcess for EdmProcess {
    fn family(&self) -> Family {
        Family::Ve
    }

    fn sigma_min(&self) -> f64 {
        self.table[0]
    }

    fn sigma_max(&self) -> f64 {
        self.table[EDM_TABLE - 1]
    }

    fn sigmas(&self) -> Option<&[f64]> {
        Some(&self.table)
    }

    fn sigma(&self, t: &[f64], out: &mut [f64]) -> Result<()> {
        // Beyond 175 exp(4 t) leaves float64.
        map(
            "t",
            t,
            out,
            |t| t.abs() <= 175.0,
            || "ln(sigma) / 4, within -175 to 175".to_owned(),
            |t| libm::exp(4.0 * t),
        )
    }

    fn timestep(&self, sigma: &[f64], _lookup: Lookup, out: &mut [f64]) -> Result<()> {
        let valid = |s: f64| s > 0.0 && s.is_finite();
        map("sigma", sigma, out, valid, || "a positive finite value".to_owned(), |s| 0.25 * libm::log(s))
    }

    fn percent_to_sigma(&self, percent: f64) -> Result<f64> {
        if let Some(end) = percent_ends(percent)? {
            return Ok(end);
        }
        let (low, high) = (libm::log(self.sigma_min()), libm::log(self.sigma_max()));
        Ok(libm::exp(high + percent * (low - high)))
    }
}
