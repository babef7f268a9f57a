//! The rules of the program format, each with the values that broke it.

use super::ir::Register;
use crate::error::Number;

/// A rule that a trace, a program or a file broke.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are the numbers in the message beside them")]
pub enum ProgramError {
    #[error("a program has {got} steps; expected 1 to {max}")]
    Steps { got: usize, max: usize },
    #[error("the sampler ended {got} steps; expected {expected}, one less than there are sigmas")]
    StepCount { got: usize, expected: usize },
    #[error("the first output is not the sample that the last step ended with")]
    OutputElsewhere,
    #[error("value {value} was not made by this trace; use only values this trace returned")]
    ForeignValue { value: u32 },
    #[error("operation {op} reads register {register} before anything wrote it")]
    ReadBeforeWrite { op: usize, register: Register },
    #[error("operation {op} names register {register}; expected one below {registers}")]
    RegisterOutOfRange { op: usize, register: Register, registers: u32 },
    #[error("{got} registers; expected 1 to {max}")]
    Registers { got: u32, max: u32 },
    #[error("operation {op} writes register {register} twice")]
    WrittenTwice { op: usize, register: Register },
    #[error("operation {op} lists input register {register} twice")]
    InputTwice { op: usize, register: Register },
    #[error("operation {op} has a term on input {input}; expected one below {inputs}")]
    InputOutOfRange { op: usize, input: usize, inputs: usize },
    #[error("operation {op} has {got} rows; expected 1 to {max}")]
    Rows { op: usize, got: usize, max: usize },
    #[error("operation {op} has a row without terms")]
    EmptyRow { op: usize },
    #[error(
        "operation {op} has coefficient {}; expected a finite number. The sigmas or options divide by zero there",
        Number(*got)
    )]
    Coefficient { op: usize, got: f64 },
    #[error("operation {op} has sigma {}; expected a finite number of at least 0", Number(*got))]
    Sigma { op: usize, got: f64 },
    #[error("operation {op} calls the model at sigma {}; expected a finite number above 0", Number(*got))]
    CallSigma { op: usize, got: f64 },
    #[error("operation {op} is noise draw {got}; expected a number above {last}, the draw before it")]
    Ordinal { op: usize, got: u32, last: u32 },
    #[error("{got} registers, of which {used} are used; expected as many as are used")]
    UnusedRegisters { got: u32, used: u32 },
    #[error("the first {which} is not x")]
    PortMissing { which: &'static str },
    #[error("step {step} starts at sigma {}; expected {}, where the one before it ended", Number(*got), Number(*expected))]
    StepStart { step: usize, got: f64, expected: f64 },
    #[error("step {step} ends at operation {end}; expected {start} to {operations}, the last step at {operations}")]
    StepEnd { step: usize, end: usize, start: usize, operations: usize },
    #[error(
        "a step's denoised value is said to be register {register} after operation {op}, which does not write it in that step"
    )]
    DenoisedElsewhere { op: usize, register: Register },
    #[error("two {which}s are named {name}")]
    PortTwice { which: &'static str, name: String },
    #[error("operation {op} draws noise over the empty interval at sigma {}; expected two different levels", Number(*sigma))]
    EmptyInterval { op: usize, sigma: f64 },
    #[error("the program draws noise but has no noise range: no sigma is positive")]
    NoNoiseRange,
    #[error("a slice starts after more than {max} steps, calls or combines")]
    Offset { max: u32 },
    #[error("noise range is {} to {}; expected 0 < low <= high, both finite", Number(*low), Number(*high))]
    NoiseRange { low: f64, high: f64 },
    #[error("steps {start}..{stop} of a program of {steps}; expected 0 <= start < stop <= {steps}")]
    Slice { start: usize, stop: usize, steps: usize },
    #[error("this program calls the network itself already; fold the program that calls a denoiser")]
    FoldedTwice,
    #[error(
        "a slice with history cannot be folded: what it reads are denoised values; fold the whole program, then slice"
    )]
    FoldSlice,
    #[error("{got} scalings for {calls} model calls; expected one each")]
    Scalings { got: usize, calls: usize },
    #[error(
        "a model call asks for an unclipped second result, and clipping is not linear: this program cannot be folded"
    )]
    FoldUnclipped,
    #[error("{got} guidance scales for {calls} model calls; expected one each")]
    Scales { got: usize, calls: usize },
    #[error("guidance scale {} of model call {call}; expected a finite number", Number(*got))]
    Scale { call: usize, got: f64 },
    #[error("this program is guided already; guide the program that asks for one result")]
    GuidedTwice,
    #[error("this program calls the network itself already; guide the program that calls a denoiser, then fold it")]
    GuideFolded,
    #[error(
        "a slice with history cannot be guided: what it reads are denoised values; guide the whole program, then slice"
    )]
    GuideSlice,
    #[error("a model call asks for an unclipped second result: this program cannot be guided")]
    GuideUnclipped,
    #[error("nothing to concatenate; give at least one program")]
    NoParts,
    #[error("part {part} starts at sigma {}; expected {}, where the one before it ends", Number(*got), Number(*expected))]
    PartStart { part: usize, got: f64, expected: f64 },
    #[error("part {part} calls something else than the one before it; fold all parts, or none")]
    PartCalls { part: usize },
    #[error(
        "part {part} is over a flow and the one before it is not, or the reverse; their sigmas mean different things"
    )]
    PartProcess { part: usize },
    #[error(
        "part {part} reads history of steps before it; compile it on its own sigmas, or concatenate with history 'keep'"
    )]
    PartHistory { part: usize },
    #[error(
        "part {part} starts at step {got} of its program; expected {expected}, where the one before it ends. Parts that are programs of their own need history 'restart'"
    )]
    PartContinues { part: usize, got: usize, expected: usize },
    #[error("part {part} reads {name}, which the one before it does not leave; expected parts of one program")]
    PartInput { part: usize, name: String },
    #[error("data N({}, {}²); expected a finite mean and a finite deviation of at least 0", Number(*mean), Number(*deviation))]
    Gaussian { mean: f64, deviation: f64 },
    #[error("exact moments need a program over a denoiser, without history inputs and without second results")]
    MomentsUndefined,
    #[error("program format version {got}; this release reads {known}")]
    Version { got: i64, known: i64 },
    #[error("unknown {what} {code} at position {at} of the structure")]
    Code { what: &'static str, code: i64, at: usize },
    #[error("the list of {list} ends early")]
    TooShort { list: &'static str },
    #[error("the list of {list} is {by} longer than its program")]
    TooLong { list: &'static str, by: usize },
}
