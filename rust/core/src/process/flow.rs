//! Rectified flow (Liu et al., arXiv 2209.03003) with the timestep shift of Esser et al., "Scaling Rectified Flow
//! Transformers" (arXiv 2403.03206), equation 23: `sigma = shift u / (1 + (shift - 1) u)`, `u = t / multiplier`.

use super::{Family, Lookup, MAX_TIMESTEPS, NoiseProcess, map, percent_ends};
use crate::error::{Error, Noun, Number, Result};

/// A rectified flow; time runs from 0 to `multiplier`, its range of sampling and its table from one training step to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowProcess {
    shift: f64,
    multiplier: f64,
    table: Vec<f64>,
}

impl FlowProcess {
    /// A flow with a table of `timesteps` levels, evenly spaced in time.
    ///
    /// # Errors
    /// A `shift` or `multiplier` that is not positive and finite, `timesteps` outside 2 to [`MAX_TIMESTEPS`], or a shift
    /// so far from 1 that two levels of the table are one.
    pub fn new(shift: f64, multiplier: f64, timesteps: usize) -> Result<Self> {
        let noun = Noun::Process;
        for (name, got) in [("shift", shift), ("multiplier", multiplier)] {
            if !(got > 0.0 && got.is_finite()) {
                return Err(Error::Parameter { noun, name, got, expected: "a positive finite value" });
            }
        }
        if !(2..=MAX_TIMESTEPS).contains(&timesteps) {
            let expected = "2 to 1000000";
            return Err(Error::Parameter { noun, name: "timesteps", got: timesteps as f64, expected });
        }
        let table: Vec<f64> = (1..=timesteps).map(|k| shifted(shift, k as f64 / timesteps as f64)).collect();
        if !(table[0] > 0.0 && table.is_sorted_by(|a, b| a < b)) {
            let message = format!(
                "shift is {}; expected one that leaves {timesteps} different levels from 0 to 1",
                Number(shift)
            );
            return Err(Error::Message { noun, message });
        }
        Ok(Self { shift, multiplier, table })
    }

    /// The flow of Black Forest Labs' Flux: `sigma = exp(mu) / (exp(mu) + 1 / t - 1)`, time from 0 to 1.
    ///
    /// # Errors
    /// A `mu` outside -20 to 20, or `timesteps` outside 2 to [`MAX_TIMESTEPS`].
    pub fn flux(mu: f64, timesteps: usize) -> Result<Self> {
        if mu.abs() <= 20.0 {
            return Self::new(libm::exp(mu), 1.0, timesteps);
        }
        Err(Error::Parameter { noun: Noun::Process, name: "mu", got: mu, expected: "-20 to 20" })
    }
}

/// The `mu` of Flux for a picture of that many pixels: linear in the number of 16 x 16 patches, through
/// `(256, base_shift)` and `(4096, max_shift)`.
///
/// # Errors
/// A side that is not positive and finite, or a shift that is not finite.
pub fn flux_mu(width: f64, height: f64, base_shift: f64, max_shift: f64) -> Result<f64> {
    let noun = Noun::Process;
    for (name, got) in [("width", width), ("height", height)] {
        if !(got > 0.0 && got.is_finite()) {
            return Err(Error::Parameter { noun, name, got, expected: "a positive number of pixels" });
        }
    }
    for (name, got) in [("base_shift", base_shift), ("max_shift", max_shift)] {
        if !got.is_finite() {
            return Err(Error::Parameter { noun, name, got, expected: "a finite value" });
        }
    }
    let patches = width * height / 256.0;
    Ok(base_shift + (max_shift - base_shift) * ((patches - 256.0) / (4096.0 - 256.0)))
}

/// The shifted level of an even one; 1 stays exactly 1.
fn shifted(shift: f64, u: f64) -> f64 {
    shift * u / (shift * u + (1.0 - u))
}

impl NoiseProcess for FlowProcess {
    fn family(&self) -> Family {
        Family::Flow
    }

    fn sigma_min(&self) -> f64 {
        self.table[0]
    }

    fn sigma_max(&self) -> f64 {
        self.table[self.table.len() - 1]
    }

    fn sigmas(&self) -> Option<&[f64]> {
        Some(&self.table)
    }

    fn sigma(&self, t: &[f64], out: &mut [f64]) -> Result<()> {
        let (shift, multiplier) = (self.shift, self.multiplier);
        let range = || format!("0 to {multiplier} (the multiplier)");
        map("t", t, out, |t| (0.0..=multiplier).contains(&t), range, |t| shifted(shift, t / multiplier))
    }

    fn timestep(&self, sigma: &[f64], lookup: Lookup, out: &mut [f64]) -> Result<()> {
        let (shift, multiplier) = (self.shift, self.multiplier);
        let valid = |s: f64| (0.0..=1.0).contains(&s);
        map(
            "sigma",
            sigma,
            out,
            valid,
            || "0 to 1".to_owned(),
            |s| match lookup {
                Lookup::Nearest => s * multiplier,
                Lookup::Interpolated => s / (s + shift * (1.0 - s)) * multiplier,
            },
        )
    }

    fn percent_to_sigma(&self, percent: f64) -> Result<f64> {
        Ok(percent_ends(percent, 1.0)?.unwrap_or_else(|| shifted(self.shift, 1.0 - percent)))
    }
}
