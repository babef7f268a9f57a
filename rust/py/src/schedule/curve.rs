//! Schedules with a range of their own.

use numpy::PyArray1;
use pyo3::prelude::*;
use stepladder_core::schedule;

use super::filled;
use crate::error::to_py;

#[pyfunction]
fn vp<'py>(steps: &Bound<'py, PyAny>, beta_d: f64, beta_min: f64, eps_s: f64) -> PyResult<Bound<'py, PyArray1<f64>>> {
    filled(steps, |out| schedule::vp(beta_d, beta_min, eps_s, out))
}

#[pyfunction]
fn linear_quadratic<'py>(
    steps: &Bound<'py, PyAny>,
    sigma_max: f64,
    threshold: f64,
    linear_steps: Option<usize>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    filled(steps, |out| schedule::linear_quadratic(sigma_max, threshold, linear_steps, out))
}

#[pyfunction]
fn bong_tangent<'py>(
    steps: &Bound<'py, PyAny>,
    start: f64,
    middle: f64,
    pivots: [f64; 2],
    slopes: [f64; 2],
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    filled(steps, |out| schedule::bong_tangent(start, middle, pivots, slopes, out))
}

#[pyfunction]
fn logit_normal<'py>(steps: &Bound<'py, PyAny>, mean: f64, std: f64) -> PyResult<Bound<'py, PyArray1<f64>>> {
    filled(steps, |out| schedule::logit_normal(mean, std, out))
}

/// Raises unless these can be the coefficients of a variance-preserving SDE.
#[pyfunction]
fn check_vp(beta_d: f64, beta_min: f64, eps_s: f64) -> PyResult<()> {
    schedule::check_vp(beta_d, beta_min, eps_s).map_err(to_py)
}

/// Raises unless this can be the threshold of a linear-quadratic schedule.
#[pyfunction]
fn check_threshold(threshold: f64) -> PyResult<()> {
    schedule::check_threshold(threshold).map_err(to_py)
}

/// Raises unless these can be the parameters of a bong tangent schedule.
#[pyfunction]
fn check_bong_tangent(start: f64, middle: f64, pivots: [f64; 2], slopes: [f64; 2]) -> PyResult<()> {
    schedule::check_bong_tangent(start, middle, pivots, slopes).map_err(to_py)
}

/// Raises unless these can be the parameters of a logit-normal schedule.
#[pyfunction]
fn check_logit_normal(mean: f64, std: f64) -> PyResult<()> {
    schedule::check_logit_normal(mean, std).map_err(to_py)
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(vp, m)?)?;
    m.add_function(wrap_pyfunction!(linear_quadratic, m)?)?;
    m.add_function(wrap_pyfunction!(bong_tangent, m)?)?;
    m.add_function(wrap_pyfunction!(logit_normal, m)?)?;
    m.add_function(wrap_pyfunction!(check_vp, m)?)?;
    m.add_function(wrap_pyfunction!(check_threshold, m)?)?;
    m.add_function(wrap_pyfunction!(check_bong_tangent, m)?)?;
    m.add_function(wrap_pyfunction!(check_logit_normal, m)?)
}
