//! The fused linear combination: `out_r[i] = sum over k of c[r, k] * in_k[i]` for one to three outputs in one pass over
//! memory, each operand stored in its own [`Dtype`].
//!
//! A row accumulates in float32, its coefficients rounded to float32 once, unless one of its operands is float64; then
//! it accumulates in float64. The first term is a product and every later one an fma, in the order given, and the sum
//! is rounded once, when stored (float64 sums go to 16-bit formats in one rounding too). The result of an element
//! depends on its operands alone: not on its position, the length, the number of threads or the CPU path (payloads of
//! NaNs excepted).

#![expect(clippy::inline_always, reason = "a body must inline into each CPU path to be compiled for it")]

mod check;
mod cpu;
mod dtype;
mod finite;
mod format;
mod run;
mod threads;

use smallvec::SmallVec;

pub use dtype::Dtype;
pub use threads::{MAX_THREADS, num_threads, set_num_threads};

use crate::error::Result;
use crate::simd::Backend;
use run::{CHUNK, Load, Pass};

/// Most outputs of one call.
pub const MAX_ROWS: usize = run::MAX_ROWS;

/// Inputs of a row up to which a call allocates nothing; more work too.
pub const INLINE_TERMS: usize = run::INLINE_TERMS;

/// Elements below which another thread costs more than it saves.
pub const MIN_ELEMENTS_PER_THREAD: usize = 262_144;

/// One product of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// Index into the call's inputs.
    pub input: usize,
    /// The factor; rounded to float32 where the row accumulates in float32.
    pub coefficient: f64,
}

/// The terms of one output, in the order they are added. An input that is not listed is not read: absent is not zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowSpec<'a> {
    /// At least one term.
    pub terms: &'a [Term],
}

/// Memory to read: `len` elements of `dtype`, contiguous, of any alignment.
#[derive(Debug, Clone, Copy)]
pub struct Operand {
    /// The first element.
    pub ptr: *const u8,
    /// How the elements are stored.
    pub dtype: Dtype,
}

/// Memory to write: `len` elements of `dtype`, contiguous, of any alignment.
#[derive(Debug, Clone, Copy)]
pub struct OperandMut {
    /// The first element.
    pub ptr: *mut u8,
    /// How the elements are stored.
    pub dtype: Dtype,
}

/// Computes every row into the output of the same index; `true` when all values, as stored, are finite (an overflow of
/// a narrow output counts).
///
/// `threads` is the most threads to use, at least 1 and the calling one included; each gets at least
/// [`MIN_ELEMENTS_PER_THREAD`] elements. Up to [`INLINE_TERMS`] terms per row and one thread, nothing is allocated.
///
/// An output may be exactly an input's memory (same address, same element size), for several rows too: all rows of a
/// chunk are computed before one is stored.
///
/// # Errors
/// [`Error::Message`](crate::Error::Message), before anything is written: no rows or more than [`MAX_ROWS`], as many
/// outputs as rows not given, a row without terms, an input index out of range, `threads` outside 1 to [`MAX_THREADS`],
/// an output overlapping another, or overlapping an input other than exactly.
///
/// # Safety
/// Each input must be valid for reads, and each output for writes, of `len` elements of its dtype, initialised where
/// read, during the whole call; no other thread may write an input or touch an output meanwhile. Overlap between
/// operands of the call need not be excluded: it is checked.
pub unsafe fn combine(
    rows: &[RowSpec<'_>],
    inputs: &[Operand],
    outputs: &[OperandMut],
    len: usize,
    threads: usize,
) -> Result<bool> {
    // SAFETY: the caller's.
    unsafe { combine_on(Backend::active(), rows, inputs, outputs, len, threads) }
}

/// [`combine`] on a chosen CPU path.
///
/// # Errors
/// As [`combine`].
///
/// # Safety
/// As [`combine`].
pub unsafe fn combine_on(
    backend: Backend,
    rows: &[RowSpec<'_>],
    inputs: &[Operand],
    outputs: &[OperandMut],
    len: usize,
    threads: usize,
) -> Result<bool> {
    check::shape(rows, inputs, outputs, threads)?;
    check::overlap(inputs, outputs, len)?;
    let pass = plan(rows, inputs, outputs);
    // SAFETY: validity is the caller's; `check::overlap` has refused every overlap but the exact one.
    Ok(unsafe { run_threads(backend, &pass, len, threads) })
}

/// Resolves input indices and rounds coefficients, once per call.
fn plan(rows: &[RowSpec<'_>], inputs: &[Operand], outputs: &[OperandMut]) -> Pass {
    let rows = rows.iter().zip(outputs).map(|(row, out)| {
        let loads: SmallVec<[Load; INLINE_TERMS]> = row
            .terms
            .iter()
            .map(|term| {
                let Operand { ptr, dtype } = inputs[term.input];
                #[expect(clippy::cast_possible_truncation, reason = "rounded once, as promised")]
                let single = term.coefficient as f32;
                Load { ptr, dtype, single, double: term.coefficient }
            })
            .collect();
        let wide = out.dtype == Dtype::F64 || loads.iter().any(|load| load.dtype == Dtype::F64);
        run::Row { loads, out: out.ptr, dtype: out.dtype, wide }
    });
    Pass(rows.collect())
}

/// Splits `0..len` on chunk boundaries. Threads live for the call only: a pool would not survive a fork.
///
/// # Safety
/// As [`run::run`] for `0..len`.
unsafe fn run_threads(backend: Backend, pass: &Pass, len: usize, threads: usize) -> bool {
    let pieces = threads.min(len / MIN_ELEMENTS_PER_THREAD).max(1);
    if pieces == 1 {
        // SAFETY: the caller's.
        return unsafe { run::run(backend, pass, 0, len) };
    }
    let step = len.div_ceil(pieces).next_multiple_of(CHUNK);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (step..len)
            .step_by(step)
            .map(|start| {
                // SAFETY: the caller's; the pieces are disjoint.
                let work = move || unsafe { run::run(backend, pass, start, (start + step).min(len)) };
                // Where the system has no thread left, this one does the piece.
                std::thread::Builder::new().spawn_scoped(scope, work).map_err(|_| work)
            })
            .collect();
        // SAFETY: the caller's; the pieces are disjoint.
        let mut finite = unsafe { run::run(backend, pass, 0, step) };
        for worker in workers {
            finite &= match worker {
                Ok(handle) => handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Err(work) => work(),
            };
        }
        finite
    })
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// `f32` and `f64`: the element types [`combine_slices`] takes.
pub trait Element: sealed::Sealed + Copy {
    /// The stored form.
    const DTYPE: Dtype;
}

impl Element for f32 {
    const DTYPE: Dtype = Dtype::F32;
}

impl Element for f64 {
    const DTYPE: Dtype = Dtype::F64;
}

/// [`combine`] of one row over slices of one type, on one thread: `out[i]` is the sum of `coefficient * input[i]` in
/// the order given. `true` when all of `out` is finite.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) when an input's length is not `out`'s,
/// [`Error::Message`](crate::Error::Message) without terms.
pub fn combine_slices<T: Element>(out: &mut [T], terms: &[(f64, &[T])]) -> Result<bool> {
    let mut inputs = SmallVec::<[Operand; INLINE_TERMS]>::new();
    let mut row = SmallVec::<[Term; INLINE_TERMS]>::new();
    for (input, &(coefficient, values)) in terms.iter().enumerate() {
        check::length(values.len(), out.len())?;
        inputs.push(Operand { ptr: values.as_ptr().cast(), dtype: T::DTYPE });
        row.push(Term { input, coefficient });
    }
    let output = OperandMut { ptr: out.as_mut_ptr().cast(), dtype: T::DTYPE };
    // SAFETY: slices of `out.len()` initialised elements each, borrowed for the call.
    unsafe { combine(&[RowSpec { terms: &row }], &inputs, &[output], out.len(), 1) }
}
