//! Schedules of rectified flows.

use numpy::PyArray1;
use pyo3::prelude::*;
use stepladder_core::schedule;

use super::{filled, number, steps, word};
use crate::error::to_py;

#[pyfunction]
fn flow_shift<'py>(
    steps: &Bound<'py, PyAny>,
    shift: f64,
    terminal: Option<f64>,
    lowest: Option<f64>,
    convert: &str,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    filled(steps, |out| schedule::flow_shift(shift, terminal, lowest, convert, out))
}

#[pyfunction]
fn linear_mu(
    tokens: f64,
    anchors: [f64; 2],
    base_shift: &Bound<'_, PyAny>,
    max_shift: &Bound<'_, PyAny>,
) -> PyResult<f64> {
    let (base_shift, max_shift) = (number("base_shift", base_shift)?, number("max_shift", max_shift)?);
    schedule::linear_mu(tokens, anchors, base_shift, max_shift).map_err(to_py)
}

#[pyfunction]
fn flux2_mu(tokens: f64, steps: &Bound<'_, PyAny>) -> PyResult<f64> {
    schedule::flux2_mu(tokens, self::steps(steps)?).map_err(to_py)
}

/// Raises unless time can be shifted by so much.
#[pyfunction]
fn check_shift(shift: &Bound<'_, PyAny>) -> PyResult<()> {
    schedule::check_shift(number("shift", shift)?).map_err(to_py)
}

#[pyfunction]
fn dynamic_shift(mu: &Bound<'_, PyAny>, linear: bool) -> PyResult<f64> {
    schedule::dynamic_shift(number("mu", mu)?, linear).map_err(to_py)
}

/// Raises unless this can convert a flow's levels.
#[pyfunction]
fn check_flow_conversion(convert: &Bound<'_, PyAny>) -> PyResult<()> {
    schedule::check_flow_conversion(&word("convert", convert)?).map_err(to_py)
}

/// Raises unless this can be the lowest level of a stretched schedule.
#[pyfunction]
fn check_terminal(terminal: &Bound<'_, PyAny>) -> PyResult<()> {
    schedule::check_terminal(number("terminal", terminal)?).map_err(to_py)
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(flow_shift, m)?)?;
    m.add_function(wrap_pyfunction!(linear_mu, m)?)?;
    m.add_function(wrap_pyfunction!(flux2_mu, m)?)?;
    m.add_function(wrap_pyfunction!(check_flow_conversion, m)?)?;
    m.add_function(wrap_pyfunction!(check_shift, m)?)?;
    m.add_function(wrap_pyfunction!(dynamic_shift, m)?)?;
    m.add_function(wrap_pyfunction!(check_terminal, m)?)
}
