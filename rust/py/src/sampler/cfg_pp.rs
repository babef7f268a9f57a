//! CFG++.

use pyo3::prelude::*;
use stepladder_core::sampler::{
    CfgppUd10Ab, Dpmpp2mCfgPp, Dpmpp2sAncestralCfgPp, EulerAncestralCfgPp, EulerCfgPp, Form,
};

use super::{Curve, record};
use crate::error::to_py;
use crate::program::Trace;

#[pyfunction]
fn trace_euler_cfg_pp(t: &mut Trace) -> PyResult<()> {
    record(t, &EulerCfgPp)
}

#[pyfunction]
fn trace_euler_ancestral_cfg_pp(t: &mut Trace, eta: Curve, s_noise: Curve) -> PyResult<()> {
    record(t, &EulerAncestralCfgPp { eta: eta.0, s_noise: s_noise.0 })
}

#[pyfunction]
fn trace_dpmpp_2s_ancestral_cfg_pp(t: &mut Trace, eta: Curve, s_noise: Curve, form: &str) -> PyResult<()> {
    let form = Form::from_name(form).map_err(to_py)?;
    record(t, &Dpmpp2sAncestralCfgPp { eta: eta.0, s_noise: s_noise.0, form })
}

#[pyfunction]
fn trace_dpmpp_2m_cfg_pp(t: &mut Trace) -> PyResult<()> {
    record(t, &Dpmpp2mCfgPp)
}

#[pyfunction]
fn trace_cfgpp_ud10_ab(
    t: &mut Trace,
    history_weight: f64,
    uncond_history_weight: f64,
    zero_weight: f64,
) -> PyResult<()> {
    record(t, &CfgppUd10Ab { history_weight, uncond_history_weight, zero_weight })
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_euler_cfg_pp, m)?)?;
    m.add_function(wrap_pyfunction!(trace_euler_ancestral_cfg_pp, m)?)?;
    m.add_function(wrap_pyfunction!(trace_dpmpp_2s_ancestral_cfg_pp, m)?)?;
    m.add_function(wrap_pyfunction!(trace_dpmpp_2m_cfg_pp, m)?)?;
    m.add_function(wrap_pyfunction!(trace_cfgpp_ud10_ab, m)?)
}
