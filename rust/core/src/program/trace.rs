//! Records what a sampler computes, as operations on values that are each written once.

use super::ir::{Body, Calls, MAX_STEPS, Offset, Op, Port, PortName, Row, Second, Step, Stream, Term};
use super::linear::{Linear, ValueId};
use super::{Program, ProgramError};
use crate::error::{Error, Noun, Result};
use crate::process::Family;
use crate::scalar::Scalar;

/// How many of the latest combines are searched for one that already holds a wanted combination: a sampler that asks
/// for the same expression twice in a step gets one tensor.
const REUSE_WINDOW: usize = 4;

/// What the sigmas of a run mean, as far as a sampler has to know.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// How signal and noise mix. Programs run on `x = x0 + sigma * noise` for [`Family::Ve`] and [`Family::Vp`] alike.
    pub family: Family,
    /// What stands for pure noise where a method needs its log-SNR: for a flow, a level just below 1.
    pub sigma_snr: f64,
}

impl Setting {
    /// Variance exploding, where every level has a log-SNR.
    pub const VE: Self = Self { family: Family::Ve, sigma_snr: f64::MAX };
}

/// A recorder of one sampler run. `S` is `f64`, or a dual number to obtain derivatives of the coefficients.
///
/// ```
/// # use stepladder_core::program::Trace;
/// let mut t = Trace::new(vec![2.0, 1.0])?;
/// let x = t.start();
/// let den = t.denoise(&x, 2.0);
/// let d = (&x - &den) / 2.0;
/// t.end_step(&x + d * (1.0 - 2.0));
/// let program = t.finish()?;
/// assert_eq!(program.analysis().passes, 1);
/// # Ok::<(), stepladder_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Trace<S> {
    setting: Setting,
    sigmas: Vec<S>,
    range: Option<(f64, f64)>,
    ops: Vec<Op>,
    /// Derivatives of the coefficients, then of the sigma of a model call, in the order of `ops`.
    derivatives: Vec<f64>,
    steps: Vec<Step>,
    values: ValueId,
    draws: u32,
    denoised: Option<(usize, ValueId)>,
    /// Ordinals of combines in `ops`, newest last, for reuse.
    combines: Vec<usize>,
    broken: Option<ProgramError>,
}

impl<S: Scalar> Trace<S> {
    /// A trace over the `sigmas` of a variance-exploding process: the levels of the steps, one more than there are steps.
    ///
    /// # Errors
    /// Fewer than two sigmas, more than [`MAX_STEPS`] steps.
    pub fn new(sigmas: Vec<S>) -> Result<Self> {
        Self::over(sigmas, Setting::VE)
    }

    /// A trace over the `sigmas` of any process.
    ///
    /// # Errors
    /// As [`Trace::new`]; a sigma above 1 for a flow.
    pub fn over(sigmas: Vec<S>, setting: Setting) -> Result<Self> {
        let steps = check_steps(&sigmas)?;
        if setting.family == Family::Flow
            && let Some(index) = sigmas.iter().position(|s| s.value() > 1.0)
        {
            let expected = "at most 1, pure noise: the process is a flow";
            let got = sigmas[index].value();
            return Err(Error::Element { noun: Noun::Sampler, name: "sigmas", index, got, expected });
        }
        let range = sigmas.iter().map(|s| s.value()).filter(|&s| s > 0.0).fold(None, |r: Option<(f64, f64)>, v| {
            Some(r.map_or((v, v), |(lo, hi)| (if v < lo { v } else { lo }, if v > hi { v } else { hi })))
        });
        Ok(Self {
            setting,
            sigmas,
            range,
            ops: Vec::with_capacity(3 * steps),
            derivatives: Vec::new(),
            steps: Vec::with_capacity(steps),
            values: 1,
            draws: 0,
            denoised: None,
            combines: Vec::new(),
            broken: None,
        })
    }

    /// The sample at the first sigma.
    #[must_use]
    pub fn start(&self) -> Linear<S> {
        Linear::value(0)
    }

    /// The noise levels of the run.
    #[must_use]
    pub fn sigmas(&self) -> &[S] {
        &self.sigmas
    }

    /// Replaces the levels, for a method that walks its own: a step per pair, upwards where noise is added back. The
    /// noise range stays that of the sigmas it was given.
    ///
    /// # Errors
    /// Fewer than two levels, too many steps, or a step that has ended already.
    pub fn set_levels(&mut self, levels: Vec<S>) -> Result<()> {
        check_steps(&levels)?;
        if !self.steps.is_empty() {
            let message = "levels are set after a step has ended; set them first".to_owned();
            return Err(Error::Message { noun: Noun::Sampler, message });
        }
        self.sigmas = levels;
        Ok(())
    }

    /// Whether `x = (1 - sigma) x0 + sigma noise`; otherwise `x = x0 + sigma noise`.
    #[must_use]
    pub fn is_flow(&self) -> bool {
        self.setting.family == Family::Flow
    }

    /// Weight of the signal in x at `sigma`: 1, for a flow `1 - sigma`.
    pub fn alpha(&self, sigma: S) -> S {
        if self.is_flow() { -sigma + 1.0 } else { S::from(1.0) }
    }

    /// Half the log signal-to-noise ratio, `ln(alpha / sigma)`. For a flow at 1, pure noise, see
    /// [`Trace::snr_sigmas`].
    pub fn half_log_snr(&self, sigma: S) -> S {
        if self.is_flow() { (-sigma).ln_1p() - sigma.ln() } else { -sigma.ln() }
    }

    /// The sigma whose half log-SNR is given.
    pub fn sigma_from_half_log_snr(&self, half_log_snr: S) -> S {
        if self.is_flow() { S::from(1.0) / (half_log_snr.exp() + 1.0) } else { (-half_log_snr).exp() }
    }

    /// The noise levels as a method sees them that needs their log-SNR: the first is just below pure noise. Where the
    /// second is closer to it than that, the first is halfway.
    #[must_use]
    pub fn snr_sigmas(&self) -> Vec<S> {
        let mut sigmas = self.sigmas.clone();
        if self.is_flow() && sigmas[0].value() >= 1.0 {
            let below = self.setting.sigma_snr;
            sigmas[0] = if below > sigmas[1].value() { S::from(below) } else { (sigmas[1] + 1.0) / 2.0 };
        }
        sigmas
    }

    fn new_value(&mut self) -> ValueId {
        self.values += 1;
        self.values - 1
    }

    fn fail(&mut self, error: ProgramError) {
        self.broken.get_or_insert(error);
    }

    /// Makes `v` exist as a tensor, so that later uses read that tensor instead of repeating the combination.
    pub fn hold(&mut self, v: &Linear<S>) -> Linear<S> {
        Linear::value(self.materialise(v))
    }

    fn materialise(&mut self, v: &Linear<S>) -> ValueId {
        if let Some(id) = v.single() {
            if id >= self.values {
                self.fail(ProgramError::ForeignValue { value: id });
            }
            return id;
        }
        if v.terms.is_empty() || v.terms.iter().any(|t| t.0 >= self.values) {
            let value = v.terms.iter().map(|t| t.0).max().unwrap_or(0);
            self.fail(ProgramError::ForeignValue { value });
            return 0;
        }
        let same = |inputs: &[u32], terms: &[Term]| {
            terms.len() == v.terms.len()
                && terms
                    .iter()
                    .zip(&v.terms)
                    .all(|(a, b)| inputs[a.input] == b.0 && a.coefficient.to_bits() == canonical(b.1.value()).to_bits())
        };
        for &at in self.combines.iter().rev().take(REUSE_WINDOW) {
            if let Op::Combine { inputs, rows } = &self.ops[at]
                && same(inputs, &rows[0].terms)
            {
                return rows[0].out;
            }
        }
        let out = self.new_value();
        self.combines.push(self.ops.len());
        self.derivatives.extend(v.terms.iter().map(|t| t.1.derivative()));
        self.ops.push(Op::Combine {
            inputs: v.terms.iter().map(|t| t.0).collect(),
            rows: vec![Row {
                out,
                terms: v
                    .terms
                    .iter()
                    .enumerate()
                    .map(|(input, t)| Term { input, coefficient: canonical(t.1.value()) })
                    .collect(),
            }],
        });
        out
    }

    fn call(&mut self, x: &Linear<S>, sigma: S, second: Option<Second>) -> (ValueId, ValueId) {
        let input = self.materialise(x);
        let out = self.new_value();
        let second = second.map(|kind| (kind, self.new_value()));
        if self.denoised.is_none() {
            self.denoised = Some((self.ops.len(), out));
        }
        self.derivatives.push(sigma.derivative());
        self.ops.push(Op::Denoise { out, input, sigma: canonical(sigma.value()), second });
        (out, second.map_or(out, |s| s.1))
    }

    /// One model call: the denoised value of `x` at `sigma`.
    pub fn denoise(&mut self, x: &Linear<S>, sigma: S) -> Linear<S> {
        Linear::value(self.call(x, sigma, None).0)
    }

    /// One model call with two results: the denoised value, and the one that `second` names.
    pub fn denoise_two(&mut self, x: &Linear<S>, sigma: S, second: Second) -> (Linear<S>, Linear<S>) {
        let (out, other) = self.call(x, sigma, Some(second));
        (Linear::value(out), Linear::value(other))
    }

    fn draw(&mut self, sigma_from: S, sigma_to: S, stream: Stream) -> Linear<S> {
        let out = self.new_value();
        let (sigma_from, sigma_to) = (canonical(sigma_from.value()), canonical(sigma_to.value()));
        self.ops.push(Op::Noise { out, sigma_from, sigma_to, stream, ordinal: self.draws });
        self.draws += 1;
        Linear::value(out)
    }

    /// Unit noise of the run's path over an interval of sigma.
    pub fn noise(&mut self, sigma_from: S, sigma_to: S) -> Linear<S> {
        self.draw(sigma_from, sigma_to, Stream::Path)
    }

    /// Unit noise independent of the path.
    pub fn independent_noise(&mut self, sigma_from: S, sigma_to: S) -> Linear<S> {
        self.draw(sigma_from, sigma_to, Stream::Independent)
    }

    /// A draw of the run's path whose result nobody uses, for a host that draws and discards: later draws of a
    /// sequential source are then the host's.
    pub fn skip_noise(&mut self, sigma_from: S, sigma_to: S) {
        let _ = self.draw(sigma_from, sigma_to, Stream::Path);
    }

    /// Ends the step: `x` becomes a tensor, the sample at the next sigma.
    pub fn end_step(&mut self, x: impl std::borrow::Borrow<Linear<S>>) -> Linear<S> {
        let id = self.materialise(x.borrow());
        let i = self.steps.len();
        if i + 1 >= self.sigmas.len() {
            self.fail(ProgramError::StepCount { got: i + 1, expected: self.sigmas.len() - 1 });
            return Linear::value(id);
        }
        let (sigma, sigma_next) = (canonical(self.sigmas[i].value()), canonical(self.sigmas[i + 1].value()));
        self.steps.push(Step { sigma, sigma_next, end: self.ops.len(), x: id, denoised: self.denoised.take() });
        Linear::value(id)
    }

    /// The program: its result is the sample the last step ended with.
    ///
    /// # Errors
    /// Too few or too many steps were ended, a coefficient is not finite, or a value came from another trace.
    pub fn finish(self) -> Result<Program> {
        if let Some(error) = self.broken {
            return Err(error.into());
        }
        let (got, expected) = (self.steps.len(), self.sigmas.len() - 1);
        if got != expected {
            return Err(ProgramError::StepCount { got, expected }.into());
        }
        let last = self.steps.last().map_or(0, |s| s.x);
        Program::allocate(Body {
            ops: self.ops,
            steps: self.steps,
            registers: self.values,
            inputs: vec![Port { name: PortName::X, register: 0 }],
            outputs: vec![Port { name: PortName::X, register: last }],
            noise_range: self.range,
            calls: Calls::Denoiser,
            flow: self.setting.family == Family::Flow,
            offset: Offset::default(),
        })
    }

    /// Derivatives of every coefficient and model-call sigma along the seeded direction, in the order of the operations.
    pub(crate) fn into_derivatives(self) -> Vec<f64> {
        self.derivatives
    }
}

/// How many steps there are between the levels.
fn check_steps<S>(sigmas: &[S]) -> Result<usize> {
    let steps = sigmas.len().saturating_sub(1);
    if steps == 0 || steps > MAX_STEPS {
        return Err(ProgramError::Steps { got: steps, max: MAX_STEPS }.into());
    }
    Ok(steps)
}

/// One representation per number: negative zero becomes zero.
pub(crate) fn canonical(v: f64) -> f64 {
    v + 0.0
}
