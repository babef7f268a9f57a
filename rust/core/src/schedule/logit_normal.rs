//! Noise levels at quantiles of a logit-normal distribution (Esser et al., arXiv 2403.03206, section 3.1), as
//! Ideogram 4's reference sampler places them.

use std::f64::consts::{FRAC_1_SQRT_2, LN_2, PI};

use super::indexed::descends;
use super::{finish, levels};
use crate::error::{Error, Noun, Result};

/// `ln(sigma / (1 - sigma))` of the highest and the lowest level: half the limits -15 and 18 of the log signal-to-noise
/// ratio.
const LOGIT: [f64; 2] = [9.0, -7.5];

/// Usable parameters of the distribution.
///
/// # Errors
/// [`Error::Parameter`] outside `[-7, 8]` for the mean, `(0, 10]` for `std`.
pub fn check_logit_normal(mean: f64, std: f64) -> Result<()> {
    if !(-7.0..=8.0).contains(&mean) {
        let (name, expected) = ("mu with the resolution's shift", "-7 to 8");
        return Err(Error::Parameter { noun: Noun::Schedule, name, got: mean, expected });
    }
    if std > 0.0 && std <= 10.0 {
        return Ok(());
    }
    Err(Error::Parameter { noun: Noun::Schedule, name: "std", got: std, expected: "0 (excluded) to 10" })
}

/// `sigmoid(mean + std z)` at the normal quantiles `z` of `linspace(1, 0, steps + 1)`, limited at both ends; then 0.
///
/// Where the limits would repeat a level, the quantiles are those between the limits instead.
///
/// # Errors
/// The parameters or the step count outside their limits.
pub fn logit_normal(mean: f64, std: f64, out: &mut [f64]) -> Result<()> {
    let levels = levels(out)?;
    check_logit_normal(mean, std)?;
    let steps = levels.len();
    for (k, level) in levels.iter_mut().enumerate() {
        *level =
            sigmoid((mean + std * quantile((steps - k) as f64 / steps as f64, k as f64 / steps as f64)).min(LOGIT[0]));
    }
    if levels.last().is_some_and(|&lowest| lowest <= sigmoid(LOGIT[1])) || !descends(levels) {
        let [top, bottom] = LOGIT.map(|logit| (logit - mean) / std);
        let mix = |k: usize, a: f64, b: f64| ((steps - k) as f64 * a + k as f64 * b) / steps as f64;
        for (k, level) in levels.iter_mut().enumerate() {
            let (p, q) = (mix(k, below(top), below(bottom)), mix(k, below(-top), below(-bottom)));
            *level = sigmoid(mean + std * quantile(p, q));
        }
    }
    finish(out)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

/// The normal distribution's share below `z`.
fn below(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

/// The `z` with the share `p = 1 - q` of the normal distribution below it.
fn quantile(p: f64, q: f64) -> f64 {
    if p <= q { lower_quantile(p) } else { -lower_quantile(q) }
}

/// Newton's method on `ln(share) - ln(p)`, which is concave: from the left it never overshoots.
fn lower_quantile(p: f64) -> f64 {
    let target = libm::log(p);
    // erfc(z) < exp(-z²): below the root.
    let mut z = -(-2.0 * (target + LN_2)).max(0.0).sqrt();
    if p <= 0.0 {
        return z;
    }
    for _ in 0..100 {
        let share = below(z);
        let density = libm::exp(-0.5 * z * z) / (2.0 * PI).sqrt();
        let step = (target - libm::log(share)) * share / density;
        z += step;
        if step.abs() <= 1e-15 * z.abs().max(1.0) {
            break;
        }
    }
    z
}
