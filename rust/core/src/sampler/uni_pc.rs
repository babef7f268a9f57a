//! `UniPC`: a unified predictor-corrector of any order in half log-SNR.

use super::{Sampler, count, non_negative};
use crate::error::{Error, Noun, Number, Result};
use crate::numeric::decayed_lagrange_integrals;
use crate::program::{Linear, Trace};
use crate::scalar::Scalar;

/// The function B(h) of [`UniPc`]. It matters only where the paper fixes a coefficient at 1/2: in the predictor of order
/// 2 and the corrector of order 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Variant {
    /// `B = h`.
    #[default]
    Bh1,
    /// `B = e^h − 1`.
    Bh2,
}

impl Variant {
    /// The function of that name.
    ///
    /// # Errors
    /// Any other word.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "bh1" => Ok(Self::Bh1),
            "bh2" => Ok(Self::Bh2),
            _ => Err(Error::Choice {
                noun: Noun::Sampler,
                name: "variant",
                got: name.to_owned(),
                known: vec!["bh1", "bh2"],
            }),
        }
    }
}

/// The variable in which [`UniPc`] steps over a flow; for other processes the two are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Time {
    /// Half the log signal-to-noise ratio, `ln((1 − σ) / σ)`.
    #[default]
    HalfLogSnr,
    /// `−ln σ`, as ComfyUI has it.
    LogSigma,
}

impl Time {
    /// The variable of that name.
    ///
    /// # Errors
    /// Any other word.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "half_log_snr" => Ok(Self::HalfLogSnr),
            "log_sigma" => Ok(Self::LogSigma),
            _ => Err(Error::Choice {
                noun: Noun::Sampler,
                name: "time",
                got: name.to_owned(),
                known: vec!["half_log_snr", "log_sigma"],
            }),
        }
    }
}

/// `UniPC` in data prediction: `UniP` of order p predicts, `UniC` raises it to order p + 1 with the model call that the next
/// step needs anyway. Zhao et al. 2023 (arXiv:2302.04867), algorithms 5 and 6, equations 5 to 9. A last step to zero is
/// the denoised value.
#[derive(Debug, Clone, PartialEq)]
pub struct UniPc {
    /// The order p, at least 1.
    pub order: i64,
    /// The function B(h).
    pub variant: Variant,
    /// Whether `UniP` predicts; otherwise a step of order 1 does.
    pub predictor: bool,
    /// Whether `UniC` corrects.
    pub corrector: bool,
    /// Steps, counted from 0, whose result is not corrected.
    pub disable_corrector: Vec<usize>,
    /// Whether the order falls to 1 over the last steps.
    pub lower_order_final: bool,
    /// The variable that it is exponential in.
    pub time: Time,
    /// What a last sigma of 0 is replaced by; 0: nothing.
    pub sigma_end: f64,
}

impl Default for UniPc {
    fn default() -> Self {
        Self {
            order: 3,
            variant: Variant::Bh1,
            predictor: true,
            corrector: true,
            disable_corrector: Vec::new(),
            lower_order_final: true,
            time: Time::HalfLogSnr,
            sigma_end: 0.0,
        }
    }
}

/// A step as `UniP` and `UniC` see it: `x_next = carried + α_next Σ b_j D_j`.
struct Step<S> {
    carried: Linear<S>,
    alpha_next: S,
    h: S,
    /// Positions of the denoised values in units of the step, newest first: its start is 0, its end would be 1.
    positions: Vec<S>,
    half_b: S,
}

impl<S: Scalar> Step<S> {
    /// `UniP`-p from p denoised values, `UniC`-p with the one at the end of the step before them: newest first. The solution
    /// of the paper's `R ρ = b` integrates the polynomial through the values; where it fixes one coefficient at 1/2 that
    /// polynomial's slope is weighted by B/2.
    fn advance(&self, denoised: &[&Linear<S>], corrects: bool) -> Linear<S> {
        let order = denoised.len() - usize::from(corrects);
        let mut positions: Vec<S> = self.positions[..order].to_vec();
        if corrects {
            positions.insert(0, S::from(1.0));
        }
        let weights = if positions.len() == 2 {
            let sum = -(-self.h).exp_m1();
            if corrects {
                vec![self.half_b, sum - self.half_b]
            } else {
                let older = self.half_b / positions[1];
                vec![sum - older, older]
            }
        } else {
            decayed_lagrange_integrals(&positions, self.h)
        };
        let terms = denoised.iter().zip(weights).map(|(&d, weight)| d * (self.alpha_next * weight));
        terms.fold(self.carried.clone(), |sum, term| sum + term)
    }
}

impl UniPc {
    /// The levels to step over, as the method sees them.
    fn levels<S: Scalar>(&self, t: &mut Trace<S>) -> Result<Vec<S>> {
        non_negative("sigma_end", self.sigma_end)?;
        let steps = t.sigmas().len() - 1;
        if t.sigmas()[steps].is_zero() && self.sigma_end > 0.0 {
            let mut levels = t.sigmas().to_vec();
            let before = levels[steps - 1].value();
            if self.sigma_end >= before {
                let (end, before) = (Number(self.sigma_end), Number(before));
                let message = format!(
                    "sigma_end is {end}; expected less than {before}, the sigma before the 0 that it stands for, or 0 \
                     to keep the 0"
                );
                return Err(Error::Message { noun: Noun::Sampler, message });
            }
            levels[steps] = S::from(self.sigma_end);
            t.set_levels(levels)?;
        }
        Ok(if self.time == Time::LogSigma { t.sigmas().to_vec() } else { t.snr_sigmas() })
    }
}

impl Sampler for UniPc {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let highest = count("order", self.order, 1, usize::MAX, "at least 1")?;
        let levels = self.levels(t)?;
        let steps = levels.len() - 1;
        if let Some(index) = self.disable_corrector.iter().position(|&step| step >= steps) {
            let name = "disable_corrector";
            let got = self.disable_corrector[index] as f64;
            let expected = "a step of the run, counted from 0; leave later ones out";
            return Err(Error::Element { noun: Noun::Sampler, name, index, got, expected });
        }
        let alpha = |t: &Trace<S>, s: S| if self.time == Time::LogSigma { S::from(1.0) } else { t.alpha(s) };
        let mut guess = t.start();
        let mut history: Vec<Linear<S>> = Vec::new(); // newest first
        let mut step: Option<Step<S>> = None;
        let mut order = 0;
        for (i, pair) in levels.windows(2).enumerate() {
            let (s, s_next) = (pair[0], pair[1]);
            history.insert(0, t.denoise(&guess, s));
            if s_next.is_zero() {
                t.end_step(&history[0]);
                break;
            }
            let mut x = guess;
            if let Some(step) = &step
                && self.corrector
                && !self.disable_corrector.contains(&(i - 1))
            {
                let used: Vec<&Linear<S>> = history[..=order].iter().collect();
                x = t.hold(&step.advance(&used, true));
            }
            let ratio = (s / s_next).ln();
            let (alpha_now, alpha_next) = (alpha(t, s), alpha(t, s_next));
            let h = if t.is_flow() && self.time == Time::HalfLogSnr {
                ratio + (alpha_next / alpha_now).ln()
            } else {
                ratio
            };
            let half_b = match self.variant {
                Variant::Bh1 => h * 0.5,
                Variant::Bh2 => -(-h).exp_m1() * 0.5,
            };
            let mut positions = vec![S::from(0.0)];
            if let Some(last) = step {
                positions.extend(last.positions.iter().map(|&at| (at - 1.0) * last.h / h));
            }
            order = highest.min(i + 1);
            if self.lower_order_final {
                order = order.min(steps - i);
            }
            positions.truncate(highest);
            history.truncate(highest);
            let now = Step { carried: &x * (s_next / s), alpha_next, h, positions, half_b };
            let used: Vec<&Linear<S>> = history[..if self.predictor { order } else { 1 }].iter().collect();
            guess = t.end_step(now.advance(&used, false));
            step = Some(now);
        }
        Ok(())
    }
}
