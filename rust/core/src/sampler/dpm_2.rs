//! The midpoint method in log sigma, and its ancestral form.

use super::euler::{Ancestral, ancestral, check_ancestral_eta};
use super::{Churn, Curve, Sampler, pairs};
use crate::error::Result;
use crate::program::{Linear, Trace};
use crate::scalar::Scalar;

/// The midpoint method with its second model call at the geometric mean of the step's sigmas: two calls per step, one
/// in a last step to zero, order 2. Karras et al. 2022 (arXiv:2206.00364), algorithm 3 with that middle level, as
/// k-diffusion names it after DPM-Solver-2 (Lu et al. 2022, arXiv:2206.00927).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Dpm2 {
    /// Churn; none by default.
    pub churn: Churn,
}

impl Sampler for Dpm2 {
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
            let next = midpoint(t, &x_hat, &den, s_hat, s_next);
            x = t.end_step(next);
        }
        Ok(())
    }
}

/// From `s` to `s_next` along the slope at their geometric mean.
fn midpoint<S: Scalar>(t: &mut Trace<S>, x: &Linear<S>, den: &Linear<S>, s: S, s_next: S) -> Linear<S> {
    let middle = s.sqrt() * s_next.sqrt();
    let d = (x - den) / s;
    let guess = x + d * (middle - s);
    let d_middle = (&guess - t.denoise(&guess, middle)) / middle;
    x + d_middle * (s_next - s)
}

/// Ancestral sampling with midpoint steps: [`Dpm2`] down to `sigma_down`, then fresh noise as
/// [`EulerAncestral`](super::EulerAncestral). Two model calls and one noise draw per step, weak order 2.
#[derive(Debug, Clone, PartialEq)]
pub struct Dpm2Ancestral {
    /// Share of the noise that is replaced: 0 is [`Dpm2`].
    pub eta: Curve,
    /// Standard deviation of the fresh noise.
    pub s_noise: Curve,
}

impl Default for Dpm2Ancestral {
    fn default() -> Self {
        Self { eta: 1.0.into(), s_noise: 1.0.into() }
    }
}

impl Sampler for Dpm2Ancestral {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        ancestral_steps(t, &self.eta, &self.s_noise, midpoint)
    }
}

/// Ancestral sampling with any method for the way down: `to_down(t, x, denoised, sigma, sigma_down)`.
pub(super) fn ancestral_steps<S: Scalar>(
    t: &mut Trace<S>,
    eta: &Curve,
    s_noise: &Curve,
    to_down: impl Fn(&mut Trace<S>, &Linear<S>, &Linear<S>, S, S) -> Linear<S>,
) -> Result<()> {
    check_ancestral_eta(t, eta)?;
    s_noise.non_negative("s_noise", t.sigmas().len() - 1)?;
    let mut x = t.start();
    for (i, (s, s_next)) in pairs(t).into_iter().enumerate() {
        let den = t.denoise(&x, s);
        if s_next.is_zero() {
            t.end_step(den);
            break;
        }
        let eta = eta.at(i);
        if eta == 0.0 {
            let next = to_down(t, &x, &den, s, s_next);
            x = t.end_step(next);
            continue;
        }
        let Ancestral { down, scale, up } = ancestral(t, s, s_next, eta);
        // All of the noise replaced: nothing of the path is left to follow.
        let next = if down.is_zero() { den } else { to_down(t, &x, &den, s, down) };
        let noise = t.noise(s, s_next);
        x = t.end_step(next * scale + noise * (up * s_noise.at(i)));
    }
    Ok(())
}
