//! Sampling of consistency models: denoise, then add noise again.

use super::{Curve, Sampler, option, pairs};
use crate::error::{Error, Noun, Result};
use crate::program::Trace;
use crate::scalar::Scalar;

/// LCM: each step takes the denoised value to the next level with fresh noise, one model call and one draw per step.
/// Song et al. 2023 (arXiv:2303.01469), algorithm 1; Luo et al. 2023 (arXiv:2310.04378). No order: there is no ODE.
#[derive(Debug, Clone, PartialEq)]
pub struct Lcm {
    /// Standard deviation of the fresh noise, in the first step where `s_noise_end` is given.
    pub s_noise: Curve,
    /// The same in the last step, linear in between; none: `s_noise` throughout.
    pub s_noise_end: Option<f64>,
    /// Limit of each noise value in deviations of the draw. Only 0, no limit, is linear.
    pub noise_clip_std: f64,
}

impl Default for Lcm {
    fn default() -> Self {
        Self { s_noise: 1.0.into(), s_noise_end: None, noise_clip_std: 0.0 }
    }
}

impl Lcm {
    fn check(&self, steps: usize) -> Result<()> {
        self.s_noise.non_negative("s_noise", steps)?;
        if let Some(end) = self.s_noise_end {
            super::non_negative("s_noise_end", end)?;
            if self.s_noise.constant().is_none() {
                let message =
                    "s_noise is one value per step and s_noise_end is given; give one or the other".to_owned();
                return Err(Error::Message { noun: Noun::Sampler, message });
            }
        }
        let expected = "0: clipping noise by its own deviation is not linear, so no program holds it; the noise \
                        source `clipped` does it";
        option("noise_clip_std", self.noise_clip_std, self.noise_clip_std == 0.0, expected)
    }

    /// The deviation in step `i`.
    fn deviation(&self, i: usize, steps: usize) -> f64 {
        let start = self.s_noise.at(i);
        match self.s_noise_end {
            Some(end) if steps > 1 => start + (end - start) * i as f64 / (steps - 1) as f64,
            _ => start,
        }
    }
}

impl Sampler for Lcm {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let steps = t.sigmas().len() - 1;
        self.check(steps)?;
        let mut x = t.start();
        for (i, (s, s_next)) in pairs(t).into_iter().enumerate() {
            let den = t.denoise(&x, s);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let noise = t.noise(s, s_next);
            x = t.end_step(den * t.alpha(s_next) + noise * (s_next * self.deviation(i, steps)));
        }
        Ok(())
    }
}
