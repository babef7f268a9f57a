//! RES multistep.

use pyo3::prelude::*;
use stepladder_core::sampler::{Form, ResMultistep};

use super::{Curve, record};
use crate::error::to_py;
use crate::program::Trace;

#[pyfunction]
fn trace_res_multistep(t: &mut Trace, eta: Curve, s_noise: Curve, form: &str, cfg_pp: bool) -> PyResult<()> {
    let form = Form::from_name(form).map_err(to_py)?;
    record(t, &ResMultistep { eta: eta.0, s_noise: s_noise.0, form, cfg_pp })
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_res_multistep, m)?)
}
