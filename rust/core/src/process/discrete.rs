//! The variance-preserving process of Ho et al., "Denoising Diffusion Probabilistic Models" (arXiv 2006.11239), on a
//! table of training steps: `sigma_t² = (1 - ᾱ_t) / ᾱ_t`, `ᾱ_t = Π (1 - β_s)` (their equation 4 in noise-to-signal form).

use super::{Family, Lookup, NoiseProcess, map, percent_ends, same_length};
use crate::error::{Error, Noun, Result};

/// Most training steps a [`DiscreteProcess`] may have.
pub const MAX_TIMESTEPS: usize = 1_000_000;

/// Relative distance past an end of the table that still counts as the end: one float32 rounding, since sigmas often
/// come back from a float32 tensor.
const FLOAT32_ROUNDING: f64 = f32::EPSILON as f64;

/// How betas grow over training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BetaSchedule {
    /// Evenly spaced betas (Ho et al. 2020, section 4).
    Linear,
    /// Evenly spaced square roots, squared: latent diffusion's default (Rombach et al., arXiv 2112.10752).
    ScaledLinear,
    /// ᾱ follows a squared cosine, betas capped at 0.999 (Nichol & Dhariwal, arXiv 2102.09672, equation 17).
    Cosine,
    /// [`BetaSchedule::Cosine`] under the name that diffusers gave it.
    SquaredcosCapV2,
    /// [`BetaSchedule::Linear`] under the name that latent diffusion gave it.
    SqrtLinear,
    /// Square roots of evenly spaced values.
    Sqrt,
}

impl BetaSchedule {
    /// The names of all schedules, in declaration order.
    pub const NAMES: [&'static str; 6] =
        ["linear", "scaled_linear", "cosine", "squaredcos_cap_v2", "sqrt_linear", "sqrt"];

    /// The schedule of that name.
    ///
    /// # Errors
    /// [`Error::Choice`] when there is none.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "linear" => Ok(Self::Linear),
            "scaled_linear" => Ok(Self::ScaledLinear),
            "cosine" => Ok(Self::Cosine),
            "squaredcos_cap_v2" => Ok(Self::SquaredcosCapV2),
            "sqrt_linear" => Ok(Self::SqrtLinear),
            "sqrt" => Ok(Self::Sqrt),
            _ => Err(Error::Choice {
                noun: Noun::Process,
                name: "beta_schedule",
                got: name.to_owned(),
                known: Self::NAMES.to_vec(),
            }),
        }
    }

    /// The betas of `timesteps` training steps; the cosine schedules do not use `start` and `end`.
    fn betas(self, start: f64, end: f64, timesteps: usize) -> Vec<f64> {
        match self {
            Self::Linear | Self::SqrtLinear => linspace(start, end, timesteps),
            Self::ScaledLinear => {
                let roots = linspace(start.sqrt(), end.sqrt(), timesteps);
                roots.into_iter().map(|root| root * root).collect()
            }
            Self::Sqrt => linspace(start, end, timesteps).into_iter().map(f64::sqrt).collect(),
            Self::Cosine | Self::SquaredcosCapV2 => {
                // 1 - cos²(b) / cos²(a) is a difference of nearly equal numbers; sin(b - a) sin(b + a) / cos²(a) is the
                // same. Angles are counted from the end, where the cosine vanishes, so that they keep their digits too.
                let step = std::f64::consts::FRAC_PI_2 / (1.008 * timesteps as f64);
                let beta = |left: usize| {
                    let cosine = libm::sin(step * left as f64);
                    libm::sin(step) * libm::sin(step * (2 * left - 1) as f64) / (cosine * cosine)
                };
                (1..=timesteps).rev().map(|left| beta(left).min(0.999)).collect()
            }
        }
    }
}

/// `count >= 2` evenly spaced values with both ends exact.
fn linspace(start: f64, end: f64, count: usize) -> Vec<f64> {
    let last = count - 1;
    let mut values: Vec<f64> = (0..count).map(|k| start + (end - start) * k as f64 / last as f64).collect();
    values[last] = end;
    values
}

/// A variance-preserving process on a table of training steps; time is the zero-based index into it.
#[derive(Debug, Clone, PartialEq)]
pub struct DiscreteProcess {
    /// Strictly ascending noise-to-signal ratios.
    sigmas: Vec<f64>,
    ln_sigmas: Vec<f64>,
    /// Geometric means of neighbours: where the nearest level changes.
    boundaries: Vec<f64>,
}

impl DiscreteProcess {
    /// The table of a named beta schedule.
    ///
    /// # Errors
    /// A beta outside `(0, 1)`, `timesteps` outside 2 to [`MAX_TIMESTEPS`], or levels that leave float64.
    pub fn new(schedule: BetaSchedule, beta_start: f64, beta_end: f64, timesteps: usize) -> Result<Self> {
        for (name, got) in [("beta_start", beta_start), ("beta_end", beta_end)] {
            if !(got > 0.0 && got < 1.0) {
                let expected = "0 to 1, both excluded";
                return Err(Error::Parameter { noun: Noun::Process, name, got, expected });
            }
        }
        if !(2..=MAX_TIMESTEPS).contains(&timesteps) {
            let expected = "2 to 1000000";
            return Err(Error::Parameter { noun: Noun::Process, name: "timesteps", got: timesteps as f64, expected });
        }
        Self::from_betas(&schedule.betas(beta_start, beta_end, timesteps))
    }

    /// The table of the betas of every training step, first step first.
    ///
    /// # Errors
    /// A beta outside `(0, 1)`, a length outside 2 to [`MAX_TIMESTEPS`], or levels that leave float64.
    pub fn from_betas(betas: &[f64]) -> Result<Self> {
        check_length("betas", betas)?;
        let mut minus_ln_alpha_bar = 0.0;
        let mut sigmas = Vec::with_capacity(betas.len());
        for (index, &beta) in betas.iter().enumerate() {
            if !(beta > 0.0 && beta < 1.0) {
                return Err(element("betas", index, beta, "a value from 0 to 1, both excluded"));
            }
            // (1 - ᾱ) / ᾱ = exp(-ln ᾱ) - 1, which keeps its digits where ᾱ is close to 1.
            minus_ln_alpha_bar -= libm::log1p(-beta);
            sigmas.push(libm::expm1(minus_ln_alpha_bar).sqrt());
        }
        Self::from_sigmas("betas", betas, sigmas)
    }

    /// The table of cumulative products of `1 - beta`, first training step first.
    ///
    /// # Errors
    /// Values that are not strictly descending inside `(0, 1)`, or a length outside 2 to [`MAX_TIMESTEPS`].
    pub fn from_alphas_cumprod(alphas_cumprod: &[f64]) -> Result<Self> {
        check_length("alphas_cumprod", alphas_cumprod)?;
        let mut previous = 1.0;
        let mut sigmas = Vec::with_capacity(alphas_cumprod.len());
        for (index, &value) in alphas_cumprod.iter().enumerate() {
            if !(value > 0.0 && value < previous) {
                let expected = "strictly descending values from 0 to 1, both excluded (a first value of 1 has no noise, \
                                a last value of 0 no signal: neither has a finite log sigma)";
                return Err(element("alphas_cumprod", index, value, expected));
            }
            sigmas.push(((1.0 - value) / value).sqrt());
            previous = value;
        }
        Self::from_sigmas("alphas_cumprod", alphas_cumprod, sigmas)
    }

    fn from_sigmas(name: &'static str, given: &[f64], sigmas: Vec<f64>) -> Result<Self> {
        let mut previous = 0.0;
        for (index, &sigma) in sigmas.iter().enumerate() {
            if !(sigma > previous && sigma.is_finite()) {
                let expected = "values whose noise levels ascend and stay finite in float64";
                return Err(element(name, index, given[index], expected));
            }
            previous = sigma;
        }
        let ln_sigmas = sigmas.iter().map(|&s| libm::log(s)).collect();
        let boundaries = sigmas.windows(2).map(|pair| pair[0].sqrt() * pair[1].sqrt()).collect();
        Ok(Self { sigmas, ln_sigmas, boundaries })
    }

    fn last(&self) -> usize {
        self.sigmas.len() - 1
    }

    /// Level at a time already known to be inside the table; a training level exactly at a whole time.
    fn level(&self, t: f64) -> f64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "inside 0 to 1e6")]
        let index = t as usize;
        let weight = t - index as f64;
        if weight == 0.0 {
            return self.sigmas[index];
        }
        libm::exp((1.0 - weight) * self.ln_sigmas[index] + weight * self.ln_sigmas[index + 1])
    }

    /// Time of a sigma already known to be inside the table, give or take a float32 rounding.
    fn time(&self, sigma: f64) -> f64 {
        let above = self.sigmas.partition_point(|&s| s <= sigma);
        if above == 0 {
            return 0.0;
        }
        let index = above - 1;
        if index == self.last() {
            return index as f64;
        }
        let (low, high) = (self.ln_sigmas[index], self.ln_sigmas[index + 1]);
        index as f64 + ((libm::log(sigma) - low) / (high - low)).min(1.0)
    }
}

impl NoiseProcess for DiscreteProcess {
    fn family(&self) -> Family {
        Family::Vp
    }

    fn sigma_min(&self) -> f64 {
        self.sigmas[0]
    }

    fn sigma_max(&self) -> f64 {
        self.sigmas[self.last()]
    }

    fn sigmas(&self) -> Option<&[f64]> {
        Some(&self.sigmas)
    }

    fn sigma(&self, t: &[f64], out: &mut [f64]) -> Result<()> {
        let last = self.last() as f64;
        map("t", t, out, |t| (0.0..=last).contains(&t), || format!("0 to {last} (timesteps - 1)"), |t| self.level(t))
    }

    fn timestep(&self, sigma: &[f64], lookup: Lookup, out: &mut [f64]) -> Result<()> {
        same_length("sigma", sigma, out)?;
        match lookup {
            Lookup::Nearest => map(
                "sigma",
                sigma,
                out,
                |s| s >= 0.0 && s.is_finite(),
                || "a finite value, 0 or above".to_owned(),
                |s| self.boundaries.partition_point(|&b| b < s) as f64,
            ),
            Lookup::Interpolated => {
                let (low, high) = (self.sigma_min(), self.sigma_max());
                let range = (low * (1.0 - FLOAT32_ROUNDING))..=(high * (1.0 + FLOAT32_ROUNDING));
                map(
                    "sigma",
                    sigma,
                    out,
                    |s| range.contains(&s),
                    || format!("{low} to {high} (sigma_min to sigma_max); nearest lookup takes any sigma"),
                    |s| self.time(s),
                )
            }
        }
    }

    fn percent_to_sigma(&self, percent: f64) -> Result<f64> {
        Ok(percent_ends(percent)?.unwrap_or_else(|| self.level((1.0 - percent) * self.last() as f64)))
    }
}

fn check_length(name: &'static str, values: &[f64]) -> Result<()> {
    if (2..=MAX_TIMESTEPS).contains(&values.len()) {
        return Ok(());
    }
    let expected = format!("2 to {MAX_TIMESTEPS}");
    Err(Error::Length { noun: Noun::Process, name, got: values.len(), expected })
}

fn element(name: &'static str, index: usize, got: f64, expected: &'static str) -> Error {
    Error::Element { noun: Noun::Process, name, index, got, expected }
}
