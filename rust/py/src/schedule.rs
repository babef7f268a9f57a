//! Binding of `stepladder_core::schedule`: the schedules of one kind per file below, what they share here.

mod curve;
mod discrete;
mod edit;
mod flow;
mod optimised;
mod range;

use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyInt;
use stepladder_core::schedule::{self, LogTable, TailRule};
use stepladder_core::{Noun, Result};

use crate::error::to_py;
use crate::floats;

pub(crate) fn steps(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    let count = if value.is_exact_instance_of::<PyInt>() { value.extract::<u64>().ok() } else { None };
    let count = count.map_or_else(|| floats::count(Noun::Schedule, "steps", value, "1 to 10000000"), Ok)?;
    schedule::check_steps(count).map_err(to_py)
}

pub(crate) fn filled<'py>(
    steps: &Bound<'py, PyAny>,
    f: impl FnOnce(&mut [f64]) -> Result<()> + Send,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    floats::filled(steps.py(), self::steps(steps)? + 1, f)
}

/// A parameter of a schedule that is a number.
pub(crate) fn number(name: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    floats::number(Noun::Schedule, name, value)
}

/// A parameter of a schedule that is a word.
pub(crate) fn word(name: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    floats::word(Noun::Schedule, name, value)
}

/// The ends of a range that are given, lowest first.
pub(crate) fn ends(
    sigma_min: Option<&Bound<'_, PyAny>>,
    sigma_max: Option<&Bound<'_, PyAny>>,
) -> PyResult<[Option<f64>; 2]> {
    let end = |name, value: Option<&Bound<'_, PyAny>>| value.map(|value| number(name, value)).transpose();
    Ok([end("sigma_min", sigma_min)?, end("sigma_max", sigma_max)?])
}

/// A host's own list, as the core made it; `steps` lends the interpreter.
pub(crate) fn list<'py>(steps: &Bound<'py, PyAny>, sigmas: Result<Vec<f64>>) -> PyResult<Bound<'py, PyArray1<f64>>> {
    Ok(PyArray1::from_vec(steps.py(), sigmas.map_err(to_py)?))
}

/// Resample a descending table of noise levels to `n` values, log-linearly.
///
/// Parameters
/// ----------
/// table : list, tuple or 1-D ndarray of float
///     At least 2 positive, strictly descending levels.
/// n : int
///     Number of values to return, 1 to 10 000 001.
///
/// Returns
/// -------
/// ndarray
///     `n` float64 values evenly spaced over the table's index, the logarithm linear between levels. Both ends, and
///     every value that falls on a level, are exact. One value is the last level.
///
/// Raises
/// ------
/// `ScheduleError`
///     For a table or `n` outside these limits, naming the offending index.
///
/// Notes
/// -----
/// The interpolation of Sabour et al., "Align Your Steps" (arXiv 2404.14507), section 3.2 and its quick-start guide:
/// `exp(interp(linspace(0, 1, n), linspace(0, 1, len(table)), log(table[::-1])))[::-1]`.
#[pyfunction]
fn loglinear_interp<'py>(table: &Bound<'py, PyAny>, n: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let count = floats::count(Noun::Schedule, "n", n, "1 to 10000001")?;
    let points = schedule::check_points(count).map_err(to_py)?;
    let table = LogTable::new(floats::table(Noun::Schedule, "table", table)?).map_err(to_py)?;
    floats::filled(n.py(), points, |out| table.resample(out))
}

/// Raises unless the ends that are given can be those of a range.
#[pyfunction]
fn check_ends(sigma_min: Option<&Bound<'_, PyAny>>, sigma_max: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    schedule::check_ends(ends(sigma_min, sigma_max)?).map_err(to_py)
}

/// Raises unless these can be levels of a list of one's own, the 0 at its end left out.
#[pyfunction]
fn check_levels(levels: &Bound<'_, PyAny>) -> PyResult<()> {
    schedule::check_levels(&floats::table(Noun::Schedule, "levels", levels)?).map_err(to_py)
}

/// Raises unless the values are a whole schedule of that many steps.
#[pyfunction]
fn validate_schedule(sigmas: &Bound<'_, PyAny>, steps: usize) -> PyResult<()> {
    let sigmas = floats::vector(Noun::Schedule, "sigmas", sigmas)?;
    schedule::validate_schedule(sigmas.as_slice()?, steps).map_err(to_py)
}

/// The part of a schedule that is run.
#[pyclass(frozen, module = "stepladder._core")]
struct Tail(schedule::Tail);

#[pymethods]
impl Tail {
    #[new]
    fn new(
        rule: &str,
        steps: &Bound<'_, PyAny>,
        denoise: &Bound<'_, PyAny>,
        discards_penultimate: bool,
    ) -> PyResult<Self> {
        let rule = TailRule::parse(rule).map_err(to_py)?;
        let (steps, denoise) = (self::steps(steps)?, number("denoise", denoise)?);
        schedule::tail(rule, steps, denoise, discards_penultimate).map(Self).map_err(to_py)
    }

    /// Steps of the schedule to build.
    #[getter]
    fn build(&self) -> usize {
        self.0.build
    }

    /// Values to keep from the end of the schedule.
    #[getter]
    fn keep(&self) -> usize {
        self.0.keep
    }

    /// The part to run of a list in a host's own form.
    fn take_host<'py>(&self, built: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let values = floats::vector(Noun::Schedule, "sigmas", built)?;
        Ok(PyArray1::from_vec(built.py(), self.0.take_host(values.as_slice()?)))
    }

    /// The part to run of the built schedule.
    fn take<'py>(&self, built: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let values = floats::vector(Noun::Schedule, "sigmas", built)?;
        let slice = values.as_slice()?;
        floats::filled(built.py(), self.0.keep, |out| self.0.take(slice, out))
    }
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Tail>()?;
    curve::register(m)?;
    discrete::register(m)?;
    edit::register(m)?;
    flow::register(m)?;
    optimised::register(m)?;
    range::register(m)?;
    m.add_function(wrap_pyfunction!(loglinear_interp, m)?)?;
    m.add_function(wrap_pyfunction!(check_ends, m)?)?;
    m.add_function(wrap_pyfunction!(check_levels, m)?)?;
    m.add_function(wrap_pyfunction!(validate_schedule, m)?)
}
