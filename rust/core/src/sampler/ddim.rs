//! DDIM, and the same steps upwards: from an image to the noise it came from.

use super::euler::split;
use super::{Curve, Sampler, pairs};
use crate::error::{Error, Noun, Result};
use crate::program::{Second, Trace};
use crate::scalar::Scalar;

/// Which denoised value the direction to the noise is taken from, where a denoiser clips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// The one that is used for the signal.
    #[default]
    Denoised,
    /// The value before clipping, the second result of the model call.
    Unclipped,
}

impl Direction {
    /// The direction of that name.
    ///
    /// # Errors
    /// Any other word.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "denoised" => Ok(Self::Denoised),
            "unclipped" => Ok(Self::Unclipped),
            _ => Err(Error::Choice {
                noun: Noun::Sampler,
                name: "direction",
                got: name.to_owned(),
                known: vec!["denoised", "unclipped"],
            }),
        }
    }
}

/// DDIM: one model call per step, order 1 at `eta = 0`, weak order 1 above. Song et al. 2020 (arXiv:2010.02502),
/// equations 12 and 16, written for `x = α x0 + σ ε`: `u = σ/α` goes to `u'` with
/// `x' = α' D + α' u' √(1 − η² (1 − (u'/u)²)) ε + α' η u' √(1 − (u'/u)²) z`.
#[derive(Debug, Clone, PartialEq)]
pub struct Ddim {
    /// Share of the noise that is replaced, 0 to 1: 0 is deterministic, 1 is DDPM.
    pub eta: Curve,
    /// Where the direction comes from.
    pub direction: Direction,
}

impl Default for Ddim {
    fn default() -> Self {
        Self { eta: 0.0.into(), direction: Direction::Denoised }
    }
}

impl Sampler for Ddim {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let steps = t.sigmas().len() - 1;
        self.eta.check("eta", steps, |v| (0.0..=1.0).contains(&v), "0 to 1")?;
        let mut x = t.start();
        for (i, (s, s_next)) in pairs(t).into_iter().enumerate() {
            let (den, of_direction) = match self.direction {
                Direction::Denoised => {
                    let den = t.denoise(&x, s);
                    (den.clone(), den)
                }
                Direction::Unclipped => t.denoise_two(&x, s, Second::Unclipped),
            };
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let (alpha, alpha_next, eta) = (t.alpha(s), t.alpha(s_next), self.eta.at(i));
            let epsilon = (x - of_direction * alpha) / s;
            if eta == 0.0 {
                x = t.end_step(den * alpha_next + epsilon * s_next);
                continue;
            }
            let ratio = s_next * alpha / (s * alpha_next);
            let (down, up) = split(s_next, ratio, eta);
            let noise = t.noise(s, s_next);
            x = t.end_step(den * alpha_next + epsilon * down + noise * up);
        }
        Ok(())
    }
}

/// Which level [`DdimInverse`] tells the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InverseForm {
    /// The level of x: Euler's method on the probability-flow ODE, upwards.
    #[default]
    Euler,
    /// The level the step goes to, with x scaled as a variance-preserving process scales it at its own: diffusers'.
    Diffusers,
}

impl InverseForm {
    /// The form of that name.
    ///
    /// # Errors
    /// Any other word.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "euler" => Ok(Self::Euler),
            "diffusers" => Ok(Self::Diffusers),
            _ => Err(Error::Choice {
                noun: Noun::Sampler,
                name: "form",
                got: name.to_owned(),
                known: vec!["euler", "diffusers"],
            }),
        }
    }
}

/// DDIM run backwards: from x at the last sigma up to the first, order 1. Song et al. 2020 (arXiv:2010.02502),
/// section 4.3. At sigma 0 the direction is that of the level the step goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DdimInverse {
    /// Which level the network is told.
    pub form: InverseForm,
}

impl Sampler for DdimInverse {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        if t.is_flow() && self.form == InverseForm::Diffusers {
            let message =
                "form is \"diffusers\", which is defined for a variance-preserving process; the process is a \
                           flow. Use form \"euler\""
                    .to_owned();
            return Err(Error::Message { noun: Noun::Sampler, message });
        }
        let levels: Vec<S> = t.sigmas().iter().rev().copied().collect();
        t.set_levels(levels)?;
        let mut x = t.start();
        for (s, s_next) in pairs(t) {
            let d = match self.form {
                InverseForm::Euler if !s.is_zero() => (&x - t.denoise(&x, s)) / s,
                InverseForm::Euler => (&x - t.denoise(&x, s_next)) / s_next,
                InverseForm::Diffusers => {
                    let scaled = &x * ((s_next * s_next + 1.0) / (s * s + 1.0)).sqrt();
                    let den = t.denoise(&scaled, s_next);
                    (scaled - den) / s_next
                }
            };
            x = t.end_step(x + d * (s_next - s));
        }
        Ok(())
    }
}
