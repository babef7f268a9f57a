//! Binding of `stepladder_core::kernel` and of the CPU path it runs on.

use pyo3::prelude::*;
use stepladder_core::kernel;
use stepladder_core::simd::Backend;

use crate::error::to_py;

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

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(simd_backend, m)?)?;
    m.add_function(wrap_pyfunction!(set_num_threads, m)?)?;
    m.add_function(wrap_pyfunction!(get_num_threads, m)?)
}
