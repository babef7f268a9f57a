//! `TrigFlow`, Lu & Song, "Simplifying, Stabilizing and Scaling Continuous-Time Consistency Models" (arXiv 2410.11081),
//! section 3: `x_t = cos(t) x0 + sin(t) z`, so `sigma = tan(t)` where data and noise have one deviation.

use std::f64::consts::FRAC_PI_2;

use super::continuous::{ContinuousProcess, TimeMap, positive};
use super::{Family, map};
use crate::error::Result;

/// Continuous, variance preserving: `t = atan(sigma)`, `sigma = tan(t)`, in units of the data's deviation.
pub type TrigFlowProcess = ContinuousProcess<Angle>;

/// `t = atan(sigma)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Angle;

impl TimeMap for Angle {
    const FAMILY: Family = Family::Vp;

    fn sigma(t: &[f64], _sigma_max: f64, out: &mut [f64]) -> Result<()> {
        map("t", t, out, |t| (0.0..FRAC_PI_2).contains(&t), || "0 to pi / 2, excluded".to_owned(), libm::tan)
    }

    fn time(sigma: &[f64], out: &mut [f64]) -> Result<()> {
        positive(sigma, out, libm::atan)
    }
}
