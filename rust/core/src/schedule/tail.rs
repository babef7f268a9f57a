//! Partial denoising: which end part of a schedule is run when the input is a picture rather than pure noise, and the
//! level that some samplers leave out.

use super::{MAX_STEPS, check_steps};
use crate::error::{Error, Noun, Number, Result};

/// Above this a denoise counts as 1 under [`TailRule::StepsOverDenoise`], as in ComfyUI.
const FULL: f64 = 0.9999;

/// What `denoise < 1` means for a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TailRule {
    /// Always `steps` steps: a schedule of `int(steps / denoise)` steps, its last `steps + 1` values.
    StepsOverDenoise,
    /// Fewer steps: a schedule of `steps` steps, its last `round(steps * denoise) + 1` values (half to even), as
    /// ComfyUI does for schedules that are tables.
    Round,
}

impl TailRule {
    /// The names of all rules, in declaration order.
    pub const NAMES: [&'static str; 2] = ["steps_over_denoise", "round"];

    /// The rule of that name.
    ///
    /// # Errors
    /// [`Error::Choice`] when there is none.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "steps_over_denoise" => Ok(Self::StepsOverDenoise),
            "round" => Ok(Self::Round),
            _ => Err(Error::Choice {
                noun: Noun::Schedule,
                name: "tail_rule",
                got: name.to_owned(),
                known: Self::NAMES.to_vec(),
            }),
        }
    }
}

/// How much of which schedule to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// Steps of the schedule to build.
    pub build: usize,
    /// Values to keep from its end, the zero included; 0 when `denoise` is 0 and there is nothing to run.
    pub keep: usize,
    /// Whether the last level above zero is left out after building.
    pub discards_penultimate: bool,
}

/// The part to run. With `discards_penultimate` one more step is built than is run, and the last level above zero is
/// left out: `sigmas[-2]`, for samplers that would spend a model call on it to little effect.
///
/// # Errors
/// `denoise` outside `[0, 1]`, or a step count outside its limits, before or after dividing by `denoise`.
pub fn tail(rule: TailRule, steps: usize, denoise: f64, discards_penultimate: bool) -> Result<Tail> {
    check_steps(steps as u64)?;
    if !(0.0..=1.0).contains(&denoise) {
        return Err(Error::Parameter { noun: Noun::Schedule, name: "denoise", got: denoise, expected: "0 to 1" });
    }
    let (build, keep) = if denoise == 0.0 {
        (steps, 0)
    } else {
        match rule {
            TailRule::StepsOverDenoise if denoise > FULL => (steps, steps + 1),
            TailRule::StepsOverDenoise => (steps_over_denoise(steps, denoise)?, steps + 1),
            TailRule::Round => (steps, rounded(steps as f64 * denoise) + 1),
        }
    };
    let build = check_steps((build + usize::from(discards_penultimate)) as u64)?;
    Ok(Tail { build, keep, discards_penultimate })
}

impl Tail {
    /// Copies the part to run out of the built schedule, `build + 1` values, into `out`, `keep` values.
    ///
    /// # Errors
    /// [`Error::Length`] when either has another length.
    pub fn take(&self, built: &[f64], out: &mut [f64]) -> Result<()> {
        for (name, got, expected) in [("sigmas", built.len(), self.build + 1), ("out", out.len(), self.keep)] {
            if got != expected {
                return Err(Error::Length { noun: Noun::Schedule, name, got, expected: expected.to_string() });
            }
        }
        if let Some((zero, levels)) = out.split_last_mut() {
            *zero = built[self.build];
            let above = &built[..self.build - usize::from(self.discards_penultimate)];
            levels.copy_from_slice(&above[above.len() - levels.len()..]);
        }
        Ok(())
    }

    /// The part to run of a list in a host's own form, whatever its length: at most [`Tail::keep`] values from its end.
    #[must_use]
    pub fn take_host(&self, built: &[f64]) -> Vec<f64> {
        let mut sigmas = built.to_vec();
        if self.discards_penultimate && sigmas.len() > 1 {
            sigmas.remove(sigmas.len() - 2);
        }
        sigmas.split_off(sigmas.len().saturating_sub(self.keep))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: inside 1 to MAX_STEPS")]
fn steps_over_denoise(steps: usize, denoise: f64) -> Result<usize> {
    let total = steps as f64 / denoise;
    if total < (MAX_STEPS + 1) as f64 {
        return Ok(total as usize);
    }
    Err(Error::Message {
        noun: Noun::Schedule,
        message: format!(
            "steps / denoise is {}; expected at most {MAX_STEPS}: raise denoise ({}) or lower steps ({steps})",
            Number(total),
            Number(denoise)
        ),
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "inside 0 to MAX_STEPS")]
fn rounded(value: f64) -> usize {
    value.round_ties_even() as usize
}
