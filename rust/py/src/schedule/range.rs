//! Schedules over a range of sigma.

use numpy::PyArray1;
use pyo3::prelude::*;
use stepladder_core::schedule;

use super::{filled, list, number, steps};
use crate::error::to_py;

#[pyfunction]
fn karras<'py>(
    steps: &Bound<'py, PyAny>,
    sigma_min: f64,
    sigma_max: f64,
    rho: f64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    filled(steps, |out| schedule::karras(sigma_min, sigma_max, rho, out))
}

#[pyfunction]
fn exponential<'py>(steps: &Bound<'py, PyAny>, sigma_min: f64, sigma_max: f64) -> PyResult<Bound<'py, PyArray1<f64>>> {
    filled(steps, |out| schedule::exponential(sigma_min, sigma_max, out))
}

#[pyfunction]
fn polyexponential<'py>(
    steps: &Bound<'py, PyAny>,
    sigma_min: f64,
    sigma_max: f64,
    rho: f64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    filled(steps, |out| schedule::polyexponential(sigma_min, sigma_max, rho, out))
}

#[pyfunction]
fn laplace<'py>(
    steps: &Bound<'py, PyAny>,
    sigma_min: f64,
    sigma_max: f64,
    mu: f64,
    beta: f64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    filled(steps, |out| schedule::laplace(sigma_min, sigma_max, mu, beta, out))
}

#[pyfunction]
fn laplace_comfyui<'py>(
    steps: &Bound<'py, PyAny>,
    sigma_min: f64,
    sigma_max: f64,
    mu: f64,
    beta: f64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    list(steps, schedule::laplace_comfyui(sigma_min, sigma_max, mu, beta, self::steps(steps)?))
}

#[pyfunction]
fn kl_optimal<'py>(steps: &Bound<'py, PyAny>, sigma_min: f64, sigma_max: f64) -> PyResult<Bound<'py, PyArray1<f64>>> {
    filled(steps, |out| schedule::kl_optimal(sigma_min, sigma_max, out))
}

#[pyfunction]
fn kl_optimal_a1111<'py>(
    steps: &Bound<'py, PyAny>,
    sigma_min: f64,
    sigma_max: f64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    list(steps, schedule::kl_optimal_a1111(sigma_min, sigma_max, self::steps(steps)?))
}

#[pyfunction]
fn beta_over_range<'py>(
    steps: &Bound<'py, PyAny>,
    sigma_min: f64,
    sigma_max: f64,
    alpha: f64,
    beta: f64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    filled(steps, |out| schedule::beta_over_range(sigma_min, sigma_max, alpha, beta, out))
}

#[pyfunction]
fn cosine<'py>(steps: &Bound<'py, PyAny>, sigma_min: f64, sigma_max: f64) -> PyResult<Bound<'py, PyArray1<f64>>> {
    filled(steps, |out| schedule::cosine(sigma_min, sigma_max, out))
}

#[pyfunction]
fn tangent<'py>(
    steps: &Bound<'py, PyAny>,
    sigma_min: f64,
    sigma_max: f64,
    pivot: f64,
    slope: f64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    filled(steps, |out| schedule::tangent(sigma_min, sigma_max, pivot, slope, out))
}

/// Raises unless these can be the parameters of a karras schedule.
#[pyfunction]
fn check_rho(rho: &Bound<'_, PyAny>) -> PyResult<()> {
    schedule::check_rho(number("rho", rho)?).map_err(to_py)
}

/// Raises unless these can be the parameters of a laplace schedule.
#[pyfunction]
fn check_laplace(mu: &Bound<'_, PyAny>, beta: &Bound<'_, PyAny>) -> PyResult<()> {
    schedule::check_laplace(number("mu", mu)?, number("beta", beta)?).map_err(to_py)
}

/// Raises unless these can be the parameters of a tangent schedule.
#[pyfunction]
fn check_tangent(pivot: &Bound<'_, PyAny>, slope: &Bound<'_, PyAny>) -> PyResult<()> {
    schedule::check_tangent(number("pivot", pivot)?, number("slope", slope)?).map_err(to_py)
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(karras, m)?)?;
    m.add_function(wrap_pyfunction!(exponential, m)?)?;
    m.add_function(wrap_pyfunction!(polyexponential, m)?)?;
    m.add_function(wrap_pyfunction!(laplace, m)?)?;
    m.add_function(wrap_pyfunction!(laplace_comfyui, m)?)?;
    m.add_function(wrap_pyfunction!(kl_optimal, m)?)?;
    m.add_function(wrap_pyfunction!(kl_optimal_a1111, m)?)?;
    m.add_function(wrap_pyfunction!(beta_over_range, m)?)?;
    m.add_function(wrap_pyfunction!(cosine, m)?)?;
    m.add_function(wrap_pyfunction!(tangent, m)?)?;
    m.add_function(wrap_pyfunction!(check_rho, m)?)?;
    m.add_function(wrap_pyfunction!(check_laplace, m)?)?;
    m.add_function(wrap_pyfunction!(check_tangent, m)?)
}
