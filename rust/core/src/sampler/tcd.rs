//! Sampling of models distilled by trajectory consistency.

use super::{Curve, Sampler, pairs};
use crate::error::{Error, Noun, Result};
use crate::program::Trace;
use crate::scalar::Scalar;

/// Strategic stochastic sampling of trajectory consistency distillation: a step goes down to a stage level below the
/// next sigma, then fresh noise brings it up again. One model call per step. Zheng et al. 2024 (arXiv:2402.19159),
/// algorithm 4, in diffusers' form; the paper calls eta gamma. A last step to zero is the denoised value.
#[derive(Debug, Clone, PartialEq)]
pub struct Tcd {
    /// Share of the time of the next level that is skipped and renewed as noise, 0 to 1.
    pub eta: Curve,
    /// Stage level of each step: sigma at the time `floor((1 − eta) t_next)` of the model's process. The next sigma
    /// itself stands for any above it, and for eta 0.
    pub stages: Vec<f64>,
}

impl Sampler for Tcd {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let steps = t.sigmas().len() - 1;
        self.eta.check("eta", steps, |v| (0.0..=1.0).contains(&v), "0 to 1")?;
        if self.stages.len() != steps {
            let expected = format!("{steps}, one per step");
            return Err(Error::Length { noun: Noun::Sampler, name: "stages", got: self.stages.len(), expected });
        }
        let mut x = t.start();
        for (i, (s, s_next)) in pairs(t).into_iter().enumerate() {
            let den = t.denoise(&x, s);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let d = (&x - den) / s;
            let stage = self.stages[i];
            if self.eta.at(i) == 0.0 || stage >= s_next.value() {
                x = t.end_step(x + d * (s_next - s));
                continue;
            }
            let stage = S::from(stage);
            let noise = t.noise(s, s_next);
            x = t.end_step(x + d * (stage - s) + noise * ((s_next - stage) * (s_next + stage)).sqrt());
        }
        Ok(())
    }
}
