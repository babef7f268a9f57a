//! The process of a consistency-distilled network (Luo et al., "Latent Consistency Models", arXiv 2310.04378, section
//! 4.3): every `skip`-th level of its teacher's table, counted from the noisy end, in the teacher's time.

use super::{DiscreteProcess, Family, Lookup, NoiseProcess, map, percent_ends};
use crate::error::{Error, Noun, Result};
use crate::process::BEFORE_START;

/// A part of a [`DiscreteProcess`]; time is the index into the teacher's table.
#[derive(Debug, Clone, PartialEq)]
pub struct DistilledProcess {
    levels: DiscreteProcess,
    /// The teacher's last index, the index of the first level kept, and the stride between levels.
    last: f64,
    first: f64,
    skip: f64,
}

impl DistilledProcess {
    /// `original_timesteps` levels of the teacher.
    ///
    /// # Errors
    /// Fewer than 2 levels, or more than the teacher has.
    pub fn new(teacher: &DiscreteProcess, original_timesteps: usize) -> Result<Self> {
        let table = teacher.table();
        if !(2..=table.len()).contains(&original_timesteps) {
            let message = format!(
                "original_timesteps is {original_timesteps}; expected 2 to {}, the teacher's timesteps",
                table.len()
            );
            return Err(Error::Message { noun: Noun::Process, message });
        }
        let (skip, last) = (table.len() / original_timesteps, table.len() - 1);
        let first = last - (original_timesteps - 1) * skip;
        let kept: Vec<f64> = table[first..].iter().copied().step_by(skip).collect();
        let (last, first, skip) = (last as f64, first as f64, skip as f64);
        Ok(Self { levels: DiscreteProcess::from_sigmas(&kept)?, last, first, skip })
    }
}

impl NoiseProcess for DistilledProcess {
    fn family(&self) -> Family {
        Family::Vp
    }

    fn sigma_min(&self) -> f64 {
        self.levels.sigma_min()
    }

    fn sigma_max(&self) -> f64 {
        self.levels.sigma_max()
    }

    fn sigmas(&self) -> Option<&[f64]> {
        self.levels.sigmas()
    }

    fn sigma(&self, t: &[f64], out: &mut [f64]) -> Result<()> {
        let (first, last, skip) = (self.first, self.last, self.skip);
        let range = || format!("{first} to {last} (the teacher's times of the first and the last level)");
        map("t", t, out, |t| (first..=last).contains(&t), range, |t| self.levels.level((t - first) / skip))
    }

    fn timestep(&self, sigma: &[f64], lookup: Lookup, out: &mut [f64]) -> Result<()> {
        self.levels.timestep(sigma, lookup, out)?;
        for t in out {
            *t = self.first + *t * self.skip;
        }
        Ok(())
    }

    fn percent_to_sigma(&self, percent: f64) -> Result<f64> {
        Ok(percent_ends(percent, BEFORE_START)?
            .unwrap_or_else(|| self.levels.level((((1.0 - percent) * self.last - self.first) / self.skip).max(0.0))))
    }
}
