//! DEIS.

use pyo3::prelude::*;
use stepladder_core::sampler::{Deis, DeisMode, Form};

use super::{Whole, record};
use crate::error::to_py;
use crate::program::Trace;

#[pyfunction]
fn trace_deis(t: &mut Trace, max_order: Whole, mode: &str, form: &str) -> PyResult<()> {
    let mode = DeisMode::from_name(mode).map_err(to_py)?;
    record(t, &Deis { max_order: max_order.0, mode, form: Form::from_name(form).map_err(to_py)? })
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_deis, m)?)
}
