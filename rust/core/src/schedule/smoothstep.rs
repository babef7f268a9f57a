//! Training steps along the cubic `u² (3 - 2 u)`, in stable-diffusion.cpp's list: small steps at both ends of the table.

use super::indexed::{nearest, place, table};
use super::{check_steps, finish, levels};
use crate::error::Result;
use crate::process::NoiseProcess;

/// The table's level at index `round(u² (3 - 2 u) (L - 1))`, `u = 1 - k / steps`, then 0.
///
/// With many steps those indices repeat; then the levels are taken at the fractional indices, log-linear in between.
///
/// # Errors
/// A process without a table, or the step count outside its limits.
pub fn smoothstep(process: &dyn NoiseProcess, out: &mut [f64]) -> Result<()> {
    let levels = levels(out)?;
    place(table(process)?, &fractions(levels.len()), levels);
    finish(out)
}

/// `smoothstep` with the repeats that rounding makes when there are many steps.
///
/// # Errors
/// A process without a table, or the step count outside its limits.
pub fn smoothstep_rounded(process: &dyn NoiseProcess, steps: usize) -> Result<Vec<f64>> {
    let mut sigmas = nearest(table(process)?, &fractions(check_steps(steps as u64)?));
    sigmas.push(0.0);
    Ok(sigmas)
}

fn fractions(steps: usize) -> Vec<f64> {
    let cubic = |k: usize| {
        let u = (steps - k) as f64 / steps as f64;
        u * u * (3.0 - 2.0 * u)
    };
    (0..steps).map(cubic).collect()
}
