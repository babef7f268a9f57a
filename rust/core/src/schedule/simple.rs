//! Levels picked from the process's table at an even stride, the default of ComfyUI's UI.

use super::loglinear::between;
use super::{finish, levels};
use crate::error::{Error, Noun, Result};
use crate::process::NoiseProcess;

/// `table[-(1 + floor(k L / steps))]` for `k < steps` on an ascending table of `L` levels, then 0.
///
/// With more steps than levels that formula repeats levels. Here the steps are then spread evenly from the last table
/// index to the first, with log-linear interpolation between levels: at `steps = L` both are the whole table.
///
/// # Errors
/// A process without a table, or the step count outside its limits.
pub fn simple(process: &dyn NoiseProcess, out: &mut [f64]) -> Result<()> {
    let levels = levels(out)?;
    let Some(table) = process.sigmas() else {
        return Err(Error::Message {
            noun: Noun::Schedule,
            message: "the process has no table of sigmas; expected one (sigmas is None), so choose a schedule over a \
                      range, such as karras"
                .to_owned(),
        });
    };
    let (steps, last) = (levels.len(), table.len() - 1);
    if steps <= table.len() {
        let stride = table.len() as f64 / steps as f64;
        for (k, out) in levels.iter_mut().enumerate() {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the table's length")]
            let from_end = (k as f64 * stride) as usize;
            *out = table[last - from_end];
        }
    } else {
        let logs: Vec<f64> = table.iter().map(|&level| libm::log(level)).collect();
        for (k, out) in levels.iter_mut().enumerate() {
            *out = between(table, &logs, (steps - 1 - k) * last, steps - 1);
        }
    }
    finish(out)
}
