//! Compiled sampler programs: straight-line lists of noise draws, linear combinations and model calls.
//!
//! A sampler is traced ([`Trace`]) over symbolic values ([`Linear`]); what it did becomes a [`Program`], whose
//! registers are allocated by liveness. Programs slice, fold a parameterization into their coefficients, report what
//! they cost, and say exactly what they do to Gaussian data.

mod analysis;
mod concatenate;
mod encode;
mod error;
mod fold;
mod ir;
mod jacobian;
mod linear;
mod registers;
mod slice;
mod trace;
mod validate;

pub use analysis::{Analysis, Moments};
pub use concatenate::History;
pub use encode::FORMAT_VERSION;
pub use error::ProgramError;
pub use fold::Scaling;
pub use ir::{Calls, MAX_ROWS, MAX_STEPS, Offset, Op, Port, PortName, Register, Row, Second, Step, Stream, Term};
pub use jacobian::{Jacobian, jacobian};
pub use linear::{Linear, ValueId};
pub use trace::{Setting, Trace};

use ir::Body;

#[cfg(test)]
mod tests;

/// A valid program: every register is written before it is read, every index in range, every number finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    body: Body,
}

impl Program {
    fn from_valid(body: Body) -> Self {
        Self { body }
    }

    fn body(&self) -> &Body {
        &self.body
    }

    /// The operations, in order.
    #[must_use]
    pub fn ops(&self) -> &[Op] {
        &self.body.ops
    }

    /// The steps, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.body.steps
    }

    /// How many registers a run needs.
    #[must_use]
    pub fn registers(&self) -> Register {
        self.body.registers
    }

    /// The tensors a run starts from; x is the first.
    #[must_use]
    pub fn inputs(&self) -> &[Port] {
        &self.body.inputs
    }

    /// The tensors a run leaves; x is the first, history for a later slice follows.
    #[must_use]
    pub fn outputs(&self) -> &[Port] {
        &self.body.outputs
    }

    /// Smallest and largest positive sigma of the whole program, the range of its noise; `None` when no sigma is
    /// positive. A slice keeps the whole program's.
    #[must_use]
    pub fn noise_range(&self) -> Option<(f64, f64)> {
        self.body.noise_range
    }

    /// What the model calls call.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.body.calls
    }

    /// Whether `x = (1 - sigma) x0 + sigma noise`, as over a flow; otherwise `x = x0 + sigma noise`.
    #[must_use]
    pub fn is_flow(&self) -> bool {
        self.body.flow
    }

    /// Where this slice starts in its whole program.
    #[must_use]
    pub fn offset(&self) -> Offset {
        self.body.offset
    }

    /// Noise level of x at the start.
    #[must_use]
    pub fn sigma_start(&self) -> f64 {
        self.body.steps[0].sigma
    }

    /// Noise level of the result.
    #[must_use]
    pub fn sigma_end(&self) -> f64 {
        self.body.steps[self.body.steps.len() - 1].sigma_next
    }
}
