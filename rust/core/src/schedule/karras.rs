//! Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models" (arXiv 2206.00364), equation 5.

use super::{check_range, finish, levels};
use crate::error::{Error, Noun, Result};

/// A usable exponent.
///
/// # Errors
/// [`Error::Parameter`] outside `(0, 1000]`: beyond, float64 keeps fewer than 12 digits of the levels.
pub fn check_rho(rho: f64) -> Result<()> {
    if rho > 0.0 && rho <= 1000.0 {
        return Ok(());
    }
    Err(Error::Parameter { noun: Noun::Schedule, name: "rho", got: rho, expected: "0 (excluded) to 1000" })
}

/// Levels evenly spaced in `sigma^(1/rho)` from `sigma_max` to `sigma_min`, then 0; one step is `[sigma_max, 0]`.
///
/// # Errors
/// `rho`, the range or the step count outside their limits.
pub fn karras(sigma_min: f64, sigma_max: f64, rho: f64, out: &mut [f64]) -> Result<()> {
    let levels = levels(out)?;
    check_range(sigma_min, sigma_max)?;
    check_rho(rho)?;
    let last = levels.len() - 1;
    if last > 0 {
        let high = libm::pow(sigma_max, 1.0 / rho);
        let low = libm::pow(sigma_min, 1.0 / rho);
        if !high.is_finite() || low == 0.0 {
            return Err(Error::Parameter {
                noun: Noun::Schedule,
                name: "rho",
                got: rho,
                expected: "a value whose sigma^(1/rho) stays inside float64 at both ends of the range; raise rho",
            });
        }
        // Two positive terms: no cancellation at either end, however many steps there are.
        let (high, low) = (high / last as f64, low / last as f64);
        let ramp = |k: usize| (last - k) as f64 * high + k as f64 * low;
        if rho.fract() == 0.0 {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: at most 1000")]
            match rho as u32 {
                // The default, as one straight line that vectorises.
                7 => fill(levels, |k| {
                    let base = ramp(k);
                    let square = base * base;
                    square * square * square * base
                }),
                exponent => fill(levels, |k| integer_power(ramp(k), exponent)),
            }
        } else {
            fill(levels, |k| libm::pow(ramp(k), rho));
        }
        levels[last] = sigma_min;
    }
    levels[0] = sigma_max;
    finish(out)
}

fn fill(levels: &mut [f64], level: impl Fn(usize) -> f64) {
    for (k, out) in levels.iter_mut().enumerate() {
        *out = level(k);
    }
}

/// `base^exponent` by repeated squaring: a few multiplications where `pow` takes tens of nanoseconds.
fn integer_power(mut base: f64, mut exponent: u32) -> f64 {
    let mut result = 1.0;
    while exponent > 1 {
        if exponent & 1 == 1 {
            result *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    result * base
}
