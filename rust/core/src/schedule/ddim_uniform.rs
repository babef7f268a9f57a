//! An even stride through the table from its second level up, as the first DDIM code picked training steps
//! (Song et al., arXiv 2010.02502, appendix D.1, linear sub-sequence).

use super::indexed::{Rungs, descends, table};
use super::normal::REACHES_ZERO;
use super::{check_steps, finish, levels};
use crate::error::Result;
use crate::process::NoiseProcess;

/// Every `L / steps`-th of the table's `L` levels, counted from the second lowest, descending; then 0.
///
/// The host's stride is a whole number, so it makes more or fewer steps than asked for; its values are kept where the
/// count is right. Otherwise the stride is fractional, `min(L / steps, (L - 2) / (steps - 1))`, log-linear between levels;
/// from `steps = L` on the whole table is spread evenly. Where the second level is within 1e-5 of 0 it becomes the zero.
///
/// # Errors
/// A process without a table, or the step count outside its limits.
pub fn ddim_uniform(process: &dyn NoiseProcess, out: &mut [f64]) -> Result<()> {
    let steps = levels(out)?.len();
    let table = table(process)?;
    let host = picked(table, steps);
    if host.len() == steps + 1 && descends(&host[..steps]) {
        out.copy_from_slice(&host);
        return finish(out);
    }
    let rungs = Rungs::new(table);
    let (size, last) = (rungs.last() + 1, rungs.last());
    let points = steps + usize::from(reaches_zero(table));
    let points_out = &mut out[..points];
    if points >= size || points == 1 {
        rungs.spread(points_out);
    } else {
        let stride = (size as f64 / points as f64).min((size - 2) as f64 / (points - 1) as f64);
        for (k, level) in points_out.iter_mut().rev().enumerate() {
            *level = rungs.at((1.0 + k as f64 * stride).min(last as f64));
        }
    }
    finish(out)
}

/// ComfyUI's list, whose stride is the whole number `max(L / steps, 1)`: often another count than asked for.
///
/// # Errors
/// A process without a table, or the step count outside its limits.
pub fn ddim_uniform_comfyui(process: &dyn NoiseProcess, steps: usize) -> Result<Vec<f64>> {
    Ok(picked(table(process)?, check_steps(steps as u64)?))
}

fn reaches_zero(table: &[f64]) -> bool {
    table.get(1).is_some_and(|level| level.abs() <= REACHES_ZERO)
}

fn picked(table: &[f64], steps: usize) -> Vec<f64> {
    let reaches_zero = reaches_zero(table);
    let stride = (table.len() / (steps + usize::from(reaches_zero))).max(1);
    let mut sigmas = if reaches_zero { Vec::new() } else { vec![0.0] };
    sigmas.extend(table.iter().skip(1).step_by(stride));
    sigmas.reverse();
    sigmas
}
