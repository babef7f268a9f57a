//! What a program costs, and what it does exactly to Gaussian data.

use super::ir::{Calls, Op, Register, Stream};
use super::{Program, ProgramError};
use crate::error::Result;

/// Counts over a whole program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Analysis {
    /// Model calls.
    pub model_calls: usize,
    /// Passes over memory outside the model: one per combine.
    pub passes: usize,
    /// Terms summed over all rows.
    pub terms: usize,
    /// Tensors read by the passes.
    pub reads: usize,
    /// Tensors written by the passes.
    pub writes: usize,
    /// Noise draws.
    pub noise_draws: usize,
    /// Most tensors alive at once, x included.
    pub live_tensors: usize,
    /// Two noise intervals of the path overlap: the draws are not independent.
    pub needs_path: bool,
}

/// Mean and variance of each element of x.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Mean.
    pub mean: f64,
    /// Variance.
    pub variance: f64,
}

impl Program {
    /// Counts of what the program does.
    #[must_use]
    pub fn analysis(&self) -> Analysis {
        let mut a = Analysis {
            model_calls: 0,
            passes: 0,
            terms: 0,
            reads: 0,
            writes: 0,
            noise_draws: 0,
            live_tensors: self.registers() as usize,
            needs_path: self.needs_path(),
        };
        for op in self.ops() {
            match op {
                Op::Noise { .. } => a.noise_draws += 1,
                Op::Denoise { .. } => a.model_calls += 1,
                Op::Combine { inputs, rows } => {
                    a.passes += 1;
                    a.reads += inputs.len();
                    a.writes += rows.len();
                    a.terms += rows.iter().map(|r| r.terms.len()).sum::<usize>();
                }
            }
        }
        a
    }

    /// Whether two path intervals overlap, so that independent draws would follow another law.
    #[must_use]
    pub fn needs_path(&self) -> bool {
        let mut intervals = self.path_intervals();
        intervals.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        intervals.windows(2).any(|w| w[1].0 < w[0].1)
    }

    /// Weight of the signal in x.
    fn alpha(&self, sigma: f64) -> f64 {
        if self.is_flow() { 1.0 - sigma } else { 1.0 }
    }

    /// Path intervals as (low, high).
    fn path_intervals(&self) -> Vec<(f64, f64)> {
        let interval = |op: &Op| match *op {
            Op::Noise { sigma_from: a, sigma_to: b, stream: Stream::Path, .. } => {
                Some(if a < b { (a, b) } else { (b, a) })
            }
            _ => None,
        };
        self.ops().iter().filter_map(interval).collect()
    }

    /// Exact mean and variance of x at the start and after every step, when each element of the data is N(`mean`,
    /// `deviation`²), the denoiser is the exact one, `D = μ + α s² (x − α μ)/(α² s² + σ²)`, and x starts at the exact
    /// marginal `N(α μ, α² s² + σ_0²)`; α is 1, over a flow `1 − σ`. Noise is a path over sigma: overlapping intervals
    /// are correlated as a Brownian motion's are.
    ///
    /// # Errors
    /// A folded program or one with history inputs or second results, for which the exact denoiser is not defined; a
    /// deviation that is negative or not finite.
    pub fn gaussian_moments(&self, mean: f64, deviation: f64) -> Result<Vec<Moments>> {
        if !(deviation.is_finite() && deviation >= 0.0 && mean.is_finite()) {
            return Err(ProgramError::Gaussian { mean, deviation }.into());
        }
        let seconds = self.ops().iter().any(|op| matches!(op, Op::Denoise { second: Some(_), .. }));
        if self.calls() == Calls::Network || self.inputs().len() > 1 || seconds {
            return Err(ProgramError::MomentsUndefined.into());
        }
        // Every register is mean + Σ weight · unit Gaussian. The unit Gaussians: the start, one per piece of the path
        // between neighbouring interval ends, one per independent draw.
        let mut ends: Vec<f64> = self.path_intervals().iter().flat_map(|&(a, b)| [a, b]).collect();
        ends.sort_by(f64::total_cmp);
        ends.dedup();
        let pieces = ends.len().saturating_sub(1);
        let independent =
            self.ops().iter().filter(|op| matches!(op, Op::Noise { stream: Stream::Independent, .. })).count();
        let size = 1 + pieces + independent;
        let mut state: Vec<(f64, Vec<f64>)> = vec![(0.0, vec![0.0; size]); self.registers() as usize];
        let start = self.steps()[0].sigma;
        let x = self.inputs()[0].register as usize;
        let alpha = self.alpha(start);
        state[x].0 = alpha * mean;
        state[x].1[0] = libm::sqrt(alpha * alpha * deviation * deviation + start * start);

        let moments =
            |(mean, weights): &(f64, Vec<f64>)| Moments { mean: *mean, variance: weights.iter().map(|w| w * w).sum() };
        let mut out = vec![moments(&state[x])];
        let mut next_independent = 1 + pieces;
        let mut steps = self.steps().iter().peekable();
        for (at, op) in self.ops().iter().enumerate() {
            while let Some(step) = steps.next_if(|s| s.end <= at) {
                out.push(moments(&state[step.x as usize]));
            }
            propagate(op, &mut state, &ends, &mut next_independent, (mean, deviation), &|sigma| self.alpha(sigma));
        }
        out.extend(steps.map(|step| moments(&state[step.x as usize])));
        Ok(out)
    }
}

/// The effect of one operation on the affine form of every register.
fn propagate(
    op: &Op,
    state: &mut [(f64, Vec<f64>)],
    ends: &[f64],
    next_independent: &mut usize,
    (mean, deviation): (f64, f64),
    alpha: &dyn Fn(f64) -> f64,
) {
    let size = state[0].1.len();
    let combine = |state: &[(f64, Vec<f64>)], terms: &mut dyn Iterator<Item = (Register, f64)>| {
        let mut sum = (0.0, vec![0.0; size]);
        for (r, c) in terms {
            let from = &state[r as usize];
            sum.0 += c * from.0;
            sum.1.iter_mut().zip(&from.1).for_each(|(s, w)| *s += c * w);
        }
        sum
    };
    match op {
        Op::Noise { out, sigma_from, sigma_to, stream, .. } => {
            let mut weights = vec![0.0; size];
            if *stream == Stream::Independent {
                weights[*next_independent] = 1.0;
                *next_independent += 1;
            } else {
                let (lo, hi) = if sigma_from < sigma_to { (*sigma_from, *sigma_to) } else { (*sigma_to, *sigma_from) };
                for (i, piece) in ends.windows(2).enumerate().filter(|(_, p)| lo <= p[0] && p[1] <= hi) {
                    weights[1 + i] = libm::sqrt((piece[1] - piece[0]) / (hi - lo));
                }
            }
            state[*out as usize] = (0.0, weights);
        }
        Op::Combine { inputs, rows } => {
            let made: Vec<_> = rows
                .iter()
                .map(|row| combine(state, &mut row.terms.iter().map(|t| (inputs[t.input], t.coefficient))))
                .collect();
            for (row, value) in rows.iter().zip(made) {
                state[row.out as usize] = value;
            }
        }
        Op::Denoise { out, input, sigma, .. } => {
            let (s2, v2, signal) = (deviation * deviation, sigma * sigma, alpha(*sigma));
            let whole = signal * signal * s2 + v2;
            let (a, b) = if whole == 0.0 { (1.0, 0.0) } else { (signal * s2 / whole, v2 / whole) };
            let mut value = combine(state, &mut std::iter::once((*input, a)));
            value.0 += b * mean;
            state[*out as usize] = value;
        }
    }
}
