//! Programs one after the other, as one.

use super::ir::{Body, Op, Register};
use super::{Program, ProgramError};
use crate::error::Result;

/// What a later part knows of what earlier ones did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// Parts of one program: each reads what the one before it left.
    Keep,
    /// Each part starts from x alone.
    Restart,
}

impl Program {
    /// The program that runs these one after the other. Noise draws are numbered on; the noise range covers all parts.
    ///
    /// # Errors
    /// No part; parts that do not meet at one sigma, or call different things; with [`History::Keep`], a part that is
    /// not the continuation of the one before it, with [`History::Restart`], one that reads history.
    pub fn concatenate(parts: &[&Self], history: History) -> Result<Self> {
        let Some((first, rest)) = parts.split_first() else { return Err(ProgramError::NoParts.into()) };
        let mut whole = first.to_values();
        for (part, next) in (1..).zip(rest) {
            check(part, &whole, next, history)?;
            append(&mut whole, next.to_values());
        }
        Self::allocate(whole)
    }
}

fn check(part: usize, whole: &Body, next: &Program, history: History) -> std::result::Result<(), ProgramError> {
    let end = whole.steps[whole.steps.len() - 1].sigma_next;
    let start = next.sigma_start();
    if end.to_bits() != start.to_bits() {
        return Err(ProgramError::PartStart { part, got: start, expected: end });
    }
    if whole.calls != next.calls() {
        return Err(ProgramError::PartCalls { part });
    }
    if whole.flow != next.is_flow() {
        return Err(ProgramError::PartProcess { part });
    }
    match history {
        History::Restart if next.inputs().len() > 1 => Err(ProgramError::PartHistory { part }),
        History::Restart => Ok(()),
        History::Keep => {
            let steps = whole.offset.steps as usize + whole.steps.len();
            let got = next.offset().steps as usize;
            if got != steps {
                return Err(ProgramError::PartContinues { part, got, expected: steps });
            }
            match next.inputs().iter().find(|input| !whole.outputs.iter().any(|o| o.name == input.name)) {
                Some(missing) => Err(ProgramError::PartInput { part, name: missing.name.to_string() }),
                None => Ok(()),
            }
        }
    }
}

fn append(whole: &mut Body, mut next: Body) {
    let shift = whole.registers;
    let mut home: Vec<Register> = (0..next.registers).map(|r| r + shift).collect();
    for input in &next.inputs {
        if let Some(output) = whole.outputs.iter().find(|o| o.name == input.name) {
            home[input.register as usize] = output.register;
        }
    }
    let of = |r: Register| home[r as usize];
    let last = |ops: &[Op]| {
        ops.iter().filter_map(|op| if let Op::Noise { ordinal, .. } = op { Some(*ordinal) } else { None }).next_back()
    };
    let first = next.ops.iter().find_map(|op| if let Op::Noise { ordinal, .. } = op { Some(*ordinal) } else { None });
    let renumber = match (last(&whole.ops), first) {
        (Some(last), Some(first)) if first <= last => last + 1 - first,
        _ => 0,
    };
    let at = whole.ops.len();
    for op in &mut next.ops {
        op.rename(of, of);
        if let Op::Noise { ordinal, .. } = op {
            *ordinal += renumber;
        }
    }
    for step in &mut next.steps {
        step.end += at;
        step.x = of(step.x);
        step.denoised = step.denoised.map(|(op, r)| (op + at, of(r)));
    }
    for output in &mut next.outputs {
        output.register = of(output.register);
    }
    whole.ops.append(&mut next.ops);
    whole.steps.append(&mut next.steps);
    whole.outputs = next.outputs;
    whole.registers += next.registers;
    whole.noise_range = match (whole.noise_range, next.noise_range) {
        (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
        (range, None) | (None, range) => range,
    };
}
