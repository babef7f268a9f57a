//! Linear multistep methods on the probability-flow ODE `dx/dσ = (x − D) / σ`.

use super::{Form, Sampler, option, pairs};
use crate::error::Result;
use crate::numeric::adams_weights;
use crate::program::{Linear, Trace};
use crate::scalar::Scalar;

/// `x + Σ w_j d_{i−j}` with `weights(nodes, to)`, nodes newest first: as many as there are slopes so far, at most
/// `order`. With `lands` a step to zero is the denoised value.
pub(super) fn multistep<S: Scalar>(t: &mut Trace<S>, order: usize, lands: bool, weights: impl Fn(&[S], S) -> Vec<S>) {
    let mut x = t.start();
    let (mut nodes, mut slopes): (Vec<S>, Vec<Linear<S>>) = (Vec::new(), Vec::new());
    for (s, s_next) in pairs(t) {
        let den = t.denoise(&x, s);
        if lands && s_next.is_zero() {
            t.end_step(den);
            break;
        }
        nodes.insert(0, s);
        slopes.insert(0, (&x - den) / s);
        nodes.truncate(order);
        slopes.truncate(order);
        let step = weights(&nodes, s_next);
        x = t.end_step(slopes.iter().zip(step).fold(x, |sum, (d, w)| sum + d * w));
    }
}

/// Weights of equal steps, newest first, in units of the step. Hairer, Nørsett and Wanner, table III.1.1.
pub(super) const EQUAL_STEPS: [&[f64]; 4] = [
    &[1.0],
    &[3.0 / 2.0, -1.0 / 2.0],
    &[23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0],
    &[55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0],
];

pub(super) fn equal_steps<S: Scalar>(nodes: &[S], to: S) -> Vec<S> {
    let h = to - nodes[0];
    EQUAL_STEPS[nodes.len() - 1].iter().map(|&w| h * w).collect()
}

/// An order as a count: at least 1.
pub(super) fn any_order(name: &'static str, order: i64) -> Result<usize> {
    option(name, order as f64, order >= 1, "a whole number of at least 1")?;
    Ok(usize::try_from(order).unwrap_or(usize::MAX))
}

/// An order as a count, for a method whose weights are tabulated.
fn order_to_four(order: i64) -> Result<usize> {
    option("max_order", order as f64, (1..=4).contains(&order), "1 to 4")?;
    any_order("max_order", order)
}

/// Linear multistep: Adams–Bashforth in sigma with variable steps, exact weights. One model call per step, formula of
/// order `order`; the first steps have less history and lower order. Hairer, Nørsett and Wanner, section III.5; in
/// k-diffusion by Katherine Crowson.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lms {
    /// How many slopes are used, once there are that many.
    pub order: i64,
    /// Whether a last step to zero is the denoised value, as in `ComfyUI`; otherwise it extrapolates like the others,
    /// as in k-diffusion and diffusers.
    pub lower_order_final: bool,
}

impl Default for Lms {
    fn default() -> Self {
        Self { order: 4, lower_order_final: true }
    }
}

impl Sampler for Lms {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        multistep(t, any_order("order", self.order)?, self.lower_order_final, adams_weights);
        Ok(())
    }
}

/// iPNDM: Adams–Bashforth with the weights of equal steps on whatever steps there are. Order `max_order` on equal steps
/// of sigma, 2 on others. Zhang and Chen 2022 (arXiv:2204.13902), appendix H.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipndm {
    /// How many slopes are used, once there are that many: 1 to 4.
    pub max_order: i64,
}

impl Default for Ipndm {
    fn default() -> Self {
        Self { max_order: 4 }
    }
}

impl Sampler for Ipndm {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        multistep(t, order_to_four(self.max_order)?, true, equal_steps);
        Ok(())
    }
}

/// iPNDM with variable steps. [`Form::Exact`] is [`Lms`]; [`Form::Comfyui`] has the weights as published in
/// zju-pi/diff-sampler, which slip from the third order on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpndmV {
    /// How many slopes are used, once there are that many: 1 to 4.
    pub max_order: i64,
    /// Exact weights, or the published ones.
    pub form: Form,
}

impl Default for IpndmV {
    fn default() -> Self {
        Self { max_order: 4, form: Form::Exact }
    }
}

impl Sampler for IpndmV {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let order = order_to_four(self.max_order)?;
        match self.form {
            Form::Exact => multistep(t, order, true, adams_weights),
            Form::Comfyui => multistep(t, order, true, published),
        }
        Ok(())
    }
}

/// The published weights of `iPNDM_v`, over the last steps `h`, `h1`, `h2`, `h3`. In the third-order term the bracket
/// closes after the product where the formula has `(1 − h / 3(h + h1)) · product / 2`; the weight of the oldest slope
/// has `h1 / h2` where it needs `h2 / h3` beside it.
fn published<S: Scalar>(nodes: &[S], to: S) -> Vec<S> {
    let one = S::from(1.0);
    let h = to - nodes[0];
    let mut w = vec![one];
    if nodes.len() >= 2 {
        let r = h / (nodes[0] - nodes[1]) / 2.0;
        w = vec![r + 1.0, -r];
    }
    if nodes.len() >= 3 {
        let (h1, h2) = (nodes[0] - nodes[1], nodes[1] - nodes[2]);
        let product = h * (h + h1) / (h1 * (h1 + h2));
        let c = (one - h / ((h + h1) * 3.0) * product) / 2.0;
        let r1 = h1 / h2;
        w = vec![w[0] + c, w[1] - (r1 + 1.0) * c, c * r1];
        if nodes.len() == 4 {
            let h3 = nodes[2] - nodes[3];
            let q = h1 * (h1 + h2) / (h2 * (h2 + h3));
            let product = h * (h + h1) * (h + h1 + h2) / (h1 * (h1 + h2) * (h1 + h2 + h3));
            let inner = (one - h / ((h + h1) * 3.0)) / 2.0 + (one - h / ((h + h1) * 2.0)) * h / ((h + h1 + h2) * 6.0);
            let c = inner * product;
            w = vec![w[0] + c, w[1] - (r1 + q + 1.0) * c, w[2] + (r1 + q * (h2 / h3 + 1.0)) * c, -(c * q * r1)];
        }
    }
    w.into_iter().map(|v| h * v).collect()
}
