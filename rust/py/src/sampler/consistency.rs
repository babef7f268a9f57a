//! Multistep consistency sampling.

use pyo3::prelude::*;
use stepladder_core::sampler::Consistency;

use super::{Curve, record};
use crate::program::Trace;

#[pyfunction]
fn trace_consistency(t: &mut Trace, sigma_min: f64, s_noise: Curve) -> PyResult<()> {
    record(t, &Consistency { sigma_min, s_noise: s_noise.0 })
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_consistency, m)?)
}
