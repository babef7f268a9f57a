//! Noise processes: the map between time and noise level that a model was trained with. One file per family.

mod discrete;
mod edm;
mod family;

pub use discrete::{BetaSchedule, DiscreteProcess, MAX_TIMESTEPS};
pub use edm::{EDM_TABLE, EdmProcess};
pub use family::Family;

use crate::error::{Error, Noun, Result};

/// Which timestep a sigma between two training levels has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lookup {
    /// The training level nearest in log sigma; the lower of two equally near ones.
    Nearest,
    /// Log-linear interpolation between the two neighbours: the inverse of [`NoiseProcess::sigma`].
    Interpolated,
}

/// Sigma that stands for "before sampling starts" in `percent_to_sigma(0)`: above every process's range.
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

    /// The levels that schedules pick from, ascending; `None` where the process is continuous and has no such table.
    fn sigmas(&self) -> Option<&[f64]>;

    /// Noise level at every time.
    ///
    /// # Errors
    /// A time outside the process's range, or not a number.
    fn sigma(&self, t: &[f64], out: &mut [f64]) -> Result<()>;

    /// Time of every noise level. Where the process is continuous both lookups are the same.
    ///
    /// # Errors
    /// A sigma that is negative, not finite, or (interpolated) outside the table.
    fn timestep(&self, sigma: &[f64], lookup: Lookup, out: &mut [f64]) -> Result<()>;

    /// Noise level after that fraction of sampling; 0 is [`BEFORE_START`], 1 is exactly 0.
    ///
    /// # Errors
    /// A fraction outside `[0, 1]`.
    fn percent_to_sigma(&self, percent: f64) -> Result<f64>;
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
    for (index, (&value, out)) in values.iter().zip(out.iter_mut()).enumerate() {
        if !valid(value) {
            let place = if values.len() == 1 { String::new() } else { format!("[{index}]") };
            return Err(Error::Message {
                noun: Noun::Process,
                message: format!("{name}{place} is {value}; expected {}", range()),
            });
        }
        *out = f(value);
    }
    Ok(())
}

fn same_length(name: &'static str, values: &[f64], out: &[f64]) -> Result<()> {
    if values.len() == out.len() {
        return Ok(());
    }
    Err(Error::Length { noun: Noun::Process, name, got: values.len(), expected: format!("{}, as out", out.len()) })
}

/// The values of `percent_to_sigma` that no process computes; `None` in between.
fn percent_ends(percent: f64) -> Result<Option<f64>> {
    if !(0.0..=1.0).contains(&percent) {
        return Err(Error::Parameter { noun: Noun::Process, name: "percent", got: percent, expected: "0 to 1" });
    }
    Ok(if percent <= 0.0 {
        Some(BEFORE_START)
    } else if percent >= 1.0 {
        Some(0.0)
    } else {
        None
    })
}
