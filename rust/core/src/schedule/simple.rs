//! Levels picked from the process's table at an even stride, the default of ComfyUI's UI.

use super::indexed::{Rungs, descends, table};
use super::{check_steps, finish, levels};
use crate::error::Result;
use crate::process::NoiseProcess;

/// `table[-(1 + floor(k L / steps))]` for `k < steps` on an ascending table of `L` levels, then 0.
///
/// With more steps than different levels that formula repeats levels. Here the steps are then spread evenly from the
/// last table index to the first, with log-linear interpolation between levels: at `steps = L` both are the whole table.
///
/// # Errors
/// A process without a table, or the step count outside its limits.
pub fn simple(process: &dyn NoiseProcess, out: &mut [f64]) -> Result<()> {
    let levels = levels(out)?;
    let table = table(process)?;
    picked(table, levels);
    if !descends(levels) {
        Rungs::new(table).spread(levels);
    }
    finish(out)
}

/// `simple` with the repeats that ComfyUI makes beyond the table's size.
///
/// # Errors
/// A process without a table, or the step count outside its limits.
pub fn simple_comfyui(process: &dyn NoiseProcess, steps: usize) -> Result<Vec<f64>> {
    let mut sigmas = vec![0.0; check_steps(steps as u64)? + 1];
    picked(table(process)?, &mut sigmas[..steps]);
    Ok(sigmas)
}

fn picked(table: &[f64], levels: &mut [f64]) {
    let stride = table.len() as f64 / levels.len() as f64;
    for (k, level) in levels.iter_mut().enumerate() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the table's length")]
        let from_end = ((k as f64 * stride) as usize).min(table.len() - 1);
        *level = table[table.len() - 1 - from_end];
    }
}
