//! Levels evenly spaced in the process's time, the lowest one left out (Stability's generative-models; diffusers'
//! trailing timesteps).

use super::normal::{ends, even_times, repair, snap};
use super::{finish, levels};
use crate::error::Result;
use crate::process::NoiseProcess;

/// `sigma(linspace(t(sigma_max), t(sigma_min), steps + 1))` without its last value, then 0.
///
/// # Errors
/// The step count outside its limits, or a process that refuses its own range.
pub fn sgm_uniform(process: &dyn NoiseProcess, out: &mut [f64]) -> Result<()> {
    let steps = levels(out)?.len();
    even_times(process, ends(process)?, out)?;
    snap(&mut out[0], process.sigma_max());
    repair(process, out, steps);
    finish(out)
}
