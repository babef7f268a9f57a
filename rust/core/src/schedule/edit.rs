//! Lists of sigmas made from other lists: split, flipped, joined, stretched, cut.

use std::f64::consts::FRAC_PI_2;

use super::MAX_STEPS;
use crate::error::{Error, Noun, Number, Result};

/// What a flipped list starts at in place of 0, from which a sampler could not step (ComfyUI's value).
const FLIPPED_ZERO: f64 = 1e-4;
/// Strength that counts as 1 in A1111.
const A1111_STRENGTH: f64 = 0.999;

/// How [`extend_sigmas`] spaces what it inserts.
pub const EXTENSIONS: [&str; 3] = ["linear", "cosine", "sine"];
/// The hosts whose rule [`strength_sigmas`] knows.
pub const STRENGTH_HOSTS: [&str; 3] = ["diffusers", "a1111", "stable_diffusion_cpp"];

fn values(sigmas: &[f64]) -> Result<()> {
    if sigmas.is_empty() || sigmas.len() > MAX_STEPS + 1 {
        let expected = format!("1 to {}", MAX_STEPS + 1);
        return Err(Error::Length { noun: Noun::Schedule, name: "sigmas", got: sigmas.len(), expected });
    }
    match sigmas.iter().position(|sigma| !(*sigma >= 0.0 && sigma.is_finite())) {
        None => Ok(()),
        Some(index) => {
            let (got, expected) = (sigmas[index], "a finite value, 0 or above");
            Err(Error::Element { noun: Noun::Schedule, name: "sigmas", index, got, expected })
        }
    }
}

fn fraction(name: &'static str, got: f64) -> Result<()> {
    if (0.0..=1.0).contains(&got) {
        return Ok(());
    }
    Err(Error::Parameter { noun: Noun::Schedule, name, got, expected: "0 to 1" })
}

fn level(name: &'static str, got: f64) -> Result<()> {
    if got >= 0.0 && got.is_finite() {
        return Ok(());
    }
    Err(Error::Parameter { noun: Noun::Schedule, name, got, expected: "a finite value, 0 or above" })
}

/// The list up to the level of that step, and the list from it on.
///
/// # Errors
/// A list that is empty or not made of levels; a step beyond it.
pub fn split_sigmas(sigmas: &[f64], step: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    values(sigmas)?;
    if step >= sigmas.len() {
        let message = format!("step is {step}; expected 0 to {}, the steps of the list", sigmas.len() - 1);
        return Err(Error::Message { noun: Noun::Schedule, message });
    }
    Ok((sigmas[..=step].to_vec(), sigmas[step..].to_vec()))
}

/// [`split_sigmas`] so that the second part has `round(steps * denoise)` steps (half to even).
///
/// # Errors
/// As there; `denoise` outside `[0, 1]`.
pub fn split_sigmas_denoise(sigmas: &[f64], denoise: f64) -> Result<(Vec<f64>, Vec<f64>)> {
    fraction("denoise", denoise)?;
    values(sigmas)?;
    let steps = sigmas.len() - 1;
    split_sigmas(sigmas, steps - whole((steps as f64 * denoise).round_ties_even()))
}

/// The list backwards, to walk from a picture to noise; a leading 0 becomes 0.0001.
///
/// # Errors
/// A list that is empty or not made of levels.
pub fn flip_sigmas(sigmas: &[f64]) -> Result<Vec<f64>> {
    values(sigmas)?;
    let mut flipped: Vec<f64> = sigmas.iter().rev().copied().collect();
    if flipped[0] == 0.0 {
        flipped[0] = FLIPPED_ZERO;
    }
    Ok(flipped)
}

/// One list after the other; a level that ends the first and starts the second is kept once.
///
/// # Errors
/// Lists that are empty or not made of levels; a second list that does not go on below the first.
pub fn concatenate_sigmas(first: &[f64], second: &[f64]) -> Result<Vec<f64>> {
    values(first)?;
    values(second)?;
    let (end, start) = (first[first.len() - 1], second[0]);
    if start > end {
        let message = format!(
            "the second list starts at {}; expected at most {}, the end of the first",
            Number(start),
            Number(end)
        );
        return Err(Error::Message { noun: Noun::Schedule, message });
    }
    let mut joined = first.to_vec();
    joined.extend_from_slice(&second[usize::from(start == end)..]);
    Ok(joined)
}

/// Every step that starts from `end_at` to `start_at` divided into `parts`, spaced `linear`ly, by a `cosine` (large
/// parts first) or by a `sine` (small parts first).
///
/// # Errors
/// A list that is empty or not made of levels; `parts` of 0 or beyond the most steps; `start_at` below `end_at`; an
/// unknown spacing.
pub fn extend_sigmas(sigmas: &[f64], parts: usize, start_at: f64, end_at: f64, spacing: &str) -> Result<Vec<f64>> {
    values(sigmas)?;
    if !(1..=MAX_STEPS).contains(&parts) || parts.saturating_mul(sigmas.len() - 1) > MAX_STEPS {
        let message = format!("parts is {parts}; expected 1 or more, and at most {MAX_STEPS} steps in all");
        return Err(Error::Message { noun: Noun::Schedule, message });
    }
    if start_at.is_nan() || end_at.is_nan() || start_at < end_at {
        let message = format!(
            "start_at is {} and end_at {}; expected start_at at or above end_at",
            Number(start_at),
            Number(end_at)
        );
        return Err(Error::Message { noun: Noun::Schedule, message });
    }
    let place: fn(f64) -> f64 = match spacing {
        "linear" => |x| x,
        "cosine" => |x| libm::sin(FRAC_PI_2 * x),
        "sine" => |x| 2.0 * libm::pow(libm::sin(0.5 * FRAC_PI_2 * x), 2.0),
        _ => {
            let (noun, got, known) = (Noun::Schedule, spacing.to_owned(), EXTENSIONS.to_vec());
            return Err(Error::Choice { noun, name: "spacing", got, known });
        }
    };
    let mut extended = Vec::with_capacity(sigmas.len());
    for pair in sigmas.windows(2) {
        extended.push(pair[0]);
        if (end_at..=start_at).contains(&pair[0]) {
            extended.extend((1..parts).map(|k| pair[0] + place(k as f64 / parts as f64) * (pair[1] - pair[0])));
        }
    }
    extended.push(sigmas[sigmas.len() - 1]);
    Ok(extended)
}

/// The list with another first level.
///
/// # Errors
/// A list that is empty or not made of levels; a level that is negative or not finite.
pub fn set_first_sigma(sigmas: &[f64], sigma: f64) -> Result<Vec<f64>> {
    values(sigmas)?;
    level("sigma", sigma)?;
    let mut changed = sigmas.to_vec();
    changed[0] = sigma;
    Ok(changed)
}

/// The list moved and stretched evenly so that it runs from `start` to `end`.
///
/// # Errors
/// A list whose ends are the same or that is not made of levels; an end that is negative or not finite.
pub fn rescale_sigmas(sigmas: &[f64], start: f64, end: f64) -> Result<Vec<f64>> {
    values(sigmas)?;
    level("start", start)?;
    level("end", end)?;
    let (top, bottom) = (sigmas[0], sigmas[sigmas.len() - 1]);
    if top == bottom {
        let message = format!("sigmas starts and ends at {}; expected two different ends to rescale", Number(top));
        return Err(Error::Message { noun: Noun::Schedule, message });
    }
    Ok(sigmas.iter().map(|sigma| ((sigma - bottom) * start + (top - sigma) * end) / (top - bottom)).collect())
}

/// The levels of the list from `end` to `start`.
///
/// # Errors
/// A list that is empty or not made of levels; an end that is negative or not finite; no level in between.
pub fn truncate_sigmas(sigmas: &[f64], start: f64, end: f64) -> Result<Vec<f64>> {
    values(sigmas)?;
    level("start", start)?;
    level("end", end)?;
    let kept: Vec<f64> = sigmas.iter().copied().filter(|sigma| (end..=start).contains(sigma)).collect();
    if kept.is_empty() {
        let message = format!(
            "start is {} and end {}; expected a range with at least one level of sigmas",
            Number(start),
            Number(end)
        );
        return Err(Error::Message { noun: Noun::Schedule, message });
    }
    Ok(kept)
}

/// The end of a schedule that a host runs on a picture at that strength: `diffusers` its last `int(steps * strength)`
/// steps; `a1111` and `stable_diffusion_cpp` one more than that, at most all.
///
/// # Errors
/// A list that is empty or not made of levels; `strength` outside `[0, 1]`; an unknown host.
pub fn strength_sigmas(sigmas: &[f64], strength: f64, host: &str) -> Result<Vec<f64>> {
    values(sigmas)?;
    fraction("strength", strength)?;
    let steps = sigmas.len() - 1;
    let run = match host {
        "diffusers" => whole(steps as f64 * strength),
        "a1111" => whole(steps as f64 * strength.min(A1111_STRENGTH)) + 1,
        "stable_diffusion_cpp" => whole(steps as f64 * strength) + 1,
        _ => {
            let (noun, got, known) = (Noun::Schedule, host.to_owned(), STRENGTH_HOSTS.to_vec());
            return Err(Error::Choice { noun, name: "host", got, known });
        }
    };
    Ok(sigmas[steps - run.min(steps)..].to_vec())
}

/// The part of a schedule from `start_step` to `last_step`, as ComfyUI's advanced sampler runs it; with
/// `force_full_denoise` a part that stops early ends at 0 all the same. Empty where nothing is left to run.
///
/// # Errors
/// A list that is empty or not made of levels.
pub fn step_range_sigmas(
    sigmas: &[f64],
    start_step: usize,
    last_step: usize,
    force_full_denoise: bool,
) -> Result<Vec<f64>> {
    values(sigmas)?;
    let last = last_step.min(sigmas.len() - 1);
    if start_step >= last {
        return Ok(Vec::new());
    }
    let mut part = sigmas[start_step..=last].to_vec();
    if last < sigmas.len() - 1 && force_full_denoise {
        part[last - start_step] = 0.0;
    }
    Ok(part)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a list's length")]
fn whole(value: f64) -> usize {
    value as usize
}
