//! DPM-Solver: exponential integrators in `λ = −ln σ` that predict the noise, single-step, of orders 1 to 3.

use super::euler::{Ancestral, ancestral_ve};
use super::{Sampler, non_negative, option};
use crate::error::{Error, Noun, Result};
use crate::numeric::phi;
use crate::program::{Linear, Trace};
use crate::scalar::Scalar;

/// The predicted noise.
fn predicted<S: Scalar>(x: &Linear<S>, den: Linear<S>, s: S) -> Linear<S> {
    (x - den) / s
}

/// DPM-Solver-1, from `s` to `s_next`: Lu et al. 2022 (arXiv:2206.00927), equation 3.7.
fn first<S: Scalar>(x: &Linear<S>, eps: &Linear<S>, s: S, s_next: S) -> Linear<S> {
    x - eps * (s - s_next)
}

/// DPM-Solver-2 given the noise at a share `r` of the step in `λ`: the paper's algorithm 1.
fn second<S: Scalar>(x: &Linear<S>, eps: &Linear<S>, eps_r: &Linear<S>, r: f64, s: S, s_next: S) -> Linear<S> {
    first(x, eps, s, s_next) - (eps_r - eps) * ((s - s_next) / (2.0 * r))
}

/// A step of order 3, the paper's algorithm 2 with `r_1` = 1/3 and `r_2` = 2/3: `.0` the result of order 3, `.1` the one
/// of order 2 that its first two model calls give.
fn third<S: Scalar>(t: &mut Trace<S>, x: &Linear<S>, eps: &Linear<S>, s: S, s_next: S) -> (Linear<S>, Linear<S>) {
    const R_1: f64 = 1.0 / 3.0;
    const R_2: f64 = 2.0 / 3.0;
    let h = (s / s_next).ln();
    let (s_1, s_2) = (s * (h * -R_1).exp(), s * (h * -R_2).exp());
    let u_1 = first(x, eps, s, s_1);
    let eps_1 = predicted(&u_1, t.denoise(&u_1, s_1), s_1);
    let u_2 = first(x, eps, s, s_2) - (&eps_1 - eps) * (s_2 * (R_2 / R_1) * phi(2, h * R_2) * h * R_2);
    let eps_2 = predicted(&u_2, t.denoise(&u_2, s_2), s_2);
    let high = first(x, eps, s, s_next) - (eps_2 - eps) * (s_next * phi(2, h) * h / R_2);
    (high, second(x, eps, &eps_1, R_1, s, s_next))
}

/// A step of order 2 in the middle of the step: `.0` its result, `.1` the one of order 1.
fn middle<S: Scalar>(t: &mut Trace<S>, x: &Linear<S>, eps: &Linear<S>, s: S, s_next: S) -> (Linear<S>, Linear<S>) {
    let s_1 = s.sqrt() * s_next.sqrt();
    let u_1 = first(x, eps, s, s_1);
    let eps_1 = predicted(&u_1, t.denoise(&u_1, s_1), s_1);
    (second(x, eps, &eps_1, 0.5, s, s_next), first(x, eps, s, s_next))
}

/// DPM-Solver-fast: as many model calls as the schedule has steps, in steps of order 3 and one or two of lower order,
/// evenly in log sigma between the first and the last positive sigma, where it ends. The sigmas in between are not
/// used. Lu et al. 2022 (arXiv:2206.00927), appendix D.3; with noise as k-diffusion has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DpmFast {
    /// Share of the noise that is replaced; none by default.
    pub eta: f64,
    /// Standard deviation of the fresh noise.
    pub s_noise: f64,
}

impl Default for DpmFast {
    fn default() -> Self {
        Self { eta: 0.0, s_noise: 1.0 }
    }
}

/// The ends a method walks between that never reaches zero.
///
/// # Errors
/// There is nothing between them.
pub(super) fn positive_ends<S: Scalar>(sigmas: &[S]) -> Result<(S, S)> {
    let last = sigmas.len() - 1;
    let end = if sigmas[last].is_zero() { last - 1 } else { last };
    if end == 0 {
        let message = format!(
            "sigmas are {} and 0; expected two positive ones, as this method ends at the last above 0",
            sigmas[0].value()
        );
        return Err(Error::Message { noun: Noun::Sampler, message });
    }
    Ok((sigmas[0], sigmas[end]))
}

impl Sampler for DpmFast {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        non_negative("eta", self.eta)?;
        non_negative("s_noise", self.s_noise)?;
        if t.is_flow() {
            option("eta", self.eta, self.eta == 0.0, "0 for a flow: its noise is defined for x = x0 + sigma * noise")?;
        }
        let (top, bottom) = positive_ends(t.sigmas())?;
        let calls = t.sigmas().len() - 1;
        let orders: Vec<usize> = match calls % 3 {
            0 => [vec![3; calls / 3 - 1], vec![2, 1]].concat(),
            rest => [vec![3; calls / 3], vec![rest]].concat(),
        };
        let steps = orders.len();
        let h = (top / bottom).ln();
        let inner = |i: usize| top * (h * -(i as f64 / steps as f64)).exp();
        let levels: Vec<S> = [vec![top], (1..steps).map(inner).collect(), vec![bottom]].concat();
        t.set_levels(levels.clone())?;
        let mut x = t.start();
        for (i, order) in orders.into_iter().enumerate() {
            let (s, s_next) = (levels[i], levels[i + 1]);
            let noisy = self.eta > 0.0 && i + 1 < steps; // the last step has no level below it to go down to
            let (mut down, mut up) = (s_next, S::from(0.0));
            if noisy {
                Ancestral { down, up, .. } = ancestral_ve(s, s_next, self.eta);
                if down < bottom {
                    (down, up) = (bottom, ((s_next - bottom) * (s_next + bottom)).sqrt());
                }
            }
            let den = t.denoise(&x, s);
            let eps = predicted(&x, den, s);
            let mut next = match order {
                1 => first(&x, &eps, s, down),
                2 => middle(t, &x, &eps, s, down).0,
                _ => third(t, &x, &eps, s, down).0,
            };
            if noisy {
                next = next + t.noise(s, s_next) * (up * self.s_noise);
            }
            x = t.end_step(next);
        }
        Ok(())
    }
}

/// One step of DPM-Solver-12 or -23 from the first sigma to the second, as two results at the second: of the lower
/// order, then of the higher.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct EmbeddedPair {
    /// The higher order, 2 or 3.
    pub(super) order: u32,
}

impl Sampler for EmbeddedPair {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let (s, s_next) = (t.sigmas()[0], t.sigmas()[1]);
        t.set_levels(vec![s, s_next, s_next])?;
        let x = t.start();
        let den = t.denoise(&x, s);
        let eps = predicted(&x, den, s);
        let (high, low) = if self.order == 2 { middle(t, &x, &eps, s, s_next) } else { third(t, &x, &eps, s, s_next) };
        t.end_step(low);
        t.end_step(high);
        Ok(())
    }
}
