//! DPM-Solver++: exponential integrators in `λ = −ln σ` that predict the denoised value.

use super::{Curve, Sampler, half_log_snr_step, pairs, snr_pairs};
use crate::error::{Error, Noun, Result};
use crate::program::{Linear, Trace};
use crate::scalar::Scalar;

/// DPM-Solver++(2M): multistep, one model call per step, order 2. Lu et al. 2022 (arXiv:2211.01095), algorithm 2. The
/// first step, and the last step to zero, are first order.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Dpmpp2m;

impl Sampler for Dpmpp2m {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let mut x = t.start();
        let mut last: Option<(Linear<S>, S)> = None;
        for (s, s_next) in pairs(t) {
            let den = t.denoise(&x, s);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let h = (s / s_next).ln();
            let d = match last {
                None => den.clone(),
                // (1 + 1/2r) D − (1/2r) D_last with r = h_last / h.
                Some((den_last, h_last)) => {
                    let c = h / (h_last * 2.0);
                    &den * (c + 1.0) - den_last * c
                }
            };
            x = t.end_step(x * (s_next / s) - d * (-h).exp_m1());
            last = Some((den, h));
        }
        Ok(())
    }
}

/// How [`Dpmpp2mSde`] uses the previous denoised value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SolverType {
    /// The midpoint form.
    #[default]
    Midpoint,
    /// The form of Heun's method.
    Heun,
}

impl SolverType {
    /// The form of that name.
    ///
    /// # Errors
    /// Any other word.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "midpoint" => Ok(Self::Midpoint),
            "heun" => Ok(Self::Heun),
            _ => Err(Error::Choice {
                noun: Noun::Sampler,
                name: "solver_type",
                got: name.to_owned(),
                known: vec!["midpoint", "heun"],
            }),
        }
    }
}

/// SDE-DPM-Solver++(2M): the stochastic multistep form, one model call and one noise draw per step. Lu et al. 2022
/// (arXiv:2211.01095), section 5 and appendix; at `eta = 0` the midpoint form is [`Dpmpp2m`], for a flow in `λ =
/// ln((1 − σ) / σ)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Dpmpp2mSde {
    /// Strength of the noise: 0 is the ODE, 1 the SDE of the paper.
    pub eta: Curve,
    /// Standard deviation of the fresh noise.
    pub s_noise: Curve,
    /// Midpoint or Heun.
    pub solver_type: SolverType,
}

impl Default for Dpmpp2mSde {
    fn default() -> Self {
        Self { eta: 1.0.into(), s_noise: 1.0.into(), solver_type: SolverType::Midpoint }
    }
}

impl Sampler for Dpmpp2mSde {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let steps = t.sigmas().len() - 1;
        self.eta.non_negative("eta", steps)?;
        self.s_noise.non_negative("s_noise", steps)?;
        let mut x = t.start();
        let mut last: Option<(Linear<S>, S)> = None;
        for (i, (s, s_next)) in snr_pairs(t).into_iter().enumerate() {
            let den = t.denoise(&x, s);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let eta = self.eta.at(i);
            let h = half_log_snr_step(t, s, s_next);
            let alpha = t.alpha(s_next);
            let eta_h = h * eta;
            let decay = (-h - eta_h).exp_m1(); // e^{-h(1+η)} − 1
            let mut next = &x * (s_next / s * (-eta_h).exp()) - &den * (alpha * decay);
            if let Some((den_last, h_last)) = last {
                let weight = match self.solver_type {
                    SolverType::Midpoint => decay * (-0.5),
                    SolverType::Heun => decay / (h + eta_h) + 1.0,
                };
                next = next + (&den - den_last) * (alpha * weight * h / h_last);
            }
            if eta > 0.0 {
                let noise = t.noise(s, s_next);
                let deviation = (-(eta_h * -2.0).exp_m1()).sqrt();
                next = next + noise * (s_next * deviation * self.s_noise.at(i));
            }
            x = t.end_step(next);
            last = Some((den, h));
        }
        Ok(())
    }
}
