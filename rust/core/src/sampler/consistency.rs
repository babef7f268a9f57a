//! Multistep consistency sampling: denoise, noise again to the next level, repeat.

use super::{Curve, Sampler, non_negative, pairs};
use crate::error::Result;
use crate::program::Trace;
use crate::scalar::Scalar;

/// Multistep consistency sampling: each step is the model's jump to the end, and fresh noise up to the next level. No
/// order: the model solves the ODE, not the method. Song et al. 2023 (arXiv:2303.01469), algorithm 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Consistency {
    /// The level at which the model's output counts as free of noise; a step to it, or below, adds none.
    pub sigma_min: f64,
    /// Standard deviation of the fresh noise.
    pub s_noise: Curve,
}

impl Default for Consistency {
    fn default() -> Self {
        Self { sigma_min: 0.002, s_noise: 1.0.into() }
    }
}

impl Sampler for Consistency {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        non_negative("sigma_min", self.sigma_min)?;
        self.s_noise.non_negative("s_noise", t.sigmas().len() - 1)?;
        let mut x = t.start();
        for (i, (s, s_next)) in pairs(t).into_iter().enumerate() {
            let den = t.denoise(&x, s);
            if s_next.value() <= self.sigma_min {
                x = t.end_step(den);
                continue;
            }
            let added = ((s_next - self.sigma_min) * (s_next + self.sigma_min)).sqrt();
            let noise = t.noise(s, s_next);
            x = t.end_step(den * t.alpha(s_next) + noise * (added * self.s_noise.at(i)));
        }
        Ok(())
    }
}
