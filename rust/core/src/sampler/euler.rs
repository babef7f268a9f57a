//! Euler's method on the probability-flow ODE, with optional churn, and its ancestral form.

use super::{Curve, Sampler, non_negative, option, pairs};
use crate::error::Result;
use crate::program::{Linear, Trace};
use crate::scalar::Scalar;

/// Raises the noise level at the start of a step by fresh noise: Karras et al. 2022 (arXiv:2206.00364), algorithm 2,
/// lines 4 to 6.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Churn {
    /// Total churn over the run; a step raises sigma by `gamma = min(s_churn / steps, √2 − 1)`.
    pub s_churn: f64,
    /// Lowest sigma that is raised.
    pub s_tmin: f64,
    /// Highest sigma that is raised; infinity for no limit.
    pub s_tmax: f64,
    /// Standard deviation of the fresh noise, slightly above 1 to make up for lost detail.
    pub s_noise: f64,
}

impl Default for Churn {
    fn default() -> Self {
        Self { s_churn: 0.0, s_tmin: 0.0, s_tmax: f64::INFINITY, s_noise: 1.0 }
    }
}

impl Churn {
    pub(super) fn check(&self) -> Result<()> {
        non_negative("s_churn", self.s_churn)?;
        non_negative("s_tmin", self.s_tmin)?;
        option("s_tmax", self.s_tmax, self.s_tmax >= self.s_tmin, "at least s_tmin; inf for no limit")?;
        non_negative("s_noise", self.s_noise)
    }

    /// The sample and the noise level at which the step starts.
    pub(super) fn apply<S: Scalar>(&self, t: &mut Trace<S>, x: Linear<S>, s: S) -> (Linear<S>, S) {
        let inside = self.s_tmin <= s.value() && s.value() <= self.s_tmax;
        if self.s_churn == 0.0 || !inside {
            return (x, s);
        }
        let steps = (t.sigmas().len() - 1) as f64;
        let gamma = (self.s_churn / steps).min(std::f64::consts::SQRT_2 - 1.0);
        let s_hat = s * (gamma + 1.0);
        let added = (s_hat * s_hat - s * s).sqrt() * self.s_noise;
        let noise = t.independent_noise(s, s_hat);
        (t.hold(&(x + noise * added)), s_hat)
    }
}

/// Euler's method: one model call per step, order 1. Karras et al. 2022, algorithm 2 without its correction.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Euler {
    /// Churn; none by default.
    pub churn: Churn,
}

impl Sampler for Euler {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        self.churn.check()?;
        let mut x = t.start();
        for (s, s_next) in pairs(t) {
            let (x_hat, s_hat) = self.churn.apply(t, x, s);
            let den = t.denoise(&x_hat, s_hat);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let d = (&x_hat - den) / s_hat;
            x = t.end_step(x_hat + d * (s_next - s_hat));
        }
        Ok(())
    }
}

/// Ancestral sampling with Euler steps: each step goes to `sigma_down` and adds fresh noise of `sigma_up`, so that the
/// marginal at `sigma_next` is kept. Song et al. 2021 (arXiv:2011.13456) appendix F, in k-diffusion's form; for a flow
/// the sample is also rescaled, as in ComfyUI.
#[derive(Debug, Clone, PartialEq)]
pub struct EulerAncestral {
    /// Share of the noise that is replaced: 0 is [`Euler`], 1 is full ancestral sampling.
    pub eta: Curve,
    /// Standard deviation of the fresh noise.
    pub s_noise: Curve,
}

impl Default for EulerAncestral {
    fn default() -> Self {
        Self { eta: 1.0.into(), s_noise: 1.0.into() }
    }
}

/// Where an ancestral step goes before it adds noise, and how it gets to the next level:
/// `x_next = scale * x_down + up * noise`.
pub(super) struct Ancestral<S> {
    pub(super) down: S,
    pub(super) scale: S,
    pub(super) up: S,
}

/// For `x = x0 + sigma noise`: `down² + up² = sigma_next²`, with `up = min(sigma_next, eta ...)`.
pub(super) fn ancestral_ve<S: Scalar>(s: S, s_next: S, eta: f64) -> Ancestral<S> {
    let (down, up) = split(s_next, s_next / s, eta);
    Ancestral { down, scale: S::from(1.0), up }
}

/// `(down, up)` with `down² + up² = level²` and `up = min(level, eta level sqrt(1 - ratio²))`; `ratio` is the level over
/// the one before it. What is kept of the level is computed by itself: a difference would cancel after a long step.
pub(super) fn split<S: Scalar>(level: S, ratio: S, eta: f64) -> (S, S) {
    let kept = ratio * ratio * (eta * eta) + (1.0 - eta) * (1.0 + eta);
    if kept.value() <= 0.0 {
        return (S::from(0.0), level);
    }
    (level * kept.sqrt(), level * ((-ratio + 1.0) * (ratio + 1.0)).sqrt() * eta)
}

/// For a flow: down towards `sigma_next · sigma_next / sigma`, then a rescaling that restores the signal's weight.
/// ComfyUI's form for rectified flow.
pub(super) fn ancestral_flow<S: Scalar>(s: S, s_next: S, eta: f64) -> Ancestral<S> {
    let lost = s_next * ((s - s_next) / s) * eta;
    let down = s_next - lost;
    let scale = (-s_next + 1.0) / (-down + 1.0);
    // sigma_next² - (scale down)², its first factor sigma_next - scale down without cancellation.
    let up = (lost / (-down + 1.0) * (s_next + scale * down)).sqrt();
    Ancestral { down, scale, up }
}

/// Whichever of the two the run needs.
pub(super) fn ancestral<S: Scalar>(t: &Trace<S>, s: S, s_next: S, eta: f64) -> Ancestral<S> {
    if t.is_flow() { ancestral_flow(s, s_next, eta) } else { ancestral_ve(s, s_next, eta) }
}

/// `eta` of ancestral steps: for a flow at most where `sigma_down` is still positive for any step.
pub(super) fn check_ancestral_eta<S: Scalar>(t: &Trace<S>, eta: &Curve) -> Result<()> {
    let steps = t.sigmas().len() - 1;
    eta.non_negative("eta", steps)?;
    if t.is_flow() {
        eta.check("eta", steps, |v| v <= 1.0, "0 to 1 for a flow")?;
    }
    Ok(())
}

impl Sampler for EulerAncestral {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        check_ancestral_eta(t, &self.eta)?;
        self.s_noise.non_negative("s_noise", t.sigmas().len() - 1)?;
        let mut x = t.start();
        for (i, (s, s_next)) in pairs(t).into_iter().enumerate() {
            let den = t.denoise(&x, s);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let eta = self.eta.at(i);
            let d = (&x - den) / s;
            if eta == 0.0 {
                x = t.end_step(x + d * (s_next - s));
                continue;
            }
            let Ancestral { down, scale, up } = ancestral(t, s, s_next, eta);
            let noise = t.noise(s, s_next);
            x = t.end_step((x + d * (down - s)) * scale + noise * (up * self.s_noise.at(i)));
        }
        Ok(())
    }
}
