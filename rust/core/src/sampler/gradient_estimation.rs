//! Gradient estimation: the slope extrapolated from the last two.

use super::{Sampler, option, pairs};
use crate::error::Result;
use crate::program::{Linear, Second, Trace};
use crate::scalar::Scalar;

/// Euler's step along `γ d_i + (1 − γ) d_{i−1}`: one model call per step, order 1. Permenter and Yuan 2024
/// (arXiv:2306.04848), equation 12. At `γ = 3/2` it is [`super::Ipndm`] of order 2, at `γ = 1` [`super::Euler`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradientEstimation {
    /// Weight of the newest slope, any finite number.
    pub ge_gamma: f64,
    /// Whether slopes point at the unconditional value and the step at the guided one, `x' = D + σ' d`.
    pub cfg_pp: bool,
}

impl Default for GradientEstimation {
    fn default() -> Self {
        Self { ge_gamma: 2.0, cfg_pp: false }
    }
}

impl Sampler for GradientEstimation {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        option("ge_gamma", self.ge_gamma, self.ge_gamma.is_finite(), "a finite number")?;
        let mut x = t.start();
        let mut last: Option<Linear<S>> = None;
        for (s, s_next) in pairs(t) {
            let (den, target) = if self.cfg_pp {
                t.denoise_two(&x, s, Second::Uncond)
            } else {
                let den = t.denoise(&x, s);
                (den.clone(), den)
            };
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let h = s_next - s;
            let d = (&x - target) / s;
            let mut next = if self.cfg_pp { den + &d * s_next } else { x + &d * h };
            if let Some(d_last) = last {
                next = next + (&d - d_last) * (h * (self.ge_gamma - 1.0));
            }
            x = t.end_step(next);
            last = Some(d);
        }
        Ok(())
    }
}
