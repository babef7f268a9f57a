//! Pseudo numerical methods.

use super::adams::equal_steps;
use super::{Sampler, pairs};
use crate::error::{Error, Noun, Result};
use crate::program::{Linear, Trace};
use crate::scalar::Scalar;

/// How [`Pndm`] makes its first slopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PndmStart {
    /// One step of the improved Euler method, then orders 2 and 3: PLMS, one extra model call.
    #[default]
    ImprovedEuler,
    /// Three steps of the classical Runge–Kutta method, nine extra model calls.
    RungeKutta,
}

impl PndmStart {
    /// The start of that name.
    ///
    /// # Errors
    /// Any other word.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "improved_euler" => Ok(Self::ImprovedEuler),
            "runge_kutta" => Ok(Self::RungeKutta),
            _ => Err(Error::Choice {
                noun: Noun::Sampler,
                name: "start",
                got: name.to_owned(),
                known: vec!["improved_euler", "runge_kutta"],
            }),
        }
    }

    fn steps(self) -> usize {
        match self {
            Self::ImprovedEuler => 1,
            Self::RungeKutta => 3,
        }
    }
}

/// PNDM: the four-step formula of equal steps on the noise prediction, order 2. Liu et al. 2022 (arXiv:2202.09778),
/// equations 11 to 13: their transfer from one time to another is, in sigma, Euler's step. A step to zero during the
/// start is the denoised value; the Runge–Kutta start takes its middle in sigma, where the paper takes it in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pndm {
    /// How the first slopes are made.
    pub start: PndmStart,
}

impl Sampler for Pndm {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let mut x = t.start();
        let mut slopes: Vec<Linear<S>> = Vec::new();
        let mut nodes: Vec<S> = Vec::new();
        for (i, (s, s_next)) in pairs(t).into_iter().enumerate() {
            let den = t.denoise(&x, s);
            let starting = i < self.start.steps();
            if starting && s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let h = s_next - s;
            let d = (&x - den) / s;
            nodes.insert(0, s);
            slopes.insert(0, d.clone());
            nodes.truncate(4);
            slopes.truncate(4);
            let next = match self.start {
                PndmStart::ImprovedEuler if starting => {
                    let d2 = slope(t, &(&x + &d * h), s_next);
                    x + (d + d2) * (h * 0.5)
                }
                PndmStart::RungeKutta if starting => {
                    let middle = (s + s_next) * 0.5;
                    let d2 = slope(t, &(&x + &d * (h * 0.5)), middle);
                    let d3 = slope(t, &(&x + &d2 * (h * 0.5)), middle);
                    let d4 = slope(t, &(&x + &d3 * h), s_next);
                    x + (d + (d2 + d3) * S::from(2.0) + d4) * (h / 6.0)
                }
                _ => slopes.iter().zip(equal_steps(&nodes, s_next)).fold(x, |sum, (d, w)| sum + d * w),
            };
            x = t.end_step(next);
        }
        Ok(())
    }
}

/// The slope at `x`, which becomes a tensor.
fn slope<S: Scalar>(t: &mut Trace<S>, x: &Linear<S>, s: S) -> Linear<S> {
    let x = t.hold(x);
    let den = t.denoise(&x, s);
    (x - den) / s
}
