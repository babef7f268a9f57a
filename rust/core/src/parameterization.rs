//! How a network's output becomes a denoised image: `denoised = c_skip(sigma) x + c_out(sigma) F(c_in(sigma) x, c_noise)`
//! (Karras et al., arXiv 2206.00364, equation 7), and how a latent is noised to the first sigma.
//!
//! Scalings use only `+ - * /` and `sqrt`, which IEEE 754 rounds correctly: they are equal on every CPU and in every
//! language.

use crate::error::{Error, Noun, Result};
use crate::process::{Lookup, NoiseProcess};

/// Highest sigma, and highest and inverse of the lowest deviation of the data: their squares stay inside float64.
const HIGHEST: f64 = 1e150;

/// What the network predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Prediction {
    /// The noise (Ho et al., arXiv 2006.11239): `c_skip = 1`, `c_out = -sigma`.
    Epsilon,
    /// The velocity `alpha * noise - sigma * x0` (Salimans & Ho, arXiv 2202.00512, appendix D):
    /// `c_skip = sd² / (sigma² + sd²)`, `c_out = -sigma sd / sqrt(sigma² + sd²)`.
    V,
    /// The velocity, from an input that is not scaled: `c_skip = 1 / sqrt(1 + sigma²)`,
    /// `c_out = -sigma / sqrt(1 + sigma²)`.
    VRaw,
    /// The preconditioned network of Karras et al., table 1: as [`Prediction::V`] with the opposite sign of `c_out`.
    Edm,
    /// The clean sample: `c_skip = 0`, `c_out = 1`.
    X0,
    /// The velocity `noise - x0` of a rectified flow (Liu et al., arXiv 2209.03003): `c_skip = 1`, `c_out = -sigma`.
    Flow,
    /// The clean sample, from an input that is not scaled.
    ImgToImg,
    /// [`Prediction::ImgToImg`] on the levels of a flow, from a latent without noise.
    ImgToImgFlow,
    /// The velocity of a flow, in noise-to-signal units: `c_in = c_skip = 1 / (sigma + 1)`,
    /// `c_out = -sigma / (sigma + 1)`.
    CosmosRflow,
    /// A consistency network (Song et al., arXiv 2303.01469, appendix C), exact at `sigma_min`:
    /// `c_skip = sd² / ((sigma - sigma_min)² + sd²)`, `c_out = (sigma - sigma_min) sd / sqrt(sigma² + sd²)`.
    Consistency,
    /// As [`Prediction::V`], told the angle `atan(sigma / sd)` (Lu & Song, arXiv 2410.11081, section 3).
    TrigFlow,
}

impl Prediction {
    /// All predictions, in declaration order.
    const ALL: [Self; 11] = [
        Self::Epsilon,
        Self::V,
        Self::VRaw,
        Self::Edm,
        Self::X0,
        Self::Flow,
        Self::ImgToImg,
        Self::ImgToImgFlow,
        Self::CosmosRflow,
        Self::Consistency,
        Self::TrigFlow,
    ];

    /// The names of all predictions, in declaration order.
    pub const NAMES: [&'static str; 11] = [
        "epsilon",
        "v_prediction",
        "v_prediction_ddpm",
        "edm",
        "x0",
        "flow",
        "img_to_img",
        "img_to_img_flow",
        "cosmos_rflow",
        "consistency",
        "trigflow",
    ];

    /// The prediction of that name.
    ///
    /// # Errors
    /// [`Error::Choice`] when there is none.
    pub fn parse(name: &str) -> Result<Self> {
        let index = Self::NAMES.iter().position(|&known| known == name);
        index.map(|index| Self::ALL[index]).ok_or_else(|| Error::Choice {
            noun: Noun::Parameterization,
            name: "parameterization",
            got: name.to_owned(),
            known: Self::NAMES.to_vec(),
        })
    }

    /// Whether sigma is the weight of the noise, from 0 to 1.
    #[must_use]
    pub fn is_flow(self) -> bool {
        matches!(self, Self::Flow | Self::ImgToImgFlow)
    }

    /// Whether the network's input is scaled; `c_in` is 1 at every sigma where it is not.
    #[must_use]
    pub fn scales_input(self) -> bool {
        !matches!(self, Self::VRaw | Self::Flow | Self::ImgToImg | Self::ImgToImgFlow)
    }
}

/// A prediction and what it is scaled for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameterization {
    prediction: Prediction,
    sigma_data: f64,
    sigma_min: f64,
}

impl Parameterization {
    /// A parameterization; `sigma_data` is 1 for models trained on unit-variance latents, 0.5 in the EDM paper.
    /// [`Prediction::Consistency`] starts from level 0; see [`Self::consistency`].
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `sigma_data` is from 1e-150 to 1e150.
    pub fn new(prediction: Prediction, sigma_data: f64) -> Result<Self> {
        if (1.0 / HIGHEST..=HIGHEST).contains(&sigma_data) {
            return Ok(Self { prediction, sigma_data, sigma_min: 0.0 });
        }
        Err(Error::Parameter {
            noun: Noun::Parameterization,
            name: "sigma_data",
            got: sigma_data,
            expected: "1e-150 to 1e150",
        })
    }

    /// A consistency network whose output at `sigma_min` is its input.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `sigma_data` is from 1e-150 to 1e150, and `sigma_min` from 0 to 1e150.
    pub fn consistency(sigma_data: f64, sigma_min: f64) -> Result<Self> {
        if (0.0..=HIGHEST).contains(&sigma_min) {
            return Ok(Self { sigma_min, ..Self::new(Prediction::Consistency, sigma_data)? });
        }
        Err(Error::Parameter {
            noun: Noun::Parameterization,
            name: "sigma_min",
            got: sigma_min,
            expected: "0 to 1e150",
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
        match self.prediction {
            Prediction::CosmosRflow => 1.0 / (sigma + 1.0),
            other if other.scales_input() => 1.0 / libm::sqrt(self.variance(sigma)),
            _ => 1.0,
        }
    }

    /// Weight of the noised input in the denoised image.
    #[must_use]
    pub fn c_skip(&self, sigma: f64) -> f64 {
        let data_variance = self.sigma_data * self.sigma_data;
        match self.prediction {
            Prediction::Epsilon | Prediction::Flow => 1.0,
            Prediction::V | Prediction::Edm | Prediction::TrigFlow => data_variance / self.variance(sigma),
            Prediction::VRaw => 1.0 / libm::sqrt(1.0 + sigma * sigma),
            Prediction::X0 | Prediction::ImgToImg | Prediction::ImgToImgFlow => 0.0,
            Prediction::CosmosRflow => 1.0 / (sigma + 1.0),
            Prediction::Consistency => {
                let above = sigma - self.sigma_min;
                data_variance / (above * above + data_variance)
            }
        }
    }

    /// Weight of the network's output in the denoised image.
    #[must_use]
    pub fn c_out(&self, sigma: f64) -> f64 {
        let scaled = |sigma_above: f64| sigma_above * self.sigma_data / libm::sqrt(self.variance(sigma));
        match self.prediction {
            Prediction::Epsilon | Prediction::Flow => -sigma,
            Prediction::V | Prediction::TrigFlow => -scaled(sigma),
            Prediction::VRaw => -sigma / libm::sqrt(1.0 + sigma * sigma),
            Prediction::Edm => scaled(sigma),
            Prediction::X0 | Prediction::ImgToImg | Prediction::ImgToImgFlow => 1.0,
            Prediction::CosmosRflow => -sigma / (sigma + 1.0),
            Prediction::Consistency => scaled(sigma - self.sigma_min),
        }
    }

    /// [`Self::c_in`] of every sigma.
    ///
    /// # Errors
    /// A sigma outside 0 to 1e150, or 0 to 1 for a flow, or slices of different lengths.
    pub fn fill_c_in(&self, sigmas: &[f64], out: &mut [f64]) -> Result<()> {
        fill(sigmas, out, self.levels(), |sigma| self.c_in(sigma))
    }

    /// [`Self::c_skip`] of every sigma.
    ///
    /// # Errors
    /// A sigma outside 0 to 1e150, or 0 to 1 for a flow, or slices of different lengths.
    pub fn fill_c_skip(&self, sigmas: &[f64], out: &mut [f64]) -> Result<()> {
        fill(sigmas, out, self.levels(), |sigma| self.c_skip(sigma))
    }

    /// [`Self::c_out`] of every sigma.
    ///
    /// # Errors
    /// A sigma outside 0 to 1e150, or 0 to 1 for a flow, or slices of different lengths.
    pub fn fill_c_out(&self, sigmas: &[f64], out: &mut [f64]) -> Result<()> {
        fill(sigmas, out, self.levels(), |sigma| self.c_out(sigma))
    }

    /// What the network is told about the noise level: `ln(sigma) / 4` for EDM, `250 ln(sigma)` for a consistency
    /// network, the angle `atan(sigma / sd)` for `TrigFlow`, else the timestep that the process gives.
    ///
    /// # Errors
    /// A sigma outside 0 to 1e150, 0 included only for `TrigFlow`, or that the process refuses.
    pub fn c_noise(&self, sigmas: &[f64], process: Option<&dyn NoiseProcess>, out: &mut [f64]) -> Result<()> {
        match self.prediction {
            Prediction::Edm => fill(sigmas, out, Levels::Positive, |sigma| 0.25 * libm::log(sigma)),
            Prediction::Consistency => fill(sigmas, out, Levels::Positive, |sigma| 250.0 * libm::log(sigma)),
            Prediction::TrigFlow => fill(sigmas, out, Levels::Ratio, |sigma| libm::atan2(sigma, self.sigma_data)),
            _ => process
                .ok_or_else(|| Error::Message {
                    noun: Noun::Parameterization,
                    message: "the network is told the timestep of its noise process, and process is None; pass the \
                              process the network was trained with"
                        .to_owned(),
                })?
                .timestep(sigmas, Lookup::Nearest, out),
        }
    }

    /// The noise levels that there are.
    fn levels(&self) -> Levels {
        if self.prediction.is_flow() { Levels::Weight } else { Levels::Ratio }
    }

    /// Weights of latent and unit noise in the sample that a run starts from: `(1, sigma)`, or `(1, sqrt(1 + sigma²))`
    /// at the top of the range, where the sample counts as pure noise of the process's own variance. A flow mixes
    /// `(1 - sigma, sigma)` and Cosmos `(1, sigma)` everywhere; an image-to-image flow starts from the latent.
    #[must_use]
    pub fn noise_scaling(&self, sigma: f64, max_denoise: bool) -> (f64, f64) {
        match self.prediction {
            Prediction::Flow => (1.0 - sigma, sigma),
            Prediction::ImgToImgFlow => (1.0, 0.0),
            Prediction::CosmosRflow => (1.0, sigma),
            _ if max_denoise => (1.0, libm::sqrt(1.0 + sigma * sigma)),
            _ => (1.0, sigma),
        }
    }
}

/// Whether a run that starts at `sigma` counts as starting from pure noise: within 1e-5 of `sigma_max`, or above it.
#[must_use]
pub fn is_max_denoise(sigma: f64, sigma_max: f64) -> bool {
    sigma > sigma_max || (sigma - sigma_max).abs() <= 1e-5 * sigma.abs().max(sigma_max.abs())
}

/// Which sigmas a formula takes.
#[derive(Debug, Clone, Copy)]
enum Levels {
    /// Noise-to-signal ratios.
    Ratio,
    /// Those, without 0.
    Positive,
    /// Weights of the noise.
    Weight,
}

impl Levels {
    fn contains(self, sigma: f64) -> bool {
        match self {
            Self::Ratio => (0.0..=HIGHEST).contains(&sigma),
            Self::Positive => sigma > 0.0 && sigma <= HIGHEST,
            Self::Weight => (0.0..=1.0).contains(&sigma),
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Ratio => "0 to 1e150",
            Self::Positive => "0 to 1e150, 0 excluded",
            Self::Weight => "0 to 1",
        }
    }
}

/// `out[i] = f(sigmas[i])` after checking that the sigma is one of `levels`.
fn fill(sigmas: &[f64], out: &mut [f64], levels: Levels, f: impl Fn(f64) -> f64) -> Result<()> {
    let (noun, name) = (Noun::Parameterization, "sigma");
    if sigmas.len() != out.len() {
        let expected = format!("{}, as the output", out.len());
        return Err(Error::Length { noun, name, got: sigmas.len(), expected });
    }
    for (index, (&got, out)) in sigmas.iter().zip(out.iter_mut()).enumerate() {
        if !levels.contains(got) {
            let expected = levels.describe();
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
