//! SA-Solver: stochastic Adams methods in half log-SNR.

use super::{Curve, Sampler, count, half_log_snr_step};
use crate::error::{Error, Noun, Result};
use crate::numeric::decayed_lagrange_integrals;
use crate::program::{Linear, Trace};
use crate::scalar::Scalar;

/// Highest order of a predictor or corrector.
const MAX_ORDER: usize = 6;

/// SA-Solver: a stochastic Adams predictor and corrector, one model call and at most one noise draw per step, which
/// both use. Xue et al. 2023 (arXiv:2309.05019), algorithm 1, equations 14 to 18. With the SDE switched off a
/// corrector of order q has order q, in a run 3 at most: the first step has no history.
#[expect(clippy::struct_excessive_bools, reason = "independent switches of the method")]
#[derive(Debug, Clone, PartialEq)]
pub struct SaSolver {
    /// Denoised values that the predictor uses, 1 to 6.
    pub predictor_order: i64,
    /// Denoised values that the corrector uses, the predicted one included, 1 to 6; 0: no corrector.
    pub corrector_order: i64,
    /// The strength τ of the noise inside the interval: 0 is the ODE, 1 the reverse-time SDE.
    pub eta: Curve,
    /// Steps that end at most here are inside the interval.
    pub sde_start: f64,
    /// Steps that end above this are inside the interval.
    pub sde_end: f64,
    /// Standard deviation of the fresh noise; where it is 0 none is drawn.
    pub s_noise: Curve,
    /// Whether two-point formulas are the simplified ones of the paper's appendix.
    pub simple_order_2: bool,
    /// Whether orders fall towards an end at zero.
    pub lower_order_final: bool,
    /// Whether the corrected sample is evaluated again: two model calls per step.
    pub pece: bool,
    /// Whether a run that does not end at zero stops at the last sigma but one, corrected: ComfyUI's first form.
    pub stop_before_last: bool,
}

impl Default for SaSolver {
    fn default() -> Self {
        Self {
            predictor_order: 3,
            corrector_order: 4,
            eta: 1.0.into(),
            sde_start: f64::INFINITY,
            sde_end: 0.0,
            s_noise: 1.0.into(),
            simple_order_2: false,
            lower_order_final: true,
            pece: false,
            stop_before_last: false,
        }
    }
}

/// A step as predictor and corrector see it: `x_next = carried + α_next Σ b_j D_j`.
struct Step<S> {
    carried: Linear<S>,
    alpha_next: S,
    /// Half log-SNR of the steps so far; the last is this one's.
    steps: Vec<S>,
    /// `1 + τ²`.
    strength: f64,
}

impl<S: Scalar> Step<S> {
    /// Positions, in units of the step, of its start and the levels before, newest first.
    fn before(&self, count: usize) -> Vec<S> {
        let mut steps = self.steps.iter().rev();
        let h = *steps.next().expect("a step has a length");
        let mut at = S::from(0.0);
        let mut positions = Vec::with_capacity(count);
        for step in steps.map(|&step| step / h).chain([S::from(0.0)]).take(count) {
            positions.push(at);
            at = at - step;
        }
        positions
    }

    /// `carried + α Σ b_j D_j` with the denoised values at `positions`, the newest first; `simple` is the middle weight
    /// where there are two.
    fn advance(&self, positions: &[S], denoised: &[&Linear<S>], simple: bool) -> Linear<S> {
        let z = self.steps[self.steps.len() - 1] * self.strength;
        let weights = if simple && positions.len() == 2 {
            // z/2 on the slope between the two, instead of its integral.
            let sum = -(-z).exp_m1();
            let (newest, older) = (positions[0], positions[1]);
            let slope = z * 0.5 / (newest - older);
            let rest = if newest.is_zero() { -slope } else { sum - slope };
            vec![sum - rest, rest]
        } else {
            decayed_lagrange_integrals(positions, z)
        };
        let terms = denoised.iter().zip(weights).map(|(&d, weight)| d * (self.alpha_next * weight));
        terms.fold(self.carried.clone(), |sum, term| sum + term)
    }
}

impl Sampler for SaSolver {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let levels = t.snr_sigmas();
        let steps = levels.len() - 1;
        let predictor_order = count("predictor_order", self.predictor_order, 1, MAX_ORDER, "1 to 6")?;
        let corrector_order =
            count("corrector_order", self.corrector_order, 0, MAX_ORDER, "0 to 6; 0 for no corrector")?;
        self.eta.non_negative("eta", steps)?;
        self.s_noise.non_negative("s_noise", steps)?;
        let ends_at_zero = levels[steps].is_zero();
        let lowered = ends_at_zero && self.lower_order_final;
        let stops = self.stop_before_last && !ends_at_zero;
        if stops && steps == 1 {
            let message =
                "end is \"before_last\" and there is 1 step, which leaves none; expected at least 2 steps, or \
                           end \"last\""
                    .to_owned();
            return Err(Error::Message { noun: Noun::Sampler, message });
        }
        if stops {
            let kept = t.sigmas()[..steps].to_vec();
            t.set_levels(kept)?;
        }
        let mut guess = t.start();
        let mut history: Vec<Linear<S>> = Vec::new(); // newest last
        let mut step: Option<Step<S>> = None;
        for (i, pair) in levels.windows(2).enumerate() {
            let (s, s_next) = (pair[0], pair[1]);
            let left = steps - i; // steps from here to the end
            history.push(t.denoise(&guess, s));

            // Corrector: the step before, again, with the denoised value at its end.
            let mut x = guess;
            let mut order = corrector_order.min(i + 1);
            if lowered {
                order = order.min(left);
            }
            let unused = s_next.is_zero() && !self.pece;
            if let Some(step) = &step
                && order > 0
                && !unused
            {
                let mut positions = vec![S::from(1.0)];
                positions.extend(step.before(order - 1));
                let used: Vec<&Linear<S>> = history.iter().rev().take(order).collect();
                x = t.hold(&step.advance(&positions, &used, self.simple_order_2));
                if self.pece && !(stops && left == 1) {
                    history.pop();
                    history.push(t.denoise(&x, s));
                }
            }
            if stops && left == 1 {
                t.end_step(x);
                break;
            }

            // Predictor.
            if s_next.is_zero() {
                t.end_step(&history[i]);
                break;
            }
            let inside = self.sde_start >= s_next.value() && s_next.value() > self.sde_end;
            let tau = if inside { self.eta.at(i) } else { 0.0 };
            let h = half_log_snr_step(t, s, s_next);
            let lost = h * (tau * tau);
            let mut carried = &x * (s_next / s * (-lost).exp());
            if tau > 0.0 && self.s_noise.at(i) > 0.0 {
                let deviation = (-(lost * -2.0).exp_m1()).sqrt();
                carried = carried + t.noise(s, s_next) * (s_next * deviation * self.s_noise.at(i));
            }
            let mut lengths = step.map_or_else(Vec::new, |step| step.steps);
            lengths.push(h);
            let now = Step { carried, alpha_next: t.alpha(s_next), steps: lengths, strength: 1.0 + tau * tau };
            let mut order = predictor_order.min(i + 1);
            if lowered {
                order = order.min(left - 1);
            }
            let used: Vec<&Linear<S>> = history.iter().rev().take(order).collect();
            guess = t.hold(&now.advance(&now.before(order), &used, self.simple_order_2));
            if !(stops && left == 2) {
                t.end_step(&guess);
            }
            step = Some(now);
        }
        Ok(())
    }
}
