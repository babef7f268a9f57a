//! DDIM and its inverse.

use pyo3::prelude::*;
use stepladder_core::sampler::{Ddim, DdimInverse, Direction, InverseForm};

use super::{Curve, record};
use crate::error::to_py;
use crate::program::Trace;

#[pyfunction]
fn trace_ddim(t: &mut Trace, eta: Curve, direction: &str) -> PyResult<()> {
    let direction = Direction::from_name(direction).map_err(to_py)?;
    record(t, &Ddim { eta: eta.0, direction })
}

#[pyfunction]
fn trace_ddim_inverse(t: &mut Trace, form: &str) -> PyResult<()> {
    record(t, &DdimInverse { form: InverseForm::from_name(form).map_err(to_py)? })
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_ddim, m)?)?;
    m.add_function(wrap_pyfunction!(trace_ddim_inverse, m)?)
}
