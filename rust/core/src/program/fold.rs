//! Absorbs what is linear in the model's results. A parameterization: a denoised value becomes `c_skip·x +
//! c_out·F(c_in·x)`, where only F is computed by the network, and the pass that makes `x` also makes `c_in·x`. Guidance:
//! a denoised value becomes `w·D_cond + (1 − w)·D_uncond`.

use smallvec::{SmallVec, smallvec};

use super::ir::{Body, Calls, MAX_ROWS, Op, Register, Row, Second, Step, Term};
use super::registers::drop_unread;
use super::trace::canonical;
use super::{Program, ProgramError};
use crate::error::Result;

/// `denoised = skip·x + out·F(input·x)` at one noise level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaling {
    /// `c_skip`
    pub skip: f64,
    /// `c_out`
    pub out: f64,
    /// `c_in`
    pub input: f64,
}

/// A denoised value that exists only as this combination.
#[derive(Clone)]
struct Folded {
    /// What the model returned, with weights that add up to one.
    parts: SmallVec<[(Register, f64); 2]>,
    /// `c_out`
    out: f64,
    /// `c_skip` and the x it multiplies; none without a parameterization.
    skip: Option<(f64, Register)>,
}

/// What is to be absorbed.
struct Absorbed<'a> {
    scalings: Option<&'a [Scaling]>,
    scales_input: bool,
    guidance: Option<&'a [f64]>,
    keep_denoised: bool,
}

type Terms = Vec<(Register, f64)>;

impl Program {
    /// The same sampler over the raw network. `scalings` holds one entry per model call, in order; with
    /// `scales_input` false the network takes x itself (`c_in = 1` by definition, as for flow models). With
    /// `keep_denoised` every step's denoised value is also written as a row of the pass that follows its model call,
    /// for callbacks.
    ///
    /// # Errors
    /// The program is folded already, the number of scalings differs from the number of model calls, or a model call
    /// asks for an unclipped second result (clipping is not linear), or the program is a slice with history: its named
    /// tensors are denoised values, which a folded program does not have. Fold the whole, then slice.
    pub fn fold(&self, scalings: &[Scaling], scales_input: bool, keep_denoised: bool) -> Result<Self> {
        self.fold_guided(scalings, scales_input, None, keep_denoised)
    }

    /// [`Program::fold`] and [`Program::guide`] at once, where `guidance` is given: one combination of the network's two
    /// outputs.
    ///
    /// # Errors
    /// As both.
    pub fn fold_guided(
        &self,
        scalings: &[Scaling],
        scales_input: bool,
        guidance: Option<&[f64]>,
        keep_denoised: bool,
    ) -> Result<Self> {
        if self.calls() == Calls::Network {
            return Err(ProgramError::FoldedTwice.into());
        }
        if self.has_history() {
            return Err(ProgramError::FoldSlice.into());
        }
        let calls = self.model_calls();
        if calls != scalings.len() {
            return Err(ProgramError::Scalings { got: scalings.len(), calls }.into());
        }
        self.absorb(&Absorbed { scalings: Some(scalings), scales_input, guidance, keep_denoised })
    }

    /// Classifier-free guidance inside the program: `D_uncond + w (D_cond − D_uncond)`, one scale `w` per model call.
    /// A call of scale 1 asks for no unconditional result. Ho and Salimans 2022 (arXiv:2207.12598), equation 6 with
    /// their w as w − 1.
    ///
    /// # Errors
    /// The program is folded or guided already, is a slice with history, asks for unclipped results; the number of
    /// scales differs from the number of model calls, or one is not finite.
    pub fn guide(&self, scales: &[f64], keep_denoised: bool) -> Result<Self> {
        if self.calls() == Calls::Network {
            return Err(ProgramError::GuideFolded.into());
        }
        if self.has_history() {
            return Err(ProgramError::GuideSlice.into());
        }
        self.absorb(&Absorbed { scalings: None, scales_input: false, guidance: Some(scales), keep_denoised })
    }

    fn has_history(&self) -> bool {
        self.inputs().len() + self.outputs().len() > 2
    }

    fn model_calls(&self) -> usize {
        self.ops().iter().filter(|op| matches!(op, Op::Denoise { .. })).count()
    }

    fn absorb(&self, what: &Absorbed<'_>) -> Result<Self> {
        if let Some(scales) = what.guidance {
            self.check_guidance(scales)?;
        }
        let whole = self.to_values();
        let mut fold = Fold::new(&whole, what);
        for (i, step) in whole.steps.iter().enumerate() {
            let first = if i == 0 { 0 } else { whole.steps[i - 1].end };
            for (at, op) in (first..).zip(&whole.ops[first..step.end]) {
                fold.operation(op)?;
                if let Some((_, value)) = step.denoised.filter(|d| d.0 == at) {
                    if fold.folded[value as usize].is_none() {
                        fold.denoised = Some((fold.ops.len() - 1, value));
                    } else if what.keep_denoised {
                        fold.wanted = Some(value);
                    }
                }
            }
            fold.end_step(step);
        }
        let mut outputs = whole.outputs.clone();
        for port in &mut outputs {
            port.register = fold.tensor(port.register);
        }
        let mut body = Body {
            ops: fold.ops,
            steps: fold.steps,
            registers: fold.registers,
            outputs,
            flow: whole.flow,
            calls: if what.scalings.is_some() { Calls::Network } else { whole.calls },
            inputs: whole.inputs,
            noise_range: whole.noise_range,
            offset: whole.offset,
        };
        drop_unread(&mut body)?;
        Self::allocate(body)
    }

    fn check_guidance(&self, scales: &[f64]) -> Result<()> {
        let calls = self.model_calls();
        if scales.len() != calls {
            return Err(ProgramError::Scales { got: scales.len(), calls }.into());
        }
        if let Some(call) = scales.iter().position(|w| !w.is_finite()) {
            return Err(ProgramError::Scale { call, got: scales[call] }.into());
        }
        for op in self.ops() {
            match op {
                Op::Denoise { second: Some((Second::Branches, _)), .. } => return Err(ProgramError::GuidedTwice.into()),
                Op::Denoise { second: Some((Second::Unclipped, _)), .. } => {
                    return Err(ProgramError::GuideUnclipped.into());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

struct Fold<'a> {
    what: &'a Absorbed<'a>,
    /// Model calls so far.
    calls: usize,
    ops: Vec<Op>,
    steps: Vec<Step>,
    registers: Register,
    folded: Vec<Option<Folded>>,
    /// The tensor of a value that was folded and then needed after all, or of its scaled copy.
    held: Vec<Option<Register>>,
    /// Where in `ops` a value was made by a combine.
    made_by: Vec<Option<usize>>,
    wanted: Option<Register>,
    denoised: Option<(usize, Register)>,
}

impl<'a> Fold<'a> {
    fn new(whole: &Body, what: &'a Absorbed<'a>) -> Self {
        let n = whole.registers as usize;
        Self {
            what,
            calls: 0,
            ops: Vec::with_capacity(whole.ops.len() + 1),
            steps: Vec::with_capacity(whole.steps.len()),
            registers: whole.registers,
            folded: vec![None; n],
            held: vec![None; n],
            made_by: vec![None; n],
            wanted: None,
            denoised: None,
        }
    }

    fn new_value(&mut self) -> Register {
        self.folded.push(None);
        self.held.push(None);
        self.made_by.push(None);
        self.registers += 1;
        self.registers - 1
    }

    /// `terms` with every folded value replaced. A source that is read only for its `c_skip` term, and whose own terms
    /// are all there already, is replaced too: one tensor fewer stays alive.
    fn expand(&self, terms: &[(Register, f64)]) -> Terms {
        let mut expanded: Terms = Vec::with_capacity(terms.len() + 2);
        let mut sources: Terms = Vec::new();
        for &(r, c) in terms {
            match &self.folded[r as usize] {
                Some(f) if self.held[r as usize].is_none() => {
                    if let Some((skip, source)) = f.skip {
                        add(&mut sources, source, c * skip);
                    }
                    for &(part, weight) in &f.parts {
                        add(&mut expanded, part, c * f.out * weight);
                    }
                }
                _ => add(&mut expanded, self.held[r as usize].unwrap_or(r), c),
            }
        }
        for (source, c) in sources {
            let there = |r: Register| expanded.iter().any(|t| t.0 == r);
            let own = self.row_of(source).filter(|own| !there(source) && own.iter().all(|t| there(t.0)));
            match own {
                Some(own) => own.iter().for_each(|&(r, k)| add(&mut expanded, r, c * k)),
                None => add(&mut expanded, source, c),
            }
        }
        expanded
    }

    /// The terms of the combine row that made a value.
    fn row_of(&self, value: Register) -> Option<Terms> {
        let Op::Combine { inputs, rows } = &self.ops[self.made_by[value as usize]?] else { return None };
        let row = rows.iter().find(|row| row.out == value)?;
        Some(row.terms.iter().map(|t| (inputs[t.input], t.coefficient)).collect())
    }

    fn combine(&mut self, out: Register, terms: &[(Register, f64)]) {
        self.made_by[out as usize] = Some(self.ops.len());
        let mut inputs = Vec::with_capacity(terms.len());
        let row = row(&mut inputs, out, terms);
        self.ops.push(Op::Combine { inputs, rows: vec![row] });
    }

    /// Adds a row to the pass at `at` where there is room, else makes a pass of its own.
    fn also(&mut self, at: Option<usize>, out: Register, terms: &[(Register, f64)]) {
        if let Some(at) = at
            && let Op::Combine { inputs, rows } = &mut self.ops[at]
            && rows.len() < MAX_ROWS
        {
            let added = row(inputs, out, terms);
            rows.push(added);
            self.made_by[out as usize] = Some(at);
        } else {
            self.combine(out, terms);
        }
    }

    /// The tensor of a value of the unfolded program.
    fn tensor(&mut self, value: Register) -> Register {
        if self.folded[value as usize].is_none() {
            return value;
        }
        if let Some(held) = self.held[value as usize] {
            return held;
        }
        let out = self.new_value();
        let terms = self.expand(&[(value, 1.0)]);
        self.combine(out, &terms);
        self.held[value as usize] = Some(out);
        out
    }

    fn operation(&mut self, op: &Op) -> Result<()> {
        match op {
            Op::Noise { .. } => self.ops.push(op.clone()),
            Op::Combine { inputs, rows } => {
                for row in rows {
                    let terms: Terms = row.terms.iter().map(|t| (inputs[t.input], t.coefficient)).collect();
                    let terms = self.expand(&terms);
                    self.combine(row.out, &terms);
                    self.write_wanted();
                }
            }
            Op::Denoise { out, input, sigma, second } => self.model_call(*out, *input, *sigma, *second)?,
        }
        Ok(())
    }

    fn model_call(
        &mut self,
        out: Register,
        input: Register,
        sigma: f64,
        second: Option<(Second, Register)>,
    ) -> Result<()> {
        let call = self.calls;
        self.calls += 1;
        let scaling = self.what.scalings.map(|s| s[call]);
        let scale = self.what.guidance.map(|w| w[call]);
        if scaling.is_some() && matches!(second, Some((Second::Unclipped, _))) {
            return Err(ProgramError::FoldUnclipped.into());
        }
        let source = self.tensor(input);
        let unguided = scale.is_none_or(|w| w.to_bits() == 1.0_f64.to_bits());
        let kind = match (scale, second) {
            (None, second) => second.map(|s| s.0),
            (Some(_), None) if unguided => None,
            (Some(_), _) => Some(Second::Branches),
        };
        if scaling.is_none() && unguided {
            let second = kind.zip(second.map(|s| s.1));
            self.ops.push(Op::Denoise { out, input: source, sigma, second });
            return Ok(());
        }
        let first = self.new_value();
        let other = kind.map(|kind| (kind, self.new_value()));
        let folded =
            |parts| Folded { parts, out: scaling.map_or(1.0, |s| s.out), skip: scaling.map(|s| (s.skip, source)) };
        self.folded[out as usize] = Some(folded(match (scale, other) {
            (Some(w), Some((_, uncond))) if !unguided => smallvec![(first, w), (uncond, 1.0 - w)],
            _ => smallvec![(first, 1.0)],
        }));
        if let (Some((_, value)), Some((_, result))) = (second, other) {
            self.folded[value as usize] = Some(folded(smallvec![(result, 1.0)]));
        }
        let input = scaling.map_or(source, |s| self.scaled(source, s.input));
        self.ops.push(Op::Denoise { out: first, input, sigma, second: other });
        Ok(())
    }

    fn scaled(&mut self, source: Register, c_in: f64) -> Register {
        if !self.what.scales_input {
            return source;
        }
        let terms: Terms = match self.row_of(source) {
            Some(own) => own.iter().map(|&(r, c)| (r, canonical(c * c_in))).collect(),
            None => vec![(source, c_in)],
        };
        let out = self.new_value();
        self.also(self.made_by[source as usize], out, &terms);
        out
    }

    /// Writes the step's denoised value beside the pass just made.
    fn write_wanted(&mut self) {
        if let Some(value) = self.wanted.take() {
            let out = self.new_value();
            let terms = self.expand(&[(value, 1.0)]);
            self.also(Some(self.ops.len() - 1), out, &terms);
            self.denoised = self.made_by[out as usize].map(|at| (at, out));
        }
    }

    fn end_step(&mut self, step: &Step) {
        let x = self.tensor(step.x);
        if let Some(value) = self.wanted.take() {
            // The step ends at its denoised value as a rule, and one tensor is both.
            let denoised = self.tensor(value);
            self.denoised = self.made_by[denoised as usize].map(|at| (at, denoised));
        }
        let denoised = self.denoised.take();
        self.steps.push(Step { x, end: self.ops.len(), denoised, ..step.clone() });
    }
}

fn add(terms: &mut Terms, register: Register, c: f64) {
    match terms.iter_mut().find(|t| t.0 == register) {
        Some(t) => t.1 += c,
        None => terms.push((register, c)),
    }
}

fn row(inputs: &mut Vec<Register>, out: Register, terms: &[(Register, f64)]) -> Row {
    let terms = terms
        .iter()
        .map(|&(r, c)| {
            let input = inputs.iter().position(|i| *i == r).unwrap_or_else(|| {
                inputs.push(r);
                inputs.len() - 1
            });
            Term { input, coefficient: canonical(c) }
        })
        .collect();
    Row { out, terms }
}
