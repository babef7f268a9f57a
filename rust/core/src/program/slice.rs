//! Part of a program: steps `start..stop`, with the history they read as named inputs.

use super::ir::{Body, Offset, Op, Port, PortName, Register};
use super::{Program, ProgramError};
use crate::error::Result;

impl Program {
    /// Steps `start..stop`. What earlier steps left for these to read becomes a named input, what later steps would
    /// read a named output, so that the parts of a program, run one after the other, are the program. Noise keeps its
    /// ordinals and its range.
    ///
    /// # Errors
    /// An empty range, or one past the end.
    pub fn slice(&self, start: usize, stop: usize) -> Result<Self> {
        if start >= stop || stop > self.steps().len() {
            return Err(ProgramError::Slice { start, stop, steps: self.steps().len() }.into());
        }
        let whole = self.to_values();
        let (first, last) = (first_op(&whole, start), first_op(&whole, stop));
        let names = names(&whole);

        // x leads, whether it is read or not; the rest follow in the order in which they are read.
        let x_before = if start == 0 { whole.inputs[0].register } else { whole.steps[start - 1].x };
        let x_after = whole.steps[stop - 1].x;
        let inputs = live(&whole, start, stop, x_before);
        let outputs = if stop == whole.steps.len() {
            whole.outputs.iter().map(|p| p.register).collect()
        } else {
            live(&whole, stop, whole.steps.len(), x_after)
        };
        // A value passed through untouched is an output only if this part can see it.
        let known = |r: Register| {
            inputs.contains(&r) || {
                let mut made = false;
                whole.ops[first..last].iter().for_each(|op| op.writes(|w| made |= w == r));
                made
            }
        };
        let through: Vec<Register> = outputs.iter().copied().filter(|r| !known(*r)).collect();
        let inputs: Vec<Register> = inputs.into_iter().chain(through).collect();
        let port = |registers: &[Register], x: Register| -> Vec<Port> {
            registers
                .iter()
                .map(|&register| Port {
                    name: if register == x { PortName::X } else { names[register as usize] },
                    register,
                })
                .collect()
        };

        let count = |f: fn(&Op) -> bool| {
            u32::try_from(whole.ops[..first].iter().filter(|op| f(op)).count()).unwrap_or(u32::MAX)
        };
        let offset = Offset {
            steps: self.offset().steps + u32::try_from(start).unwrap_or(u32::MAX),
            calls: self.offset().calls + count(|op| matches!(op, Op::Denoise { .. })),
            combines: self.offset().combines + count(|op| matches!(op, Op::Combine { .. })),
        };
        let mut steps = whole.steps[start..stop].to_vec();
        for s in &mut steps {
            s.end -= first;
            if let Some((at, _)) = &mut s.denoised {
                *at -= first;
            }
        }
        Self::allocate(renumbered(Body {
            ops: whole.ops[first..last].to_vec(),
            steps,
            registers: whole.registers,
            inputs: port(&inputs, x_before),
            outputs: port(&outputs, x_after),
            noise_range: whole.noise_range,
            calls: whole.calls,
            flow: whole.flow,
            offset,
        }))
    }
}

impl Program {
    /// What is alive between step `step` and the one before it: x first, then the history that later steps read. These
    /// are the inputs of `slice(step, …)`, in the registers of this program.
    ///
    /// # Errors
    /// No step of that number follows: `step` must be below the number of steps.
    pub fn boundary(&self, step: usize) -> Result<Vec<Port>> {
        let steps = self.steps().len();
        if step >= steps {
            return Err(ProgramError::Slice { start: step, stop: steps, steps }.into());
        }
        let whole = self.to_values();
        let names = names(&whole);
        let x = if step == 0 { whole.inputs[0].register } else { whole.steps[step - 1].x };
        // Values are numbered in the order of their definitions, so this is the register of each.
        let mut homes: Vec<Register> = self.inputs().iter().map(|p| p.register).collect();
        self.ops().iter().for_each(|op| op.writes(|r| homes.push(r)));
        let port = |value: Register| Port {
            name: if value == x { PortName::X } else { names[value as usize] },
            register: homes[value as usize],
        };
        Ok(live(&whole, step, steps, x).into_iter().map(port).collect())
    }
}

/// `x`, then every value made before step `start` that steps `start..stop` read or end with, or the program returns.
fn live(whole: &Body, start: usize, stop: usize, x: Register) -> Vec<Register> {
    let mut made = vec![false; whole.registers as usize];
    let mut live = vec![x];
    let mut need = |made: &[bool], r: Register| {
        if !made[r as usize] && !live.contains(&r) {
            live.push(r);
        }
    };
    let mut at = first_op(whole, start);
    for step in &whole.steps[start..stop] {
        for op in &whole.ops[at..step.end] {
            op.reads(|r| need(&made, r));
            op.writes(|r| made[r as usize] = true);
        }
        need(&made, step.x);
        at = step.end;
    }
    if stop == whole.steps.len() {
        whole.outputs.iter().for_each(|port| need(&made, port.register));
    }
    live
}

fn first_op(whole: &Body, step: usize) -> usize {
    if step == 0 { 0 } else { whole.steps[step - 1].end }
}

/// What each value is, counted from the start of the whole program.
fn names(whole: &Body) -> Vec<PortName> {
    let mut names = vec![PortName::X; whole.registers as usize];
    for port in &whole.inputs {
        names[port.register as usize] =
            if port.name == PortName::X { PortName::Sample(whole.offset.steps) } else { port.name };
    }
    let (mut calls, mut combines) = (whole.offset.calls, whole.offset.combines);
    for op in &whole.ops {
        match op {
            Op::Noise { out, ordinal, .. } => names[*out as usize] = PortName::Noise(*ordinal),
            Op::Denoise { out, input, second, .. } => {
                if matches!(names[*input as usize], PortName::Value(..)) {
                    names[*input as usize] = PortName::Input(calls);
                }
                names[*out as usize] = PortName::Result(calls);
                if let Some((_, r)) = second {
                    names[*r as usize] = PortName::Second(calls);
                }
                calls += 1;
            }
            Op::Combine { rows, .. } => {
                for (i, row) in (0..).zip(rows) {
                    names[row.out as usize] = PortName::Value(combines, i);
                }
                combines += 1;
            }
        }
    }
    for (n, step) in (whole.offset.steps + 1..).zip(&whole.steps) {
        names[step.x as usize] = PortName::Sample(n);
    }
    names
}

/// Values numbered densely from zero again, inputs first.
fn renumbered(mut body: Body) -> Body {
    let mut number = vec![Register::MAX; body.registers as usize];
    let mut count: Register = 0;
    let mut give = |r: Register| {
        if number[r as usize] == Register::MAX {
            number[r as usize] = count;
            count += 1;
        }
        number[r as usize]
    };
    for port in &mut body.inputs {
        port.register = give(port.register);
    }
    for op in &mut body.ops {
        let give = std::cell::RefCell::new(&mut give);
        op.rename(|r| give.borrow_mut()(r), |r| give.borrow_mut()(r));
    }
    for port in &mut body.outputs {
        port.register = give(port.register);
    }
    for s in &mut body.steps {
        s.x = give(s.x);
        if let Some((_, r)) = &mut s.denoised {
            *r = give(*r);
        }
    }
    body.registers = count;
    body
}
