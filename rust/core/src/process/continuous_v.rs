//! The continuous process of v-prediction networks that are told an angle: `t = (2 / pi) atan(sigma)`, the angle of
//! Salimans & Ho, "Progressive Distillation" (arXiv 2202.00512), appendix D, as a fraction of the right one.

use std::f64::consts::FRAC_PI_2;

use super::continuous::{ContinuousProcess, TimeMap, positive};
use super::{Family, map};
use crate::error::Result;

/// Continuous, variance preserving: `t = (2 / pi) atan(sigma)`, `sigma = tan(pi t / 2)`.
pub type ContinuousVProcess = ContinuousProcess<AngleFraction>;

/// `t = (2 / pi) atan(sigma)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AngleFraction;

impl TimeMap for AngleFraction {
    const FAMILY: Family = Family::Vp;

    fn sigma(t: &[f64], _sigma_max: f64, out: &mut [f64]) -> Result<()> {
        let range = || "0 to 1, 1 excluded".to_owned();
        map("t", t, out, |t| (0.0..1.0).contains(&t), range, |t| libm::tan(t * FRAC_PI_2))
    }

    fn time(sigma: &[f64], out: &mut [f64]) -> Result<()> {
        positive(sigma, out, |s| libm::atan(s) / FRAC_PI_2)
    }
}
