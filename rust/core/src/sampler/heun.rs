//! Heun's method on the probability-flow ODE, with optional churn.

use super::{Churn, Sampler, pairs};
use crate::error::Result;
use crate::program::Trace;
use crate::scalar::Scalar;

/// Heun's method (explicit trapezoid): two model calls per step, one in the last, order 2. Karras et al. 2022
/// (arXiv:2206.00364), algorithms 1 and 2.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Heun {
    /// Churn; none by default.
    pub churn: Churn,
}

impl Sampler for Heun {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        self.churn.check()?;
        let mut x = t.start();
        for (s, s_next) in pairs(t) {
            let (x_hat, s_hat) = self.churn.apply(t, x, s);
            let den = t.denoise(&x_hat, s_hat);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let h = s_next - s_hat;
            let d = (&x_hat - den) / s_hat;
            let guess = &x_hat + &d * h;
            let d_next = (&guess - t.denoise(&guess, s_next)) / s_next;
            x = t.end_step(x_hat + (d + d_next) * (h * 0.5));
        }
        Ok(())
    }
}
