//! RES: exponential Runge–Kutta and exponential Adams.

use pyo3::prelude::*;
use stepladder_core::sampler::{Res2s, Res3s, ResM};

use super::{Whole, record};
use crate::program::Trace;

#[pyfunction]
fn trace_res_2s(t: &mut Trace, c2: f64) -> PyResult<()> {
    record(t, &Res2s { c2 })
}

#[pyfunction]
fn trace_res_3s(t: &mut Trace, c2: f64, c3: f64) -> PyResult<()> {
    record(t, &Res3s { c2, c3 })
}

#[pyfunction]
fn trace_res_m(t: &mut Trace, order: Whole) -> PyResult<()> {
    record(t, &ResM { order: order.0 })
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_res_2s, m)?)?;
    m.add_function(wrap_pyfunction!(trace_res_3s, m)?)?;
    m.add_function(wrap_pyfunction!(trace_res_m, m)?)
}
