//! DPM-Solver and DPM-Solver++ of order 1 to 3, multistep and singlestep: exponential integrators in half log-SNR `λ`
//! that predict the noise or the denoised value.

use super::{Curve, Sampler, SolverType, half_log_snr_step, option, snr_pairs};
use crate::error::{Error, Noun, Result};
use crate::numeric::phi;
use crate::program::{Linear, Trace};
use crate::scalar::Scalar;

/// What [`DpmSolver`] takes to vary slowly along a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Predicts {
    /// The noise: DPM-Solver. Lu et al. 2022 (arXiv:2206.00927).
    Noise,
    /// The denoised value: DPM-Solver++. Lu et al. 2022 (arXiv:2211.01095).
    Denoised,
}

/// Where [`DpmSolver`] takes its other predictions from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steps {
    /// From the steps before.
    Multistep,
    /// From the levels inside a block of as many steps as the order, which the method crosses from its start.
    Singlestep,
}

/// How the second difference of the multistep form of order 3 enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SecondDifference {
    /// As the second derivative of the parabola through three predictions.
    #[default]
    Exact,
    /// Half of it, as the authors' code, k-diffusion and diffusers have it: the formula is then of order 2.
    Halved,
}

impl SecondDifference {
    /// The form of that name.
    ///
    /// # Errors
    /// Any other word.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "exact" => Ok(Self::Exact),
            "diffusers" => Ok(Self::Halved),
            _ => Err(Error::Choice {
                noun: Noun::Sampler,
                name: "form",
                got: name.to_owned(),
                known: vec!["exact", "diffusers"],
            }),
        }
    }
}

/// DPM-Solver and DPM-Solver++: one model call per step. A step integrates the polynomial through the predictions at
/// one, two or three levels exactly against the exponential of the linear part. Lu et al. 2022 (arXiv:2206.00927),
/// equation 3.4 and algorithms 1 and 2; (arXiv:2211.01095), algorithms 1 and 2 and, with `eta`, section 5.
#[derive(Debug, Clone, PartialEq)]
pub struct DpmSolver {
    /// Noise or denoised value.
    pub predicts: Predicts,
    /// Multistep or singlestep.
    pub steps: Steps,
    /// Predictions in one step, 1 to 3; fewer at the start of a run.
    pub order: i64,
    /// How the second prediction enters at order 2; in a block of order 3, also the third.
    pub solver_type: SolverType,
    /// The second difference of the multistep form of order 3.
    pub second_difference: SecondDifference,
    /// Strength of the noise: 0 is the ODE, 1 the reverse SDE.
    pub eta: Curve,
    /// Standard deviation of the fresh noise.
    pub s_noise: Curve,
    /// Lower orders at the end of a run: of multistep runs below 15 steps, of singlestep runs whose last block is full.
    pub lower_order_final: bool,
    /// A last step of order 1.
    pub euler_at_final: bool,
}

impl DpmSolver {
    /// The ODE of order 2 with its options as the authors set them.
    #[must_use]
    pub fn new(predicts: Predicts, steps: Steps) -> Self {
        Self {
            predicts,
            steps,
            order: 2,
            solver_type: SolverType::Midpoint,
            second_difference: SecondDifference::Exact,
            eta: 0.0.into(),
            s_noise: 1.0.into(),
            lower_order_final: true,
            euler_at_final: false,
        }
    }

    /// How many predictions each step uses.
    fn orders(&self, steps: usize, order: usize) -> Vec<usize> {
        match self.steps {
            Steps::Multistep => {
                let mut orders: Vec<_> = (1..=steps).map(|i| i.min(order)).collect();
                if self.lower_order_final && steps < 15 {
                    for (left, used) in orders.iter_mut().rev().take(2).enumerate() {
                        *used = (*used).min(left + 1);
                    }
                }
                if self.euler_at_final {
                    orders[steps - 1] = 1;
                }
                orders
            }
            Steps::Singlestep => {
                let mut orders: Vec<_> = (0..steps).map(|i| i % order + 1).collect();
                if self.lower_order_final && steps.is_multiple_of(order) {
                    orders[steps - 1] = 1;
                }
                orders
            }
        }
    }
}

/// A level the method has been at: sigma, what was predicted there, and half log-SNR since the level before.
struct Node<S> {
    sigma: S,
    predicted: Linear<S>,
    step: S,
}

impl Sampler for DpmSolver {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let steps = t.sigmas().len() - 1;
        let order = match self.order {
            1 => 1,
            2 => 2,
            3 => 3,
            got => return option("order", got as f64, false, "1, 2 or 3"),
        };
        self.eta.non_negative("eta", steps)?;
        self.s_noise.non_negative("s_noise", steps)?;
        let orders = self.orders(steps, order);
        let mut x = t.start();
        let mut block = x.clone();
        let mut past: Vec<Node<S>> = Vec::with_capacity(steps); // newest last
        let mut step = S::from(0.0);
        for (i, (s, s_next)) in snr_pairs(t).into_iter().enumerate() {
            let den = t.denoise(&x, s);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let predicted = match self.predicts {
                Predicts::Noise => (&x - &den * t.alpha(s)) / s,
                Predicts::Denoised => den,
            };
            past.push(Node { sigma: s, predicted, step });
            step = half_log_snr_step(t, s, s_next);
            let used = &past[past.len() - orders[i]..];
            let next = match self.steps {
                Steps::Multistep => self.multistep(t, i, &x, used, s_next, step),
                Steps::Singlestep => {
                    if orders[i] == 1 {
                        block = x;
                    }
                    self.singlestep(t, i, &block, used, s_next, step)
                }
            };
            x = t.end_step(next);
        }
        Ok(())
    }
}

impl DpmSolver {
    /// From the newest level to `s_next`, with the levels before it.
    fn multistep<S: Scalar>(
        &self,
        t: &mut Trace<S>,
        i: usize,
        x: &Linear<S>,
        used: &[Node<S>],
        s_next: S,
        h: S,
    ) -> Linear<S> {
        let (a, older) = used.split_last().expect("the newest level");
        let advance = Advance::new(self, t, i, a.sigma, s_next, h);
        let mut next = advance.first(x, &a.predicted);
        match older {
            [] => {}
            [b] => {
                let slope = (&a.predicted - &b.predicted) * (h / a.step);
                next = next + slope * advance.slope_of_two(self.solver_type);
            }
            [c, b, ..] => {
                // The parabola through the three: its slope at the newest, and its second derivative, per h and h².
                let (near, far) =
                    ((&a.predicted - &b.predicted) * (h / a.step), (&b.predicted - &c.predicted) * (h / b.step));
                let both = a.step + b.step;
                let change = near.clone() - far;
                let slope = near + &change * (a.step / both);
                let factor = if self.second_difference == SecondDifference::Exact { 2.0 } else { 1.0 };
                next = next + slope * advance.slope() + change * (h / both * factor * advance.curvature());
            }
        }
        advance.noise(t, next)
    }

    /// From the start of the block, where x was `block`, to `s_next`, with the levels inside it.
    fn singlestep<S: Scalar>(
        &self,
        t: &mut Trace<S>,
        i: usize,
        block: &Linear<S>,
        used: &[Node<S>],
        s_next: S,
        step: S,
    ) -> Linear<S> {
        let (a, inner) = used.split_first().expect("the start of the block");
        let h = inner.iter().fold(step, |sum, node| sum + node.step);
        let advance = Advance::new(self, t, i, a.sigma, s_next, h);
        let mut next = advance.first(block, &a.predicted);
        match inner {
            [] => {}
            [b] => {
                let slope = (&b.predicted - &a.predicted) * (h / b.step);
                next = next + slope * advance.slope_of_two(self.solver_type);
            }
            [b, c, ..] => {
                let (r_b, r_c) = (b.step / h, (b.step + c.step) / h);
                let to_c = (&c.predicted - &a.predicted) / r_c;
                next = match self.solver_type {
                    SolverType::Midpoint => next + to_c * advance.slope(),
                    SolverType::Heun => {
                        let to_b = (&b.predicted - &a.predicted) / r_b;
                        let slope = (&to_b * r_c - &to_c * r_b) / (r_c - r_b);
                        let curvature = (to_c - to_b) * (S::from(2.0) / (r_c - r_b));
                        next + slope * advance.slope() + curvature * advance.curvature()
                    }
                };
            }
        }
        advance.noise(t, next)
    }
}

/// The exact solution over a step of length `h` for a prediction that is a polynomial in `λ`.
struct Advance<S> {
    s: S,
    s_next: S,
    decay: S,
    first: S,
    scale: S,
    z: S,
    deviation: Option<S>,
}

impl<S: Scalar> Advance<S> {
    fn new(method: &DpmSolver, t: &Trace<S>, i: usize, s: S, s_next: S, h: S) -> Self {
        let (eta, s_noise) = (method.eta.at(i), method.s_noise.at(i));
        match method.predicts {
            // x' = (σ'/σ) e^{-ηh} x + α' ∫ (1 + η) e^{-(1+η)(h-τ)} D dτ
            Predicts::Denoised => {
                let (alpha, eta_h) = (t.alpha(s_next), h * eta);
                let z = -h - eta_h;
                Self {
                    s,
                    s_next,
                    decay: s_next / s * (-eta_h).exp(),
                    first: -(alpha * z.exp_m1()),
                    scale: -(alpha * z),
                    z,
                    deviation: (eta > 0.0).then(|| s_next * (-(eta_h * -2.0).exp_m1()).sqrt() * s_noise),
                }
            }
            // x' = (α'/α) x - σ' (1 + η) ∫ e^{h-τ} ε dτ
            Predicts::Noise => {
                let decay = t.alpha(s_next) / t.alpha(s);
                let start = s * decay; // σ' e^h without the rounding of an exponential
                let difference = start - s_next;
                Self {
                    s,
                    s_next,
                    decay,
                    first: difference * (-1.0 - eta),
                    scale: s_next * h * (-1.0 - eta),
                    z: h,
                    deviation: (eta > 0.0).then(|| (difference * (start + s_next) * eta).sqrt() * s_noise),
                }
            }
        }
    }

    /// A constant prediction.
    fn first(&self, x: &Linear<S>, predicted: &Linear<S>) -> Linear<S> {
        x * self.decay + predicted * self.first
    }

    /// Weight of the slope where two predictions are known.
    fn slope_of_two(&self, solver_type: SolverType) -> S {
        match solver_type {
            SolverType::Midpoint => self.first * 0.5,
            SolverType::Heun => self.slope(),
        }
    }

    /// Weight of the change over the whole step at the slope of its start.
    fn slope(&self) -> S {
        self.scale * phi(2, self.z)
    }

    /// Weight of the second derivative, per `h²`.
    fn curvature(&self) -> S {
        self.scale * phi(3, self.z)
    }

    fn noise(&self, t: &mut Trace<S>, x: Linear<S>) -> Linear<S> {
        match self.deviation {
            None => x,
            Some(deviation) => {
                let noise = t.noise(self.s, self.s_next);
                x + noise * deviation
            }
        }
    }
}
