//! Schedules that place levels through a process's table or its time.

use numpy::PyArray1;
use pyo3::prelude::*;
use stepladder_core::Noun;
use stepladder_core::schedule::{self, Spacing};

use super::{ends, filled, list, number, steps, word};
use crate::error::to_py;
use crate::floats;
use crate::process::with_process;

fn lcm_points(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    let count = floats::count(Noun::Schedule, "original_steps", value, "1 to 1000000")?;
    let points = usize::try_from(count).unwrap_or(usize::MAX);
    schedule::check_lcm_points(points).map_err(to_py)?;
    Ok(points)
}

#[pyfunction]
fn simple<'py>(process: &Bound<'py, PyAny>, steps: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray1<f64>>> {
    with_process(process, |process| filled(steps, |out| schedule::simple(process, out)))
}

#[pyfunction]
fn simple_comfyui<'py>(process: &Bound<'py, PyAny>, steps: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let count = self::steps(steps)?;
    with_process(process, |process| list(steps, schedule::simple_comfyui(process, count)))
}

#[pyfunction]
fn normal<'py>(process: &Bound<'py, PyAny>, steps: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray1<f64>>> {
    with_process(process, |process| filled(steps, |out| schedule::normal(process, out)))
}

#[pyfunction]
fn sgm_uniform<'py>(process: &Bound<'py, PyAny>, steps: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray1<f64>>> {
    with_process(process, |process| filled(steps, |out| schedule::sgm_uniform(process, out)))
}

#[pyfunction]
fn ddim_uniform<'py>(process: &Bound<'py, PyAny>, steps: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray1<f64>>> {
    with_process(process, |process| filled(steps, |out| schedule::ddim_uniform(process, out)))
}

#[pyfunction]
fn ddim_uniform_comfyui<'py>(
    process: &Bound<'py, PyAny>,
    steps: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let count = self::steps(steps)?;
    with_process(process, |process| list(steps, schedule::ddim_uniform_comfyui(process, count)))
}

#[pyfunction]
fn beta<'py>(
    process: &Bound<'py, PyAny>,
    alpha: f64,
    beta: f64,
    steps: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    with_process(process, |process| filled(steps, |out| schedule::beta(process, alpha, beta, out)))
}

#[pyfunction]
fn beta_comfyui<'py>(
    process: &Bound<'py, PyAny>,
    alpha: f64,
    beta: f64,
    steps: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let count = self::steps(steps)?;
    with_process(process, |process| list(steps, schedule::beta_comfyui(process, alpha, beta, count)))
}

#[pyfunction]
fn smoothstep<'py>(process: &Bound<'py, PyAny>, steps: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray1<f64>>> {
    with_process(process, |process| filled(steps, |out| schedule::smoothstep(process, out)))
}

#[pyfunction]
fn smoothstep_rounded<'py>(
    process: &Bound<'py, PyAny>,
    steps: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let count = self::steps(steps)?;
    with_process(process, |process| list(steps, schedule::smoothstep_rounded(process, count)))
}

#[pyfunction]
fn sd_turbo<'py>(
    process: &Bound<'py, PyAny>,
    start: f64,
    steps: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    with_process(process, |process| filled(steps, |out| schedule::sd_turbo(process, start, out)))
}

#[pyfunction]
fn lcm<'py>(
    process: &Bound<'py, PyAny>,
    original_steps: &Bound<'py, PyAny>,
    steps: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let points = lcm_points(original_steps)?;
    with_process(process, |process| filled(steps, |out| schedule::lcm(process, points, out)))
}

/// Raises unless these can be the parameters of a beta distribution.
#[pyfunction]
fn check_beta(alpha: &Bound<'_, PyAny>, beta: &Bound<'_, PyAny>) -> PyResult<()> {
    schedule::check_beta(number("alpha", alpha)?, number("beta", beta)?).map_err(to_py)
}

/// Raises unless the ladder of `sd_turbo` can begin there.
#[pyfunction]
fn check_turbo_start(start: &Bound<'_, PyAny>) -> PyResult<()> {
    schedule::check_turbo_start(number("start", start)?).map_err(to_py)
}

/// Raises unless a model can have been distilled on so many points.
#[pyfunction]
fn check_lcm_points(original_steps: &Bound<'_, PyAny>) -> PyResult<()> {
    lcm_points(original_steps).map(drop)
}

#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "one parameter per field of the Python class")]
fn spaced<'py>(
    process: &Bound<'py, PyAny>,
    spacing: &str,
    variant: &str,
    steps_offset: usize,
    convert: &str,
    sigma_min: Option<f64>,
    sigma_max: Option<f64>,
    steps: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let choice = Spacing { spacing, variant, steps_offset, convert, ends: [sigma_min, sigma_max] };
    with_process(process, |process| filled(steps, |out| schedule::spaced(process, &choice, out)))
}

/// Raises unless these can choose training steps.
#[pyfunction]
fn check_spacing(
    spacing: &Bound<'_, PyAny>,
    variant: &Bound<'_, PyAny>,
    steps_offset: &Bound<'_, PyAny>,
    convert: &Bound<'_, PyAny>,
    sigma_min: Option<&Bound<'_, PyAny>>,
    sigma_max: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let (spacing, variant, convert) = (word("spacing", spacing)?, word("variant", variant)?, word("convert", convert)?);
    let count = floats::count(Noun::Schedule, "steps_offset", steps_offset, "0 to 1000000")?;
    let steps_offset = usize::try_from(count).unwrap_or(usize::MAX);
    let ends = ends(sigma_min, sigma_max)?;
    Spacing { spacing: &spacing, variant: &variant, steps_offset, convert: &convert, ends }.check().map_err(to_py)
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(spaced, m)?)?;
    m.add_function(wrap_pyfunction!(check_spacing, m)?)?;
    m.add_function(wrap_pyfunction!(simple, m)?)?;
    m.add_function(wrap_pyfunction!(simple_comfyui, m)?)?;
    m.add_function(wrap_pyfunction!(normal, m)?)?;
    m.add_function(wrap_pyfunction!(sgm_uniform, m)?)?;
    m.add_function(wrap_pyfunction!(ddim_uniform, m)?)?;
    m.add_function(wrap_pyfunction!(ddim_uniform_comfyui, m)?)?;
    m.add_function(wrap_pyfunction!(beta, m)?)?;
    m.add_function(wrap_pyfunction!(beta_comfyui, m)?)?;
    m.add_function(wrap_pyfunction!(smoothstep, m)?)?;
    m.add_function(wrap_pyfunction!(smoothstep_rounded, m)?)?;
    m.add_function(wrap_pyfunction!(sd_turbo, m)?)?;
    m.add_function(wrap_pyfunction!(lcm, m)?)?;
    m.add_function(wrap_pyfunction!(check_beta, m)?)?;
    m.add_function(wrap_pyfunction!(check_turbo_start, m)?)?;
    m.add_function(wrap_pyfunction!(check_lcm_points, m)?)
}
