//! What makes a list of operations a program. Everything read from a file or built by hand passes through here.

use super::ProgramError;
use super::ir::{Body, MAX_ROWS, MAX_STEPS, Op, Port, PortName, Register, Stream};

/// Registers a program may name: as many as values could ever be alive at once in the longest program.
const MAX_REGISTERS: u32 = 1 << 22;

/// What may come before a slice: far more than any program has, and far from overflow.
const MAX_OFFSET: u32 = 1 << 30;

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
    check_ports(&body.inputs, "input")?;
    check_ports(&body.outputs, "output")?;
    check_use(body)?;
    check_steps(body)
}

fn check_ports(ports: &[Port], which: &'static str) -> Result<(), ProgramError> {
    if ports.first().map(|p| p.name) != Some(PortName::X) {
        return Err(ProgramError::PortMissing { which });
    }
    let mut names: Vec<String> = ports.iter().map(|p| p.name.to_string()).collect();
    names.sort();
    match names.windows(2).find(|w| w[0] == w[1]) {
        Some(pair) => Err(ProgramError::PortTwice { which, name: pair[0].clone() }),
        None => Ok(()),
    }
}

/// Registers are numbered densely, and noise is drawn in order.
fn check_use(body: &Body) -> Result<(), ProgramError> {
    let mut used = body.inputs.iter().map(|p| p.register + 1).max().unwrap_or(0);
    let mut last: Option<u32> = None;
    for (at, op) in body.ops.iter().enumerate() {
        op.writes(|r| used = used.max(r + 1));
        if let Op::Noise { ordinal, .. } = op {
            if let Some(last) = last.filter(|last| ordinal <= last) {
                return Err(ProgramError::Ordinal { op: at, got: *ordinal, last });
            }
            last = Some(*ordinal);
        }
    }
    if used == body.registers { Ok(()) } else { Err(ProgramError::UnusedRegisters { got: body.registers, used }) }
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
        Op::Noise { sigma_from, sigma_to, stream: Stream::Path, .. } if sigma_from.to_bits() == sigma_to.to_bits() => {
            Err(ProgramError::EmptyInterval { op: at, sigma: *sigma_from })
        }
        Op::Noise { sigma_from, sigma_to, .. } => {
            check_sigma(at, *sigma_from).and_then(|()| check_sigma(at, *sigma_to))
        }
        Op::Denoise { sigma, .. } if sigma.is_finite() && *sigma > 0.0 => Ok(()),
        Op::Denoise { sigma, .. } => Err(ProgramError::CallSigma { op: at, got: *sigma }),
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
        if i > 0 && s.sigma.to_bits() != body.steps[i - 1].sigma_next.to_bits() {
            return Err(ProgramError::StepStart { step: i, got: s.sigma, expected: body.steps[i - 1].sigma_next });
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
    if body.outputs.first().map(|p| p.register) != body.steps.last().map(|s| s.x) {
        return Err(ProgramError::OutputElsewhere);
    }
    if body.noise_range.is_none() && body.ops.iter().any(|op| matches!(op, Op::Noise { .. })) {
        return Err(ProgramError::NoNoiseRange);
    }
    if [body.offset.steps, body.offset.calls, body.offset.combines].into_iter().any(|n| n > MAX_OFFSET) {
        return Err(ProgramError::Offset { max: MAX_OFFSET });
    }
    if let Some((lo, hi)) = body.noise_range
        && !(lo > 0.0 && lo <= hi && hi.is_finite())
    {
        return Err(ProgramError::NoiseRange { low: lo, high: hi });
    }
    Ok(())
}
