//! SEEDS: stochastic exponential Runge–Kutta methods that predict the denoised value.

use super::{Curve, Sampler, between, half_log_snr_step, option, snr_pairs};
use crate::error::{Error, Noun, Result};
use crate::numeric::phi;
use crate::program::{Linear, Trace};
use crate::scalar::Scalar;

/// Which weights the last stage of [`Seeds2`] has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weights {
    /// `phi_1 / 2r` for the second denoised value.
    #[default]
    Phi1,
    /// `phi_2 / r`, exact where the denoised value is linear in the log-SNR.
    Phi2,
}

impl Weights {
    /// The weights of that name.
    ///
    /// # Errors
    /// Any other word.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "phi_1" => Ok(Self::Phi1),
            "phi_2" => Ok(Self::Phi2),
            _ => Err(Error::Choice {
                noun: Noun::Sampler,
                name: "solver_type",
                got: name.to_owned(),
                known: vec!["phi_1", "phi_2"],
            }),
        }
    }
}

/// One step in half log-SNR: `x_level = (level / s) e^{-c h eta} x + alpha(level) · weighted denoised + level · noise`.
struct Stage<S> {
    s: S,
    h: S,
    eta: f64,
    s_noise: f64,
    /// The noise of the step so far, of the path in x / sigma, with the level and share of the step it reaches.
    noise: Option<Linear<S>>,
    at: (S, f64),
}

impl<S: Scalar> Stage<S> {
    fn new(s: S, h: S, eta: f64, s_noise: f64) -> Self {
        Self { s, h, eta, s_noise, noise: None, at: (s, 0.0) }
    }

    /// x at `level`, a share `c` of the step, from x at its start and the weighted denoised values.
    fn reach(&mut self, t: &mut Trace<S>, x: &Linear<S>, weighted: Linear<S>, level: S, c: f64) -> Linear<S> {
        let kept = x * (level / self.s * (self.h * (-c * self.eta)).exp()) + weighted * t.alpha(level);
        if self.eta == 0.0 {
            return kept;
        }
        let (from, share) = self.at;
        if c > share {
            let part = self.h * ((c - share) * self.eta);
            let fresh = t.noise(from, level) * (-(part * -2.0).exp_m1()).sqrt();
            self.noise = Some(match self.noise.take() {
                Some(noise) => noise * (-part).exp() + fresh,
                None => fresh,
            });
            self.at = (level, c);
        }
        match &self.noise {
            Some(noise) => kept + noise * (level * self.s_noise),
            None => kept,
        }
    }
}

/// SEEDS-2: two stages, two model calls and two draws per step over neighbouring intervals, weak order 2; without
/// noise an exponential Runge–Kutta method of order 2. Gonzalez et al. 2023 (arXiv:2305.14267), algorithm 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Seeds2 {
    /// Strength of the noise: 0 is the ODE, 1 the SDE of the paper.
    pub eta: Curve,
    /// Standard deviation of the fresh noise.
    pub s_noise: Curve,
    /// Where in the step, in half log-SNR, the second stage is; at 1 the second draw falls away.
    pub r: f64,
    /// Weights of the last stage.
    pub weights: Weights,
}

impl Default for Seeds2 {
    fn default() -> Self {
        Self { eta: 1.0.into(), s_noise: 1.0.into(), r: 0.5, weights: Weights::Phi1 }
    }
}

impl Sampler for Seeds2 {
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
            let h = half_log_snr_step(t, s, s_next);
            let mut stage = Stage::new(s, h, self.eta.at(i), self.s_noise.at(i));
            let middle = between(t, s, s_next, h, self.r);
            let z = h * (1.0 + self.eta.at(i));
            let guess = stage.reach(t, &x, &den * (-(z * -self.r).exp_m1()), middle, self.r);
            let den_middle = t.denoise(&guess, middle);
            let all = -(-z).exp_m1();
            let late = match self.weights {
                Weights::Phi1 => all / (2.0 * self.r),
                Weights::Phi2 => phi(2, -z) * z / self.r,
            };
            let next = stage.reach(t, &x, den * (all - late) + den_middle * late, s_next, 1.0);
            x = t.end_step(next);
        }
        Ok(())
    }
}

/// SEEDS-3: three stages, three model calls and three draws per step; without noise an exponential Runge–Kutta method,
/// of order 3 at `r_2 = 2/3`. Gonzalez et al. 2023 (arXiv:2305.14267), algorithm 2.
#[derive(Debug, Clone, PartialEq)]
pub struct Seeds3 {
    /// Strength of the noise: 0 is the ODE, 1 the SDE of the paper.
    pub eta: Curve,
    /// Standard deviation of the fresh noise.
    pub s_noise: Curve,
    /// Where in the step, in half log-SNR, the second stage is.
    pub r_1: f64,
    /// Where the third is.
    pub r_2: f64,
}

impl Default for Seeds3 {
    fn default() -> Self {
        Self { eta: 1.0.into(), s_noise: 1.0.into(), r_1: 1.0 / 3.0, r_2: 2.0 / 3.0 }
    }
}

impl Sampler for Seeds3 {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let steps = t.sigmas().len() - 1;
        self.eta.non_negative("eta", steps)?;
        self.s_noise.non_negative("s_noise", steps)?;
        let (r_1, r_2) = (self.r_1, self.r_2);
        option("r_1", r_1, r_1 > 0.0 && r_1 < 1.0, "between 0 and 1")?;
        option("r_2", r_2, r_2 > r_1 && r_2 <= 1.0, "above r_1, at most 1")?;
        let mut x = t.start();
        for (i, (s, s_next)) in snr_pairs(t).into_iter().enumerate() {
            let den = t.denoise(&x, s);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let h = half_log_snr_step(t, s, s_next);
            let mut stage = Stage::new(s, h, self.eta.at(i), self.s_noise.at(i));
            let (s_1, s_2) = (between(t, s, s_next, h, r_1), between(t, s, s_next, h, r_2));
            let z = h * (1.0 + self.eta.at(i));
            let guess = stage.reach(t, &x, &den * (-(z * -r_1).exp_m1()), s_1, r_1);
            let den_1 = t.denoise(&guess, s_1);
            let late = phi(2, z * -r_2) * z * (r_2 * r_2 / r_1);
            let guess = stage.reach(t, &x, &den * (-(z * -r_2).exp_m1() - late) + den_1 * late, s_2, r_2);
            let den_2 = t.denoise(&guess, s_2);
            let late = phi(2, -z) * z / r_2;
            let next = stage.reach(t, &x, den * (-(-z).exp_m1() - late) + den_2 * late, s_next, 1.0);
            x = t.end_step(next);
        }
        Ok(())
    }
}
