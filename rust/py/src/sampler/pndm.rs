//! Pseudo numerical methods.

use pyo3::prelude::*;
use stepladder_core::sampler::{Pndm, PndmStart};

use super::record;
use crate::error::to_py;
use crate::program::Trace;

#[pyfunction]
fn trace_pndm(t: &mut Trace, start: &str) -> PyResult<()> {
    record(t, &Pndm { start: PndmStart::from_name(start).map_err(to_py)? })
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_pndm, m)?)
}
