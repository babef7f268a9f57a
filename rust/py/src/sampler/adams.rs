//! Linear multistep methods.

use pyo3::prelude::*;
use stepladder_core::sampler::{Form, Ipndm, IpndmV, Lms};

use super::{Whole, record};
use crate::error::to_py;
use crate::program::Trace;

#[pyfunction]
fn trace_lms(t: &mut Trace, order: Whole, lower_order_final: bool) -> PyResult<()> {
    record(t, &Lms { order: order.0, lower_order_final })
}

#[pyfunction]
fn trace_ipndm(t: &mut Trace, max_order: Whole) -> PyResult<()> {
    record(t, &Ipndm { max_order: max_order.0 })
}

#[pyfunction]
fn trace_ipndm_v(t: &mut Trace, max_order: Whole, form: &str) -> PyResult<()> {
    record(t, &IpndmV { max_order: max_order.0, form: Form::from_name(form).map_err(to_py)? })
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_lms, m)?)?;
    m.add_function(wrap_pyfunction!(trace_ipndm, m)?)?;
    m.add_function(wrap_pyfunction!(trace_ipndm_v, m)?)
}
