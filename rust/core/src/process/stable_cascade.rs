//! The cosine process of Stable Cascade (Pernias et al., "Würstchen", arXiv 2306.00637): the continuous form of Nichol &
//! Dhariwal (arXiv 2102.09672), equation 17, with the log-SNR shift of Hoogeboom et al., "simple diffusion"
//! (arXiv 2301.11093), section 3.1.

use std::f64::consts::FRAC_PI_2;

use super::{BEFORE_START, Family, Lookup, NoiseProcess, map, percent_ends};
use crate::error::{Error, Noun, Result};

/// Number of levels in the table of a [`StableCascadeProcess`].
pub const STABLE_CASCADE_TABLE: usize = 10_000;

/// Cumulative alphas are kept from 1e-4 to 0.9999; these are the noise-to-signal ratios of the two.
const LOWEST: f64 = 0.010_000_500_037_503_125;
const HIGHEST: f64 = 99.994_999_874_993_75;

/// Variance preserving, time from 0 to 1: `ᾱ(t) = cos²(phi) / cos²(phi_0)`, `phi = (t + s) / (1 + s) * pi / 2`, and the
/// noise-to-signal ratio multiplied by `shift`.
#[derive(Debug, Clone, PartialEq)]
pub struct StableCascadeProcess {
    shift: f64,
    /// Angle per unit of time.
    rate: f64,
    /// Angle at time 0, its sine and cosine, and those of its double.
    offset: f64,
    sin: f64,
    cos: f64,
    sin_double: f64,
    cos_double: f64,
    table: Vec<f64>,
}

impl StableCascadeProcess {
    /// A process with an offset `cosine_s` of the cosine.
    ///
    /// # Errors
    /// A `shift` outside 0.01 to 100, or a `cosine_s` outside 0 to 1.
    pub fn new(shift: f64, cosine_s: f64) -> Result<Self> {
        let noun = Noun::Process;
        if !(0.01..=100.0).contains(&shift) {
            return Err(Error::Parameter { noun, name: "shift", got: shift, expected: "0.01 to 100" });
        }
        if !(0.0..=1.0).contains(&cosine_s) {
            return Err(Error::Parameter { noun, name: "cosine_s", got: cosine_s, expected: "0 to 1" });
        }
        let rate = FRAC_PI_2 / (1.0 + cosine_s);
        let offset = cosine_s * rate;
        let (sin, cos) = libm::sincos(offset);
        let (sin_double, cos_double) = libm::sincos(2.0 * offset);
        let mut process = Self { shift, rate, offset, sin, cos, sin_double, cos_double, table: Vec::new() };
        let count = STABLE_CASCADE_TABLE;
        process.table = (1..=count).map(|k| process.level(k as f64 / count as f64)).collect();
        Ok(process)
    }

    /// Level at a time from 0 to 1. `1 - ᾱ` is a difference of squared cosines; the product of sines of the difference
    /// and the sum of their angles is the same without the cancellation.
    fn level(&self, t: f64) -> f64 {
        let (sin, cos) = libm::sincos(t * self.rate);
        let sum = sin * self.cos_double + cos * self.sin_double;
        let signal = (cos * self.cos - sin * self.sin).max(0.0);
        (self.shift * libm::sqrt((sin * sum).max(0.0)) / signal).clamp(LOWEST, HIGHEST)
    }

    /// Time at which the unshifted process has that level.
    fn time(&self, sigma: f64) -> f64 {
        (libm::atan(libm::hypot(sigma, self.sin) / self.cos) - self.offset) / self.rate
    }
}

impl NoiseProcess for StableCascadeProcess {
    fn family(&self) -> Family {
        Family::Vp
    }

    fn sigma_min(&self) -> f64 {
        self.table[0]
    }

    fn sigma_max(&self) -> f64 {
        self.table[STABLE_CASCADE_TABLE - 1]
    }

    fn sigmas(&self) -> Option<&[f64]> {
        Some(&self.table)
    }

    fn sigma(&self, t: &[f64], out: &mut [f64]) -> Result<()> {
        map("t", t, out, |t| (0.0..=1.0).contains(&t), || "0 to 1".to_owned(), |t| self.level(t))
    }

    fn timestep(&self, sigma: &[f64], lookup: Lookup, out: &mut [f64]) -> Result<()> {
        let shift = match lookup {
            Lookup::Nearest => 1.0,
            Lookup::Interpolated => self.shift,
        };
        let valid = |s: f64| s >= 0.0 && s.is_finite();
        map("sigma", sigma, out, valid, || "a finite value, 0 or above".to_owned(), |s| self.time(s / shift))
    }

    fn percent_to_sigma(&self, percent: f64) -> Result<f64> {
        Ok(percent_ends(percent, BEFORE_START)?.unwrap_or_else(|| self.level(1.0 - percent)))
    }
}
