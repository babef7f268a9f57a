//! Schedules: a step count becomes that many steps of strictly descending noise levels and an exact trailing zero.
//!
//! One file per schedule, one function per file, all of the same shape: parameters first, then `out`, whose length is
//! `steps + 1`. A function either fills all of `out` with a valid schedule or returns an error. Where a host's own list
//! differs in count or repeats levels, a second function named after it returns that list as it is.

mod align_your_steps;
mod batch;
mod beta;
mod cosine;
mod ddim_uniform;
mod diffusers;
mod distilled;
mod edit;
mod exponential;
mod flow_shift;
mod incomplete_beta;
mod indexed;
mod karras;
mod kl_optimal;
mod laplace;
mod linear_quadratic;
mod logit_normal;
mod loglinear;
mod normal;
mod polyexponential;
mod sgm_uniform;
mod simple;
mod smoothstep;
mod tabulated;
mod tail;
mod tangent;
mod vp;

pub use align_your_steps::{AYS_CONVENTIONS, AYS_FAMILIES, align_your_steps, align_your_steps_as};
pub use batch::{Batch, Column, MAX_VALUES, Packing, Rule};
pub use beta::{beta, beta_comfyui, beta_over_range, check_beta};
pub use cosine::cosine;
pub use ddim_uniform::{ddim_uniform, ddim_uniform_comfyui};
pub use diffusers::{CONVERSIONS, FLOW_CONVERSIONS, SPACING_VARIANTS, SPACINGS, Spacing, spaced};
pub use distilled::{TURBO_POINTS, check_lcm_points, check_turbo_start, lcm, sd_turbo};
pub use edit::{
    EXTENSIONS, STRENGTH_HOSTS, concatenate_sigmas, extend_sigmas, flip_sigmas, rescale_sigmas, set_first_sigma,
    split_sigmas, split_sigmas_denoise, step_range_sigmas, strength_sigmas, truncate_sigmas,
};
pub use exponential::exponential;
pub use flow_shift::{
    check_flow_conversion, check_shift, check_terminal, dynamic_shift, flow_shift, flux2_mu, linear_mu,
};
pub use karras::{check_rho, karras};
pub use kl_optimal::{kl_optimal, kl_optimal_a1111};
pub use laplace::{check_laplace, laplace, laplace_comfyui};
pub use linear_quadratic::{check_linear_steps, check_threshold, linear_quadratic};
pub use logit_normal::{check_logit_normal, logit_normal};
pub use loglinear::{LogTable, MAX_POINTS, check_points};
pub use normal::normal;
pub use polyexponential::polyexponential;
pub use sgm_uniform::sgm_uniform;
pub use simple::{simple, simple_comfyui};
pub use smoothstep::{smoothstep, smoothstep_rounded};
pub use tabulated::{OPTIMAL_STEPS_MODELS, gits, optimal_steps, tabulated};
pub use tail::{Tail, TailRule, tail};
pub use tangent::{bong_tangent, bong_tangent_stable_diffusion_cpp, check_bong_tangent, check_tangent, tangent};
pub use vp::{check_vp, vp};

use crate::error::{Error, Noun, Number, Result};

/// Most steps a schedule may have.
pub const MAX_STEPS: usize = 10_000_000;

/// A step count inside `1..=MAX_STEPS`.
///
/// # Errors
/// [`Error::Steps`] outside of it.
pub fn check_steps(steps: u64) -> Result<usize> {
    let max = MAX_STEPS as u64;
    match usize::try_from(steps) {
        Ok(count) if (1..=MAX_STEPS).contains(&count) => Ok(count),
        _ => Err(Error::Steps { got: steps, min: 1, max }),
    }
}

/// A range to place levels in.
///
/// # Errors
/// [`Error::SigmaRange`] unless `0 < sigma_min < sigma_max`, both finite.
pub fn check_range(sigma_min: f64, sigma_max: f64) -> Result<()> {
    if sigma_min > 0.0 && sigma_min < sigma_max && sigma_max.is_finite() {
        return Ok(());
    }
    Err(Error::SigmaRange { sigma_min, sigma_max })
}

/// The ends of a range that are given, lowest first; whether one given end fits a process shows when it meets one.
///
/// # Errors
/// [`Error::Parameter`] for an end that is not positive and finite, [`Error::SigmaRange`] for two in the wrong order.
pub fn check_ends(ends: [Option<f64>; 2]) -> Result<()> {
    if let [Some(sigma_min), Some(sigma_max)] = ends {
        return check_range(sigma_min, sigma_max);
    }
    for (name, end) in ["sigma_min", "sigma_max"].into_iter().zip(ends) {
        if let Some(got) = end.filter(|end| !(*end > 0.0 && end.is_finite())) {
            return Err(Error::Parameter { noun: Noun::Schedule, name, got, expected: "a positive finite value" });
        }
    }
    Ok(())
}

/// Noise levels that a sampler can walk down: finite, not negative, strictly descending; 0 at most at the end.
///
/// # Errors
/// [`Error::Element`] with the first value that breaks the rule.
pub fn validate_sigmas(sigmas: &[f64]) -> Result<()> {
    let fails = |index: usize, expected: &'static str| {
        Err(Error::Element { noun: Noun::Schedule, name: "sigmas", index, got: sigmas[index], expected })
    };
    for (index, &sigma) in sigmas.iter().enumerate() {
        if !(sigma >= 0.0 && sigma.is_finite()) {
            return fails(index, "a finite value, 0 or above");
        }
        if index > 0 && sigma >= sigmas[index - 1] {
            return fails(index, "strictly descending values");
        }
    }
    Ok(())
}

/// [`validate_sigmas`], and the shape of a whole schedule: `steps + 1` values of which the last is exactly 0.
///
/// # Errors
/// [`Error::Length`] or [`Error::Element`] with what breaks the rule.
pub fn validate_schedule(sigmas: &[f64], steps: usize) -> Result<()> {
    if sigmas.len() != steps + 1 {
        let expected = format!("steps + 1 = {}", steps + 1);
        return Err(Error::Length { noun: Noun::Schedule, name: "sigmas", got: sigmas.len(), expected });
    }
    validate_sigmas(sigmas)?;
    if sigmas[steps] == 0.0 {
        return Ok(());
    }
    let (index, got) = (steps, sigmas[steps]);
    Err(Error::Element { noun: Noun::Schedule, name: "sigmas", index, got, expected: "exactly 0 at the end" })
}

/// The levels of a list of one's own, above its zero: at least one, positive, strictly descending.
///
/// # Errors
/// [`Error::Length`] or [`Error::Element`] with what breaks the rule.
pub fn check_levels(levels: &[f64]) -> Result<()> {
    let noun = Noun::Schedule;
    if levels.is_empty() || levels.len() > MAX_STEPS {
        let expected = format!("1 to {MAX_STEPS}");
        return Err(Error::Length { noun, name: "levels", got: levels.len(), expected });
    }
    let mut previous = f64::INFINITY;
    for (index, &got) in levels.iter().enumerate() {
        if !(got > 0.0 && got < previous) {
            let expected = "positive, finite, strictly descending values";
            return Err(Error::Element { noun, name: "levels", index, got, expected });
        }
        previous = got;
    }
    Ok(())
}

/// One level.
///
/// # Errors
/// [`Error::Parameter`] unless it is positive and finite.
pub fn check_value(value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::Parameter { noun: Noun::Schedule, name: "value", got: value, expected: "a positive finite value" })
}

/// The positive levels of `out`, all but the trailing zero.
fn levels(out: &mut [f64]) -> Result<&mut [f64]> {
    let steps = check_steps(out.len().saturating_sub(1) as u64)?;
    Ok(&mut out[..steps])
}

/// Writes the trailing zero and makes sure that the levels above it descend.
fn finish(out: &mut [f64]) -> Result<()> {
    let steps = out.len() - 1;
    out[steps] = 0.0;
    // NaN and infinities fail the comparison too, except an infinite first level.
    if out[0].is_finite() && out.is_sorted_by(|a, b| a > b) {
        return Ok(());
    }
    let index = out.windows(2).position(|pair| !(pair[0].is_finite() && pair[0] > pair[1])).unwrap_or(0);
    Err(Error::Message {
        noun: Noun::Schedule,
        message: format!(
            "{steps} steps do not fit: sigmas[{index}] would be {} and sigmas[{}] {}; expected strictly descending \
             float64 values, so ask for fewer steps or a wider range",
            Number(out[index]),
            index + 1,
            Number(out[index + 1])
        ),
    })
}
