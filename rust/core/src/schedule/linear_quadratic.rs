//! Mochi's schedule (Genmo, 2024): small even steps first, then steps that grow quadratically.

use super::{MAX_STEPS, finish, levels};
use crate::error::{Error, Noun, Result};

/// A usable noise threshold.
///
/// # Errors
/// [`Error::Parameter`] outside `(0, 1)`.
pub fn check_threshold(threshold: f64) -> Result<()> {
    if threshold > 0.0 && threshold < 1.0 {
        return Ok(());
    }
    let expected = "0 to 1, both excluded";
    Err(Error::Parameter { noun: Noun::Schedule, name: "threshold_noise", got: threshold, expected })
}

/// A usable number of even steps.
///
/// # Errors
/// [`Error::Message`] outside `1..MAX_STEPS`.
pub fn check_linear_steps(linear_steps: u64) -> Result<usize> {
    match usize::try_from(linear_steps) {
        Ok(count) if (1..MAX_STEPS).contains(&count) => Ok(count),
        _ => {
            let message = format!("linear_steps is {linear_steps}; expected 1 to {}", MAX_STEPS - 1);
            Err(Error::Message { noun: Noun::Schedule, message })
        }
    }
}

/// `sigma_max (1 - y)`: `y` grows linearly from 0 to `threshold` over `linear_steps` (half of the steps unless given),
/// then as the parabola that continues it with the same slope up to 1. One step is `[sigma_max, 0]`.
///
/// # Errors
/// The parameters or the step count outside their limits; more linear steps than steps.
pub fn linear_quadratic(sigma_max: f64, threshold: f64, linear_steps: Option<usize>, out: &mut [f64]) -> Result<()> {
    let levels = levels(out)?;
    check_threshold(threshold)?;
    let steps = levels.len();
    let linear = linear_steps.unwrap_or(steps / 2);
    levels[0] = sigma_max;
    if steps > 1 {
        if !(1..steps).contains(&linear) {
            let message = format!("linear_steps is {linear}; expected 1 to steps - 1 = {}", steps - 1);
            return Err(Error::Message { noun: Noun::Schedule, message });
        }
        let slope = threshold / linear as f64;
        let quadratic = (steps - linear) as f64;
        let bend = (1.0 - threshold - slope * quadratic) / (quadratic * quadratic);
        for (k, level) in levels.iter_mut().enumerate().skip(1) {
            *level = sigma_max
                * if k < linear {
                    1.0 - k as f64 * slope
                } else {
                    // 1 - y with the root at `steps` taken out: no cancellation near the end.
                    (steps - k) as f64 * (slope + bend * (quadratic + (k - linear) as f64))
                };
        }
    }
    finish(out)
}
