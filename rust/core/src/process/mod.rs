//! Noise processes: the map between time and noise level that a model was trained with. One file per family.

mod continuous;
mod continuous_v;
mod cosmos;
mod discrete;
mod distilled;
mod edm;
mod family;
mod flow;
mod guide;
mod stable_cascade;
mod trigflow;
mod vp_sde;

pub use continuous::{CONTINUOUS_TABLE, ContinuousProcess, TimeMap};
pub use continuous_v::ContinuousVProcess;
pub use cosmos::CosmosProcess;
pub use discrete::{BetaSchedule, DiscreteProcess, MAX_TIMESTEPS, TerminalSnr};
pub use distilled::DistilledProcess;
pub use edm::EdmProcess;
pub use family::Family;
pub use flow::{FlowProcess, flux_mu};
pub use stable_cascade::{STABLE_CASCADE_TABLE, StableCascadeProcess};
pub use trigflow::TrigFlowProcess;
pub use vp_sde::{VP_SDE_TABLE, VpSdeProcess};

use crate::error::{Error, Noun, Number, Result};
use crate::simd;

/// Which timestep a sigma has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lookup {
    /// The time that a network is told: of the training level nearest in log sigma (the lower of two equally near ones)
    /// where levels are a table, of the process without its shift where it has one.
    Nearest,
    /// The inverse of [`NoiseProcess::sigma`]: log-linear between the two neighbours where levels are a table.
    Interpolated,
}

/// From this length on a slice goes through [`crate::simd`] instead of one portable `libm` call per element; the two
/// differ by a few ulp.
pub const BATCH_FROM: usize = 1024;

/// Sigma that stands for "before sampling starts" in `percent_to_sigma(0)`: above every range of noise-to-signal ratios.
pub const BEFORE_START: f64 = 999_999_999.9;

/// A forward process: `t <-> sigma`, its range, and how signal and noise mix.
///
/// Slices in and out have one length; nothing is clamped silently: what a process does not define is an error.
pub trait NoiseProcess: Send + Sync {
    /// How signal and noise mix.
    fn family(&self) -> Family;

    /// Lowest noise level that the model was trained at.
    fn sigma_min(&self) -> f64;

    /// Highest noise level that the model was trained at.
    fn sigma_max(&self) -> f64;

    /// The levels that schedules pick from, ascending, with repeated levels where the process is clamped; `None` where
    /// there is no such table.
    fn sigmas(&self) -> Option<&[f64]>;

    /// Noise level at every time.
    ///
    /// # Errors
    /// A time outside the process's range, or not a number.
    fn sigma(&self, t: &[f64], out: &mut [f64]) -> Result<()>;

    /// Time of every noise level. Where the process is continuous and has no shift both lookups are the same.
    ///
    /// # Errors
    /// A sigma that is negative, not finite, or (interpolated) outside the table.
    fn timestep(&self, sigma: &[f64], lookup: Lookup, out: &mut [f64]) -> Result<()>;

    /// Noise level after that fraction of sampling; 0 is [`BEFORE_START`], for a flow 1; 1 is exactly 0.
    ///
    /// # Errors
    /// A fraction outside `[0, 1]`.
    fn percent_to_sigma(&self, percent: f64) -> Result<f64>;

    /// [`percent_to_sigma`](Self::percent_to_sigma) of every fraction.
    ///
    /// # Errors
    /// As there, with the position of the fraction; slices of different lengths.
    fn percents_to_sigmas(&self, percent: &[f64], out: &mut [f64]) -> Result<()> {
        same_length("percent", percent, out)?;
        check("percent", percent, |percent| (0.0..=1.0).contains(&percent), || "0 to 1".to_owned())?;
        for (&percent, out) in percent.iter().zip(out) {
            *out = self.percent_to_sigma(percent)?;
        }
        Ok(())
    }
}

/// `out[i] = f(values[i])` after `valid(values[i])`; `range` says what was expected.
pub(crate) fn map(
    name: &'static str,
    values: &[f64],
    out: &mut [f64],
    valid: impl Fn(f64) -> bool,
    range: impl Fn() -> String,
    f: impl Fn(f64) -> f64,
) -> Result<()> {
    same_length(name, values, out)?;
    check(name, values, valid, range)?;
    for (&value, out) in values.iter().zip(out) {
        *out = f(value);
    }
    Ok(())
}

/// Refuses the first value that is not `valid`; `range` says what was expected.
fn check(name: &'static str, values: &[f64], valid: impl Fn(f64) -> bool, range: impl Fn() -> String) -> Result<()> {
    if values.iter().fold(true, |all, &value| all & valid(value)) {
        return Ok(());
    }
    let index = values.iter().position(|&value| !valid(value)).unwrap_or_default();
    let place = if values.len() == 1 { String::new() } else { format!("[{index}]") };
    let message = format!("{name}{place} is {}; expected {}", Number(values[index]), range());
    Err(Error::Message { noun: Noun::Process, message })
}

/// Replaces each element by its exponential.
fn exp(values: &mut [f64]) {
    if values.len() < BATCH_FROM {
        for value in values {
            *value = libm::exp(*value);
        }
    } else {
        simd::exp(values);
    }
}

/// Replaces each element by its natural logarithm.
fn ln(values: &mut [f64]) {
    if values.len() < BATCH_FROM {
        for value in values {
            *value = libm::log(*value);
        }
    } else {
        simd::ln(values);
    }
}

fn same_length(name: &'static str, values: &[f64], out: &[f64]) -> Result<()> {
    if values.len() == out.len() {
        return Ok(());
    }
    Err(Error::Length { noun: Noun::Process, name, got: values.len(), expected: format!("{}, as out", out.len()) })
}

/// The values of `percent_to_sigma` that no process computes, `start` and 0; `None` in between.
fn percent_ends(percent: f64, start: f64) -> Result<Option<f64>> {
    if !(0.0..=1.0).contains(&percent) {
        return Err(Error::Parameter { noun: Noun::Process, name: "percent", got: percent, expected: "0 to 1" });
    }
    Ok(if percent <= 0.0 {
        Some(start)
    } else if percent >= 1.0 {
        Some(0.0)
    } else {
        None
    })
}
