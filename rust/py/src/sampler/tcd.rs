//! Trajectory consistency distillation.

use pyo3::prelude::*;
use stepladder_core::sampler::Tcd;

use super::{Curve, record};
use crate::program::Trace;

#[pyfunction]
fn trace_tcd(t: &mut Trace, eta: Curve, stages: Vec<f64>) -> PyResult<()> {
    record(t, &Tcd { eta: eta.0, stages })
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_tcd, m)?)
}
