//! The variance-preserving SDE of Song et al. (arXiv 2011.13456), even in its time.

use super::{finish, levels};
use crate::error::{Error, Noun, Result};

/// Usable coefficients of the SDE.
///
/// # Errors
/// [`Error::Parameter`] unless `beta_d` and `beta_min` are in `[0, 1000]`, not both 0, and `eps_s` in `(0, 1)`.
pub fn check_vp(beta_d: f64, beta_min: f64, eps_s: f64) -> Result<()> {
    for (name, got) in [("beta_d", beta_d), ("beta_min", beta_min)] {
        if !(0.0..=1000.0).contains(&got) {
            return Err(Error::Parameter { noun: Noun::Schedule, name, got, expected: "0 to 1000" });
        }
    }
    if beta_d == 0.0 && beta_min == 0.0 {
        let expected = "above 0 where beta_d is 0";
        return Err(Error::Parameter { noun: Noun::Schedule, name: "beta_min", got: beta_min, expected });
    }
    if eps_s > 0.0 && eps_s < 1.0 {
        return Ok(());
    }
    Err(Error::Parameter { noun: Noun::Schedule, name: "eps_s", got: eps_s, expected: "0 to 1, both excluded" })
}

/// `sqrt(exp(beta_d t² / 2 + beta_min t) - 1)` at `linspace(1, eps_s, steps)`, then 0.
///
/// # Errors
/// The coefficients or the step count outside their limits.
pub fn vp(beta_d: f64, beta_min: f64, eps_s: f64, out: &mut [f64]) -> Result<()> {
    let levels = levels(out)?;
    check_vp(beta_d, beta_min, eps_s)?;
    let last = levels.len().saturating_sub(1).max(1);
    for (k, level) in levels.iter_mut().enumerate() {
        let t = ((last - k) as f64 + k as f64 * eps_s) / last as f64;
        *level = libm::expm1(t * (0.5 * beta_d * t + beta_min)).sqrt();
    }
    finish(out)
}
