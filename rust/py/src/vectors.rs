//! Binding of `stepladder_core::simd`, for tests against mpmath and races against NumPy.

#![expect(clippy::needless_pass_by_value, reason = "what pyo3 takes out of an argument is owned")]

use numpy::{PyReadonlyArray1, PyReadwriteArray1};
use pyo3::prelude::*;
use stepladder_core::simd;
use stepladder_core::{Error, Noun, Result};

use crate::error::to_py;

fn applied(
    values: &PyReadonlyArray1<'_, f64>,
    out: &mut PyReadwriteArray1<'_, f64>,
    f: impl FnOnce(&mut [f64], &[f64]),
) -> PyResult<()> {
    let (values, out) = (values.as_slice()?, out.as_slice_mut()?);
    same_length(values, out).map_err(to_py)?;
    f(out, values);
    Ok(())
}

fn same_length(values: &[f64], out: &[f64]) -> Result<()> {
    if values.len() == out.len() {
        return Ok(());
    }
    let expected = format!("{}, as values", values.len());
    Err(Error::Length { noun: Noun::Process, name: "out", got: out.len(), expected })
}

#[pyfunction]
fn vector_exp(values: PyReadonlyArray1<'_, f64>, mut out: PyReadwriteArray1<'_, f64>) -> PyResult<()> {
    applied(&values, &mut out, simd::exp_into)
}

#[pyfunction]
fn vector_ln(values: PyReadonlyArray1<'_, f64>, mut out: PyReadwriteArray1<'_, f64>) -> PyResult<()> {
    applied(&values, &mut out, simd::ln_into)
}

#[pyfunction]
fn vector_pow(values: PyReadonlyArray1<'_, f64>, exponent: f64, mut out: PyReadwriteArray1<'_, f64>) -> PyResult<()> {
    applied(&values, &mut out, |out, values| simd::pow_into(out, values, exponent))
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(vector_exp, m)?)?;
    m.add_function(wrap_pyfunction!(vector_ln, m)?)?;
    m.add_function(wrap_pyfunction!(vector_pow, m)?)
}
