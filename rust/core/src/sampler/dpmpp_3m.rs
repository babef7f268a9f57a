//! DPM-Solver++ with three denoised values, as an SDE.

use super::{Curve, Sampler, half_log_snr_step, snr_pairs};
use crate::error::{Error, Noun, Result};
use crate::numeric::phi;
use crate::program::{Linear, Trace};
use crate::scalar::Scalar;

/// What [`Dpmpp3mSde`] makes of the second difference of the denoised values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThirdOrder {
    /// `2 phi_3`, exact for a parabola: the second derivative is twice the divided difference.
    #[default]
    Exact,
    /// `phi_3`, as k-diffusion, `ComfyUI` and diffusers: a formula of order 2.
    KDiffusion,
}

impl ThirdOrder {
    /// The form of that name.
    ///
    /// # Errors
    /// Any other word.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "exact" => Ok(Self::Exact),
            "k_diffusion" => Ok(Self::KDiffusion),
            _ => Err(Error::Choice {
                noun: Noun::Sampler,
                name: "form",
                got: name.to_owned(),
                known: vec!["exact", "k_diffusion"],
            }),
        }
    }
}

/// SDE-DPM-Solver++(3M): multistep, one model call and one noise draw per step. The parabola through the last three
/// denoised values, integrated exactly in half log-SNR: Lu et al. 2022 (arXiv:2211.01095), section 5, carried to the
/// third order as in k-diffusion, whose weight of the second
/// difference is half of what it has to be ([`ThirdOrder`]). The first step is first order, the second second.
#[derive(Debug, Clone, PartialEq)]
pub struct Dpmpp3mSde {
    /// Strength of the noise: 0 is the ODE, 1 the SDE of the paper.
    pub eta: Curve,
    /// Standard deviation of the fresh noise.
    pub s_noise: Curve,
    /// Weight of the second difference.
    pub form: ThirdOrder,
}

impl Default for Dpmpp3mSde {
    fn default() -> Self {
        Self { eta: 1.0.into(), s_noise: 1.0.into(), form: ThirdOrder::Exact }
    }
}

impl Sampler for Dpmpp3mSde {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let steps = t.sigmas().len() - 1;
        self.eta.non_negative("eta", steps)?;
        self.s_noise.non_negative("s_noise", steps)?;
        let mut x = t.start();
        // Denoised values and step lengths, newest first.
        let mut last: Option<(Linear<S>, S)> = None;
        let mut before: Option<(Linear<S>, S)> = None;
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
            let z = -h - eta_h;
            let mut next = &x * (s_next / s * (-eta_h).exp()) - &den * (alpha * z.exp_m1());
            let phi_2 = phi(2, z) * (-z) * alpha;
            if let Some((den_1, h_1)) = &last {
                let r_0 = *h_1 / h;
                let slope = (&den - den_1) / r_0;
                if let Some((den_2, h_2)) = &before {
                    let r_1 = *h_2 / h;
                    let curvature = (&slope - (den_1 - den_2) / r_1) / (r_0 + r_1);
                    let times = if self.form == ThirdOrder::Exact { 2.0 } else { 1.0 };
                    let phi_3 = phi(3, z) * (-z) * alpha * times;
                    next = next + (slope + &curvature * r_0) * phi_2 + curvature * phi_3;
                } else {
                    next = next + slope * phi_2;
                }
            }
            if eta > 0.0 {
                let noise = t.noise(s, s_next);
                let deviation = (-(eta_h * -2.0).exp_m1()).sqrt();
                next = next + noise * (s_next * deviation * self.s_noise.at(i));
            }
            x = t.end_step(next);
            before = last.replace((den, h));
        }
        Ok(())
    }
}
