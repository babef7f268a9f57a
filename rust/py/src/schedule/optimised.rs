//! Schedules that are tables.

use numpy::PyArray1;
use pyo3::prelude::*;
use stepladder_core::schedule::{self, LogTable};
use stepladder_core::{Noun, Result};

use super::{filled, list, steps};
use crate::error::to_py;
use crate::floats;

#[pyfunction]
fn align_your_steps<'py>(
    family: &str,
    points: usize,
    convention: &str,
    sigma_min: Option<f64>,
    sigma_max: Option<f64>,
    steps: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let count = self::steps(steps)?;
    list(steps, schedule::align_your_steps_as(family, points, convention, [sigma_min, sigma_max], count))
}

#[pyfunction]
fn gits<'py>(coefficient: f64, steps: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray1<f64>>> {
    filled(steps, |out| schedule::gits(coefficient, out))
}

#[pyfunction]
fn optimal_steps<'py>(model: &str, steps: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray1<f64>>> {
    filled(steps, |out| schedule::optimal_steps(model, out))
}

#[pyfunction]
fn tabulated<'py>(
    table: &Bound<'py, PyAny>,
    replace_last: bool,
    steps: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let table = log_table(table)?;
    filled(steps, |out| schedule::tabulated(&table, replace_last, out))
}

/// Raises unless these can be the levels of a table.
#[pyfunction]
fn check_table(table: &Bound<'_, PyAny>) -> PyResult<()> {
    log_table(table).map(drop)
}

fn log_table(table: &Bound<'_, PyAny>) -> PyResult<LogTable> {
    let levels = floats::table(Noun::Schedule, "table", table)?;
    let table: Result<LogTable> = LogTable::new(levels);
    table.map_err(to_py)
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(align_your_steps, m)?)?;
    m.add_function(wrap_pyfunction!(gits, m)?)?;
    m.add_function(wrap_pyfunction!(optimal_steps, m)?)?;
    m.add_function(wrap_pyfunction!(tabulated, m)?)?;
    m.add_function(wrap_pyfunction!(check_table, m)?)
}
