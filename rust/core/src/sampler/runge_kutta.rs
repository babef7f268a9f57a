//! Explicit Runge–Kutta methods by their tableau.

use super::tableau::Tableau;
use super::{Sampler, check_sigmas, pairs};
use crate::error::{Error, Noun, Result};
use crate::program::{Linear, Program, Setting, Trace};
use crate::scalar::Scalar;

/// The variable that a Runge–Kutta method steps in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Variable {
    /// `u = ln σ`, where the ODE is `dx/du = x − D`.
    #[default]
    LogSigma,
    /// σ, where it is `dx/dσ = (x − D) / σ`.
    Sigma,
}

impl Variable {
    /// The variable of that name.
    ///
    /// # Errors
    /// Any other word.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "log_sigma" => Ok(Self::LogSigma),
            "sigma" => Ok(Self::Sigma),
            _ => Err(Error::Choice {
                noun: Noun::Sampler,
                name: "variable",
                got: name.to_owned(),
                known: vec!["log_sigma", "sigma"],
            }),
        }
    }
}

/// An explicit Runge–Kutta method on the probability-flow ODE: as many model calls per step as it has stages, one in a
/// last step to zero, which is the denoised value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RungeKutta {
    /// Its coefficients.
    pub tableau: &'static Tableau,
    /// What it steps in.
    pub variable: Variable,
}

/// x after a step, with the slopes at its stages and its length.
struct Stepped<S> {
    next: Linear<S>,
    slopes: Vec<Linear<S>>,
    h: S,
}

impl RungeKutta {
    /// Slope of the ODE at a level, given the denoised value there.
    fn slope<S: Scalar>(&self, x: &Linear<S>, den: Linear<S>, level: S) -> Linear<S> {
        match self.variable {
            Variable::LogSigma => x - den,
            Variable::Sigma => (x - den) / level,
        }
    }

    fn step<S: Scalar>(&self, t: &mut Trace<S>, x: &Linear<S>, den: Linear<S>, s: S, s_next: S) -> Stepped<S> {
        let h = match self.variable {
            Variable::LogSigma => (s_next / s).ln(),
            Variable::Sigma => s_next - s,
        };
        let mut slopes = vec![self.slope(x, den, s)];
        for (&c, row) in self.tableau.c[1..].iter().zip(self.tableau.a) {
            let level = match self.variable {
                _ if c == 1.0 => s_next,
                Variable::LogSigma => s * (h * c).exp(),
                Variable::Sigma => s + h * c,
            };
            let guess = moved(x, &slopes, row, h);
            let den = t.denoise(&guess, level);
            slopes.push(self.slope(&guess, den, level));
        }
        Stepped { next: moved(x, &slopes, self.tableau.b, h), slopes, h }
    }

    /// Two steps that both end at `sigma_next`: in the result of the embedded weights, then of the method's own.
    ///
    /// # Errors
    /// A tableau without embedded weights; levels that are not descending, or zero.
    pub fn embedded_pair(&self, sigma: f64, sigma_next: f64) -> Result<Program> {
        let Some(embedded) = self.tableau.embedded else {
            let message = format!(
                "tableau {} has no embedded weights; expected heun_2s, bogacki_shampine or dormand_prince",
                self.tableau.name
            );
            return Err(Error::Message { noun: Noun::Sampler, message });
        };
        check_sigmas(&[sigma, sigma_next])?;
        if sigma_next == 0.0 {
            let message = "sigmas[1] is 0; expected a positive number: a step to zero is the denoised value".to_owned();
            return Err(Error::Message { noun: Noun::Sampler, message });
        }
        let mut t = Trace::over(vec![sigma, sigma_next], Setting::VE)?;
        t.set_levels(vec![sigma, sigma_next, sigma_next])?;
        let x = t.start();
        let den = t.denoise(&x, sigma);
        let Stepped { next, mut slopes, h } = self.step(&mut t, &x, den, sigma, sigma_next);
        let next = t.hold(&next);
        if embedded.b.len() > slopes.len() {
            let den = t.denoise(&next, sigma_next);
            slopes.push(self.slope(&next, den, sigma_next));
        }
        t.end_step(moved(&x, &slopes, embedded.b, h));
        t.end_step(next);
        t.finish()
    }
}

/// `x + h Σ weight slope`, without slopes whose weight is none.
fn moved<S: Scalar>(x: &Linear<S>, slopes: &[Linear<S>], weights: &[f64], h: S) -> Linear<S> {
    slopes
        .iter()
        .zip(weights)
        .filter(|&(_, &weight)| weight != 0.0)
        .fold(x.clone(), |sum, (slope, &weight)| sum + slope * (h * weight))
}

impl Sampler for RungeKutta {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let mut x = t.start();
        for (s, s_next) in pairs(t) {
            let den = t.denoise(&x, s);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let Stepped { next, .. } = self.step(t, &x, den, s, s_next);
            x = t.end_step(next);
        }
        Ok(())
    }
}
