//! Euler's method and its relatives.

use pyo3::prelude::*;
use stepladder_core::sampler::{Churn, Euler, EulerAncestral, Heun};

use super::{Curve, record};
use crate::program::Trace;

#[pyfunction]
fn trace_euler(t: &mut Trace, s_churn: f64, s_tmin: f64, s_tmax: f64, s_noise: f64) -> PyResult<()> {
    record(t, &Euler { churn: Churn { s_churn, s_tmin, s_tmax, s_noise } })
}

#[pyfunction]
fn trace_euler_ancestral(t: &mut Trace, eta: Curve, s_noise: Curve) -> PyResult<()> {
    record(t, &EulerAncestral { eta: eta.0, s_noise: s_noise.0 })
}

#[pyfunction]
fn trace_heun(t: &mut Trace, s_churn: f64, s_tmin: f64, s_tmax: f64, s_noise: f64) -> PyResult<()> {
    record(t, &Heun { churn: Churn { s_churn, s_tmin, s_tmax, s_noise } })
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_euler, m)?)?;
    m.add_function(wrap_pyfunction!(trace_euler_ancestral, m)?)?;
    m.add_function(wrap_pyfunction!(trace_heun, m)?)
}
