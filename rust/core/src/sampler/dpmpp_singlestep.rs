//! Single-step DPM-Solver++: exponential integrators of two stages that predict the denoised value.

use super::dpm_2::ancestral_steps;
use super::euler::{Ancestral, ancestral_ve};
use super::{Curve, Sampler, between, half_log_snr_step, option, snr_pairs};
use crate::error::Result;
use crate::program::{Linear, Trace};
use crate::scalar::Scalar;

/// Ancestral sampling with DPM-Solver++(2S) steps: two model calls and one noise draw per step, weak order 2. Lu et al.
/// 2022 (arXiv:2211.01095), algorithm 1 with r = 1/2, down to `sigma_down`. For a flow as `ComfyUI`: the middle in its
/// half log-SNR, from pure noise at sigma 0.9999.
#[derive(Debug, Clone, PartialEq)]
pub struct Dpmpp2sAncestral {
    /// Share of the noise that is replaced: 0 is DPM-Solver++(2S).
    pub eta: Curve,
    /// Standard deviation of the fresh noise.
    pub s_noise: Curve,
}

/// The middle of a flow's step that starts at pure noise, where no log-SNR exists.
const MIDDLE_FROM_PURE_NOISE: f64 = 0.9999;

impl Default for Dpmpp2sAncestral {
    fn default() -> Self {
        Self { eta: 1.0.into(), s_noise: 1.0.into() }
    }
}

impl Sampler for Dpmpp2sAncestral {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        ancestral_steps(t, &self.eta, &self.s_noise, |t, x, den, s, down| {
            let middle = if !t.is_flow() {
                s.sqrt() * down.sqrt()
            } else if s.value() >= 1.0 {
                S::from(MIDDLE_FROM_PURE_NOISE)
            } else {
                t.sigma_from_half_log_snr((t.half_log_snr(s) + t.half_log_snr(down)) * 0.5)
            };
            let guess = toward(x, den, s, middle);
            let den_middle = t.denoise(&guess, middle);
            toward(x, &den_middle, s, down)
        })
    }
}

/// The sample at `s_next` on the straight line from x at `s` to the denoised value.
fn toward<S: Scalar>(x: &Linear<S>, den: &Linear<S>, s: S, s_next: S) -> Linear<S> {
    x * (s_next / s) + den * ((s - s_next) / s)
}

/// DPM-Solver++(2S) as an SDE: two model calls and two draws per step over overlapping intervals of one path, weak
/// order 2 on it. Lu et al. 2022 (arXiv:2211.01095), algorithm 1; each stage is ancestral in `sigma / alpha`, as
/// k-diffusion and, for a flow, `ComfyUI` have it.
#[derive(Debug, Clone, PartialEq)]
pub struct DpmppSde {
    /// Share of the noise that is replaced: 0 is DPM-Solver++(2S).
    pub eta: Curve,
    /// Standard deviation of the fresh noise.
    pub s_noise: Curve,
    /// Where in the step, in half log-SNR, the second stage is.
    pub r: f64,
}

impl Default for DpmppSde {
    fn default() -> Self {
        Self { eta: 1.0.into(), s_noise: 1.0.into(), r: 0.5 }
    }
}

impl Sampler for DpmppSde {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let steps = t.sigmas().len() - 1;
        self.eta.non_negative("eta", steps)?;
        self.s_noise.non_negative("s_noise", steps)?;
        option("r", self.r, self.r > 0.0 && self.r <= 1.0, "above 0, at most 1")?;
        let mut x = t.start();
        for (i, (s, s_next)) in snr_pairs(t).into_iter().enumerate() {
            let den = t.denoise(&x, s);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let (eta, s_noise) = (self.eta.at(i), self.s_noise.at(i));
            let h = half_log_snr_step(t, s, s_next);
            let middle = between(t, s, s_next, h, self.r);
            // x / alpha with the denoised value `den`, over u = sigma / alpha.
            let stage = |t: &mut Trace<S>, den: &Linear<S>, level: S| {
                let (alpha, alpha_level) = (t.alpha(s), t.alpha(level));
                let (u, u_level) = (s / alpha, level / alpha_level);
                if eta == 0.0 {
                    return &x * (level / s) + den * (alpha_level * ((u - u_level) / u));
                }
                let Ancestral { down, up, .. } = ancestral_ve(u, u_level, eta);
                let next = &x * (alpha_level / alpha * (down / u)) + den * (alpha_level * ((u - down) / u));
                next + t.noise(s, level) * (alpha_level * up * s_noise)
            };
            let guess = stage(t, &den, middle);
            let den_middle = t.denoise(&guess, middle);
            let weight = 1.0 / (2.0 * self.r);
            let mean = den * S::from(1.0 - weight) + den_middle * S::from(weight);
            let next = stage(t, &mean, s_next);
            x = t.end_step(next);
        }
        Ok(())
    }
}
