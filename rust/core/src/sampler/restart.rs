//! Restart sampling: parts of the way are walked again, from noise added back.

use super::{Sampler, non_negative, pairs};
use crate::error::{Error, Noun, Result};
use crate::program::Trace;
use crate::scalar::Scalar;

/// A part of the way that is walked again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// Noise is added back at the level of the schedule nearest to this.
    pub sigma_min: f64,
    /// Up to this level.
    pub sigma_max: f64,
    /// Steps back down, over Karras' sigmas with rho 7.
    pub steps: usize,
    /// How often.
    pub times: usize,
}

/// Restart sampling with Heun's method: two model calls per step. Xu et al. 2023 (arXiv:2306.14878), algorithm 2.
#[derive(Debug, Clone, PartialEq)]
pub struct Restart {
    /// The segments. None: as A1111 chooses from 20 steps on. It spends 9 of the steps, from 36 on half of them, on
    /// restarts from sigma 0.1 to 2, and the rest on Karras' sigmas between the ends of the schedule.
    pub segments: Option<Vec<Segment>>,
    /// Standard deviation of the noise added back.
    pub s_noise: f64,
}

impl Default for Restart {
    fn default() -> Self {
        Self { segments: None, s_noise: 1.0 }
    }
}

/// Where A1111 restarts.
const SIGMA_MIN: f64 = 0.1;
const SIGMA_MAX: f64 = 2.0;

/// A segment in a schedule: after step `index - 1` up to `top`.
struct Placed<S> {
    index: usize,
    top: S,
    steps: usize,
    times: usize,
}

impl Restart {
    fn check(&self) -> Result<()> {
        for (i, segment) in self.segments.iter().flatten().enumerate() {
            let Segment { sigma_min, sigma_max, steps, times } = *segment;
            let range = sigma_min >= 0.0 && sigma_min < sigma_max && sigma_max.is_finite();
            if !range || steps == 0 || times == 0 {
                let message = format!(
                    "segments[{i}] goes from sigma {sigma_min} to {sigma_max} in {steps} steps, {times} times; expected \
                     0 <= sigma_min < sigma_max, both finite, and at least 1 step and 1 time"
                );
                return Err(Error::Message { noun: Noun::Sampler, message });
            }
        }
        non_negative("s_noise", self.s_noise)
    }

    /// The main levels and the segments in them.
    fn place<S: Scalar>(&self, sigmas: &[S]) -> Result<(Vec<S>, Vec<Placed<S>>)> {
        let steps = sigmas.len() - 1;
        let Some(segments) = &self.segments else {
            if steps < 20 {
                return Ok((sigmas.to_vec(), Vec::new()));
            }
            let (down, times) = if steps >= 36 { (steps / 4, 2) } else { (9, 1) };
            let left = steps - down * times;
            let zero = sigmas[steps].is_zero();
            let mut main = karras(sigmas[0], sigmas[if zero { steps - 1 } else { steps }], left + usize::from(!zero));
            if zero {
                main.push(sigmas[steps]);
            }
            let (index, top) = (nearest(&main, SIGMA_MIN), nearest(&main, SIGMA_MAX));
            let placed = if top < index { vec![Placed { index, top: main[top], steps: down, times }] } else { vec![] };
            return Ok((main, placed));
        };
        let place = |(i, segment): (usize, &Segment)| {
            let index = nearest(sigmas, segment.sigma_min);
            if index == 0 || sigmas[index].value() >= segment.sigma_max {
                let message = format!(
                    "segments[{i}] restarts at the level nearest to {}, which is {}; expected one after the first, \
                     below its sigma_max {}. Change the segment or the sigmas",
                    segment.sigma_min,
                    sigmas[index].value(),
                    segment.sigma_max
                );
                return Err(Error::Message { noun: Noun::Sampler, message });
            }
            Ok(Placed { index, top: S::from(segment.sigma_max), steps: segment.steps, times: segment.times })
        };
        Ok((sigmas.to_vec(), segments.iter().enumerate().map(place).collect::<Result<_>>()?))
    }
}

/// The level nearest to `sigma`, the first of two.
fn nearest<S: Scalar>(sigmas: &[S], sigma: f64) -> usize {
    let distance = |i: usize| (sigmas[i].value() - sigma).abs();
    (1..sigmas.len()).fold(0, |best, i| if distance(i) < distance(best) { i } else { best })
}

/// `points` sigmas from `top` to `bottom`, even in their 7th root: Karras et al. 2022 (arXiv:2206.00364), equation 5.
fn karras<S: Scalar>(top: S, bottom: S, points: usize) -> Vec<S> {
    const RHO: f64 = 7.0;
    let root = |s: S| if s.is_zero() { s } else { s.powf(1.0 / RHO) };
    let (first, last) = (root(top), root(bottom));
    let level = |i: usize| match i {
        0 => top,
        _ if i + 1 == points => bottom,
        _ => (first + (last - first) * (i as f64 / (points - 1) as f64)).powf(RHO),
    };
    (0..points).map(level).collect()
}

impl Sampler for Restart {
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()> {
        self.check()?;
        let (main, placed) = self.place(t.sigmas())?;
        let mut levels = vec![main[0]];
        for (i, &level) in main.iter().enumerate().skip(1) {
            levels.push(level);
            for segment in placed.iter().filter(|p| p.index == i) {
                for _ in 0..segment.times {
                    levels.extend(karras(segment.top, level, segment.steps + 1));
                }
            }
        }
        t.set_levels(levels)?;
        let mut x = t.start();
        for (s, s_next) in pairs(t) {
            if s_next.value() > s.value() {
                let noise = t.independent_noise(s, s_next);
                let added = ((s_next - s) * (s_next + s)).sqrt();
                x = t.end_step(x + noise * (added * self.s_noise));
                continue;
            }
            let den = t.denoise(&x, s);
            if s_next.is_zero() {
                x = t.end_step(den);
                continue;
            }
            let h = s_next - s;
            let d = (&x - den) / s;
            let guess = &x + &d * h;
            let d_next = (&guess - t.denoise(&guess, s_next)) / s_next;
            x = t.end_step(x + (d + d_next) * (h * 0.5));
        }
        Ok(())
    }
}
