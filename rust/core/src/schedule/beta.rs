//! Lee et al., "Beta Sampling is All You Need" (arXiv 2407.12173): training steps at quantiles of a beta distribution,
//! which crowds them at both ends of the table.

use super::incomplete_beta::Distribution;
use super::indexed::{nearest_different, place, table};
use super::{check_range, check_steps, finish, levels};
use crate::error::{Error, Noun, Result};
use crate::process::NoiseProcess;

/// Usable parameters of the distribution.
///
/// # Errors
/// [`Error::Parameter`] outside `[0.01, 100]`: beyond, its quantiles leave float64.
pub fn check_beta(alpha: f64, beta: f64) -> Result<()> {
    for (name, got) in [("alpha", alpha), ("beta", beta)] {
        if !(0.01..=100.0).contains(&got) {
            return Err(Error::Parameter { noun: Noun::Schedule, name, got, expected: "0.01 to 100" });
        }
    }
    Ok(())
}

/// The table's level at index `round(quantile(1 - k / steps) (L - 1))`, `k < steps`, then 0.
///
/// With many steps those indices repeat; then the levels are taken at the fractional indices, log-linear in between.
///
/// # Errors
/// The parameters or the step count outside their limits, or a process without a table.
pub fn beta(process: &dyn NoiseProcess, alpha: f64, beta: f64, out: &mut [f64]) -> Result<()> {
    let levels = levels(out)?;
    check_beta(alpha, beta)?;
    place(table(process)?, &quantiles(alpha, beta, levels.len()), levels);
    finish(out)
}

/// ComfyUI's list, which drops repeated indices: fewer steps than asked for when there are many.
///
/// # Errors
/// As for [`beta`].
pub fn beta_comfyui(process: &dyn NoiseProcess, alpha: f64, beta: f64, steps: usize) -> Result<Vec<f64>> {
    let steps = check_steps(steps as u64)?;
    check_beta(alpha, beta)?;
    let mut sigmas = nearest_different(table(process)?, &quantiles(alpha, beta, steps));
    sigmas.push(0.0);
    Ok(sigmas)
}

/// The quantiles at `linspace(1, 0, steps)` mapped linearly onto the range, then 0: what A1111 (and, with the same
/// formula, diffusers) call beta, a distribution over sigma rather than over training steps.
///
/// # Errors
/// The parameters, the range or the step count outside their limits.
pub fn beta_over_range(sigma_min: f64, sigma_max: f64, alpha: f64, beta: f64, out: &mut [f64]) -> Result<()> {
    let levels = levels(out)?;
    check_beta(alpha, beta)?;
    check_range(sigma_min, sigma_max)?;
    let last = levels.len() - 1;
    let distribution = Distribution::new(alpha, beta);
    for (level, high) in levels.iter_mut().zip(distribution.quantiles(last.max(1), last + 1)) {
        *level = high * sigma_max + (1.0 - high) * sigma_min;
    }
    finish(out)
}

fn quantiles(alpha: f64, beta: f64, steps: usize) -> Vec<f64> {
    Distribution::new(alpha, beta).quantiles(steps, steps)
}
