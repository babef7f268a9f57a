//! What makes a list of operations a program. Everything read from a file or built by hand passes through here.

use super::ProgramError;
use super::ir::{Body, MAX_ROWS, MAX_STEPS, Op, Register};

/// Registers a program may name: as many as values could ever be alive at once in the longest program.
const MAX_REGISTERS: u32 = 1 << 22;

pub(super) fn validate(body: &Body) -> Result<(), ProgramError> {
    let steps = body.steps.len();
    if steps == 0 || steps > MAX_STEPS {
        return Err(ProgramError::Steps { got: steps, max: MAX_STEPS });
    }
    if body.registers == 0 || body.registers > MAX_REGISTERS {
        return Err(ProgramError::Registers { got: body.registers, max: MAX_REGISTERS });
    }
    let mut written = vec![false; body.registers as usize];
    let in_range = |op: usize, register: Register| {
        if register < body.registers {
            Ok(())
        } else {
            Err(ProgramError::RegisterOutOfRange { op, register, registers: body.registers })
        }
    };
    for port in &body.inputs {
        in_range(0, port.register)?;
        if std::mem::replace(&mut written[port.register as usize], true) {
            return Err(ProgramError::WrittenTwice { op: 0, register: port.register });
        }
    }
    let mut steps_left = body.steps.iter();
    let mut step = steps_left.next();
    for (at, op) in body.ops.iter().enumerate() {
        while let Some(s) = step.filter(|s| s.end <= at) {
            check_written(&written, at, s.x)?;
            step = steps_left.next();
        }
        check_numbers(at, op)?;
        let mut bad = None;
        op.reads(|r| {
            let unwritten = in_range(at, r).and_then(|()| check_written(&written, at, r));
            bad = bad.take().or(unwritten.err());
        });
        let mut outs: smallvec::SmallVec<[Register; 4]> = smallvec::SmallVec::new();
        op.writes(|r| {
            let twice =
                if outs.contains(&r) { Err(ProgramError::WrittenTwice { op: at, register: r }) } else { Ok(()) };
            bad = bad.take().or(in_range(at, r).and(twice).err());
            outs.push(r);
        });
        if let Some(error) = bad {
            return Err(error);
        }
        outs.iter().for_each(|&r| written[r as usize] = true);
    }
    for s in step.into_iter().chain(steps_left) {
        in_range(body.ops.len(), s.x)?;
        check_written(&written, body.ops.len(), s.x)?;
    }
    for port in &body.outputs {
        in_range(body.ops.len(), port.register)?;
        check_written(&written, body.ops.len(), port.register)?;
    }
    check_steps(body)
}

fn check_written(written: &[bool], op: usize, register: Register) -> Result<(), ProgramError> {
    if written.get(register as usize).copied().unwrap_or(false) {
        Ok(())
    } else {
        Err(ProgramError::ReadBeforeWrite { op, register })
    }
}

fn check_sigma(op: usize, sigma: f64) -> Result<(), ProgramError> {
    if sigma.is_finite() && sigma >= 0.0 { Ok(()) } else { Err(ProgramError::Sigma { op, got: sigma }) }
}

fn check_numbers(at: usize, op: &Op) -> Result<(), ProgramError> {
    match op {
        Op::Noise { sigma_from, sigma_to, .. } => {
            check_sigma(at, *sigma_from).and_then(|()| check_sigma(at, *sigma_to))
        }
        Op::Denoise { sigma, .. } => check_sigma(at, *sigma),
        Op::Combine { inputs, rows } => {
            if rows.is_empty() || rows.len() > MAX_ROWS {
                return Err(ProgramError::Rows { op: at, got: rows.len(), max: MAX_ROWS });
            }
            for (i, r) in inputs.iter().enumerate() {
                if inputs[..i].contains(r) {
                    return Err(ProgramError::InputTwice { op: at, register: *r });
                }
            }
            for row in rows {
                if row.terms.is_empty() {
                    return Err(ProgramError::EmptyRow { op: at });
                }
                for term in &row.terms {
                    if term.input >= inputs.len() {
                        return Err(ProgramError::InputOutOfRange { op: at, input: term.input, inputs: inputs.len() });
                    }
                    if !term.coefficient.is_finite() {
                        return Err(ProgramError::Coefficient { op: at, got: term.coefficient });
                    }
                }
            }
            Ok(())
        }
    }
}

fn check_steps(body: &Body) -> Result<(), ProgramError> {
    let mut start = 0;
    for (i, s) in body.steps.iter().enumerate() {
        check_sigma(start, s.sigma)?;
        check_sigma(start, s.sigma_next)?;
        if s.end < start || s.end > body.ops.len() || (i + 1 == body.steps.len() && s.end != body.ops.len()) {
            return Err(ProgramError::StepEnd { step: i, end: s.end, start, operations: body.ops.len() });
        }
        if let Some((at, register)) = s.denoised {
            let mut made = false;
            if (start..s.end).contains(&at) {
                body.ops[at].writes(|r| made |= r == register);
            }
            if !made {
                return Err(ProgramError::DenoisedElsewhere { op: at, register });
            }
        }
        start = s.end;
    }
    let mut names: Vec<_> = body.inputs.iter().map(|p| p.name).collect();
    names.sort_by_key(ToString::to_string);
    if let Some(pair) = names.windows(2).find(|w| w[0] == w[1]) {
        return Err(ProgramError::PortTwice { name: pair[0].to_string() });
    }
    if body.outputs.first().map(|p| p.register) != body.steps.last().map(|s| s.x) {
        return Err(ProgramError::OutputElsewhere);
    }
    if let Some((lo, hi)) = body.noise_range
        && !(lo > 0.0 && lo <= hi && hi.is_finite())
    {
        return Err(ProgramError::NoiseRange { low: lo, high: hi });
    }
    Ok(())
}
