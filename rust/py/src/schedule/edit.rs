//! Binding of the functions over lists of sigmas.

#![expect(clippy::doc_markdown, reason = "numpydoc writes the names of parameters bare")]

use numpy::PyArray1;
use pyo3::prelude::*;
use stepladder_core::{Noun, schedule};

use super::{number, word};
use crate::error::to_py;
use crate::floats;

type Sigmas<'py> = Bound<'py, PyArray1<f64>>;

fn list(name: &'static str, sigmas: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    floats::table(Noun::Schedule, name, sigmas)
}

fn count(name: &str, value: &Bound<'_, PyAny>, range: &str) -> PyResult<usize> {
    Ok(usize::try_from(floats::count(Noun::Schedule, name, value, range)?).unwrap_or(usize::MAX))
}

/// Arguments by name, converted or refused in its words.
mod argument {
    use pyo3::prelude::*;

    macro_rules! arguments {
        ($convert:path, $type:ty: $($name:ident)*) => {
            $(pub(super) fn $name(value: &Bound<'_, PyAny>) -> PyResult<$type> {
                $convert(stringify!($name), value)
            })*
        };
    }

    arguments!(super::number, f64: denoise end end_at sigma start start_at strength);
    arguments!(super::word, String: host spacing);
    arguments!(count, usize: start_step step);
    arguments!(flag, bool: force_full_denoise);

    pub(super) fn parts(value: &Bound<'_, PyAny>) -> PyResult<usize> {
        super::count("parts", value, "1 to 10000000")
    }

    pub(super) fn last_step(value: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
        if value.is_none() { Ok(None) } else { count("last_step", value).map(Some) }
    }

    fn count(name: &str, value: &Bound<'_, PyAny>) -> PyResult<usize> {
        super::count(name, value, "0 to the number of steps")
    }

    fn flag(name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        crate::floats::flag(stepladder_core::Noun::Schedule, name, value)
    }
}

/// Split a schedule at a step.
///
/// Parameters
/// ----------
/// sigmas : list, tuple or 1-D ndarray of float
///     Levels, 0 or above.
/// step : int
///     Where to split, 0 to the number of steps.
///
/// Returns
/// -------
/// tuple of ndarray
///     The levels up to that step, and those from it on: the level there is in both.
///
/// Raises
/// ------
/// `ScheduleError`
///     For values outside these limits.
#[pyfunction]
fn split_sigmas<'py>(
    sigmas: &Bound<'py, PyAny>,
    #[pyo3(from_py_with = argument::step)] step: usize,
) -> PyResult<(Sigmas<'py>, Sigmas<'py>)> {
    let values = list("sigmas", sigmas)?;
    let (first, second) = schedule::split_sigmas(&values, step).map_err(to_py)?;
    let py = sigmas.py();
    Ok((PyArray1::from_vec(py, first), PyArray1::from_vec(py, second)))
}

/// Split a schedule so that its second part has a given share of the steps.
///
/// Parameters
/// ----------
/// sigmas : list, tuple or 1-D ndarray of float
///     Levels, 0 or above.
/// denoise : float
///     That share, 0 to 1; the steps are rounded, half to even.
///
/// Returns
/// -------
/// tuple of ndarray
///     The first part and the second; the level between is in both.
///
/// Raises
/// ------
/// `ScheduleError`
///     For values outside these limits.
#[pyfunction]
fn split_sigmas_denoise<'py>(
    sigmas: &Bound<'py, PyAny>,
    #[pyo3(from_py_with = argument::denoise)] denoise: f64,
) -> PyResult<(Sigmas<'py>, Sigmas<'py>)> {
    let values = list("sigmas", sigmas)?;
    let (first, second) = schedule::split_sigmas_denoise(&values, denoise).map_err(to_py)?;
    let py = sigmas.py();
    Ok((PyArray1::from_vec(py, first), PyArray1::from_vec(py, second)))
}

/// Reverse a schedule, to walk from a picture to noise.
///
/// Parameters
/// ----------
/// sigmas : list, tuple or 1-D ndarray of float
///     Levels, 0 or above.
///
/// Returns
/// -------
/// ndarray
///     A fresh float64 array. A leading 0 becomes 0.0001.
///
/// Raises
/// ------
/// `ScheduleError`
///     For values outside these limits.
///
/// Notes
/// -----
/// The result ascends, so samplers refuse it: it is for unsampling in hosts that do not.
#[pyfunction]
fn flip_sigmas<'py>(sigmas: &Bound<'py, PyAny>) -> PyResult<Sigmas<'py>> {
    let values = list("sigmas", sigmas)?;
    let changed = schedule::flip_sigmas(&values).map_err(to_py)?;
    Ok(PyArray1::from_vec(sigmas.py(), changed))
}

/// Join two schedules.
///
/// Parameters
/// ----------
/// first, second : list, tuple or 1-D ndarray of float
///     Levels, 0 or above; the second goes on at or below the end of the first.
///
/// Returns
/// -------
/// ndarray
///     A fresh float64 array. A level that ends the first and starts the second is kept once.
///
/// Raises
/// ------
/// `ScheduleError`
///     For values outside these limits.
#[pyfunction]
fn concatenate_sigmas<'py>(first: &Bound<'py, PyAny>, second: &Bound<'py, PyAny>) -> PyResult<Sigmas<'py>> {
    let joined = schedule::concatenate_sigmas(&list("first", first)?, &list("second", second)?).map_err(to_py)?;
    Ok(PyArray1::from_vec(first.py(), joined))
}

/// Divide the steps that start in a range of levels.
///
/// Parameters
/// ----------
/// sigmas : list, tuple or 1-D ndarray of float
///     Levels, 0 or above.
/// parts : int
///     Steps to make of one.
/// start_at, end_at : float
///     The range, highest level first.
/// spacing : str
///     `"linear"`, `"cosine"` (large parts first) or `"sine"` (small parts first).
///
/// Returns
/// -------
/// ndarray
///     A fresh float64 array.
///
/// Raises
/// ------
/// `ScheduleError`
///     For values outside these limits.
#[pyfunction]
#[pyo3(signature = (sigmas, parts = 2, start_at = f64::INFINITY, end_at = 12.0, spacing = String::from("linear")), text_signature = "(sigmas, parts=2, start_at=..., end_at=12.0, spacing='linear')")]
#[expect(clippy::needless_pass_by_value, reason = "a default word is made for every call")]
fn extend_sigmas<'py>(
    sigmas: &Bound<'py, PyAny>,
    #[pyo3(from_py_with = argument::parts)] parts: usize,
    #[pyo3(from_py_with = argument::start_at)] start_at: f64,
    #[pyo3(from_py_with = argument::end_at)] end_at: f64,
    #[pyo3(from_py_with = argument::spacing)] spacing: String,
) -> PyResult<Sigmas<'py>> {
    let values = list("sigmas", sigmas)?;
    let changed = schedule::extend_sigmas(&values, parts, start_at, end_at, &spacing).map_err(to_py)?;
    Ok(PyArray1::from_vec(sigmas.py(), changed))
}

/// Replace the first level of a schedule.
///
/// Parameters
/// ----------
/// sigmas : list, tuple or 1-D ndarray of float
///     Levels, 0 or above.
/// sigma : float
///     The new one.
///
/// Returns
/// -------
/// ndarray
///     A fresh float64 array.
///
/// Raises
/// ------
/// `ScheduleError`
///     For values outside these limits.
#[pyfunction]
fn set_first_sigma<'py>(
    sigmas: &Bound<'py, PyAny>,
    #[pyo3(from_py_with = argument::sigma)] sigma: f64,
) -> PyResult<Sigmas<'py>> {
    let values = list("sigmas", sigmas)?;
    let changed = schedule::set_first_sigma(&values, sigma).map_err(to_py)?;
    Ok(PyArray1::from_vec(sigmas.py(), changed))
}

/// Move and stretch a schedule evenly to other ends.
///
/// Parameters
/// ----------
/// sigmas : list, tuple or 1-D ndarray of float
///     Levels, 0 or above.
/// start, end : float
///     The new first and last level.
///
/// Returns
/// -------
/// ndarray
///     A fresh float64 array.
///
/// Raises
/// ------
/// `ScheduleError`
///     For values outside these limits.
#[pyfunction]
fn rescale_sigmas<'py>(
    sigmas: &Bound<'py, PyAny>,
    #[pyo3(from_py_with = argument::start)] start: f64,
    #[pyo3(from_py_with = argument::end)] end: f64,
) -> PyResult<Sigmas<'py>> {
    let values = list("sigmas", sigmas)?;
    let changed = schedule::rescale_sigmas(&values, start, end).map_err(to_py)?;
    Ok(PyArray1::from_vec(sigmas.py(), changed))
}

/// Keep the levels inside a range.
///
/// Parameters
/// ----------
/// sigmas : list, tuple or 1-D ndarray of float
///     Levels, 0 or above.
/// start, end : float
///     The range, highest level first.
///
/// Returns
/// -------
/// ndarray
///     A fresh float64 array.
///
/// Raises
/// ------
/// `ScheduleError`
///     For values outside these limits.
#[pyfunction]
fn truncate_sigmas<'py>(
    sigmas: &Bound<'py, PyAny>,
    #[pyo3(from_py_with = argument::start)] start: f64,
    #[pyo3(from_py_with = argument::end)] end: f64,
) -> PyResult<Sigmas<'py>> {
    let values = list("sigmas", sigmas)?;
    let changed = schedule::truncate_sigmas(&values, start, end).map_err(to_py)?;
    Ok(PyArray1::from_vec(sigmas.py(), changed))
}

/// Keep the end of a schedule that a host runs on a picture at a strength.
///
/// Parameters
/// ----------
/// sigmas : list, tuple or 1-D ndarray of float
///     Levels, 0 or above.
/// strength : float
///     Part of the steps, 0 to 1.
/// host : str
///     `"diffusers"`: the last `int(steps * strength)` steps. `"a1111"` (strength at most 0.999) and
///     `"stable_diffusion_cpp"`: one more.
///
/// Returns
/// -------
/// ndarray
///     A fresh float64 array.
///
/// Raises
/// ------
/// `ScheduleError`
///     For values outside these limits.
#[pyfunction]
#[pyo3(signature = (sigmas, strength, host = String::from("diffusers")), text_signature = "(sigmas, strength, host='diffusers')")]
#[expect(clippy::needless_pass_by_value, reason = "a default word is made for every call")]
fn strength_sigmas<'py>(
    sigmas: &Bound<'py, PyAny>,
    #[pyo3(from_py_with = argument::strength)] strength: f64,
    #[pyo3(from_py_with = argument::host)] host: String,
) -> PyResult<Sigmas<'py>> {
    let values = list("sigmas", sigmas)?;
    let changed = schedule::strength_sigmas(&values, strength, &host).map_err(to_py)?;
    Ok(PyArray1::from_vec(sigmas.py(), changed))
}

/// Keep the steps from one number to another, as ComfyUI's advanced sampler does.
///
/// Parameters
/// ----------
/// sigmas : list, tuple or 1-D ndarray of float
///     Levels, 0 or above.
/// start_step : int
///     First step to run.
/// last_step : int, optional
///     Step to stop before. None: the end.
/// force_full_denoise : bool
///     Whether a part that stops early ends at 0 all the same.
///
/// Returns
/// -------
/// ndarray
///     A fresh float64 array. Empty where nothing is left to run.
///
/// Raises
/// ------
/// `ScheduleError`
///     For values outside these limits.
#[pyfunction]
#[pyo3(signature = (sigmas, start_step = 0, last_step = None, force_full_denoise = true))]
fn step_range_sigmas<'py>(
    sigmas: &Bound<'py, PyAny>,
    #[pyo3(from_py_with = argument::start_step)] start_step: usize,
    #[pyo3(from_py_with = argument::last_step)] last_step: Option<usize>,
    #[pyo3(from_py_with = argument::force_full_denoise)] force_full_denoise: bool,
) -> PyResult<Sigmas<'py>> {
    let values = list("sigmas", sigmas)?;
    let changed = schedule::step_range_sigmas(&values, start_step, last_step.unwrap_or(usize::MAX), force_full_denoise)
        .map_err(to_py)?;
    Ok(PyArray1::from_vec(sigmas.py(), changed))
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(concatenate_sigmas, m)?)?;
    m.add_function(wrap_pyfunction!(extend_sigmas, m)?)?;
    m.add_function(wrap_pyfunction!(flip_sigmas, m)?)?;
    m.add_function(wrap_pyfunction!(rescale_sigmas, m)?)?;
    m.add_function(wrap_pyfunction!(set_first_sigma, m)?)?;
    m.add_function(wrap_pyfunction!(split_sigmas, m)?)?;
    m.add_function(wrap_pyfunction!(split_sigmas_denoise, m)?)?;
    m.add_function(wrap_pyfunction!(step_range_sigmas, m)?)?;
    m.add_function(wrap_pyfunction!(strength_sigmas, m)?)?;
    m.add_function(wrap_pyfunction!(truncate_sigmas, m)?)
}
