//! The Python binding: borrow, detach, call, convert. Decisions live in `stepladder-core`.

use pyo3::prelude::*;

mod batch;
mod error;
mod floats;
mod kernel;
mod parameterization;
mod process;
mod program;
mod sampler;
mod schedule;
mod vectors;

/// The compiled half of `stepladder`; import names from `stepladder` itself.
#[pymodule]
fn _core(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    process::register(m)?;
    parameterization::register(m)?;
    schedule::register(m)?;
    vectors::register(m)?;
    batch::register(m)?;
    program::register(m)?;
    sampler::register(m)?;
    kernel::register(m)
}
