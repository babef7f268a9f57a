//! The process of NVIDIA's Cosmos (arXiv 2501.03575): the noise-to-signal ratios of EDM, told as the time of a rectified
//! flow, `t = sigma / (sigma + 1)`.

use super::continuous::{ContinuousProcess, TimeMap, positive};
use super::{Family, map};
use crate::error::Result;

/// Continuous, variance exploding: `t = sigma / (sigma + 1)`, `sigma = t / (1 - t)`, at most `sigma_max`.
pub type CosmosProcess = ContinuousProcess<FlowTime>;

/// `t = sigma / (sigma + 1)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlowTime;

impl TimeMap for FlowTime {
    const FAMILY: Family = Family::Ve;

    fn sigma(t: &[f64], sigma_max: f64, out: &mut [f64]) -> Result<()> {
        let valid = |t: f64| (0.0..=1.0).contains(&t);
        map("t", t, out, valid, || "0 to 1".to_owned(), |t| (t / (1.0 - t)).min(sigma_max))
    }

    fn time(sigma: &[f64], out: &mut [f64]) -> Result<()> {
        positive(sigma, out, |s| s / (s + 1.0))
    }
}
