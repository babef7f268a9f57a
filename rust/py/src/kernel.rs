//! Binding of `stepladder_core::kernel`.

use pyo3::prelude::*;
use stepladder_core::kernel;
use stepladder_core::simd::Backend;

use crate::error::to_py;

#[pyfunction]
fn simd_backend() -> &'static str {
    Backend::active().name()
}

#[pyfunction]
fn set_num_threads(count: usize) -> PyResult<()> {
    kernel::set_num_threads(count).map_err(to_py)
}

#[pyfunction]
fn get_num_threads() -> usize {
    kernel::num_threads()
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(simd_backend, m)?)?;
    m.add_function(wrap_pyfunction!(set_num_threads, m)?)?;
    m.add_function(wrap_pyfunction!(get_num_threads, m)?)
}
