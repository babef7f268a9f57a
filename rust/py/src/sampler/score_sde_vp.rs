//! The predictor of score-based models.

use pyo3::prelude::*;
use stepladder_core::sampler::{ScoreSdeVp, TimeStep};

use super::{Curve, record};
use crate::error::to_py;
use crate::program::Trace;

#[pyfunction]
fn trace_score_sde_vp(t: &mut Trace, beta_min: f64, beta_max: f64, time_step: &str, s_noise: Curve) -> PyResult<()> {
    let time_step = TimeStep::from_name(time_step).map_err(to_py)?;
    record(t, &ScoreSdeVp { beta_min, beta_max, time_step, s_noise: s_noise.0 })
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_score_sde_vp, m)?)
}
