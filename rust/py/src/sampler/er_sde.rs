//! ER-SDE.

use pyo3::prelude::*;
use stepladder_core::sampler::{ErSde, Integrals, NoiseScaling};

use super::{Curve, record};
use crate::error::to_py;
use crate::program::Trace;

#[pyfunction]
fn trace_er_sde(
    t: &mut Trace,
    max_stage: i64,
    noise_scaling: &str,
    eta: Curve,
    s_noise: Curve,
    integrals: &str,
) -> PyResult<()> {
    let noise_scaling = NoiseScaling::from_name(noise_scaling).map_err(to_py)?;
    let integrals = Integrals::from_name(integrals).map_err(to_py)?;
    record(t, &ErSde { max_stage, noise_scaling, eta: eta.0, s_noise: s_noise.0, integrals })
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_er_sde, m)?)
}
