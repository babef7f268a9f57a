//! Register allocation by liveness, and its inverse.

use smallvec::SmallVec;

use super::ir::{Body, Op, Register};
use super::linear::ValueId;
use super::{Program, ProgramError};
use crate::error::Result;

/// No register, in tables indexed by value.
const NONE: Register = Register::MAX;

impl Program {
    /// Gives every value of `body` (each written once, numbered `0..registers`) the lowest register that is free from
    /// its definition to its last use. An output may take the register of an input that dies in the same operation.
    pub(crate) fn allocate(mut body: Body) -> Result<Self> {
        let values = body.registers as usize;
        // One past the operation that reads a value last; outputs of the program live past its end.
        let mut last_use = vec![0_usize; values];
        for (at, op) in body.ops.iter().enumerate() {
            op.reads(|r| last_use[r as usize] = at + 1);
        }
        for port in &body.outputs {
            last_use[port.register as usize] = body.ops.len() + 1;
        }
        // Whoever watches the run reads x when its step has ended: until then no operation may take its register.
        let mut held_until = vec![0_usize; values];
        for step in &body.steps {
            held_until[step.x as usize] = step.end;
        }

        let mut home = vec![NONE; values];
        let mut free: Vec<Register> = Vec::new();
        let mut registers: Register = 0;
        let mut take = |free: &mut Vec<Register>| {
            if let Some((i, _)) = free.iter().enumerate().min_by_key(|(_, r)| **r) {
                return free.swap_remove(i);
            }
            registers += 1;
            registers - 1
        };
        for port in &body.inputs {
            home[port.register as usize] = take(&mut free);
        }
        let mut waiting: Vec<ValueId> = Vec::new();
        for (at, op) in body.ops.iter_mut().enumerate() {
            waiting.retain(|&value| {
                let over = held_until[value as usize] <= at;
                if over {
                    free.push(home[value as usize]);
                }
                !over
            });
            op.reads(|value| {
                if last_use[value as usize] == at + 1 {
                    if held_until[value as usize] <= at {
                        free.push(home[value as usize]);
                    } else {
                        waiting.push(value);
                    }
                }
            });
            let mut unread: SmallVec<[Register; 4]> = SmallVec::new();
            op.writes(|value| {
                home[value as usize] = take(&mut free);
                if last_use[value as usize] == 0 {
                    if held_until[value as usize] == 0 {
                        // A second result the sampler ignored: the register is free again after this operation.
                        unread.push(home[value as usize]);
                    } else {
                        waiting.push(value);
                    }
                }
            });
            free.extend(unread);
            op.rename(|r| home[r as usize], |r| home[r as usize]);
        }
        for step in &mut body.steps {
            step.x = home[step.x as usize];
            if let Some((_, r)) = &mut step.denoised {
                *r = home[*r as usize];
            }
        }
        for port in body.inputs.iter_mut().chain(&mut body.outputs) {
            port.register = home[port.register as usize];
        }
        body.registers = registers;
        Self::checked(body)
    }

    /// The program with every value written once again: what transforms work on. Values are numbered by definition.
    pub(crate) fn to_values(&self) -> Body {
        let mut body = self.body().clone();
        let mut current = vec![NONE; body.registers as usize];
        let mut count: Register = 0;
        for port in &mut body.inputs {
            current[port.register as usize] = count;
            port.register = count;
            count += 1;
        }
        let mut step = 0;
        let mut xs = Vec::with_capacity(body.steps.len());
        let mut denoised = Vec::with_capacity(body.steps.len());
        for (at, op) in body.ops.iter_mut().enumerate() {
            while body.steps.get(step).is_some_and(|s| s.end <= at) {
                xs.push(current[body.steps[step].x as usize]);
                step += 1;
            }
            let before = current.clone();
            op.rename(
                |r| before[r as usize],
                |r| {
                    current[r as usize] = count;
                    count += 1;
                    count - 1
                },
            );
            if let Some((_, r)) = body.steps.get(step).and_then(|s| s.denoised).filter(|d| d.0 == at) {
                denoised.push((step, at, current[r as usize]));
            }
        }
        while let Some(s) = body.steps.get(step) {
            xs.push(current[s.x as usize]);
            step += 1;
        }
        for (s, x) in body.steps.iter_mut().zip(xs) {
            s.x = x;
        }
        for (step, at, value) in denoised {
            body.steps[step].denoised = Some((at, value));
        }
        for port in &mut body.outputs {
            port.register = current[port.register as usize];
        }
        body.registers = count;
        body
    }

    /// Checks that a body, however it was obtained, is a program.
    pub(crate) fn checked(body: Body) -> Result<Self> {
        super::validate::validate(&body)?;
        Ok(Self::from_valid(body))
    }
}

/// Drops operations and rows whose results nobody reads. Model calls and noise draws stay: they are what the program
/// does, and ordinals count them.
pub(crate) fn drop_unread(body: &mut Body) -> std::result::Result<(), ProgramError> {
    let mut read = vec![false; body.registers as usize];
    for port in &body.outputs {
        read[port.register as usize] = true;
    }
    for step in &body.steps {
        read[step.x as usize] = true;
        if let Some((_, r)) = step.denoised {
            read[r as usize] = true;
        }
    }
    for op in body.ops.iter_mut().rev() {
        if let Op::Combine { inputs, rows } = op {
            rows.retain(|row| read[row.out as usize]);
            let mut used = vec![false; inputs.len()];
            rows.iter().flat_map(|r| &r.terms).for_each(|t| used[t.input] = true);
            let place: Vec<usize> = used
                .iter()
                .scan(0, |n, &u| {
                    *n += usize::from(u);
                    Some(n.wrapping_sub(1))
                })
                .collect();
            rows.iter_mut().flat_map(|r| &mut r.terms).for_each(|t| t.input = place[t.input]);
            let mut i = 0;
            inputs.retain(|_| {
                i += 1;
                used[i - 1]
            });
        }
        op.reads(|r| read[r as usize] = true);
    }
    // Positions move: steps count operations.
    let kept: Vec<bool> =
        body.ops.iter().map(|op| !matches!(op, Op::Combine { rows, .. } if rows.is_empty())).collect();
    let mut before = Vec::with_capacity(kept.len() + 1);
    before.push(0);
    for &k in &kept {
        before.push(before[before.len() - 1] + usize::from(k));
    }
    for step in &mut body.steps {
        step.end = before[step.end];
        if let Some((at, register)) = step.denoised {
            if !kept[at] {
                return Err(ProgramError::DenoisedElsewhere { op: at, register });
            }
            step.denoised = Some((before[at], register));
        }
    }
    let mut i = 0;
    body.ops.retain(|_| {
        i += 1;
        kept[i - 1]
    });
    Ok(())
}
