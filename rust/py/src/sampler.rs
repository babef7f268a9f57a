//! Binding of `stepladder_core::sampler`: each method records itself on a trace.

use pyo3::prelude::*;
use stepladder_core::sampler::{Churn, Dpmpp2m, Dpmpp2mSde, Euler, EulerAncestral, Heun, Sampler, SolverType};

use crate::error::to_py;
use crate::program::Trace;

fn record(t: &mut Trace, sampler: &impl Sampler) -> PyResult<()> {
    sampler.trace(t.live()?).map_err(to_py)
}

#[pyfunction]
fn trace_euler(t: &mut Trace, s_churn: f64, s_tmin: f64, s_tmax: f64, s_noise: f64) -> PyResult<()> {
    record(t, &Euler { churn: Churn { s_churn, s_tmin, s_tmax, s_noise } })
}

#[pyfunction]
fn trace_euler_ancestral(t: &mut Trace, eta: f64, s_noise: f64) -> PyResult<()> {
    record(t, &EulerAncestral { eta, s_noise })
}

#[pyfunction]
fn trace_heun(t: &mut Trace, s_churn: f64, s_tmin: f64, s_tmax: f64, s_noise: f64) -> PyResult<()> {
    record(t, &Heun { churn: Churn { s_churn, s_tmin, s_tmax, s_noise } })
}

#[pyfunction]
fn trace_dpmpp_2m(t: &mut Trace) -> PyResult<()> {
    record(t, &Dpmpp2m)
}

#[pyfunction]
fn trace_dpmpp_2m_sde(t: &mut Trace, eta: f64, s_noise: f64, solver_type: &str) -> PyResult<()> {
    record(t, &Dpmpp2mSde { eta, s_noise, solver_type: SolverType::from_name(solver_type).map_err(to_py)? })
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_euler, m)?)?;
    m.add_function(wrap_pyfunction!(trace_euler_ancestral, m)?)?;
    m.add_function(wrap_pyfunction!(trace_heun, m)?)?;
    m.add_function(wrap_pyfunction!(trace_dpmpp_2m, m)?)?;
    m.add_function(wrap_pyfunction!(trace_dpmpp_2m_sde, m)?)
}
