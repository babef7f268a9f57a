//! Binding of `stepladder_core::schedule`'s batches.
//!
//! A function calls `allocate(total)` once everything is checked: it returns the array to fill.

#![expect(clippy::needless_pass_by_value, reason = "what pyo3 takes out of an argument is owned")]

use numpy::{Element, PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use stepladder_core::schedule::{Batch, Column, Packing, Rule};
use stepladder_core::simd::Float;
use stepladder_core::{Noun, Result};

use crate::error::to_py;
use crate::floats;
use crate::process::with_process;

type Offsets<'py> = Bound<'py, PyArray1<i64>>;
type Ragged<'py> = (Bound<'py, PyAny>, Offsets<'py>);

/// A number, or a borrowed contiguous array.
#[derive(FromPyObject)]
enum Given<'py, T: Element> {
    Each(PyReadonlyArray1<'py, T>),
    All(T),
}

impl<T: Element + Copy> Given<'_, T> {
    fn column(&self) -> PyResult<Column<'_, T>> {
        Ok(match self {
            Self::All(value) => Column::All(*value),
            Self::Each(values) => Column::Each(values.as_slice()?),
        })
    }
}

fn filled<'py>(
    rule: Rule<'_>,
    steps: &Given<'py, i64>,
    denoise: &Given<'py, f64>,
    allocate: &Bound<'py, PyAny>,
    threads: &Bound<'py, PyAny>,
) -> PyResult<Ragged<'py>> {
    let threads = floats::count(Noun::Schedule, "threads", threads, "1 to 256")?;
    let threads = usize::try_from(threads).unwrap_or(usize::MAX);
    let batch = Batch::new(rule, steps.column()?, denoise.column()?).map_err(to_py)?;
    ragged(allocate, batch.len(), batch.total(), |offsets, out| match out {
        Out::Double(out) => batch.fill(offsets, out, threads),
        Out::Single(out) => batch.fill(offsets, out, threads),
    })
}

/// The two element types of a batch.
enum Out<'a> {
    Double(&'a mut [f64]),
    Single(&'a mut [f32]),
}

fn ragged<'py>(
    allocate: &Bound<'py, PyAny>,
    len: usize,
    total: usize,
    fill: impl FnOnce(&mut [i64], Out<'_>) -> Result<()> + Send,
) -> PyResult<Ragged<'py>> {
    let values = allocate.call1((total,))?;
    let offsets = PyArray1::<i64>::zeros(allocate.py(), len + 1, false);
    if let Ok(out) = values.cast::<PyArray1<f32>>() {
        run(out, &offsets, |offsets, out| fill(offsets, Out::Single(out)))?;
    } else {
        run(values.cast::<PyArray1<f64>>()?, &offsets, |offsets, out| fill(offsets, Out::Double(out)))?;
    }
    Ok((values, offsets))
}

fn run<T: Element + Float>(
    out: &Bound<'_, PyArray1<T>>,
    offsets: &Offsets<'_>,
    fill: impl FnOnce(&mut [i64], &mut [T]) -> Result<()> + Send,
) -> PyResult<()> {
    let (mut values, mut offsets) = (out.try_readwrite()?, offsets.try_readwrite()?);
    let (values, offsets) = (values.as_slice_mut()?, offsets.as_slice_mut()?);
    floats::detached(out.py(), values.len(), || fill(offsets, values)).map_err(to_py)
}

#[pyfunction]
fn batch_karras<'py>(
    steps: Given<'py, i64>,
    denoise: Given<'py, f64>,
    sigma_min: Given<'py, f64>,
    sigma_max: Given<'py, f64>,
    rho: Given<'py, f64>,
    allocate: &Bound<'py, PyAny>,
    threads: &Bound<'py, PyAny>,
) -> PyResult<Ragged<'py>> {
    let (sigma_min, sigma_max, rho) = (sigma_min.column()?, sigma_max.column()?, rho.column()?);
    filled(Rule::Karras { sigma_min, sigma_max, rho }, &steps, &denoise, allocate, threads)
}

#[pyfunction]
fn batch_exponential<'py>(
    steps: Given<'py, i64>,
    denoise: Given<'py, f64>,
    sigma_min: Given<'py, f64>,
    sigma_max: Given<'py, f64>,
    allocate: &Bound<'py, PyAny>,
    threads: &Bound<'py, PyAny>,
) -> PyResult<Ragged<'py>> {
    let (sigma_min, sigma_max) = (sigma_min.column()?, sigma_max.column()?);
    filled(Rule::Exponential { sigma_min, sigma_max }, &steps, &denoise, allocate, threads)
}

#[pyfunction]
fn batch_polyexponential<'py>(
    steps: Given<'py, i64>,
    denoise: Given<'py, f64>,
    sigma_min: Given<'py, f64>,
    sigma_max: Given<'py, f64>,
    rho: Given<'py, f64>,
    allocate: &Bound<'py, PyAny>,
    threads: &Bound<'py, PyAny>,
) -> PyResult<Ragged<'py>> {
    let (sigma_min, sigma_max, rho) = (sigma_min.column()?, sigma_max.column()?, rho.column()?);
    filled(Rule::Polyexponential { sigma_min, sigma_max, rho }, &steps, &denoise, allocate, threads)
}

#[pyfunction]
fn batch_kl_optimal<'py>(
    steps: Given<'py, i64>,
    denoise: Given<'py, f64>,
    sigma_min: Given<'py, f64>,
    sigma_max: Given<'py, f64>,
    allocate: &Bound<'py, PyAny>,
    threads: &Bound<'py, PyAny>,
) -> PyResult<Ragged<'py>> {
    let (sigma_min, sigma_max) = (sigma_min.column()?, sigma_max.column()?);
    filled(Rule::KlOptimal { sigma_min, sigma_max }, &steps, &denoise, allocate, threads)
}

#[pyfunction]
fn batch_simple<'py>(
    steps: Given<'py, i64>,
    denoise: Given<'py, f64>,
    process: &Bound<'py, PyAny>,
    allocate: &Bound<'py, PyAny>,
    threads: &Bound<'py, PyAny>,
) -> PyResult<Ragged<'py>> {
    with_process(process, |process| filled(Rule::Simple(process), &steps, &denoise, allocate, threads))
}

#[pyfunction]
fn batch_normal<'py>(
    steps: Given<'py, i64>,
    denoise: Given<'py, f64>,
    process: &Bound<'py, PyAny>,
    allocate: &Bound<'py, PyAny>,
    threads: &Bound<'py, PyAny>,
) -> PyResult<Ragged<'py>> {
    with_process(process, |process| filled(Rule::Normal(process), &steps, &denoise, allocate, threads))
}

#[pyfunction]
fn batch_sgm_uniform<'py>(
    steps: Given<'py, i64>,
    denoise: Given<'py, f64>,
    process: &Bound<'py, PyAny>,
    allocate: &Bound<'py, PyAny>,
    threads: &Bound<'py, PyAny>,
) -> PyResult<Ragged<'py>> {
    with_process(process, |process| filled(Rule::SgmUniform(process), &steps, &denoise, allocate, threads))
}

#[pyfunction]
fn batch_align_your_steps<'py>(
    steps: Given<'py, i64>,
    denoise: Given<'py, f64>,
    family: &str,
    allocate: &Bound<'py, PyAny>,
    threads: &Bound<'py, PyAny>,
) -> PyResult<Ragged<'py>> {
    filled(Rule::AlignYourSteps(family), &steps, &denoise, allocate, threads)
}

/// `items[which[i]]` for every i, one behind the other.
#[pyfunction]
fn batch_pack<'py>(
    items: Vec<PyReadonlyArray1<'py, f64>>,
    which: PyReadonlyArray1<'py, i64>,
    allocate: &Bound<'py, PyAny>,
) -> PyResult<Ragged<'py>> {
    let slices = items.iter().map(|item| Ok(item.as_slice()?)).collect::<PyResult<Vec<_>>>()?;
    let which = which.as_slice()?;
    let packing = Packing::new(&slices, which).map_err(to_py)?;
    ragged(allocate, which.len(), packing.total(), |offsets, out| match out {
        Out::Double(out) => packing.fill(offsets, out),
        Out::Single(out) => packing.fill(offsets, out),
    })
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(batch_karras, m)?)?;
    m.add_function(wrap_pyfunction!(batch_exponential, m)?)?;
    m.add_function(wrap_pyfunction!(batch_polyexponential, m)?)?;
    m.add_function(wrap_pyfunction!(batch_kl_optimal, m)?)?;
    m.add_function(wrap_pyfunction!(batch_simple, m)?)?;
    m.add_function(wrap_pyfunction!(batch_normal, m)?)?;
    m.add_function(wrap_pyfunction!(batch_sgm_uniform, m)?)?;
    m.add_function(wrap_pyfunction!(batch_align_your_steps, m)?)?;
    m.add_function(wrap_pyfunction!(batch_pack, m)?)
}
