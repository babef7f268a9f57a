//! Schedules that are tables.

use numpy::PyArray1;
use pyo3::prelude::*;
use stepladder_core::schedule::{self, LogTable};
use stepladder_core::{Noun, Result};

use super::{ends, filled, list, number, steps, word};
use crate::error::to_py;
use crate::floats;

#[pyfunction]
fn align_your_steps<'py>(
    family: &Bound<'py, PyAny>,
    points: &Bound<'py, PyAny>,
    convention: &Bound<'py, PyAny>,
    sigma_min: Option<&Bound<'py, PyAny>>,
    sigma_max: Option<&Bound<'py, PyAny>>,
    steps: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let count = self::steps(steps)?;
    let (family, convention) = (word("family", family)?, word("convention", convention)?);
    let points = usize::try_from(floats::count(Noun::Schedule, "points", points, "11 to 32")?).unwrap_or(usize::MAX);
    let ends = ends(sigma_min, sigma_max)?;
    list(steps, schedule::align_your_steps_as(&family, points, &convention, ends, count))
}

#[pyfunction]
fn gits<'py>(coefficient: &Bound<'py, PyAny>, steps: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let coefficient = number("coefficient", coefficient)?;
    filled(steps, |out| schedule::gits(coefficient, out))
}

#[pyfunction]
fn optimal_steps<'py>(model: &Bound<'py, PyAny>, steps: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let model = word("model", model)?;
    filled(steps, |out| schedule::optimal_steps(&model, out))
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
