//! DPM-Solver++.

use pyo3::prelude::*;
use stepladder_core::sampler::{Dpmpp2m, Dpmpp2mSde, SolverType};

use super::{Curve, record};
use crate::error::to_py;
use crate::program::Trace;

#[pyfunction]
fn trace_dpmpp_2m(t: &mut Trace) -> PyResult<()> {
    record(t, &Dpmpp2m)
}

#[pyfunction]
fn trace_dpmpp_2m_sde(t: &mut Trace, eta: Curve, s_noise: Curve, solver_type: &str) -> PyResult<()> {
    let solver_type = SolverType::from_name(solver_type).map_err(to_py)?;
    record(t, &Dpmpp2mSde { eta: eta.0, s_noise: s_noise.0, solver_type })
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_dpmpp_2m, m)?)?;
    m.add_function(wrap_pyfunction!(trace_dpmpp_2m_sde, m)?)
}
