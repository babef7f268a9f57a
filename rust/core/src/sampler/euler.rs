//! Euler's method on the probability-flow ODE, with optional churn, and its ancestral form.

use super::{Sampler, non_negative, option, pairs};
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
/// marginal at `sigma_next` is kept. Song et al. 2021 (arXiv:2011.13456) appendix F, in k-diffusion's form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EulerAncestral {
    /// Share of the noise that is replaced: 0 is [`Euler`], 1 is full ancestral sampling.
    pub eta: f64,
    /// Standard deviation of the fresh noise.
    pub s_noise: f64,
}

impl Default for EulerAncestral {
    fn default() -> Self {
        Self { eta: 1.0, s_noise: 1.0 }
    }
}

/// `(sigma_down, sigma_up)` with `sigma_down² + sigma_up² = sigma_next²`.
pub(super) fn ancestral<S: Scalar>(s: S, s_next: S, eta: f64) -> (S, S) {
    let (v, v_next) = (s * s, s_next * s_next);
    let up = s_next.min((v_next * (v - v_next) / v).sqrt() * eta);
    ((v_next - up * up).sqrt(), up)
}

impl Sampler for EulerAncestral {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        non_negative("eta", self.eta)?;
        non_negative("s_noise", self.s_noise)?;
        let mut x = t.start();
        for (s, s_next) in pairs(t) {
            let den = t.denoise(&x, s);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            if self.eta == 0.0 {
                let d = (&x - den) / s;
                x = t.end_step(x + d * (s_next - s));
                continue;
            }
            let (down, up) = ancestral(s, s_next, self.eta);
            let d = (&x - den) / s;
            let noise = t.noise(s, s_next);
            x = t.end_step(x + d * (down - s) + noise * (up * self.s_noise));
        }
        Ok(())
    }
}
