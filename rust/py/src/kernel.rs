//! Binding of `stepladder_core::kernel` and of the CPU path it runs on.

use pyo3::prelude::*;
use stepladder_core::kernel::{self, Dtype, Operand, OperandMut, RowSpec, Term};
use stepladder_core::simd::Backend;

use crate::error::to_py;

/// Elements read and written above which a pass takes more than about 20 µs, so that releasing the GIL pays.
pub(crate) const DETACH_ELEMENTS: usize = 1 << 19;

/// The CPU path that vectorised code runs on: "avx512", "avx2", "neon" or "baseline".
#[pyfunction]
fn simd_backend() -> &'static str {
    Backend::active().name()
}

/// Set how many threads one pass over large arrays may use.
#[pyfunction]
fn set_num_threads(n: usize) -> PyResult<()> {
    kernel::set_num_threads(n).map_err(to_py)
}

/// The count last set with `set_num_threads`, 1 to begin with.
#[pyfunction]
fn get_num_threads() -> usize {
    kernel::num_threads()
}

/// Copies `numel` elements from one address to another, converting between dtype codes; whether all are finite.
///
/// Not safe: the executor vouches for the addresses.
#[pyfunction]
fn copy(py: Python<'_>, out: usize, out_code: u8, source: usize, source_code: u8, numel: usize) -> PyResult<bool> {
    let dtype = |code| Dtype::try_from(code).map_err(to_py);
    let (to, from) = (dtype(out_code)?, dtype(source_code)?);
    let work = move || {
        let input = Operand { ptr: std::ptr::with_exposed_provenance(source), dtype: from };
        let output = OperandMut { ptr: std::ptr::with_exposed_provenance_mut(out), dtype: to };
        let terms = [Term { input: 0, coefficient: 1.0 }];
        // SAFETY: the executor passes addresses of live, contiguous CPU tensors of `numel` elements of these dtypes,
        // which it references until this returns, and whose output the run alone writes.
        unsafe { kernel::combine(&[RowSpec { terms: &terms }], &[input], &[output], numel, kernel::num_threads()) }
    };
    let finite = if 2 * numel >= DETACH_ELEMENTS { py.detach(work) } else { work() };
    finite.map_err(to_py)
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(simd_backend, m)?)?;
    m.add_function(wrap_pyfunction!(copy, m)?)?;
    m.add_function(wrap_pyfunction!(set_num_threads, m)?)?;
    m.add_function(wrap_pyfunction!(get_num_threads, m)?)
}
