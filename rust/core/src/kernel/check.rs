//! What a call must fulfil before memory is touched.

use super::{MAX_ROWS, MAX_THREADS, Operand, OperandMut, RowSpec};
use crate::error::{Error, Noun, Result};

fn refuse(message: String) -> Error {
    Error::Message { noun: Noun::Execution, message }
}

/// Counts and indices.
pub(super) fn shape(rows: &[RowSpec<'_>], inputs: &[Operand], outputs: &[OperandMut], threads: usize) -> Result<()> {
    if rows.is_empty() || rows.len() > MAX_ROWS {
        return Err(refuse(format!("combine got {} rows; expected 1 to {MAX_ROWS}", rows.len())));
    }
    if rows.len() != outputs.len() {
        return Err(refuse(format!(
            "combine got {} rows and {} outputs; expected one output per row",
            rows.len(),
            outputs.len()
        )));
    }
    if !(1..=MAX_THREADS).contains(&threads) {
        return Err(refuse(format!("threads is {threads}; expected 1 to {MAX_THREADS}")));
    }
    for (r, row) in rows.iter().enumerate() {
        if row.terms.is_empty() {
            return Err(refuse(format!("row {r} has no terms; expected at least one")));
        }
        if let Some(term) = row.terms.iter().find(|term| term.input >= inputs.len()) {
            return Err(refuse(format!(
                "row {r} reads input {}; expected an index below {}, the number of inputs",
                term.input,
                inputs.len()
            )));
        }
    }
    Ok(())
}

/// Addresses: outputs apart from each other, and each apart from every input or exactly on it.
pub(super) fn overlap(inputs: &[Operand], outputs: &[OperandMut], len: usize) -> Result<()> {
    for (r, out) in outputs.iter().enumerate() {
        let (at, bytes) = (out.ptr.addr(), len * out.dtype.size());
        for (other, earlier) in outputs[..r].iter().enumerate() {
            if overlaps(at, bytes, earlier.ptr.addr(), len * earlier.dtype.size()) {
                return Err(refuse(format!("outputs {other} and {r} share memory; expected a separate array per row")));
            }
        }
        for (k, input) in inputs.iter().enumerate() {
            let (from, size) = (input.ptr.addr(), input.dtype.size());
            if at == from && size == out.dtype.size() {
                continue;
            }
            if overlaps(at, bytes, from, len * size) {
                return Err(refuse(format!(
                    "output {r} ({}) overlaps input {k} ({}) in part; expected separate memory, or the same address and \
                     element size",
                    out.dtype.name(),
                    input.dtype.name()
                )));
            }
        }
    }
    Ok(())
}

/// The slice wrapper's lengths.
pub(super) fn length(got: usize, expected: usize) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    Err(Error::Length {
        noun: Noun::Execution,
        name: "input",
        got,
        expected: format!("{expected}, the length of the output"),
    })
}

/// Whether two byte ranges share a byte.
fn overlaps(a: usize, a_bytes: usize, b: usize, b_bytes: usize) -> bool {
    a < b.saturating_add(b_bytes) && b < a.saturating_add(a_bytes) && a_bytes > 0 && b_bytes > 0
}
