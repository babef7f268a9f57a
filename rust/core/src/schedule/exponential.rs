//! Levels evenly spaced in log sigma (k-diffusion's `get_sigmas_exponential`; DPM-Solver's "logSNR" grid,
//! arXiv 2206.00927, section 3.3).

use super::{check_range, finish, levels};
use crate::error::Result;

/// Levels computed by multiplication before the next exact exponential: few enough to stay within 1e-14.
const BLOCK: usize = 16;

/// `exp(linspace(ln sigma_max, ln sigma_min, steps))`, then 0; one step is `[sigma_max, 0]`.
///
/// # Errors
/// The range or the step count outside their limits.
pub fn exponential(sigma_min: f64, sigma_max: f64, out: &mut [f64]) -> Result<()> {
    let levels = levels(out)?;
    check_range(sigma_min, sigma_max)?;
    let last = levels.len() - 1;
    if last > 0 {
        let (high, low) = (libm::log(sigma_max), libm::log(sigma_min));
        let ratio = libm::exp((low - high) / last as f64);
        for (block, levels) in levels.chunks_mut(BLOCK).enumerate() {
            let first = block * BLOCK;
            let mut level = libm::exp(((last - first) as f64 * high + first as f64 * low) / last as f64);
            for out in levels {
                *out = level;
                level *= ratio;
            }
        }
        levels[last] = sigma_min;
    }
    levels[0] = sigma_max;
    finish(out)
}
