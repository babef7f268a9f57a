//! Log sigma at quantiles of a Laplace distribution (Hang et al., "Improved Noise Schedule for Diffusion Training",
//! arXiv 2407.03297, table 1).

use super::indexed::descends;
use super::{check_range, check_steps, finish, levels};
use crate::error::{Error, Noun, Result};

/// Keeps the logarithm finite at both ends of the distribution, as in ComfyUI.
const MARGIN: f64 = 1e-5;

/// Usable parameters of the distribution.
///
/// # Errors
/// [`Error::Parameter`] outside `[-10, 10]` for `mu`, `(0, 10]` for `beta`.
pub fn check_laplace(mu: f64, beta: f64) -> Result<()> {
    if !(-10.0..=10.0).contains(&mu) {
        return Err(Error::Parameter { noun: Noun::Schedule, name: "mu", got: mu, expected: "-10 to 10" });
    }
    if !(beta > 0.0 && beta <= 10.0) {
        return Err(Error::Parameter { noun: Noun::Schedule, name: "beta", got: beta, expected: "0 (excluded) to 10" });
    }
    Ok(())
}

/// `exp(mu - beta sign(1/2 - x) ln(1 - 2 |1/2 - x|))` for `x` from 0 to 1, clamped to the range, then 0.
///
/// Where clamping would repeat a level, `x` runs over the part of the distribution inside the range instead, so that
/// only the ends touch it. One step is the clamped top.
///
/// # Errors
/// The parameters, the range or the step count outside their limits; a range so far in the distribution's tail that its
/// quantiles leave float64.
pub fn laplace(sigma_min: f64, sigma_max: f64, mu: f64, beta: f64, out: &mut [f64]) -> Result<()> {
    let levels = levels(out)?;
    check_range(sigma_min, sigma_max)?;
    check_laplace(mu, beta)?;
    place(sigma_min, sigma_max, mu, beta, levels);
    if !descends(levels) {
        let (start, end) = (distances(libm::log(sigma_max), mu, beta), distances(libm::log(sigma_min), mu, beta));
        let last = levels.len() - 1;
        for (k, level) in levels.iter_mut().enumerate() {
            let mix = |a: f64, b: f64| ((last - k) as f64 * a + k as f64 * b) / last as f64;
            *level = libm::exp(log_sigma(mix(start.0, end.0), mix(start.1, end.1), 0.0, mu, beta));
        }
        levels[0] = sigma_max;
        levels[last] = sigma_min;
    }
    finish(out)
}

/// ComfyUI's list: `points` clamped levels, repeats included, and no zero after them.
///
/// # Errors
/// The parameters, the range or the number of points outside their limits.
pub fn laplace_comfyui(sigma_min: f64, sigma_max: f64, mu: f64, beta: f64, points: usize) -> Result<Vec<f64>> {
    check_range(sigma_min, sigma_max)?;
    check_laplace(mu, beta)?;
    let mut sigmas = vec![0.0; check_steps(points as u64)?];
    place(sigma_min, sigma_max, mu, beta, &mut sigmas);
    Ok(sigmas)
}

fn place(sigma_min: f64, sigma_max: f64, mu: f64, beta: f64, levels: &mut [f64]) {
    let last = levels.len().saturating_sub(1).max(1);
    for (k, level) in levels.iter_mut().enumerate() {
        let (from_top, from_bottom) = (k as f64 / last as f64, (last - k) as f64 / last as f64);
        *level = libm::exp(log_sigma(from_top, from_bottom, MARGIN, mu, beta)).clamp(sigma_min, sigma_max);
    }
}

/// Log sigma at `x`, given as its distances to 0 and to 1: the nearer one keeps its digits. In the middle the sign is 0.
#[expect(clippy::float_cmp, reason = "both are one half there, exactly")]
fn log_sigma(from_top: f64, from_bottom: f64, margin: f64, mu: f64, beta: f64) -> f64 {
    if from_top == from_bottom {
        mu
    } else if from_top < from_bottom {
        mu - beta * libm::log(2.0 * from_top + margin)
    } else {
        mu + beta * libm::log(2.0 * from_bottom + margin)
    }
}

/// Distances to 0 and to 1 of the `x` at which the distribution has that log sigma.
fn distances(log: f64, mu: f64, beta: f64) -> (f64, f64) {
    let near = 0.5 * libm::exp(-((log - mu) / beta).abs());
    if log >= mu { (near, 1.0 - near) } else { (1.0 - near, near) }
}
