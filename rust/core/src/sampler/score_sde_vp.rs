//! The predictor of score-based models: Euler–Maruyama on the reverse variance-preserving SDE.

use super::{Curve, Sampler, option, pairs};
use crate::error::{Error, Noun, Result};
use crate::program::Trace;
use crate::scalar::Scalar;

/// How long a step of [`ScoreSdeVp`] is in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeStep {
    /// From its sigma to the next.
    #[default]
    Levels,
    /// One over the number of steps, as in the authors' code, whatever the sigmas.
    Uniform,
}

impl TimeStep {
    /// The choice of that name.
    ///
    /// # Errors
    /// Any other word.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "levels" => Ok(Self::Levels),
            "uniform" => Ok(Self::Uniform),
            _ => Err(Error::Choice {
                noun: Noun::Sampler,
                name: "time_step",
                got: name.to_owned(),
                known: vec!["levels", "uniform"],
            }),
        }
    }
}

/// Euler–Maruyama on the reverse SDE `dx = −(½ β x + β score) dt + √β dw`, weak order 1. Song et al. 2021
/// (arXiv:2011.13456), equations 6, 11 and 25, with `β(t) = β_min + t (β_max − β_min)`. The last step to zero adds no
/// noise.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreSdeVp {
    /// `β` at `t = 0`.
    pub beta_min: f64,
    /// `β` at `t = 1`.
    pub beta_max: f64,
    /// Length of a step in time.
    pub time_step: TimeStep,
    /// Standard deviation of the fresh noise.
    pub s_noise: Curve,
}

impl Default for ScoreSdeVp {
    fn default() -> Self {
        Self { beta_min: 0.1, beta_max: 20.0, time_step: TimeStep::Levels, s_noise: 1.0.into() }
    }
}

impl ScoreSdeVp {
    /// The time at which noise is `sigma` to a signal of 1: `ln(1 + σ²) = β_min t + ½ (β_max − β_min) t²`.
    fn time<S: Scalar>(&self, sigma: S) -> S {
        let log = (sigma * sigma).ln_1p();
        let slope = self.beta_max - self.beta_min;
        log * 2.0 / ((log * (2.0 * slope) + self.beta_min * self.beta_min).sqrt() + self.beta_min)
    }
}

impl Sampler for ScoreSdeVp {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let steps = t.sigmas().len() - 1;
        let finite = self.beta_min.is_finite() && self.beta_max.is_finite();
        option("beta_min", self.beta_min, self.beta_min > 0.0 && self.beta_min.is_finite(), "a finite number above 0")?;
        option(
            "beta_max",
            self.beta_max,
            finite && self.beta_max >= self.beta_min,
            "a finite number of at least beta_min",
        )?;
        self.s_noise.non_negative("s_noise", steps)?;
        let mut x = t.start();
        for (i, (s, s_next)) in pairs(t).into_iter().enumerate() {
            let den = t.denoise(&x, s);
            let time = self.time(s);
            let dt = match self.time_step {
                TimeStep::Levels => time - self.time(s_next),
                TimeStep::Uniform => S::from(1.0) / steps as f64,
            };
            let beta_dt = (time * (self.beta_max - self.beta_min) + self.beta_min) * dt;
            // The process scales x by 1 / √(1 + σ²); ε over its deviation there is minus the score.
            let (scale, scale_next) = ((s * s + 1.0).sqrt(), (s_next * s_next + 1.0).sqrt());
            let drift = &x * ((beta_dt * 0.5 + 1.0) / scale) - (x - den) / s * (beta_dt * scale / s);
            let mut next = drift * scale_next;
            if !s_next.is_zero() {
                let noise = t.noise(s, s_next);
                next = next + noise * (beta_dt.sqrt() * scale_next * self.s_noise.at(i));
            }
            x = t.end_step(next);
        }
        Ok(())
    }
}
