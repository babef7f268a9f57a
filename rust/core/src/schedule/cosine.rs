//! A raised cosine in sigma: small steps at both ends of the range.

use std::f64::consts::FRAC_PI_2;

use super::{check_range, finish, levels};
use crate::error::Result;

/// `sigma_min + (sigma_max - sigma_min) (1 + cos(pi k / (steps - 1))) / 2`, then 0; one step is `[sigma_max, 0]`.
///
/// # Errors
/// The range or the step count outside their limits.
pub fn cosine(sigma_min: f64, sigma_max: f64, out: &mut [f64]) -> Result<()> {
    let levels = levels(out)?;
    check_range(sigma_min, sigma_max)?;
    let last = levels.len() - 1;
    for (k, level) in levels.iter_mut().enumerate().skip(1) {
        // cos²(a) as sin²(pi/2 - a), which keeps its digits where it vanishes.
        let root = libm::sin(FRAC_PI_2 * (last - k) as f64 / last as f64);
        *level = sigma_min + (sigma_max - sigma_min) * root * root;
    }
    levels[0] = sigma_max;
    finish(out)
}
