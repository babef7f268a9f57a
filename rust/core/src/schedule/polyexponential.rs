//! k-diffusion's polynomial in log sigma.

use super::{check_range, check_rho, finish, levels};
use crate::error::Result;

/// `ln sigma` on a ramp `linspace(1, 0, steps)^rho` from `ln sigma_min` up to `ln sigma_max`, then 0; one step is
/// `[sigma_max, 0]`. `rho = 1` is the exponential schedule.
///
/// # Errors
/// `rho`, the range or the step count outside their limits.
pub fn polyexponential(sigma_min: f64, sigma_max: f64, rho: f64, out: &mut [f64]) -> Result<()> {
    let levels = levels(out)?;
    check_range(sigma_min, sigma_max)?;
    check_rho(rho)?;
    let last = levels.len() - 1;
    let low = libm::log(sigma_min);
    let span = libm::log(sigma_max / sigma_min);
    for (k, level) in levels.iter_mut().enumerate().skip(1) {
        *level = libm::exp(low + libm::pow((last - k) as f64 / last as f64, rho) * span);
    }
    if last > 0 {
        levels[last] = sigma_min;
    }
    levels[0] = sigma_max;
    finish(out)
}
