//! Published tables of other optimisers, and anybody's own.

use std::sync::LazyLock;

use super::{LogTable, finish, levels};
use crate::error::{Error, Noun, Result};

/// A table of levels, log-linearly interpolated to the steps asked for.
///
/// With `replace_last` to `steps + 1` points, the lowest of which gives way to the zero, as hosts do with published
/// tables; else to `steps` points with the zero after them, so that no level is lost. One step is the top, then 0.
///
/// # Errors
/// The step count outside its limits.
pub fn tabulated(table: &LogTable, replace_last: bool, out: &mut [f64]) -> Result<()> {
    let steps = levels(out)?.len();
    table.resample(if replace_last { &mut *out } else { &mut out[..steps] })?;
    out[0] = table.values()[0];
    finish(out)
}

/// The models with a table of optimal steps, in the order of [`OPTIMAL`].
pub const OPTIMAL_STEPS_MODELS: [&str; 3] = ["flux", "wan", "chroma"];

/// Pei, Hu & Gu, "Optimal Stepsize for Diffusion Sampling" (arXiv 2503.21774), as ComfyUI ships them.
static OPTIMAL: LazyLock<[LogTable; 3]> = LazyLock::new(|| {
    [
        vec![0.9968, 0.9886, 0.9819, 0.975, 0.966, 0.9471, 0.9158, 0.8287, 0.5512, 0.2808, 0.001],
        vec![
            1.0, 0.997, 0.995, 0.993, 0.991, 0.989, 0.987, 0.985, 0.98, 0.975, 0.973, 0.968, 0.96, 0.946, 0.927, 0.902,
            0.864, 0.776, 0.539, 0.208, 0.001,
        ],
        vec![
            0.992, 0.99, 0.988, 0.985, 0.982, 0.978, 0.973, 0.968, 0.961, 0.953, 0.943, 0.931, 0.917, 0.9, 0.881,
            0.858, 0.832, 0.802, 0.769, 0.731, 0.69, 0.646, 0.599, 0.55, 0.501, 0.451, 0.402, 0.355, 0.311, 0.27,
            0.232, 0.199, 0.169, 0.143, 0.12, 0.101, 0.084, 0.07, 0.058, 0.048, 0.001,
        ],
    ]
    .map(|levels| LogTable::new(levels).expect("published tables descend"))
});

/// The model's table, its last level replaced by 0, log-linearly interpolated to other step counts.
///
/// # Errors
/// [`Error::Choice`] for an unknown model, or the step count outside its limits.
pub fn optimal_steps(model: &str, out: &mut [f64]) -> Result<()> {
    let Some(index) = OPTIMAL_STEPS_MODELS.iter().position(|&known| known == model) else {
        return Err(Error::Choice {
            noun: Noun::Schedule,
            name: "model",
            got: model.to_owned(),
            known: OPTIMAL_STEPS_MODELS.to_vec(),
        });
    };
    tabulated(&OPTIMAL[index], true, out)
}

/// Fewest steps that GITS was searched for.
const GITS_FEWEST: usize = 2;
/// Most steps that GITS was searched for.
const GITS_MOST: usize = 20;

/// Chen et al., "On the Trajectory Regularity of ODE-based Diffusion Sampling" (arXiv 2405.11326), for the range of
/// Stable Diffusion: one row per coefficient (in hundredths) and number of steps.
static GITS: LazyLock<Vec<(u32, Vec<LogTable>)>> = LazyLock::new(|| {
    let mut tables: Vec<(u32, Vec<LogTable>)> = Vec::new();
    for line in include_str!("gits.txt").lines() {
        let mut words = line.split(' ');
        let digits: String = words.next().unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
        let coefficient = digits.parse().expect("a coefficient leads its row");
        let levels = words.map(|word| word.parse().expect("rows are numbers")).collect();
        let table = LogTable::new(levels).expect("published tables descend");
        match tables.last_mut() {
            Some((known, rows)) if *known == coefficient => rows.push(table),
            _ => tables.push((coefficient, vec![table])),
        }
    }
    tables
});

/// The row of that coefficient for the number of steps, its last level replaced by 0.
///
/// Above 20 steps the row of 20 is interpolated log-linearly; one step is the top, then 0.
///
/// # Errors
/// [`Error::Parameter`] for a coefficient without a table (0.80 to 1.50 in steps of 0.05), or the step count outside its
/// limits.
pub fn gits(coefficient: f64, out: &mut [f64]) -> Result<()> {
    let steps = levels(out)?.len();
    let hundredths = (coefficient * 100.0).round();
    let rows = GITS.iter().find(|(known, _)| f64::from(*known) == hundredths);
    let Some((_, rows)) = rows.filter(|_| (coefficient * 100.0 - hundredths).abs() < 1e-6) else {
        let expected = "0.80 to 1.50 in steps of 0.05";
        return Err(Error::Parameter { noun: Noun::Schedule, name: "coefficient", got: coefficient, expected });
    };
    tabulated(&rows[steps.clamp(GITS_FEWEST, GITS_MOST) - GITS_FEWEST], true, out)
}
