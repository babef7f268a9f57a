//! Single-step methods, and the multistep SDE of the third order.

use pyo3::prelude::*;
use stepladder_core::sampler::{
    Churn, Ddpm, Dpm2, Dpm2Ancestral, DpmFast, Dpmpp2sAncestral, Dpmpp3mSde, DpmppSde, Heunpp2, Lcm, Restart, Seeds2,
    Seeds3, Segment, ThirdOrder, Weights,
};

use super::{Curve, record};
use crate::error::to_py;
use crate::program::Trace;

#[pyfunction]
fn trace_heunpp2(t: &mut Trace, s_churn: f64, s_tmin: f64, s_tmax: f64, s_noise: f64) -> PyResult<()> {
    record(t, &Heunpp2 { churn: Churn { s_churn, s_tmin, s_tmax, s_noise } })
}

#[pyfunction]
fn trace_dpm_2(t: &mut Trace, s_churn: f64, s_tmin: f64, s_tmax: f64, s_noise: f64) -> PyResult<()> {
    record(t, &Dpm2 { churn: Churn { s_churn, s_tmin, s_tmax, s_noise } })
}

#[pyfunction]
fn trace_dpm_2_ancestral(t: &mut Trace, eta: Curve, s_noise: Curve) -> PyResult<()> {
    record(t, &Dpm2Ancestral { eta: eta.0, s_noise: s_noise.0 })
}

#[pyfunction]
fn trace_dpm_fast(t: &mut Trace, eta: f64, s_noise: f64) -> PyResult<()> {
    record(t, &DpmFast { eta, s_noise })
}

#[pyfunction]
fn trace_dpmpp_2s_ancestral(t: &mut Trace, eta: Curve, s_noise: Curve) -> PyResult<()> {
    record(t, &Dpmpp2sAncestral { eta: eta.0, s_noise: s_noise.0 })
}

#[pyfunction]
fn trace_dpmpp_sde(t: &mut Trace, eta: Curve, s_noise: Curve, r: f64) -> PyResult<()> {
    record(t, &DpmppSde { eta: eta.0, s_noise: s_noise.0, r })
}

#[pyfunction]
fn trace_dpmpp_3m_sde(t: &mut Trace, eta: Curve, s_noise: Curve, form: &str) -> PyResult<()> {
    let form = ThirdOrder::from_name(form).map_err(to_py)?;
    record(t, &Dpmpp3mSde { eta: eta.0, s_noise: s_noise.0, form })
}

#[pyfunction]
fn trace_seeds_2(t: &mut Trace, eta: Curve, s_noise: Curve, r: f64, solver_type: &str) -> PyResult<()> {
    let weights = Weights::from_name(solver_type).map_err(to_py)?;
    record(t, &Seeds2 { eta: eta.0, s_noise: s_noise.0, r, weights })
}

#[pyfunction]
fn trace_seeds_3(t: &mut Trace, eta: Curve, s_noise: Curve, r_1: f64, r_2: f64) -> PyResult<()> {
    record(t, &Seeds3 { eta: eta.0, s_noise: s_noise.0, r_1, r_2 })
}

#[pyfunction]
fn trace_ddpm(t: &mut Trace) -> PyResult<()> {
    record(t, &Ddpm)
}

#[pyfunction]
fn trace_lcm(t: &mut Trace, s_noise: Curve, s_noise_end: Option<f64>, noise_clip_std: f64) -> PyResult<()> {
    record(t, &Lcm { s_noise: s_noise.0, s_noise_end, noise_clip_std })
}

#[pyfunction]
fn trace_restart(t: &mut Trace, segments: Option<Vec<(f64, f64, usize, usize)>>, s_noise: f64) -> PyResult<()> {
    let segment = |(sigma_min, sigma_max, steps, times)| Segment { sigma_min, sigma_max, steps, times };
    record(t, &Restart { segments: segments.map(|all| all.into_iter().map(segment).collect()), s_noise })
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_heunpp2, m)?)?;
    m.add_function(wrap_pyfunction!(trace_dpm_2, m)?)?;
    m.add_function(wrap_pyfunction!(trace_dpm_2_ancestral, m)?)?;
    m.add_function(wrap_pyfunction!(trace_dpm_fast, m)?)?;
    m.add_function(wrap_pyfunction!(trace_dpmpp_2s_ancestral, m)?)?;
    m.add_function(wrap_pyfunction!(trace_dpmpp_sde, m)?)?;
    m.add_function(wrap_pyfunction!(trace_dpmpp_3m_sde, m)?)?;
    m.add_function(wrap_pyfunction!(trace_seeds_2, m)?)?;
    m.add_function(wrap_pyfunction!(trace_seeds_3, m)?)?;
    m.add_function(wrap_pyfunction!(trace_ddpm, m)?)?;
    m.add_function(wrap_pyfunction!(trace_lcm, m)?)?;
    m.add_function(wrap_pyfunction!(trace_restart, m)?)
}
