//! What a program is made of. Registers hold tensors of one shape; coefficients and sigmas are float64.

pub use crate::kernel::{MAX_ROWS, Term};

/// A slot for a tensor at run time.
pub type Register = u32;

/// Most steps one program may have.
pub const MAX_STEPS: usize = 100_000;

/// Where unit noise comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// The increment of one path over an interval of sigma, scaled to unit variance.
    Path,
    /// A draw independent of everything else (churn, restart).
    Independent,
}

/// A second result of one model call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Second {
    /// The unconditional denoised value beside the guided one, for guidance inside the sampler (CFG++).
    Uncond,
    /// The denoised value before clipping or thresholding.
    Unclipped,
    /// The unconditional denoised value beside the conditional one, of which the program makes the guided one.
    Branches,
}

/// One output of a pass. Terms are summed in order; an input that is not listed is not read (zero times infinity is NaN).
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The register written.
    pub out: Register,
    /// The terms, in evaluation order; each names one of the pass's inputs.
    pub terms: Vec<Term>,
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// Unit noise.
    Noise {
        /// The register written.
        out: Register,
        /// Start of the interval.
        sigma_from: f64,
        /// End of the interval.
        sigma_to: f64,
        /// Path increment or independent draw.
        stream: Stream,
        /// Position among the draws of the whole program.
        ordinal: u32,
    },
    /// One pass over memory: every row from the same inputs.
    Combine {
        /// The registers read, each once.
        inputs: Vec<Register>,
        /// One to three outputs.
        rows: Vec<Row>,
    },
    /// One model call.
    Denoise {
        /// The register of the result.
        out: Register,
        /// The register of the noisy input.
        input: Register,
        /// The noise level of the input.
        sigma: f64,
        /// A second result, if the sampler needs one.
        second: Option<(Second, Register)>,
    },
}

impl Op {
    /// Calls `f` with every register read.
    pub fn reads(&self, mut f: impl FnMut(Register)) {
        match self {
            Self::Noise { .. } => {}
            Self::Combine { inputs, .. } => inputs.iter().copied().for_each(f),
            Self::Denoise { input, .. } => f(*input),
        }
    }

    /// Calls `f` with every register written.
    pub fn writes(&self, mut f: impl FnMut(Register)) {
        match self {
            Self::Noise { out, .. } => f(*out),
            Self::Combine { rows, .. } => rows.iter().for_each(|r| f(r.out)),
            Self::Denoise { out, second, .. } => {
                f(*out);
                if let Some((_, out)) = second {
                    f(*out);
                }
            }
        }
    }

    /// Renames every register in place, the ones read by `read` first, then the ones written by `write`.
    pub(crate) fn rename(
        &mut self,
        mut read: impl FnMut(Register) -> Register,
        mut write: impl FnMut(Register) -> Register,
    ) {
        match self {
            Self::Noise { out, .. } => *out = write(*out),
            Self::Combine { inputs, rows } => {
                for r in inputs {
                    *r = read(*r);
                }
                for row in rows {
                    row.out = write(row.out);
                }
            }
            Self::Denoise { out, input, second, .. } => {
                *input = read(*input);
                *out = write(*out);
                if let Some((_, out)) = second {
                    *out = write(*out);
                }
            }
        }
    }
}

/// One step of the sampler.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Noise level at the start of the step.
    pub sigma: f64,
    /// Noise level at its end.
    pub sigma_next: f64,
    /// One past the last operation of the step.
    pub end: usize,
    /// The register that holds x once the step has ended.
    pub x: Register,
    /// The step's denoised value, if it exists as a tensor: right after operation `.0`, register `.1` holds it.
    pub denoised: Option<(usize, Register)>,
}

/// What a tensor that crosses the edge of a program is. Numbers count from the start of the whole program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PortName {
    /// The sample, as the first input or output.
    X,
    /// The sample at the start of an earlier step.
    Sample(u32),
    /// Result of the n-th model call: a denoised value, or the network's raw output once folded.
    Result(u32),
    /// Second result of the n-th model call.
    Second(u32),
    /// The n-th noise draw.
    Noise(u32),
    /// The input of the n-th model call.
    Input(u32),
    /// Row `.1` of the n-th combine.
    Value(u32, u32),
}

impl std::fmt::Display for PortName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::X => write!(f, "x"),
            Self::Sample(n) => write!(f, "x[{n}]"),
            Self::Result(n) => write!(f, "result[{n}]"),
            Self::Second(n) => write!(f, "second[{n}]"),
            Self::Noise(n) => write!(f, "noise[{n}]"),
            Self::Input(n) => write!(f, "input[{n}]"),
            Self::Value(n, row) => write!(f, "value[{n}][{row}]"),
        }
    }
}

/// A tensor that enters or leaves a program, and the register that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// What it is.
    pub name: PortName,
    /// Where it is: at the start of the program for an input, at its end for an output.
    pub register: Register,
}

/// What a [`Op::Denoise`] calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Calls {
    /// `(x, sigma) -> denoised`.
    Denoiser,
    /// The raw network: its parameterization has been folded into the coefficients.
    Network,
}

/// How much of the whole program came before this one: zero unless it is a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offset {
    /// Steps before the first one here.
    pub steps: u32,
    /// Model calls before the first one here.
    pub calls: u32,
    /// Combines before the first one here.
    pub combines: u32,
}

/// Everything a program is, before or after register allocation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Body {
    pub(crate) ops: Vec<Op>,
    pub(crate) steps: Vec<Step>,
    pub(crate) registers: u32,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
    pub(crate) noise_range: Option<(f64, f64)>,
    pub(crate) calls: Calls,
    /// Whether `x = (1 - sigma) x0 + sigma noise`; otherwise `x = x0 + sigma noise`.
    pub(crate) flow: bool,
    pub(crate) offset: Offset,
}
