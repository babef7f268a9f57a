//! CFG++: a step goes towards the guided denoised value, with the noise of the unconditional one. Chung et al. 2024
//! (arXiv:2406.08070).
//!
//! A last step to zero has no use for the unconditional value. It is asked for all the same: a denoiser is not told which
//! call it answers, so it computes both every time, and one shape of answer for a whole run is simpler to check.

use super::euler::{Ancestral, ancestral_ve, split};
use super::{Curve, Form, Sampler, option, pairs};
use crate::error::Result;
use crate::program::{Linear, Second, Trace};
use crate::scalar::Scalar;

/// The noise in `x` as the unconditional value has it: `(x − α U) / σ`.
fn noise_of<S: Scalar>(t: &Trace<S>, x: &Linear<S>, uncond: Linear<S>, s: S) -> Linear<S> {
    (x - uncond * t.alpha(s)) / s
}

/// Euler's method with CFG++: one model call with two results per step. Chung et al. 2024, algorithm 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EulerCfgPp;

impl Sampler for EulerCfgPp {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        EulerAncestralCfgPp { eta: 0.0.into(), s_noise: 1.0.into() }.trace(t)
    }
}

/// Ancestral Euler steps with CFG++. The split into down and up is made in `u = σ / α`, for a flow too.
#[derive(Debug, Clone, PartialEq)]
pub struct EulerAncestralCfgPp {
    /// Share of the noise that is replaced: 0 is [`EulerCfgPp`].
    pub eta: Curve,
    /// Standard deviation of the fresh noise.
    pub s_noise: Curve,
}

impl Default for EulerAncestralCfgPp {
    fn default() -> Self {
        Self { eta: 1.0.into(), s_noise: 1.0.into() }
    }
}

impl Sampler for EulerAncestralCfgPp {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let steps = t.sigmas().len() - 1;
        self.eta.non_negative("eta", steps)?;
        self.s_noise.non_negative("s_noise", steps)?;
        let mut x = t.start();
        for (i, (s, s_next)) in pairs(t).into_iter().enumerate() {
            let (den, uncond) = t.denoise_two(&x, s, Second::Uncond);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let noise = noise_of(t, &x, uncond, s);
            let alpha = t.alpha(s_next);
            let eta = self.eta.at(i);
            if eta == 0.0 {
                x = t.end_step(den * alpha + noise * s_next);
                continue;
            }
            // u_next / u as one ratio: at pure noise of a flow u is infinite.
            let ratio = s_next / s * t.alpha(s) / alpha;
            let (down, up) = split(s_next / alpha, ratio, eta);
            let fresh = t.noise(s, s_next);
            let kept = den * alpha + noise * (alpha * down);
            x = t.end_step(kept + fresh * (alpha * up * self.s_noise.at(i)));
        }
        Ok(())
    }
}

/// DPM-Solver++(2S) with ancestral noise and CFG++: two model calls per step, one in a step that only lands.
#[derive(Debug, Clone, PartialEq)]
pub struct Dpmpp2sAncestralCfgPp {
    /// Share of the noise that is replaced.
    pub eta: Curve,
    /// Standard deviation of the fresh noise.
    pub s_noise: Curve,
    /// [`Form::Exact`] goes to the middle with the unconditional value alone, and takes the CFG++ step of the middle's
    /// two values, as its authors do. [`Form::Comfyui`] starts from x plus guidance both times, the second time with the
    /// middle's unconditional value against the first guided one.
    pub form: Form,
}

impl Default for Dpmpp2sAncestralCfgPp {
    fn default() -> Self {
        Self { eta: 1.0.into(), s_noise: 1.0.into(), form: Form::Exact }
    }
}

impl Sampler for Dpmpp2sAncestralCfgPp {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let steps = t.sigmas().len() - 1;
        self.eta.non_negative("eta", steps)?;
        self.s_noise.non_negative("s_noise", steps)?;
        let mut x = t.start();
        for (i, (s, s_next)) in pairs(t).into_iter().enumerate() {
            let (den, uncond) = t.denoise_two(&x, s, Second::Uncond);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let eta = self.eta.at(i);
            let Ancestral { down, up, .. } = ancestral_ve(s, s_next, eta);
            let mut next = if down.is_zero() {
                den
            } else {
                let middle = s * (down / s).sqrt();
                let (half, whole) = (middle / s, down / s);
                let between = match self.form {
                    Form::Exact => &uncond + (&x - &uncond) * half,
                    Form::Comfyui => &den + (&x - &uncond) * half,
                };
                let (den_2, uncond_2) = t.denoise_two(&between, middle, Second::Uncond);
                match self.form {
                    Form::Exact => den_2 + (x - uncond_2) * whole,
                    Form::Comfyui => &den_2 + (x + den - uncond_2 - &den_2) * whole,
                }
            };
            if eta > 0.0 {
                let noise = t.noise(s, s_next);
                next = next + noise * (up * self.s_noise.at(i));
            }
            x = t.end_step(next);
        }
        Ok(())
    }
}

/// DPM-Solver++(2M) with CFG++: `x' = D + e^{−h} (x − U) + (1 − e^{−h}) (D − U_last) / 2r`, one model call with two
/// results per step. `ComfyUI`'s form, after Chung et al. 2024, appendix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dpmpp2mCfgPp;

impl Sampler for Dpmpp2mCfgPp {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let mut x = t.start();
        let mut last: Option<(Linear<S>, S)> = None;
        for (s, s_next) in pairs(t) {
            let (den, uncond) = t.denoise_two(&x, s, Second::Uncond);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let h = (s / s_next).ln();
            let mut next = &den + (x - &uncond) * (s_next / s);
            if let Some((uncond_last, h_last)) = last {
                next = next - (den - uncond_last) * ((-h).exp_m1() * h / (h_last * 2.0));
            }
            x = t.end_step(next);
            last = Some((uncond, h));
        }
        Ok(())
    }
}

/// CFG++ with history: an Euler step whose noise is extrapolated, mixed with an Adams–Bashforth step over the slopes of
/// such steps; a last step to zero is the line through the last two guided values, at zero. `ComfyUI`'s
/// `cfgpp_ud10_ab`; no paper.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CfgppUd10Ab {
    /// Share of the Adams–Bashforth step, 0 to 1.
    pub history_weight: f64,
    /// Share of the change of the noise that is carried on, 0 to 1.
    pub uncond_history_weight: f64,
    /// Share of the extrapolation in a last step to zero, 0 to 1.
    pub zero_weight: f64,
}

impl Default for CfgppUd10Ab {
    fn default() -> Self {
        Self { history_weight: 0.25, uncond_history_weight: 0.1, zero_weight: 1.0 }
    }
}

/// What a step keeps for the next one.
struct History<S> {
    sigma: S,
    den: Linear<S>,
    noise: Linear<S>,
    slope: Linear<S>,
}

impl Sampler for CfgppUd10Ab {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        for (name, weight) in [
            ("history_weight", self.history_weight),
            ("uncond_history_weight", self.uncond_history_weight),
            ("zero_weight", self.zero_weight),
        ] {
            option(name, weight, (0.0..=1.0).contains(&weight), "0 to 1")?;
        }
        let mut x = t.start();
        let mut last: Option<History<S>> = None;
        for (s, s_next) in pairs(t) {
            let (den, uncond) = t.denoise_two(&x, s, Second::Uncond);
            let h = s_next - s;
            let noise = noise_of(t, &x, uncond, s);
            let Some(last_step) = last.take() else {
                if s_next.is_zero() {
                    t.end_step(den);
                    break;
                }
                let next = &den * t.alpha(s_next) + &noise * s_next;
                let slope = (&next - &x) / h;
                x = t.end_step(next);
                last = Some(History { sigma: s, den, noise, slope });
                continue;
            };
            let ratio = h / (s - last_step.sigma);
            let carried = &noise + (&noise - last_step.noise) * (ratio * self.uncond_history_weight);
            let slope = (&den * t.alpha(s_next) + carried * s_next - &x) / h;
            let mixed = &slope + (&slope - last_step.slope) * (ratio * (0.5 * self.history_weight));
            let mut next = x + mixed * h;
            if s_next.is_zero() {
                let line = (&den * last_step.sigma - last_step.den * s) / (last_step.sigma - s);
                next = if self.zero_weight == 1.0 {
                    line
                } else {
                    next * S::from(1.0 - self.zero_weight) + line * S::from(self.zero_weight)
                };
            }
            x = t.end_step(next);
            last = Some(History { sigma: s, den, noise, slope });
        }
        Ok(())
    }
}
