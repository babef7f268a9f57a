//! How a network's output becomes a denoised image: `denoised = c_skip(sigma) x + c_out(sigma) F(c_in(sigma) x, c_noise)`
//! (Karras et al., arXiv 2206.00364, equation 7), and how a latent is noised to the first sigma.
//!
//! Only `+ - * /` and `sqrt` are used, which IEEE 754 rounds correctly: results are equal on every CPU and in every
//! language.

use crate::error::{Error, Noun, Result};
use crate::process::{Lookup, NoiseProcess};

/// What the network predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Prediction {
    /// The noise (Ho et al., arXiv 2006.11239): `c_skip = 1`, `c_out = -sigma`.
    Epsilon,
    /// The velocity `alpha * noise - sigma * x0` (Salimans & Ho, arXiv 2202.00512, appendix D):
    /// `c_skip = sd² / (sigma² + sd²)`, `c_out = -sigma sd / sqrt(sigma² + sd²)`.
    V,
    /// The preconditioned network of Karras et al., table 1: as [`Prediction::V`] with the opposite sign of `c_out`.
    Edm,
}

impl Prediction {
    /// The names of all predictions, in declaration order.
    pub const NAMES: [&'static str; 3] = ["epsilon", "v_prediction", "edm"];

    /// The prediction of that name.
    ///
    /// # Errors
    /// [`Error::Choice`] when there is none.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "epsilon" => Ok(Self::Epsilon),
            "v_prediction" => Ok(Self::V),
            "edm" => Ok(Self::Edm),
            _ => Err(Error::Choice {
                noun: Noun::Parameterization,
                name: "parameterization",
                got: name.to_owned(),
                known: Self::NAMES.to_vec(),
            }),
        }
    }
}

/// A prediction and the standard deviation of the data it is scaled for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameterization {
    prediction: Prediction,
    sigma_data: f64,
}

impl Parameterization {
    /// A parameterization; `sigma_data` is 1 for models trained on unit-variance latents, 0.5 in the EDM paper.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `sigma_data` is positive and finite.
    pub fn new(prediction: Prediction, sigma_data: f64) -> Result<Self> {
        if sigma_data > 0.0 && sigma_data.is_finite() {
            return Ok(Self { prediction, sigma_data });
        }
        Err(Error::Parameter {
            noun: Noun::Parameterization,
            name: "sigma_data",
            got: sigma_data,
            expected: "a positive finite value",
        })
    }

    /// What the network predicts.
    #[must_use]
    pub fn prediction(&self) -> Prediction {
        self.prediction
    }

    /// Standard deviation of the data.
    #[must_use]
    pub fn sigma_data(&self) -> f64 {
        self.sigma_data
    }

    fn variance(&self, sigma: f64) -> f64 {
        sigma * sigma + self.sigma_data * self.sigma_data
    }

    /// Scale of the network's input.
    #[must_use]
    pub fn c_in(&self, sigma: f64) -> f64 {
        1.0 / libm::sqrt(self.variance(sigma))
    }

    /// Weight of the noised input in the denoised image.
    #[must_use]
    pub fn c_skip(&self, sigma: f64) -> f64 {
        match self.prediction {
            Prediction::Epsilon => 1.0,
            Prediction::V | Prediction::Edm => self.sigma_data * self.sigma_data / self.variance(sigma),
        }
    }

    /// Weight of the network's output in the denoised image.
    #[must_use]
    pub fn c_out(&self, sigma: f64) -> f64 {
        let scaled = || sigma * self.sigma_data / libm::sqrt(self.variance(sigma));
        match self.prediction {
            Prediction::Epsilon => -sigma,
            Prediction::V => -scaled(),
            Prediction::Edm => scaled(),
        }
    }

    /// [`Self::c_in`] of every sigma.
    ///
    /// # Errors
    /// A sigma that is negative or not finite, or slices of different lengths.
    pub fn fill_c_in(&self, sigmas: &[f64], out: &mut [f64]) -> Result<()> {
        fill(sigmas, out, 0.0, |sigma| self.c_in(sigma))
    }

    /// [`Self::c_skip`] of every sigma.
    ///
    /// # Errors
    /// A sigma that is negative or not finite, or slices of different lengths.
    pub fn fill_c_skip(&self, sigmas: &[f64], out: &mut [f64]) -> Result<()> {
        fill(sigmas, out, 0.0, |sigma| self.c_skip(sigma))
    }

    /// [`Self::c_out`] of every sigma.
    ///
    /// # Errors
    /// A sigma that is negative or not finite, or slices of different lengths.
    pub fn fill_c_out(&self, sigmas: &[f64], out: &mut [f64]) -> Result<()> {
        fill(sigmas, out, 0.0, |sigma| self.c_out(sigma))
    }

    /// What the network is told about the noise level: `ln(sigma) / 4` for EDM, else the process's nearest timestep.
    ///
    /// # Errors
    /// A sigma that is not positive and finite, or that the process refuses.
    pub fn c_noise(&self, sigmas: &[f64], process: Option<&dyn NoiseProcess>, out: &mut [f64]) -> Result<()> {
        match self.prediction {
            Prediction::Epsilon | Prediction::V => process
                .ok_or_else(|| Error::Message {
                    noun: Noun::Parameterization,
                    message: "the network is told the timestep of its noise process, and process is None; pass the \
                              process the network was trained with"
                        .to_owned(),
                })?
                .timestep(sigmas, Lookup::Nearest, out),
            Prediction::Edm => fill(sigmas, out, f64::MIN_POSITIVE, |sigma| 0.25 * libm::log(sigma)),
        }
    }

    /// Weights of latent and unit noise in the sample that a run starts from: `(1, sigma)`, or `(1, sqrt(1 + sigma²))`
    /// at the top of the range, where the sample counts as pure noise of the process's own variance.
    #[must_use]
    pub fn noise_scaling(&self, sigma: f64, max_denoise: bool) -> (f64, f64) {
        (1.0, if max_denoise { libm::sqrt(1.0 + sigma * sigma) } else { sigma })
    }

    /// Factor that takes a sample at `sigma` back to the latent's scale: 1, as these three work in noise-to-signal units.
    #[must_use]
    pub fn inverse_noise_scaling(&self, _sigma: f64) -> f64 {
        1.0
    }
}

/// Whether a run that starts at `sigma` counts as starting from pure noise: within 1e-5 of `sigma_max`, or above it.
#[must_use]
pub fn is_max_denoise(sigma: f64, sigma_max: f64) -> bool {
    sigma > sigma_max || (sigma - sigma_max).abs() <= 1e-5 * sigma.abs().max(sigma_max.abs())
}

/// `out[i] = f(sigmas[i])` after checking that the sigma is finite and at least `lowest`.
fn fill(sigmas: &[f64], out: &mut [f64], lowest: f64, f: impl Fn(f64) -> f64) -> Result<()> {
    let (noun, name) = (Noun::Parameterization, "sigma");
    if sigmas.len() != out.len() {
        let expected = format!("{}, as the output", out.len());
        return Err(Error::Length { noun, name, got: sigmas.len(), expected });
    }
    for (index, (&got, out)) in sigmas.iter().zip(out.iter_mut()).enumerate() {
        if !(got >= lowest && got.is_finite()) {
            let expected = if lowest > 0.0 { "a positive finite value" } else { "a finite value, 0 or above" };
            return Err(if sigmas.len() == 1 {
                Error::Parameter { noun, name, got, expected }
            } else {
                Error::Element { noun, name, index, got, expected }
            });
        }
        *out = f(got);
    }
    Ok(())
}
