//! ER-SDE: solvers of the extended reverse-time SDE.

use super::{Curve, Sampler, count, half_log_snr_step, snr_pairs};
use crate::error::{Error, Noun, Result};
use crate::numeric::{nodes, panels};
use crate::program::{Linear, Trace};
use crate::scalar::Scalar;

/// The function φ(λ) of the noise-to-signal ratio `λ = σ / α` that says how much noise the SDE of [`ErSde`] renews.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NoiseScaling {
    /// `φ = λ (e^{λ^0.3} + 10)^η`.
    #[default]
    ErSde,
    /// `φ = λ^{1+η}`: at η = 1 the reverse-time SDE of the forward process.
    ReverseTime,
    /// `φ = λ`: the probability-flow ODE, whatever η is.
    Ode,
}

impl NoiseScaling {
    /// The function of that name.
    ///
    /// # Errors
    /// Any other word.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "er_sde" => Ok(Self::ErSde),
            "reverse_time" => Ok(Self::ReverseTime),
            "ode" => Ok(Self::Ode),
            _ => Err(Error::Choice {
                noun: Noun::Sampler,
                name: "noise_scaling",
                got: name.to_owned(),
                known: vec!["er_sde", "reverse_time", "ode"],
            }),
        }
    }

    /// `ln(φ / λ)` at η = 1.
    fn log_excess<S: Scalar>(self, lambda: S) -> S {
        match self {
            Self::ErSde => {
                let power = lambda.powf(0.3);
                power + ((-power).exp() * 10.0).ln_1p()
            }
            Self::ReverseTime => lambda.ln(),
            Self::Ode => S::from(0.0),
        }
    }
}

/// How [`ErSde`] integrates 1/φ over a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Integrals {
    /// To rounding.
    #[default]
    Exact,
    /// A left Riemann sum of 200 points from the end of the step, as ComfyUI has it.
    Riemann,
}

impl Integrals {
    /// The rule of that name.
    ///
    /// # Errors
    /// Any other word.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "exact" => Ok(Self::Exact),
            "riemann" => Ok(Self::Riemann),
            _ => Err(Error::Choice {
                noun: Noun::Sampler,
                name: "integrals",
                got: name.to_owned(),
                known: vec!["exact", "riemann"],
            }),
        }
    }
}

/// ER-SDE-Solver-1 to 3: Taylor expansions of the denoised value in `λ = σ / α`, its derivatives from the calls before.
/// One model call and one noise draw per step; order 2 from two stages on, as the derivatives are of first order. Cui et
/// al. 2023 (arXiv:2309.06169), proposition 1 and algorithms 1 to 3; a last step to zero is the denoised value.
#[derive(Debug, Clone, PartialEq)]
pub struct ErSde {
    /// How many terms of the expansion are used, 1 to 3.
    pub max_stage: i64,
    /// The function φ.
    pub noise_scaling: NoiseScaling,
    /// Strength of the noise, the η of φ: 0 is the ODE.
    pub eta: Curve,
    /// Standard deviation of the fresh noise; where it is 0 none is drawn.
    pub s_noise: Curve,
    /// How integrals of 1/φ are taken.
    pub integrals: Integrals,
}

impl Default for ErSde {
    fn default() -> Self {
        Self {
            max_stage: 3,
            noise_scaling: NoiseScaling::ErSde,
            eta: 1.0.into(),
            s_noise: 1.0.into(),
            integrals: Integrals::Exact,
        }
    }
}

/// Points of the host's sum.
const POINTS: u32 = 200;

/// `∫ (φ_t/φ − 1) dλ / λ_t` and `∫ (λ − λ_s)(φ_t/φ − 1) dλ / λ_t²` over a step from `λ_s` down to `λ_t`, in `v =
/// ln(λ/λ_t)` from 0 to `h`; `ratio(e^v)` is `φ_t/φ · e^v`.
fn step_integrals<S: Scalar>(rule: Integrals, ratio: impl Fn(S) -> S, h: S) -> (S, S) {
    let grown = h.exp();
    match rule {
        Integrals::Exact => {
            // Both factors of the integrand are smooth in v; panels keep the change of their logarithms small.
            let change = h.value() - ratio(grown).ln().value();
            let panels = panels(h.value(), 4.0).max(panels(change, 8.0));
            let (mut first, mut second) = (S::from(0.0), S::from(0.0));
            for (v, weight) in nodes(S::from(0.0), h, panels) {
                let at = v.exp();
                let area = (ratio(at) - at) * weight;
                first = first + area;
                second = second + (at - grown) * area;
            }
            (first, second)
        }
        Integrals::Riemann => {
            let length = h.exp_m1();
            let width = length / f64::from(POINTS);
            let (mut first, mut second) = (-length, length * length * 0.5);
            for k in 0..POINTS {
                let at = width * f64::from(k) + 1.0;
                let area = ratio(at) / at * width;
                first = first + area;
                second = second + (at - grown) * area;
            }
            (first, second)
        }
    }
}

impl Sampler for ErSde {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let steps = t.sigmas().len() - 1;
        let max_stage = count("max_stage", self.max_stage, 1, 3, "1, 2 or 3")?;
        self.eta.non_negative("eta", steps)?;
        self.s_noise.non_negative("s_noise", steps)?;
        let mut x = t.start();
        // Of the call before: the denoised value, λ dD/dλ, and the length of the step from it.
        let mut last: Option<(Linear<S>, Option<Linear<S>>, S)> = None;
        let mut h_before = S::from(0.0);
        for (i, (s, s_next)) in snr_pairs(t).into_iter().enumerate() {
            let den = t.denoise(&x, s);
            if s_next.is_zero() {
                t.end_step(den);
                break;
            }
            let eta = self.eta.at(i);
            let (alpha, alpha_next) = (t.alpha(s), t.alpha(s_next));
            let h = half_log_snr_step(t, s, s_next);
            let lambda_next = s_next / alpha_next;
            let excess_next = self.noise_scaling.log_excess(lambda_next);
            let lost = (self.noise_scaling.log_excess(s / alpha) - excess_next) * eta; // −ln(φ_t λ_s / φ_s λ_t)
            let mut next = &x * (alpha_next / alpha * (-h - lost).exp()) - &den * (alpha_next * (-h - lost).exp_m1());
            let mut slope = None;
            if let Some((den_last, slope_last, h_last)) = last
                && max_stage >= 2
            {
                let ratio = |e: S| ((excess_next - self.noise_scaling.log_excess(lambda_next * e)) * eta).exp();
                let (first, second) = step_integrals(self.integrals, ratio, h);
                let shrunk = (-h).exp(); // λ_t / λ_s
                let d = (den_last - &den) / h_last.exp_m1();
                next = next + &d * (alpha_next * first * shrunk);
                if let Some(d_last) = slope_last
                    && max_stage >= 3
                {
                    let d2 = (d_last * (-h_last).exp() - &d) * 2.0_f64.into() / (h_last + h_before).exp_m1();
                    next = next + d2 * (alpha_next * second * shrunk * shrunk);
                }
                h_before = h_last;
                slope = Some(d);
            }
            if self.noise_scaling != NoiseScaling::Ode && eta > 0.0 && self.s_noise.at(i) > 0.0 {
                let noise = t.noise(s, s_next);
                let deviation = (-(lost * -2.0).exp_m1()).sqrt();
                next = next + noise * (s_next * deviation * self.s_noise.at(i));
            }
            x = t.end_step(next);
            last = Some((den, slope, h));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::phi;

    /// With φ = λ, where they are `1 + h − e^h` and `E + E²/2 − h e^h` for `E = e^h − 1`.
    #[test]
    fn integrals_of_the_ode() {
        for h in [0.1, 1.0, 6.0, 20.0_f64] {
            let (first, second) = step_integrals(Integrals::Exact, |_| 1.0, h);
            let e = libm::exp(h);
            let exact = [-h * h * phi(2, h), 0.5 * libm::expm1(h) * libm::expm1(h) + libm::expm1(h) - e * h];
            assert!((first / exact[0] - 1.0).abs() < 1e-14, "{h}: {first} {exact:?}");
            assert!((second / exact[1] - 1.0).abs() < 1e-11, "{h}: {second} {exact:?}");
        }
    }
}
