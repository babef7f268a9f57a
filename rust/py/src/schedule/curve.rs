//! Schedules with a range of their own.

use numpy::PyArray1;
use pyo3::prelude::*;
use stepladder_core::{Noun, schedule};

use super::{filled, number};
use crate::error::to_py;
use crate::floats;

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
fn bong_tangent_stable_diffusion_cpp<'py>(
    steps: &Bound<'py, PyAny>,
    sigma_min: f64,
    sigma_max: f64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    filled(steps, |out| schedule::bong_tangent_stable_diffusion_cpp(sigma_min, sigma_max, out))
}

#[pyfunction]
fn logit_normal<'py>(steps: &Bound<'py, PyAny>, mean: f64, std: f64) -> PyResult<Bound<'py, PyArray1<f64>>> {
    filled(steps, |out| schedule::logit_normal(mean, std, out))
}

/// Raises unless these can be the coefficients of a variance-preserving SDE.
#[pyfunction]
fn check_vp(beta_d: &Bound<'_, PyAny>, beta_min: &Bound<'_, PyAny>, eps_s: &Bound<'_, PyAny>) -> PyResult<()> {
    schedule::check_vp(number("beta_d", beta_d)?, number("beta_min", beta_min)?, number("eps_s", eps_s)?).map_err(to_py)
}

/// Raises unless this can be the threshold of a linear-quadratic schedule.
#[pyfunction]
fn check_threshold(threshold_noise: &Bound<'_, PyAny>) -> PyResult<()> {
    schedule::check_threshold(number("threshold_noise", threshold_noise)?).map_err(to_py)
}

/// Raises unless these can be the parameters of a bong tangent schedule.
#[pyfunction]
fn check_bong_tangent(
    start: &Bound<'_, PyAny>,
    middle: &Bound<'_, PyAny>,
    pivot_1: &Bound<'_, PyAny>,
    pivot_2: &Bound<'_, PyAny>,
    slope_1: &Bound<'_, PyAny>,
    slope_2: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let pivots = [number("pivot_1", pivot_1)?, number("pivot_2", pivot_2)?];
    let slopes = [number("slope_1", slope_1)?, number("slope_2", slope_2)?];
    schedule::check_bong_tangent(number("start", start)?, number("middle", middle)?, pivots, slopes).map_err(to_py)
}

/// Raises unless so many steps can be even.
#[pyfunction]
fn check_linear_steps(linear_steps: &Bound<'_, PyAny>) -> PyResult<()> {
    let count = floats::count(Noun::Schedule, "linear_steps", linear_steps, "1 to 9999999")?;
    schedule::check_linear_steps(count).map(drop).map_err(to_py)
}

/// Raises unless these can be the parameters of a logit-normal schedule whose `mu` is moved by `shift`.
#[pyfunction]
fn check_logit_normal(mu: &Bound<'_, PyAny>, shift: f64, std: &Bound<'_, PyAny>) -> PyResult<()> {
    schedule::check_logit_normal(number("mu", mu)? + shift, number("std", std)?).map_err(to_py)
}

/// Raises unless this can be a level.
#[pyfunction]
fn check_value(value: &Bound<'_, PyAny>) -> PyResult<()> {
    schedule::check_value(number("value", value)?).map_err(to_py)
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(vp, m)?)?;
    m.add_function(wrap_pyfunction!(linear_quadratic, m)?)?;
    m.add_function(wrap_pyfunction!(bong_tangent, m)?)?;
    m.add_function(wrap_pyfunction!(bong_tangent_stable_diffusion_cpp, m)?)?;
    m.add_function(wrap_pyfunction!(logit_normal, m)?)?;
    m.add_function(wrap_pyfunction!(check_vp, m)?)?;
    m.add_function(wrap_pyfunction!(check_threshold, m)?)?;
    m.add_function(wrap_pyfunction!(check_bong_tangent, m)?)?;
    m.add_function(wrap_pyfunction!(check_linear_steps, m)?)?;
    m.add_function(wrap_pyfunction!(check_value, m)?)?;
    m.add_function(wrap_pyfunction!(check_logit_normal, m)?)
}
