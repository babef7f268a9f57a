//! The variance-preserving process of Ho et al., "Denoising Diffusion Probabilistic Models" (arXiv 2006.11239), on a
//! table of training steps: `sigma_t² = (1 - ᾱ_t) / ᾱ_t`, `ᾱ_t = Π (1 - β_s)` (their equation 4 in noise-to-signal form).

use super::guide::Guide;
use super::{BATCH_FROM, BEFORE_START, Family, Lookup, NoiseProcess, check, percent_ends, same_length};
use crate::error::{Error, Noun, Number, Result};
use crate::simd;

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

/// What the last level becomes when a table is rescaled to zero terminal signal-to-noise ratio. Its cumulative alpha
/// would be 0 and its sigma infinite, so each host puts a small number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TerminalSnr {
    /// `ComfyUI`'s 4.8973451890853435e-8: sigma 4518.76.
    ComfyUi,
    /// diffusers' 2^-24: sigma 4096.
    Diffusers,
}

impl TerminalSnr {
    /// The names of all forms, in declaration order.
    pub const NAMES: [&'static str; 2] = ["comfyui", "diffusers"];

    /// The form of that name.
    ///
    /// # Errors
    /// [`Error::Choice`] when there is none.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "comfyui" => Ok(Self::ComfyUi),
            "diffusers" => Ok(Self::Diffusers),
            _ => Err(Error::Choice {
                noun: Noun::Process,
                name: "zero_terminal_snr",
                got: name.to_owned(),
                known: Self::NAMES.to_vec(),
            }),
        }
    }

    fn last_alpha_cumprod(self) -> f64 {
        match self {
            Self::ComfyUi => 4.897_345_189_085_343_5e-8,
            Self::Diffusers => 1.0 / 16_777_216.0,
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
    /// Each level, and the logarithm of its successor's ratio to it; 0 for the last.
    steps: Vec<(f64, f64)>,
    /// Into the levels.
    levels: Guide,
    /// Into the geometric means of neighbours: where the nearest level changes.
    boundaries: Guide,
}

/// Values that are worked on together: their intermediate results stay in the first cache.
const BLOCK: usize = 256;

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
        Self::from_computed("betas", betas, sigmas)
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
        Self::from_computed("alphas_cumprod", alphas_cumprod, sigmas)
    }

    /// The table of noise-to-signal ratios, lowest first.
    ///
    /// # Errors
    /// Values that are not positive, finite and strictly ascending, or a length outside 2 to [`MAX_TIMESTEPS`].
    pub fn from_sigmas(sigmas: &[f64]) -> Result<Self> {
        check_length("table", sigmas)?;
        let mut previous = 0.0;
        for (index, &sigma) in sigmas.iter().enumerate() {
            if !(sigma > previous && sigma.is_finite()) {
                return Err(element("table", index, sigma, "positive finite values, strictly ascending"));
            }
            previous = sigma;
        }
        Ok(Self::from_table(sigmas.to_vec()))
    }

    /// This table with its signal scaled down to nothing at the last level (Lin et al., "Common Diffusion Noise
    /// Schedules and Sample Steps are Flawed", arXiv 2305.08891, algorithm 1): the first level stays as it is.
    ///
    /// # Errors
    /// A table that reaches as far as the form's last level by itself.
    pub fn with_zero_terminal_snr(&self, form: TerminalSnr) -> Result<Self> {
        // Square roots of cumulative alphas, and 1 minus those, which keeps its digits where there is little noise.
        let root = |sigma: f64| 1.0 / libm::hypot(1.0, sigma);
        let rest = |sigma: f64| {
            let noise = sigma * root(sigma);
            noise * noise / (1.0 + root(sigma))
        };
        let (first, last) = (self.sigma_min(), self.sigma_max());
        let span = root(first) - root(last);
        let mut sigmas: Vec<f64> = self.sigmas[..self.last()]
            .iter()
            .map(|&sigma| {
                let scaled = (root(sigma) - root(last)) * root(first) / span;
                let missing = (root(first) * rest(sigma) - root(last) * rest(first)) / span;
                libm::sqrt(missing * (1.0 + scaled)) / scaled
            })
            .collect();
        sigmas[0] = first;
        let alpha_cumprod = form.last_alpha_cumprod();
        sigmas.push(libm::sqrt((1.0 - alpha_cumprod) / alpha_cumprod));
        if sigmas.is_sorted_by(|a, b| a < b) {
            return Ok(Self::from_table(sigmas));
        }
        let message = format!(
            "zero_terminal_snr is given for a table up to sigma {last}; expected one that ends well below sigma {}",
            sigmas[self.last()]
        );
        Err(Error::Message { noun: Noun::Process, message })
    }

    /// The table from sigmas that were computed from the values `given`.
    fn from_computed(name: &'static str, given: &[f64], sigmas: Vec<f64>) -> Result<Self> {
        let mut previous = 0.0;
        for (index, &sigma) in sigmas.iter().enumerate() {
            if !(sigma > previous && sigma.is_finite()) {
                let expected = "values whose noise levels ascend and stay finite in float64";
                return Err(element(name, index, given[index], expected));
            }
            previous = sigma;
        }
        Ok(Self::from_table(sigmas))
    }

    fn from_table(sigmas: Vec<f64>) -> Self {
        let logs: Vec<f64> = sigmas.iter().map(|&s| libm::log(s)).collect();
        let mut ln_ratios: Vec<f64> = logs.windows(2).map(|pair| pair[1] - pair[0]).collect();
        ln_ratios.push(0.0);
        let steps = sigmas.iter().copied().zip(ln_ratios).collect();
        let boundaries: Vec<f64> = sigmas.windows(2).map(|pair| pair[0].sqrt() * pair[1].sqrt()).collect();
        Self { steps, levels: Guide::new(&sigmas), boundaries: Guide::new(&boundaries), sigmas }
    }

    /// The levels, ascending.
    pub(super) fn table(&self) -> &[f64] {
        &self.sigmas
    }

    fn last(&self) -> usize {
        self.sigmas.len() - 1
    }

    /// Level at a time already known to be inside the table; a training level exactly at a whole time.
    pub(super) fn level(&self, t: f64) -> f64 {
        let (index, above) = whole(t);
        let (level, ln_ratio) = self.steps[index as usize];
        (level * libm::exp(above * ln_ratio)).min(self.sigmas[(index as usize + 1).min(self.last())])
    }

    /// Index of the highest level that is not above a sigma, the first one for a sigma below them all.
    #[inline(always)]
    fn index(&self, sigma: f64) -> usize {
        self.levels.rank(sigma, |level, sigma| level <= sigma).max(1) - 1
    }

    /// Time of a sigma already known to be inside the table, give or take a float32 rounding; `above` is the logarithm
    /// of its ratio to the level of that index.
    fn time(&self, index: usize, above: f64) -> f64 {
        if index == self.last() {
            return index as f64;
        }
        index as f64 + (above / self.steps[index].1).clamp(0.0, 1.0)
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
        same_length("t", t, out)?;
        check("t", t, |t| (0.0..=last).contains(&t), || format!("0 to {last} (timesteps - 1)"))?;
        if t.len() < BATCH_FROM {
            t.iter().zip(out).for_each(|(&t, out)| *out = self.level(t));
            return Ok(());
        }
        for (t, out) in t.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
            let (mut indices, mut levels) = ([0; BLOCK], [0.0; BLOCK]);
            for ((&t, out), index) in t.iter().zip(out.iter_mut()).zip(&mut indices) {
                (*index, *out) = whole(t);
            }
            for ((out, level), &index) in out.iter_mut().zip(&mut levels).zip(&indices) {
                let (below, ln_ratio) = self.steps[index as usize];
                *level = below;
                *out *= ln_ratio;
            }
            simd::exp(out);
            out.iter_mut().zip(&levels).for_each(|(out, level)| *out *= level);
        }
        Ok(())
    }

    fn timestep(&self, sigma: &[f64], lookup: Lookup, out: &mut [f64]) -> Result<()> {
        same_length("sigma", sigma, out)?;
        if lookup == Lookup::Nearest {
            check("sigma", sigma, |s| s >= 0.0 && s.is_finite(), || "a finite value, 0 or above".to_owned())?;
            for (&sigma, out) in sigma.iter().zip(out) {
                *out = self.boundaries.rank(sigma, |boundary, sigma| boundary < sigma) as f64;
            }
            return Ok(());
        }
        let (low, high) = (self.sigma_min(), self.sigma_max());
        let range = (low * (1.0 - FLOAT32_ROUNDING))..=(high * (1.0 + FLOAT32_ROUNDING));
        let expected =
            || format!("{} to {} (sigma_min to sigma_max); nearest lookup takes any sigma", Number(low), Number(high));
        check("sigma", sigma, |s| range.contains(&s), expected)?;
        let batch = sigma.len() >= BATCH_FROM;
        for (sigma, out) in sigma.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
            let mut indices = [0; BLOCK];
            for ((&sigma, out), index) in sigma.iter().zip(out.iter_mut()).zip(&mut indices) {
                *index = self.index(sigma);
                *out = sigma / self.sigmas[*index];
            }
            if batch {
                simd::ln(out);
            } else {
                for out in out.iter_mut() {
                    *out = libm::log(*out);
                }
            }
            out.iter_mut().zip(&indices).for_each(|(out, &index)| *out = self.time(index, *out));
        }
        Ok(())
    }

    fn percent_to_sigma(&self, percent: f64) -> Result<f64> {
        let inside = || self.level((1.0 - percent) * self.last() as f64);
        Ok(percent_ends(percent, BEFORE_START)?.unwrap_or_else(inside))
    }
}

/// The whole part of a time inside 0 to 1e6 and what is above it, exactly, in operations that vectorise.
#[inline(always)]
fn whole(t: f64) -> (u32, f64) {
    // Added to this a number is rounded to an integer, held in the low bits.
    const ROUND: f64 = (1_u64 << 52) as f64;
    let shifted = t + ROUND;
    let above = t - (shifted - ROUND);
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are wanted")]
    let nearest = shifted.to_bits() as u32;
    if above < 0.0 { (nearest.wrapping_sub(1), above + 1.0) } else { (nearest, above) }
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
