//! DEIS: diffusion exponential integrators, multistep.

use super::adams::{any_order, multistep};
use super::{Form, Sampler};
use crate::error::{Error, Noun, Result};
use crate::numeric::{self, adams_weights};
use crate::program::Trace;
use crate::scalar::Scalar;

/// In which variable [`Deis`] takes the slope for a polynomial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeisMode {
    /// Time of the linear variance-preserving schedule whose time 0.001 is sigma 0.002 and time 1 is sigma 80: tAB.
    #[default]
    Tab,
    /// Sigma itself: rhoAB, the weights of [`super::Lms`].
    Rhoab,
    /// The logarithm of sigma, as in diffusers.
    Logrho,
}

impl DeisMode {
    /// The mode of that name.
    ///
    /// # Errors
    /// Any other word.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "tab" => Ok(Self::Tab),
            "rhoab" => Ok(Self::Rhoab),
            "logrho" => Ok(Self::Logrho),
            _ => Err(Error::Choice {
                noun: Noun::Sampler,
                name: "mode",
                got: name.to_owned(),
                known: vec!["tab", "rhoab", "logrho"],
            }),
        }
    }
}

/// DEIS: `x + Σ d_{i−j} ∫ l_j(τ(σ)) dσ`, the slope interpolated by a polynomial in `τ`. One model call per step. Zhang
/// and Chen 2022 (arXiv:2204.13902), equation 15 (in `ρ = σ`, whatever the process). A last step to zero is the
/// denoised value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deis {
    /// How many slopes are used, once there are that many.
    pub max_order: i64,
    /// The variable of the polynomial.
    pub mode: DeisMode,
    /// [`Form::Comfyui`] replaces the integrals of [`DeisMode::Tab`] by sums of 10,000 points.
    pub form: Form,
}

impl Default for Deis {
    fn default() -> Self {
        Self { max_order: 3, mode: DeisMode::Tab, form: Form::Exact }
    }
}

impl Sampler for Deis {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        let order = any_order("max_order", self.max_order)?;
        match (self.mode, self.form) {
            (DeisMode::Tab, Form::Exact) => {
                let time = LinearVp::edm();
                multistep(t, order, true, |nodes, to| integrals(nodes, to, |s| time.at(s)));
            }
            (DeisMode::Tab, Form::Comfyui) => {
                let time = LinearVp::edm();
                multistep(t, order, true, |nodes, to| time.sums(nodes, to));
            }
            (DeisMode::Rhoab, _) => multistep(t, order, true, adams_weights),
            (DeisMode::Logrho, Form::Exact) => multistep(t, order, true, |nodes, to| integrals(nodes, to, S::ln)),
            (DeisMode::Logrho, Form::Comfyui) => {
                let message = "form is \"comfyui\" and mode is \"logrho\"; ComfyUI has modes tab and rhoab";
                return Err(Error::Message { noun: Noun::Sampler, message: message.to_owned() });
            }
        }
        Ok(())
    }
}

/// `∫ l_j(τ(σ)) dσ` over the step, by quadrature in `ln σ`: a panel of 20 points for each unit of it.
fn integrals<S: Scalar>(nodes: &[S], to: S, time: impl Fn(S) -> S) -> Vec<S> {
    if nodes.len() == 1 {
        return vec![to - nodes[0]];
    }
    let points: Vec<S> = nodes.iter().map(|&s| time(s)).collect();
    let (from, end) = (nodes[0].ln(), to.ln());
    let panels = (from - end).value().ceil().clamp(1.0, 2000.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 1 to 2000: float64 has no longer steps
    let rule: Vec<(S, S)> = numeric::nodes(from, end, panels as usize)
        .map(|(u, weight)| {
            let s = u.exp();
            (time(s), weight * s)
        })
        .collect();
    let integral = |j| rule.iter().fold(S::from(0.0), |sum, &(x, weight)| sum + lagrange(&points, j, x) * weight);
    (0..nodes.len()).map(|j| integral(j) / lagrange(&points, j, points[j])).collect()
}

/// The factors of `l_j` at `x` that vary: `l_j` is this over this at its own point.
fn lagrange<S: Scalar>(points: &[S], j: usize, x: S) -> S {
    let factors = points.iter().enumerate().filter(|&(k, _)| k != j);
    factors.fold(S::from(1.0), |value, (_, &p)| value * (x - p))
}

/// Time of a linear variance-preserving schedule, `ln(1 + σ²) = beta_d t² / 2 + beta_min t`. Karras et al. 2022
/// (arXiv:2206.00364), table 1.
struct LinearVp {
    beta_d: f64,
    beta_min: f64,
}

impl LinearVp {
    /// Through (0.001, 0.002) and (1, 80), as the published solver has it.
    fn edm() -> Self {
        let (start, low, high) = (1e-3, libm::log1p(0.002 * 0.002), libm::log1p(80.0 * 80.0));
        let beta_d = 2.0 * (low / start - high) / (start - 1.0);
        Self { beta_d, beta_min: high - 0.5 * beta_d }
    }

    fn at<S: Scalar>(&self, sigma: S) -> S {
        let level = (sigma * sigma).ln_1p();
        level * 2.0 / ((level * (2.0 * self.beta_d) + self.beta_min * self.beta_min).sqrt() + self.beta_min)
    }

    /// `dσ/dt`.
    fn slope<S: Scalar>(&self, time: S) -> S {
        let growth = (time * time * (0.5 * self.beta_d) + time * self.beta_min).exp_m1();
        (time * self.beta_d + self.beta_min) * (growth + 1.0) / (growth.sqrt() * 2.0)
    }

    /// Sums of 10,000 values, both ends among them, each times a ten-thousandth of the step.
    fn sums<S: Scalar>(&self, nodes: &[S], to: S) -> Vec<S> {
        const COUNT: u32 = 10_000;
        if nodes.len() == 1 {
            return vec![to - nodes[0]];
        }
        let points: Vec<S> = nodes.iter().map(|&s| self.at(s)).collect();
        let step = self.at(to) - points[0];
        let mut sums = vec![S::from(0.0); nodes.len()];
        for k in 0..COUNT {
            let time = points[0] + step * (f64::from(k) / f64::from(COUNT - 1));
            let slope = self.slope(time);
            for (j, sum) in sums.iter_mut().enumerate() {
                *sum = *sum + lagrange(&points, j, time) * slope;
            }
        }
        let own = |j| lagrange(&points, j, points[j]);
        sums.into_iter().enumerate().map(|(j, sum)| sum / own(j) * step / f64::from(COUNT)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_schedule_goes_through_its_ends() {
        let time = LinearVp::edm();
        assert!((time.at(0.002) - 1e-3).abs() < 1e-15);
        assert!((time.at(80.0) - 1.0_f64).abs() < 1e-15);
        for sigma in [0.01, 1.0, 30.0] {
            let h = 1e-5 * sigma;
            let inverse = (time.at(sigma + h) - time.at(sigma - h)) / (2.0 * h);
            assert!((time.slope(time.at(sigma)) * inverse - 1.0_f64).abs() < 1e-8);
        }
    }

    proptest! {
        /// Constants, and the time itself, are integrated exactly: `Σ w_j = h`, `Σ w_j τ_j = ∫ τ dσ`, here by parts.
        #[test]
        fn order_conditions(first in 0.1_f64..80.0, ratios in prop::collection::vec(0.3_f64..0.95, 3..5)) {
            let mut levels = vec![first];
            for r in &ratios {
                levels.push(levels[levels.len() - 1] * r);
            }
            let to = levels.pop().unwrap();
            let nodes: Vec<f64> = levels.into_iter().rev().collect();
            // ∫ ln σ dσ = σ ln σ − σ, and ∫ ln² σ dσ = σ (ln² σ − 2 ln σ + 2).
            let weights = integrals(&nodes, to, Scalar::ln);
            let antiderivatives: [fn(f64) -> f64; 3] = [|s| s, |s| s * s.ln() - s, |s| s * (s.ln().powi(2) - 2.0 * s.ln() + 2.0)];
            for (k, f) in (0..).zip(antiderivatives) {
                let terms: Vec<f64> = nodes.iter().zip(&weights).map(|(s, w)| w * s.ln().powi(k)).collect();
                let size: f64 = terms.iter().map(|t| t.abs()).sum::<f64>() + f(nodes[0]).abs() + f(to).abs();
                prop_assert!((terms.iter().sum::<f64>() - (f(to) - f(nodes[0]))).abs() <= 1e-13 * size);
            }
            let time = LinearVp::edm();
            let weights = integrals(&nodes, to, |s| time.at(s));
            prop_assert!((weights.iter().sum::<f64>() - (to - nodes[0])).abs() <= 1e-13 * weights.iter().map(|w| w.abs()).sum::<f64>());
        }
    }
}
