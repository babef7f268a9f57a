//! RES: exponential Runge–Kutta steps in `λ = −ln σ`, and the multistep methods that start with them.
//!
//! In λ the ODE is `dx/dλ = D − x`, for a flow too; its linear part is solved exactly.

use super::{Sampler, count, option, pairs};
use crate::error::Result;
use crate::numeric::{decayed_lagrange_integrals, phi};
use crate::program::{Linear, Trace};
use crate::scalar::Scalar;

/// A step from x at `s`, where the denoised value is `den`, to `s_next`, of length `h` in λ.
struct Step<'a, S> {
    x: &'a Linear<S>,
    den: &'a Linear<S>,
    s: S,
    s_next: S,
    h: S,
}

impl<'a, S: Scalar> Step<'a, S> {
    fn new(x: &'a Linear<S>, den: &'a Linear<S>, s: S, s_next: S) -> Self {
        Self { x, den, s, s_next, h: (s / s_next).ln() }
    }

    /// The level after the share `c` of the step.
    fn level(&self, c: f64) -> S {
        if c == 1.0 { self.s_next } else { self.s * (self.h * -c).exp() }
    }

    /// x at that level: `e^{−ch} x + (1 − e^{−ch}) D`, with `others` of another weight in place of as much D.
    fn at(&self, c: f64, others: &[(&Linear<S>, S)]) -> Linear<S> {
        let mut own = -(self.h * -c).exp_m1();
        let mut sum = self.x * (self.level(c) / self.s);
        for &(den, weight) in others {
            own = own - weight;
            sum = sum + den * weight;
        }
        sum + self.den * own
    }

    /// `h φ₂(−ch)`.
    fn phi_2(&self, c: f64) -> S {
        phi(2, self.h * -c) * self.h
    }

    fn two_stages(&self, t: &mut Trace<S>, c2: f64) -> Linear<S> {
        let den_2 = t.denoise(&self.at(c2, &[]), self.level(c2));
        self.at(1.0, &[(&den_2, self.phi_2(1.0) / c2)])
    }

    fn three_stages(&self, t: &mut Trace<S>, c2: f64, c3: f64) -> Linear<S> {
        let gamma = c3 * (3.0 * c3 - 2.0) / (c2 * (2.0 - 3.0 * c2));
        let den_2 = t.denoise(&self.at(c2, &[]), self.level(c2));
        let a32 = self.phi_2(c2) * (gamma * c2) + self.phi_2(c3) * (c3 * c3 / c2);
        let den_3 = t.denoise(&self.at(c3, &[(&den_2, a32)]), self.level(c3));
        let b3 = self.phi_2(1.0) / (gamma * c2 + c3);
        self.at(1.0, &[(&den_2, b3 * gamma), (&den_3, b3)])
    }
}

fn check_c2(c2: f64) -> Result<()> {
    option("c2", c2, c2 > 0.0 && c2 <= 1.0, "above 0, at most 1")
}

/// RES 2s: two stages, two model calls per step, order 2. Hochbruck and Ostermann 2005 (doi:10.1137/040611434), section
/// 5.1, which Zhang et al. 2023 (arXiv:2308.02157), algorithm 1, call the refined exponential solver.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Res2s {
    /// Where in the step, in λ, the second stage is.
    pub c2: f64,
}

impl Default for Res2s {
    fn default() -> Self {
        Self { c2: 0.5 }
    }
}

impl Sampler for Res2s {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        check_c2(self.c2)?;
        let mut x = t.start();
        for (s, s_next) in pairs(t) {
            let den = t.denoise(&x, s);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let next = Step::new(&x, &den, s, s_next).two_stages(t, self.c2);
            x = t.end_step(next);
        }
        Ok(())
    }
}

/// RES 3s: three stages, three model calls per step, order 3. Hochbruck and Ostermann 2005 (doi:10.1137/040611434),
/// section 5.2, whose condition `2 (γ c₂ + c₃) = 3 (γ c₂² + c₃²)` gives γ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Res3s {
    /// Where in the step, in λ, the second stage is.
    pub c2: f64,
    /// Where the third is.
    pub c3: f64,
}

impl Default for Res3s {
    fn default() -> Self {
        Self { c2: 0.5, c3: 1.0 }
    }
}

impl Sampler for Res3s {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let Self { c2, c3 } = *self;
        option("c2", c2, c2 > 0.0 && c2 < 2.0 / 3.0, "between 0 and 2/3")?;
        option("c3", c3, c3 > c2 && c3 <= 1.0, "above c2, at most 1")?;
        let mut x = t.start();
        for (s, s_next) in pairs(t) {
            let den = t.denoise(&x, s);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let next = Step::new(&x, &den, s, s_next).three_stages(t, c2, c3);
            x = t.end_step(next);
        }
        Ok(())
    }
}

/// RES 2m and 3m: the exponential Adams methods, which integrate the polynomial through the last `order` denoised
/// values exactly, one model call per step. Zhang et al. 2023 (arXiv:2308.02157), algorithm 2; Hochbruck and Ostermann
/// 2010 (doi:10.1017/S0962492910000048), section 2.5. The first `order − 1` steps are [`Res2s`] or [`Res3s`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResM {
    /// 2 or 3.
    pub order: i64,
}

impl Sampler for ResM {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let order = count("order", self.order, 2, 3, "2 or 3")?;
        let mut x = t.start();
        // Levels and denoised values, newest first.
        let mut known: Vec<(S, Linear<S>)> = Vec::with_capacity(order);
        for (s, s_next) in pairs(t) {
            let den = t.denoise(&x, s);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            known.insert(0, (s, den.clone()));
            known.truncate(order);
            let step = Step::new(&x, &den, s, s_next);
            let next = if known.len() == order {
                let points: Vec<S> = known.iter().map(|(level, _)| -(*level / s).ln() / step.h).collect();
                let weights = decayed_lagrange_integrals(&points, step.h);
                known.iter().zip(weights).fold(&x * (s_next / s), |sum, ((_, den), weight)| sum + den * weight)
            } else if order == 2 {
                step.two_stages(t, Res2s::default().c2)
            } else {
                let Res3s { c2, c3 } = Res3s::default();
                step.three_stages(t, c2, c3)
            };
            x = t.end_step(next);
        }
        Ok(())
    }
}
