//! DPM-Solver with steps as long as the error allows. The run is not a program: each attempt is one, and what comes of
//! it decides on the next.

use super::dpm_solver::{EmbeddedPair, positive_ends};
use super::euler::{Ancestral, ancestral_ve};
use super::{Sampler, check_sigmas, non_negative, option};
use crate::error::{Error, Noun, Result};
use crate::program::{Program, Setting};

/// Options of an adaptive run. Lu et al. 2022 (arXiv:2206.00927), appendix C, with k-diffusion's step-size control.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DpmAdaptive {
    /// Order of the result, 2 or 3; the error is its distance from the order below.
    pub order: u32,
    /// First step, in log sigma.
    pub h_init: f64,
    /// Weight of the proportional term of the step-size control.
    pub pcoeff: f64,
    /// Weight of its integral term.
    pub icoeff: f64,
    /// Weight of its differential term.
    pub dcoeff: f64,
    /// An attempt is accepted if the factor for its length is at least this.
    pub accept_safety: f64,
    /// Share of the noise that is replaced.
    pub eta: f64,
    /// Most attempts of a run.
    pub max_attempts: usize,
}

impl Default for DpmAdaptive {
    fn default() -> Self {
        let control = (0.0, 1.0, 0.0);
        Self {
            order: 3,
            h_init: 0.05,
            pcoeff: control.0,
            icoeff: control.1,
            dcoeff: control.2,
            accept_safety: 0.81,
            eta: 0.0,
            max_attempts: 10_000,
        }
    }
}

impl DpmAdaptive {
    /// # Errors
    /// An option outside its range.
    pub fn check(&self) -> Result<()> {
        let order = f64::from(self.order);
        option("order", order, self.order == 2 || self.order == 3, "2 or 3")?;
        option("h_init", self.h_init, self.h_init.is_finite() && self.h_init > 0.0, "a finite number above 0")?;
        for (name, value) in [("pcoeff", self.pcoeff), ("icoeff", self.icoeff), ("dcoeff", self.dcoeff)] {
            option(name, value, value.is_finite(), "a finite number")?;
        }
        let safety = self.accept_safety;
        option("accept_safety", safety, safety > 0.0 && safety <= 1.0, "above 0, at most 1")?;
        non_negative("eta", self.eta)?;
        option("max_attempts", self.max_attempts as f64, self.max_attempts > 0, "at least 1")
    }

    /// A run over `sigmas`, of which only the ends count.
    ///
    /// # Errors
    /// An option outside its range; sigmas as [`Sampler::compile`] refuses them, or without two positive ones; noise for
    /// a flow.
    pub fn start(&self, sigmas: &[f64], flow: bool) -> Result<Controller> {
        self.check()?;
        check_sigmas(sigmas)?;
        if sigmas.len() < 2 {
            let expected = "at least two".to_owned();
            return Err(Error::Length { noun: Noun::Sampler, name: "sigmas", got: sigmas.len(), expected });
        }
        if flow {
            option("eta", self.eta, self.eta == 0.0, "0 for a flow: its noise is defined for x = x0 + sigma * noise")?;
        }
        let (sigma, end) = positive_ends(sigmas)?;
        Ok(Controller { options: *self, sigma, end, h: self.h_init, inverse_errors: None, accepted: 0, rejected: 0 })
    }
}

/// Decides on the length of each step from the errors of those before.
#[derive(Debug, Clone, PartialEq)]
pub struct Controller {
    options: DpmAdaptive,
    sigma: f64,
    end: f64,
    h: f64,
    inverse_errors: Option<[f64; 2]>,
    accepted: usize,
    rejected: usize,
}

/// A step to try.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Noise level at its start.
    pub sigma: f64,
    /// Noise level at its end, noise included.
    pub sigma_next: f64,
    /// Deviation of the noise to add to its result.
    pub up: f64,
    /// Two steps that both end at the level below the noise: in the result of the lower, then of the higher order.
    pub program: Program,
}

impl Controller {
    /// Distance from the end, in log sigma, that is none.
    const NEAR: f64 = 1e-5;

    /// Attempts accepted so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.accepted
    }

    /// Attempts rejected so far.
    #[must_use]
    pub fn rejected(&self) -> usize {
        self.rejected
    }

    /// The level reached.
    #[must_use]
    pub fn sigma(&self) -> f64 {
        self.sigma
    }

    fn sigma_next(&self) -> f64 {
        (self.sigma * libm::exp(-self.h)).max(self.end)
    }

    /// The next step to try; none at the end.
    ///
    /// # Errors
    /// Too many attempts, or a step too short to change sigma: the denoiser is too rough for the tolerances.
    pub fn attempt(&self) -> Result<Option<Attempt>> {
        if libm::log(self.sigma / self.end) <= Self::NEAR {
            return Ok(None);
        }
        let (sigma, sigma_next) = (self.sigma, self.sigma_next());
        let attempts = self.accepted + self.rejected;
        if sigma_next >= sigma || attempts >= self.options.max_attempts {
            let message = format!(
                "after {attempts} attempts the run is at sigma {sigma}, and its next step {} in log sigma; expected to \
                 be at {} by then. Raise rtol, atol or max_attempts, or check the denoiser for jumps",
                self.h, self.end
            );
            return Err(Error::Message { noun: Noun::Sampler, message });
        }
        let (mut down, mut up) = (sigma_next, 0.0);
        if self.options.eta > 0.0 {
            Ancestral { down, up, .. } = ancestral_ve(sigma, sigma_next, self.options.eta);
            if down < self.end {
                (down, up) = (self.end, libm::sqrt((sigma_next - self.end) * (sigma_next + self.end)));
            }
        }
        let program = EmbeddedPair { order: self.options.order }.compile_over(&[sigma, down], Setting::VE)?;
        Ok(Some(Attempt { sigma, sigma_next, up, program }))
    }

    /// Whether the attempt is accepted, given its error relative to the tolerance; either way it sets the next length.
    /// Söderlind 2003 ("Digital filters in adaptive time-stepping"), with the limiter `1 + atan(f - 1)`.
    ///
    /// # Errors
    /// An error that is not a finite number of at least 0.
    pub fn judge(&mut self, error: f64) -> Result<bool> {
        non_negative("error", error)?;
        let DpmAdaptive { pcoeff: p, icoeff: i, dcoeff: d, accept_safety, eta, order, .. } = self.options;
        let order = if eta > 0.0 { 1.5 } else { f64::from(order) };
        let now = 1.0 / (error + 1e-8);
        let [last, before] = self.inverse_errors.unwrap_or([now; 2]);
        let factor = libm::pow(now, (p + i + d) / order)
            * libm::pow(last, -(p + 2.0 * d) / order)
            * libm::pow(before, d / order);
        let factor = 1.0 + libm::atan(factor - 1.0);
        let accept = factor >= accept_safety;
        if accept {
            self.sigma = self.sigma_next();
            self.inverse_errors = Some([now, last]);
            self.accepted += 1;
        } else {
            self.inverse_errors = Some([last, before]);
            self.rejected += 1;
        }
        self.h *= factor;
        Ok(accept)
    }
}
