//! Gradient estimation.

use pyo3::prelude::*;
use stepladder_core::sampler::GradientEstimation;

use super::record;
use crate::program::Trace;

#[pyfunction]
fn trace_gradient_estimation(t: &mut Trace, ge_gamma: f64, cfg_pp: bool) -> PyResult<()> {
    record(t, &GradientEstimation { ge_gamma, cfg_pp })
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_gradient_estimation, m)?)
}
