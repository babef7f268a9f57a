//! Records what a sampler computes, as operations on values that are each written once.

use super::ir::{Body, Calls, MAX_STEPS, Offset, Op, Port, PortName, Row, Second, Step, Stream, Term};
use super::linear::{Linear, ValueId};
use super::{Program, ProgramError};
use crate::error::Result;
use crate::scalar::Scalar;

/// How many of the latest combines are searched for one that already holds a wanted combination: a sampler that asks
/// for the same expression twice in a step gets one tensor.
const REUSE_WINDOW: usize = 4;

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
    sigmas: Vec<S>,
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
    /// A trace over `sigmas`: the levels of the steps, one more than there are steps.
    ///
    /// # Errors
    /// Fewer than two sigmas, more than [`MAX_STEPS`] steps.
    pub fn new(sigmas: Vec<S>) -> Result<Self> {
        let steps = sigmas.len().saturating_sub(1);
        if steps == 0 || steps > MAX_STEPS {
            return Err(ProgramError::Steps { got: steps, max: MAX_STEPS }.into());
        }
        Ok(Self {
            sigmas,
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
        let positive = |s: &S| s.value() > 0.0;
        let range = self.sigmas.iter().filter(|s| positive(s)).fold(None, |r: Option<(f64, f64)>, s| {
            let v = s.value();
            Some(r.map_or((v, v), |(lo, hi)| (if v < lo { v } else { lo }, if v > hi { v } else { hi })))
        });
        Program::allocate(Body {
            ops: self.ops,
            steps: self.steps,
            registers: self.values,
            inputs: vec![Port { name: PortName::X, register: 0 }],
            outputs: vec![Port { name: PortName::X, register: last }],
            noise_range: range,
            calls: Calls::Denoiser,
            offset: Offset::default(),
        })
    }

    /// Derivatives of every coefficient and model-call sigma along the seeded direction, in the order of the operations.
    pub(crate) fn into_derivatives(self) -> Vec<f64> {
        self.derivatives
    }
}

/// One representation per number: negative zero becomes zero.
pub(crate) fn canonical(v: f64) -> f64 {
    v + 0.0
}
