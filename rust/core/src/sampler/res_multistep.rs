//! RES: the refined exponential solver, multistep, in `λ = −ln σ`.

use super::euler::{Ancestral, ancestral_ve};
use super::{Curve, Form, Sampler, pairs};
use crate::error::Result;
use crate::numeric::phi;
use crate::program::{Linear, Second, Trace};
use crate::scalar::Scalar;

/// RES multistep of order 2: integrates the line through the last two denoised values exactly, one model call per step.
/// Zhang et al. 2023 (arXiv:2308.02157), algorithm 2. With `eta` a step goes down and fresh noise makes up the rest; the
/// line then spans what the last step went down, since on average noise leaves the denoised value where it was.
#[derive(Debug, Clone, PartialEq)]
pub struct ResMultistep {
    /// Share of the noise that is replaced in each step.
    pub eta: Curve,
    /// Standard deviation of the fresh noise.
    pub s_noise: Curve,
    /// [`Form::Comfyui`] draws noise at `eta = 0` too, and does not use it. Values are the same.
    pub form: Form,
    /// CFG++: the unconditional value in place of the denoised one, and guidance added to x.
    pub cfg_pp: bool,
}

impl Default for ResMultistep {
    fn default() -> Self {
        Self { eta: 0.0.into(), s_noise: 1.0.into(), form: Form::Exact, cfg_pp: false }
    }
}

/// What a step keeps for the next one.
struct Last<S> {
    sigma: S,
    down: S,
    den: Linear<S>,
}

/// `h b1` and `h b2`: weights of the newest denoised value and of the one `c2` steps of length `h` away.
fn weights<S: Scalar>(h: S, c2: S) -> (S, S) {
    let b2 = h * phi(2, -h) / c2;
    (h * phi(1, -h) - b2, b2)
}

impl Sampler for ResMultistep {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let steps = t.sigmas().len() - 1;
        self.eta.non_negative("eta", steps)?;
        self.s_noise.non_negative("s_noise", steps)?;
        let mut x = t.start();
        let mut last: Option<Last<S>> = None;
        for (i, (s, s_next)) in pairs(t).into_iter().enumerate() {
            let (den, used) = if self.cfg_pp {
                t.denoise_two(&x, s, Second::Uncond)
            } else {
                let den = t.denoise(&x, s);
                (den.clone(), den)
            };
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let eta = self.eta.at(i);
            let Ancestral { down, up, .. } = if eta == 0.0 {
                Ancestral { down: s_next, scale: S::from(1.0), up: S::from(0.0) }
            } else {
                ancestral_ve(s, s_next, eta)
            };
            let mut next = match last {
                Some(last) if !down.is_zero() => {
                    let h = (s / down).ln();
                    let c2 = -(last.sigma / last.down).ln() / h;
                    let (b1, b2) = weights(h, c2);
                    let start = if self.cfg_pp { x + (&den - &used) } else { x };
                    start * (down / s) + &used * b1 + last.den * b2
                }
                // Euler's step, of CFG++ where the two values differ.
                _ if self.cfg_pp => den + (x - &used) * (down / s),
                _ => &x + (&x - &used) / s * (down - s),
            };
            if eta > 0.0 {
                let noise = t.noise(s, s_next);
                next = next + noise * (up * self.s_noise.at(i));
            } else if self.form == Form::Comfyui {
                t.skip_noise(s, s_next);
            }
            x = t.end_step(next);
            last = Some(Last { sigma: s, down, den: used });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::weights;
    use crate::numeric::integrate;

    proptest! {
        /// `b1 + b2 = φ1` and `b2 c2 = φ2`: constants and lines in λ are integrated exactly.
        #[test]
        fn order_conditions(h in 0.001_f64..5.0, ratio in 0.05_f64..20.0) {
            let (b1, b2) = weights(h, -ratio);
            let constant = integrate(|v: f64| libm::exp(v - h), 0.0, h, 2);
            let line = integrate(|v: f64| libm::exp(v - h) * v / h, 0.0, h, 2);
            prop_assert!((b1 + b2 - constant).abs() <= 1e-13 * (b1.abs() + b2.abs()));
            prop_assert!((b2 * -ratio - line).abs() <= 1e-13 * line);
        }
    }
}
