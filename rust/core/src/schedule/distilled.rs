//! Schedules of distilled models, which know a few training steps only: no level between those points is a valid input.

use super::indexed::{Rungs, table};
use super::{finish, levels};
use crate::error::{Error, Noun, Result};
use crate::process::NoiseProcess;

/// Steps of SDXL Turbo and SD Turbo's training (Sauer et al., arXiv 2311.17042): every tenth of the table.
pub const TURBO_POINTS: usize = 10;
/// Most points a distilled model may know.
const MAX_POINTS: usize = 1_000_000;

/// The highest `steps` of ten training points, counted from `start` (the part of the range to begin with, rounded down
/// to tenths), then 0.
///
/// # Errors
/// `start` outside `[0.1, 1]`, more steps than points below it, or a process without a table.
pub fn sd_turbo(process: &dyn NoiseProcess, start: f64, out: &mut [f64]) -> Result<()> {
    let levels = levels(out)?;
    check_turbo_start(start)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: from 0.1 to 1")]
    let first = (start * TURBO_POINTS as f64) as usize;
    if levels.len() > first {
        return Err(only_points("sd_turbo", levels.len(), first));
    }
    pick(table(process)?, TURBO_POINTS, |k| first - k, levels);
    finish(out)
}

/// Where the ladder of [`sd_turbo`] may begin.
///
/// # Errors
/// [`Error::Parameter`] outside `[0.1, 1]`.
pub fn check_turbo_start(start: f64) -> Result<()> {
    if (0.1..=1.0).contains(&start) {
        return Ok(());
    }
    Err(Error::Parameter { noun: Noun::Schedule, name: "start", got: start, expected: "0.1 to 1" })
}

/// `steps` of the `points` training steps that a latent consistency model was distilled on (Luo et al.,
/// arXiv 2310.04378), at an even stride from the top: number `points - floor(k points / steps)`, then 0.
///
/// # Errors
/// More steps than points, `points` outside its limits, or a process without a table.
pub fn lcm(process: &dyn NoiseProcess, points: usize, out: &mut [f64]) -> Result<()> {
    let levels = levels(out)?;
    check_lcm_points(points)?;
    let steps = levels.len();
    if steps > points {
        return Err(only_points("lcm", steps, points));
    }
    pick(table(process)?, points, |k| points - k * points / steps, levels);
    finish(out)
}

/// A usable number of distilled points.
///
/// # Errors
/// [`Error::Parameter`] outside `1..=1_000_000`.
pub fn check_lcm_points(points: usize) -> Result<()> {
    if (1..=MAX_POINTS).contains(&points) {
        return Ok(());
    }
    let (name, expected) = ("original_steps", "1 to 1000000");
    Err(Error::Parameter { noun: Noun::Schedule, name, got: points as f64, expected })
}

/// The level at point `number(k)` of `points` that divide the table evenly, the last of them its highest level.
fn pick(table: &[f64], points: usize, number: impl Fn(usize) -> usize, levels: &mut [f64]) {
    let rungs = Rungs::new(table);
    for (k, level) in levels.iter_mut().enumerate() {
        let index = (number(k) * (rungs.last() + 1)).saturating_sub(points);
        *level = rungs.at_ratio(index, points);
    }
}

fn only_points(name: &str, steps: usize, points: usize) -> Error {
    Error::Message {
        noun: Noun::Schedule,
        message: format!(
            "steps is {steps}; expected at most {points}: {name} exists only at the {points} training steps its models \
             were distilled on"
        ),
    }
}
