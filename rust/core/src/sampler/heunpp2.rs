//! Heun++: a mean of the slopes at the coming levels.

use super::{Churn, Sampler, pairs};
use crate::error::Result;
use crate::program::Trace;
use crate::scalar::Scalar;

/// Heun++: up to three model calls per step, the slopes at the next levels weighed by `sigma / (k sigma_0)` and the
/// first by the rest, order 1. After Li et al. 2023 (arXiv:2306.08964), with `ComfyUI`'s weights. Two calls in the last
/// but one step, one in the last.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Heunpp2 {
    /// Churn; none by default.
    pub churn: Churn,
}

impl Sampler for Heunpp2 {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        self.churn.check()?;
        let mut x = t.start();
        let steps = pairs(t);
        let first = steps[0].0;
        for (i, &(s, s_next)) in steps.iter().enumerate() {
            let (x_hat, s_hat) = self.churn.apply(t, x, s);
            let den = t.denoise(&x_hat, s_hat);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let h = s_next - s_hat;
            let d = (&x_hat - den) / s_hat;
            let Some(&(_, s_after)) = steps.get(i + 1) else {
                x = t.end_step(x_hat + d * h);
                continue;
            };
            let guess = &x_hat + &d * h;
            let d_2 = (&guess - t.denoise(&guess, s_next)) / s_next;
            if i + 2 == steps.len() {
                let w_2 = s_next / (first * 2.0);
                x = t.end_step(x_hat + (d * (-w_2 + 1.0) + d_2 * w_2) * h);
                continue;
            }
            let guess = guess + &d_2 * (s_after - s_next);
            let d_3 = (&guess - t.denoise(&guess, s_after)) / s_after;
            let (w_2, w_3) = (s_next / (first * 3.0), s_after / (first * 3.0));
            x = t.end_step(x_hat + (d * (-w_2 - w_3 + 1.0) + d_2 * w_2 + d_3 * w_3) * h);
        }
        Ok(())
    }
}
