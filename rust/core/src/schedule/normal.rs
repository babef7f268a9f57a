//! Levels evenly spaced in the process's time, both ends included.

use super::{finish, levels};
use crate::error::Result;
use crate::process::{Lookup, NoiseProcess};

/// Below this a process counts as reaching 0 by itself, and needs no zero of its own (ComfyUI's rule).
const REACHES_ZERO: f64 = 1e-5;

/// `sigma(linspace(t(sigma_max), t(sigma_min), steps))`, then 0; one step is `[sigma_max, 0]`.
///
/// Where `sigma_min` is within 1e-5 of 0, time is divided into `steps + 1` points instead and the last one becomes the
/// exact zero.
///
/// # Errors
/// The step count outside its limits, or a process that refuses its own range.
pub fn normal(process: &dyn NoiseProcess, out: &mut [f64]) -> Result<()> {
    let steps = levels(out)?.len();
    let mut ends = [0.0; 2];
    process.timestep(&[process.sigma_max(), process.sigma_min()], Lookup::Nearest, &mut ends)?;
    let [start, end] = ends;
    let mut lowest = [0.0];
    process.sigma(&[end], &mut lowest)?;
    let points = if lowest[0].abs() <= REACHES_ZERO { steps + 1 } else { steps };
    let last = points - 1;
    let mut times = vec![start; points];
    for (k, t) in times.iter_mut().enumerate().skip(1) {
        *t = ((last - k) as f64 * start + k as f64 * end) / last as f64;
    }
    if last > 0 {
        times[last] = end;
    }
    process.sigma(&times, &mut out[..points])?;
    // The ends of the range are known exactly; through time and back they would be a rounding away.
    out[last] = process.sigma_min();
    out[0] = process.sigma_max();
    finish(out)
}
