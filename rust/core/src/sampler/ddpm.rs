//! Ancestral sampling of the discrete-time model.

use super::{Sampler, pairs};
use crate::error::Result;
use crate::program::Trace;
use crate::scalar::Scalar;

/// DDPM: draws from the posterior of the next level given x and its denoised value, one model call and one draw per
/// step, weak order 1. Ho et al. 2020 (arXiv:2006.11239), equations 6 and 7, in `sigma² = (1 - ᾱ) / ᾱ`: the mean keeps
/// `(sigma_next / sigma)²` of x's noise, and its variance is `sigma_next² (1 - (sigma_next / sigma)²)`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Ddpm;

impl Sampler for Ddpm {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let mut x = t.start();
        for (s, s_next) in pairs(t) {
            let den = t.denoise(&x, s);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let ratio = s_next / s;
            let lost = ((s - s_next) / s) * ((s + s_next) / s); // 1 - (sigma_next / sigma)²
            let noise = t.noise(s, s_next);
            x = t.end_step(x * (ratio * ratio) + den * lost + noise * (s_next * lost.sqrt()));
        }
        Ok(())
    }
}
