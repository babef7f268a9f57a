//! Sabour, Fidler & Kreis, "Align Your Steps" (arXiv 2404.14507), theorem 3.1 with data of unit variance: the angles
//! `atan(sigma)` are evenly spaced.

use std::f64::consts::FRAC_PI_4;

use super::{check_range, check_steps, finish, levels};
use crate::error::Result;

/// `tan` of angles evenly spaced from `atan(sigma_max)` to `atan(sigma_min)`, then 0; one step is `[sigma_max, 0]`.
///
/// # Errors
/// The range or the step count outside their limits.
pub fn kl_optimal(sigma_min: f64, sigma_max: f64, out: &mut [f64]) -> Result<()> {
    let levels = levels(out)?;
    check_range(sigma_min, sigma_max)?;
    place(sigma_min, sigma_max, levels);
    finish(out)
}

/// A1111's form: the angles in `steps` intervals, down to `sigma_min`, without a zero.
///
/// # Errors
/// The range or the step count outside their limits.
pub fn kl_optimal_a1111(sigma_min: f64, sigma_max: f64, steps: usize) -> Result<Vec<f64>> {
    let mut sigmas = vec![0.0; check_steps(steps as u64)? + 1];
    check_range(sigma_min, sigma_max)?;
    place(sigma_min, sigma_max, &mut sigmas);
    Ok(sigmas)
}

fn place(sigma_min: f64, sigma_max: f64, levels: &mut [f64]) {
    let last = levels.len() - 1;
    let (high, low) = (libm::atan(sigma_max), libm::atan(sigma_min));
    // The distance to a right angle, which large sigmas would lose as a difference.
    let (high_left, low_left) = (libm::atan(1.0 / sigma_max), libm::atan(1.0 / sigma_min));
    let mix = |k: usize, a: f64, b: f64| ((last - k) as f64 * a + k as f64 * b) / last as f64;
    for (k, level) in levels.iter_mut().enumerate().skip(1) {
        let angle = mix(k, high, low);
        *level = if angle < FRAC_PI_4 { libm::tan(angle) } else { 1.0 / libm::tan(mix(k, high_left, low_left)) };
    }
    levels[last] = sigma_min;
    levels[0] = sigma_max;
}
