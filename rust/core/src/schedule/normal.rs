//! Levels evenly spaced in the process's time, both ends included.

use super::indexed::{Rungs, descends};
use super::{finish, levels};
use crate::error::Result;
use crate::process::{Lookup, NoiseProcess};

/// Below this a process counts as reaching 0 by itself, and needs no zero of its own (ComfyUI's rule).
pub(super) const REACHES_ZERO: f64 = 1e-5;
/// Relative error of a level that went through time and back: a tangent loses as many digits as the level has before the
/// point. A host's shift moves an end much farther.
const ROUNDING: f64 = 1e-6;

/// `sigma(linspace(t(sigma_max), t(sigma_min), steps))`, then 0; one step is `[sigma_max, 0]`.
///
/// Where `sigma_min` is within 1e-5 of 0, time is divided into `steps + 1` points instead and the last one becomes the
/// exact zero. The times are those of the nearest lookup: some hosts' processes leave out their shift there, so that the
/// lowest level is above `sigma_min` for them.
///
/// # Errors
/// The step count outside its limits, or a process that refuses its own range.
pub fn normal(process: &dyn NoiseProcess, out: &mut [f64]) -> Result<()> {
    let steps = levels(out)?.len();
    let ends = ends(process)?;
    let mut lowest = [0.0];
    process.sigma(&ends[1..], &mut lowest)?;
    let points = if lowest[0].abs() <= REACHES_ZERO { steps + 1 } else { steps };
    even_times(process, ends, &mut out[..points])?;
    snap(&mut out[points - 1], process.sigma_min());
    snap(&mut out[0], process.sigma_max());
    repair(process, &mut out[..points], steps);
    finish(out)
}

/// Times of the process's highest and lowest level.
pub(super) fn ends(process: &dyn NoiseProcess) -> Result<[f64; 2]> {
    let mut ends = [0.0; 2];
    process.timestep(&[process.sigma_max(), process.sigma_min()], Lookup::Nearest, &mut ends)?;
    Ok(ends)
}

/// The levels at times evenly spaced between the two, both included.
pub(super) fn even_times(process: &dyn NoiseProcess, [start, end]: [f64; 2], levels: &mut [f64]) -> Result<()> {
    let last = levels.len() - 1;
    let mut times = vec![start; levels.len()];
    for (k, t) in times.iter_mut().enumerate().skip(1) {
        *t = ((last - k) as f64 * start + k as f64 * end) / last as f64;
    }
    if last > 0 {
        times[last] = end;
    }
    process.sigma(&times, levels)
}

/// Puts a level that went through time and came back a rounding away from an end of the range exactly there.
pub(super) fn snap(level: &mut f64, end: f64) {
    if (*level - end).abs() <= ROUNDING * end {
        *level = end;
    }
}

/// Spreads `points` over the different levels of the table where the process's own map repeats some of the first
/// `steps`: hosts clamp the ends of some processes.
pub(super) fn repair(process: &dyn NoiseProcess, points: &mut [f64], steps: usize) {
    if let Some(table) = process.sigmas()
        && !descends(&points[..steps])
        && points.iter().all(|level| level.is_finite())
    {
        Rungs::new(table).spread(points);
    }
}
