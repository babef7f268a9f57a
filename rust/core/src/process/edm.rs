//! The continuous process of Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models"
//! (arXiv 2206.00364), table 1, column "Ours": variance exploding, `c_noise = ln(sigma) / 4`.

use super::continuous::{ContinuousProcess, TimeMap, positive};
use super::{Family, exp, ln, map};
use crate::error::Result;

/// Continuous, variance exploding: `t = ln(sigma) / 4`, `sigma = exp(4 t)`.
pub type EdmProcess = ContinuousProcess<QuarterLog>;

/// `t = ln(sigma) / 4`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuarterLog;

impl TimeMap for QuarterLog {
    const FAMILY: Family = Family::Ve;

    fn sigma(t: &[f64], _sigma_max: f64, out: &mut [f64]) -> Result<()> {
        // Beyond 175 exp(4 t) leaves float64.
        let range = || "ln(sigma) / 4, within -175 to 175".to_owned();
        map("t", t, out, |t| t.abs() <= 175.0, range, |t| 4.0 * t)?;
        exp(out);
        Ok(())
    }

    fn time(sigma: &[f64], out: &mut [f64]) -> Result<()> {
        positive(sigma, out, |s| s)?;
        ln(out);
        for t in out {
            *t *= 0.25;
        }
        Ok(())
    }
}
