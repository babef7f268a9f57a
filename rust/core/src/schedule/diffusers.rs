//! Timestep spacings and conversions of the diffusers library, over a process's table.

use super::indexed::{Rungs, descends, table};
use super::{beta_over_range, check_ends, exponential, finish, karras, levels};
use crate::error::{Error, Noun, Result};
use crate::process::NoiseProcess;

/// How training steps are chosen.
pub const SPACINGS: [&str; 3] = ["leading", "linspace", "trailing"];
/// Groups of its schedulers that mean different steps by one spacing: Euler's, DDIM's, and the multistep solvers'.
pub const SPACING_VARIANTS: [&str; 3] = ["euler", "ddim", "dpmsolver"];
/// What the levels at those steps are converted to, between the same ends.
pub const CONVERSIONS: [&str; 5] = ["none", "karras", "exponential", "beta", "lu"];

/// [`CONVERSIONS`] that a flow has: half log signal-to-noise ratio is not minus log sigma there.
pub const FLOW_CONVERSIONS: [&str; 4] = ["none", "karras", "exponential", "beta"];

/// Largest offset of steps: that of the longest table.
const MAX_OFFSET: usize = 1_000_000;

/// The choice of steps: each word one of [`SPACINGS`], [`SPACING_VARIANTS`] and [`CONVERSIONS`].
#[derive(Debug, Clone, Copy)]
pub struct Spacing<'a> {
    /// Which steps of the table.
    pub spacing: &'a str,
    /// By whose arithmetic.
    pub variant: &'a str,
    /// Added to every step where the spacing is `leading`.
    pub steps_offset: usize,
    /// Converted to what.
    pub convert: &'a str,
    /// The ends of a conversion, lowest first, where they are not those of the steps.
    pub ends: [Option<f64>; 2],
}

impl Spacing<'_> {
    /// Known words, and room between the ends where both are given.
    ///
    /// # Errors
    /// [`Error::Choice`] for a word outside its list, [`Error::Message`] for the offset, else as for [`check_ends`].
    pub fn check(&self) -> Result<()> {
        for (name, got, known) in [
            ("spacing", self.spacing, &SPACINGS[..]),
            ("variant", self.variant, &SPACING_VARIANTS[..]),
            ("convert", self.convert, &CONVERSIONS[..]),
        ] {
            if !known.contains(&got) {
                return Err(Error::Choice { noun: Noun::Schedule, name, got: got.to_owned(), known: known.to_vec() });
            }
        }
        if self.steps_offset > MAX_OFFSET {
            let message = format!("steps_offset is {}; expected 0 to {MAX_OFFSET}", self.steps_offset);
            return Err(Error::Message { noun: Noun::Schedule, message });
        }
        check_ends(self.ends)
    }

    /// Steps of a table of `size` levels, the first one first.
    fn timesteps(&self, size: usize, steps: usize) -> Vec<f64> {
        let multistep = self.variant == "dpmsolver";
        let parts = if multistep { steps + 1 } else { steps };
        let stride = (size / parts) as f64;
        let timestep = |k: usize| match self.spacing {
            "leading" => (parts - 1 - k) as f64 * stride + self.steps_offset as f64,
            "linspace" => {
                let t = (size - 1) as f64 * (parts - 1 - k) as f64 / (parts - 1).max(1) as f64;
                if self.variant == "euler" { t } else { t.round_ties_even() }
            }
            // NumPy's arange adds multiples of the difference of its first two values: that decides about halves.
            _ => {
                let first = size as f64;
                let stride = (first - first / steps as f64) - first;
                (first + k as f64 * stride).round_ties_even() - 1.0
            }
        };
        (0..steps).map(timestep).collect()
    }
}

/// The levels at the spacing's training steps, sigma linear between levels; converted if asked; then 0.
///
/// Where those steps repeat or leave the table, as with more steps than levels, the whole table is spread evenly instead.
///
/// # Errors
/// The choice or the step count outside their limits, or a process without a table.
pub fn spaced(process: &dyn NoiseProcess, choice: &Spacing<'_>, out: &mut [f64]) -> Result<()> {
    choice.check()?;
    let levels = levels(out)?;
    let table = table(process)?;
    let top = (table.len() - 1) as f64;
    let timesteps = choice.timesteps(table.len(), levels.len());
    let inside = timesteps.iter().all(|t| (0.0..=top).contains(t));
    for (level, t) in levels.iter_mut().zip(&timesteps) {
        *level = if inside { linear(table, *t) } else { f64::NAN };
    }
    // One step by linspace would be the lowest level.
    if !descends(levels) || (levels.len() == 1 && choice.spacing == "linspace") {
        Rungs::new(table).spread(levels);
    }
    if choice.convert == "none" {
        return finish(out);
    }
    let steps_end =
        if choice.variant == "dpmsolver" || levels.len() == 1 { table[0] } else { levels[levels.len() - 1] };
    let steps_start = if choice.variant == "dpmsolver" { table[table.len() - 1] } else { levels[0] };
    let (low, high) = (choice.ends[0].unwrap_or(steps_end), choice.ends[1].unwrap_or(steps_start));
    if let [level] = levels {
        // The step may be at the lowest level already: a range without room.
        *level = high;
        return finish(out);
    }
    converted(choice.convert, low, high, out)
}

/// Levels between the same ends by a rule of [`CONVERSIONS`] other than `none`.
pub(super) fn converted(rule: &str, low: f64, high: f64, out: &mut [f64]) -> Result<()> {
    match rule {
        "karras" => karras(low, high, 7.0, out),
        "beta" => beta_over_range(low, high, 0.6, 0.6, out),
        // Even in half log signal-to-noise ratio: `lu` is the same grid under DPM-Solver's name.
        _ => exponential(low, high, out),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "inside the table")]
fn linear(table: &[f64], t: f64) -> f64 {
    let below = t as usize;
    let part = t - below as f64;
    if part == 0.0 { table[below] } else { (1.0 - part) * table[below] + part * table[below + 1] }
}
